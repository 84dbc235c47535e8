#include "plan/wizard.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "json/json.h"
#include "plan/quantity.h"
#include "yaml/diagnostics.h"

namespace sluice::plan {
namespace {

using enum Question::Kind;

constexpr std::size_t max_answer_bytes = 200;

constexpr std::array table = {
    Question{"name", "Use case", "What is the workload called?", "The report names it.", text, "support chat"},
    Question{
        "use_case", "Use case", "What does it do?",
        "It sets the usual size of a request: chat 1,155 in and 211 out and code 2,048 in and 28 out as in Azure's "
        "traces, documents 12,000 in and 600 out, batch 2,000 in and 200 out.",
        word, "chat", "chat code documents batch"},
    Question{"prototype", "Use case", "Is it a prototype of less than three months?",
             "Then hardware is out: nothing pays back in that time.", yes_no, "no"},
    Question{
        "eval", "Use case", "Which eval of yours says what is good enough? (empty: none yet)",
        "Quality is a floor per task; results of different evals are never compared. Without one the cheapest model "
        "wins, however bad it is.",
        text, ""},
    Question{"quality_floor", "Use case", "The least result in it that is good enough?", "An option below it is out.",
             quantity, "0.8", "", -1e6, 1e6, "eval"},
    Question{"result_proprietary", "Use case", "What did the proprietary model reach?",
             "Your own measurement; 0 keeps it out until there is one.", quantity, "0", "", -1e6, 1e6, "eval"},
    Question{"result_hosted", "Use case", "What did the open model at a host reach?",
             "Your own measurement; 0 keeps it out until there is one.", quantity, "0", "", -1e6, 1e6, "eval"},
    Question{"result_own", "Use case", "What did the open model on engines of your own reach?",
             "Your own measurement; 0 keeps it out until there is one.", quantity, "0", "", -1e6, 1e6, "eval"},
    Question{"tokens_per_month", "Scale", "How many tokens a month, in and out together?",
             "10B a month are 2.8 requests a second of usual size. `sluice plan --ledger` measures it instead.",
             quantity, "2B", "", 1e4, 1e15},
    Question{"growth_per_month", "Scale", "How much does it grow a month?",
             "Nodes are bought for what comes, and a move may pay only later.", quantity, "3 %", "", -0.5, 1},
    Question{"profile", "Scale", "When in the day does it run?",
             "Nodes are sized for the busiest hour; night work fills those of the day.", word, "office",
             "flat office evening night"},
    Question{"peak", "Scale", "How much is the busiest minute over its hour's mean?",
             "1.2 to 1.5 for much even traffic, 4 for code completion.", quantity, "3", "", 1, 100},
    Question{"runs_engines", "Team", "Can your people run engines of their own?",
             "Without on-call and upkeep an engine is no option, whatever it costs.", yes_no, "yes"},
    Question{"staff_usd_per_month", "Team", "What do the people who run engines cost a month?",
             "33,000 USD is a basic team; at small volumes it decides more than the hardware.", quantity, "33000", "",
             0, 1e8},
    Question{"capex_usd", "Cost structure", "How much may be spent on hardware at once?",
             "0 means none; then engines stand on nothing bought.", quantity, "1.5M", "", 0, 1e12},
    Question{"monthly_usd", "Cost structure", "The most that a month may cost? (empty: no limit)",
             "A limit that no plan keeps is told with what contradicts it.", text, ""},
    Question{"data_class", "Compliance", "How sensitive is the data?",
             "restricted never leaves your engines; internal may go to vendors under contract.", word, "internal",
             "public internal restricted"},
    Question{"residency", "Compliance", "In which regions may it be worked on? (empty: anywhere; several with commas)",
             "An option that names none of them is out.", text, ""},
    Question{"api_regions", "Compliance", "In which regions do your vendors work on it? (several with commas)",
             "As your contracts say; a vendor without a stated region is out.", text, "us", "", 0, 0, "residency"},
    Question{"evidence_usd_per_month", "Compliance", "What does audit evidence cost a month?",
             "It is due on any ground, so it moves nothing, and is in every total.", quantity, "0", "", 0, 1e8},
    Question{"needs", "Integration", "What must it support? (tools, images, fine_tune; several with commas)",
             "An option that does not say so is out.", text, ""},
    Question{"critical", "Integration", "Must it stand on two vendors?",
             "Then no vendor carries more than 80 %, and the other one is proven every day.", yes_no, "no"},
    Question{"switching_usd", "Integration", "What does moving it to another place cost once?",
             "Adapters, tests, prompts: spread over the plan's months.", quantity, "5000", "", 0, 1e9},
};

std::string_view trimmed(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<std::string> parts(std::string_view text, char between) {
  std::vector<std::string> all;
  while (!text.empty()) {
    const std::size_t end = text.find(between);
    if (const std::string_view one = trimmed(text.substr(0, end)); !one.empty()) all.emplace_back(one);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return all;
}

// As a YAML text that stays one whatever is in it.
std::string yaml_text(std::string_view text) {
  std::string out;
  json::append_quoted(out, text);
  return out;
}

std::string list_of(std::string_view text) {
  std::string out;
  for (const std::string& one : parts(text, ',')) out += (out.empty() ? "" : ", ") + yaml_text(one);
  return "[" + out + "]";
}

struct Sizes {
  int input;
  int output;
};
Sizes sizes_of(std::string_view use_case) {
  if (use_case == "code") return {2048, 28};
  if (use_case == "documents") return {12000, 600};
  if (use_case == "batch") return {2000, 200};
  return {1155, 211};
}

}  // namespace

std::span<const Question> questions() { return table; }

const Question* find_question(std::string_view id) {
  const auto at = std::ranges::find(table, id, &Question::id);
  return at == table.end() ? nullptr : &*at;
}

bool is_asked(const Question& question, const Answers& answers) {
  if (question.only_with.empty()) return true;
  const auto other = answers.find(question.only_with);
  return other != answers.end() && !other->second.empty();
}

Result<std::string> check_answer(const Question& question, std::string_view answer) {
  std::string_view text = trimmed(answer);
  if (text.empty()) text = question.otherwise;
  if (text.size() > max_answer_bytes)
    return fail(ErrorKind::invalid_request,
                fmt::format("{}: the answer is longer than {} bytes", question.id, max_answer_bytes),
                "a few words are enough");
  switch (question.kind) {
    case Question::Kind::word: {
      const std::vector<std::string> words = parts(question.words, ' ');
      if (std::ranges::find(words, text) != words.end()) return std::string(text);
      const std::string near = yaml::nearest(text, words);
      return fail(ErrorKind::invalid_request, fmt::format("{}: `{}` is none of: {}", question.id, text, question.words),
                  near.empty() ? "write one of them" : fmt::format("did you mean `{}`?", near));
    }
    case Question::Kind::yes_no:
      if (text == "yes" || text == "y" || text == "true") return std::string("yes");
      if (text == "no" || text == "n" || text == "false") return std::string("no");
      return fail(ErrorKind::invalid_request, fmt::format("{}: `{}` is neither yes nor no", question.id, text),
                  "write yes or no");
    case Question::Kind::quantity: {
      const auto number = parse_quantity(text);
      if (number && number->value >= question.least && number->value <= question.most) return std::string(text);
      return fail(ErrorKind::invalid_request, fmt::format("{}: it cannot be `{}`", question.id, text),
                  fmt::format("a number from {} to {}, such as {}", short_number(question.least),
                              short_number(question.most), question.otherwise));
    }
    case Question::Kind::text: break;
  }
  if (question.id == "monthly_usd" && !text.empty() && !parse_quantity(text))
    return fail(ErrorKind::invalid_request, fmt::format("monthly_usd: `{}` is no amount", text),
                "write 40k, or nothing");
  if (question.id == "name" && text.empty())
    return fail(ErrorKind::invalid_request, "name: it needs one", "write a word or two");
  return std::string(text);
}

std::string plan_of_answers(const Answers& answers) {
  const auto get = [&](std::string_view id) {
    const auto at = answers.find(id);
    return at != answers.end() ? at->second : std::string(find_question(id)->otherwise);
  };
  const bool prototype = get("prototype") == "yes";
  const bool engines = get("runs_engines") == "yes";
  const std::string eval = get("eval");
  const std::string residency = get("residency");
  const Sizes sizes = sizes_of(get("use_case"));
  const auto quality = [&](const char* id) {
    return eval.empty() ? std::string()
                        : fmt::format("    quality: {{ {}: {} }}\n", yaml_text(eval), yaml_text(get(id)));
  };
  const std::string api_regions =
      residency.empty() ? "" : fmt::format("    regions: {}\n", list_of(get("api_regions")));
  std::string out = fmt::format(
      "# Written by `sluice plan init` from answers to its questions. `sluice plan` answers it; every key:\n"
      "# docs/reference/plan.schema.json (`sluice plan schema`).\n"
      "plan: {}\nhorizon_months: {}\n\n"
      "# Team and compliance: `sluice plan assumptions` lists all that is taken for granted, with sources.\n"
      "assumptions:\n  staff.self_host_usd_per_month: {}\n  evidence.usd_per_month: {}\n\n"
      "# Use case and scale.\nworkloads:\n  - name: {}\n    tokens_per_month: {}\n    input_tokens: {}\n    "
      "output_tokens: {}\n"
      "    growth_per_month: {}\n    profile: {}\n    peak: {}\n    data_class: {}\n",
      yaml_text(get("name")), prototype ? 3 : 36, yaml_text(get("staff_usd_per_month")),
      yaml_text(get("evidence_usd_per_month")), yaml_text(get("name")), yaml_text(get("tokens_per_month")), sizes.input,
      sizes.output, yaml_text(get("growth_per_month")), get("profile"), yaml_text(get("peak")), get("data_class"));
  out += quality("quality_floor");
  if (!residency.empty()) out += fmt::format("    residency: {}\n", list_of(residency));
  if (const std::string needs = get("needs"); !needs.empty()) out += fmt::format("    needs: {}\n", list_of(needs));
  if (get("critical") == "yes") out += "    critical: true\n";
  out += fmt::format(
      "\n# Where it could run: put your own vendors and prices here.{}\noptions:\n"
      "  - name: Claude Opus\n    api: anthropic/claude-opus-4-7\n{}{}"
      "  - name: open model at a host\n    vendor: host\n    ground: hosted_open\n"
      "    price: {{ input: 0.38, output: 2.25, source: \"a blended guess of April 2026: put your host's offer here\" "
      "}}\n"
      "    switching_usd: {}\n    supports: [tools]\n{}{}",
      eval.empty() ? " None has a result in an eval yet, so none is out for its quality." : "",
      quality("result_proprietary"), api_regions, yaml_text(get("switching_usd")), quality("result_hosted"),
      api_regions);
  if (engines)
    out += fmt::format(
        "  - name: own Llama 70B\n    pool: our node\n    model: llama-3.1-70b\n    switching_usd: {}\n"
        "    supports: [tools, fine_tune]\n{}\n"
        "# Hardware of one's own: bought (price_usd) or rented (rent_usd_per_hour), whether it works or not.\n"
        "pools:\n  - name: our node\n    gpu: H200\n    gpus: 8\n    price_usd: 277897.75\n    most_nodes: 16\n{}",
        yaml_text(get("switching_usd")), quality("result_own"),
        residency.empty() ? "" : fmt::format("    regions: {}\n", list_of(residency)));
  out += fmt::format("\n# Cost structure and team: rules over the whole plan.\nlimits:\n  capex_usd: {}\n",
                     prototype ? std::string("0") : yaml_text(get("capex_usd")));
  if (const std::string monthly = get("monthly_usd"); !monthly.empty())
    out += fmt::format("  monthly_usd: {}\n", yaml_text(monthly));
  if (!engines) out += "  self_hosting: false\n";
  return out;
}

}  // namespace sluice::plan
