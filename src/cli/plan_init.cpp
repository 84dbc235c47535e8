// `sluice plan init`: on a terminal a dialogue about the six criteria, elsewhere answers from a file or flags, and
// without any the example that a person changes. Writes a plan file, never over another one, and none that contradicts
// itself.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <istream>
#include <ostream>

#include "cli/traffic_source.h"
#include "cli/verbs.h"
#include "plan/placement.h"
#include "plan/read_plan.h"
#include "plan/starter.h"
#include "plan/wizard.h"
#include "yaml/node.h"

namespace sluice::cli {
namespace {

constexpr int most_tries = 5;  // of one question; then nobody is at the keyboard

struct InitFlags {
  std::string file = "plan.yaml";
  std::string answers;
  std::vector<std::string> set;
  bool questions = false;
};

Result<void> take(plan::Answers& answers, std::string_view id, std::string_view text) {
  const plan::Question* question = plan::find_question(id);
  if (!question) {
    std::vector<std::string> known;
    for (const plan::Question& one : plan::questions()) known.emplace_back(one.id);
    const std::string near = yaml::nearest(id, known);
    return fail(ErrorKind::invalid_request, fmt::format("there is no question `{}`", id),
                near.empty() ? "`sluice plan init --questions` lists them" : fmt::format("did you mean `{}`?", near));
  }
  TRY(answers[std::string(id)], plan::check_answer(*question, text));
  return {};
}

// A map of questions to answers.
Result<void> read_answers(const std::string& file, plan::Answers& answers, Invocation& invocation) {
  TRY(std::string text, read_plan_file(file));
  yaml::Diagnostics diagnostics;
  const auto source = std::make_shared<const yaml::Source>(yaml::Source{.name = file, .text = std::move(text)});
  const auto node = yaml::parse(source, diagnostics);
  invocation.console.err << printable(diagnostics.render());
  if (!node || !node->is_map())
    return fail(ErrorKind::invalid_request, fmt::format("{} is no map of questions to answers", file),
                "write for example `tokens_per_month: 5B`, a line each");
  for (const yaml::Member& member : node->members) {
    std::string value = member.value.text;
    for (const yaml::Node& one : member.value.items) value += (value.empty() ? "" : ", ") + one.text;
    if (Result<void> taken = take(answers, member.key, value); !taken)
      return fail(ErrorKind::invalid_request,
                  fmt::format("{}:{}: {}", file, member.key_place.line, taken.error().message), taken.error().hint);
  }
  return {};
}

Result<plan::Answers> dialogue(plan::Answers answers, Console& console) {
  console.out << "An empty line takes what is in brackets. Nothing is written before the last question.\n";
  std::string_view criterion;
  for (const plan::Question& question : plan::questions()) {
    if (answers.contains(question.id) || !plan::is_asked(question, answers)) continue;
    if (question.criterion != criterion) {
      criterion = question.criterion;
      console.out << '\n' << styled(criterion, Style::bold, console.colour()) << '\n';
    }
    console.out << styled(question.because, Style::dim, console.colour()) << '\n';
    for (int tried = 1;; ++tried) {
      console.out << fmt::format("{} {}[{}] ", question.asks,
                                 question.words.empty() ? "" : fmt::format("({}) ", question.words), question.otherwise)
                  << std::flush;
      std::string line;
      if (!std::getline(console.in, line) || console.interrupted)
        return fail(ErrorKind::invalid_request, "the dialogue ended before its last question; nothing is written",
                    "answer all of them, or give a file: --answers FILE");
      const Result<void> taken = take(answers, question.id, line);
      if (taken) break;
      console.out << printable(fmt::format("{}; {}\n", taken.error().message, taken.error().hint));
      if (tried == most_tries) return std::unexpected(taken.error());
    }
  }
  return answers;
}

// A plan that is wrong or contradicts itself is told, and not written.
Result<void> check(const std::string& file, const std::string& text, Invocation& invocation) {
  yaml::Diagnostics diagnostics;
  const auto plan = plan::read_plan(file, text, catalog::embedded_catalog(), catalog::today(), diagnostics);
  invocation.console.err << printable(diagnostics.render());
  if (!plan) return fail(ErrorKind::invalid_request, "these answers make no plan", "change what is marked above");
  TRY(const plan::PlacementResult placed, plan::place(*plan, plan->assumptions));
  if (!placed.feasible)
    return fail(ErrorKind::invalid_request, "no plan keeps all of these answers: " + placed.conflict_says,
                "change one of them: --set QUESTION=ANSWER, or in the answers file");
  return {};
}

Result<int> list_questions(Console& console) {
  std::string_view criterion;
  for (const plan::Question& one : plan::questions()) {
    if (one.criterion != criterion) console.out << (criterion.empty() ? "" : "\n") << "# " << one.criterion << '\n';
    criterion = one.criterion;
    console.out << fmt::format("# {}{} {}\n{}: {}\n", one.asks,
                               one.words.empty() ? "" : fmt::format(" ({})", one.words), one.because, one.id,
                               one.otherwise.empty() ? "\"\"" : one.otherwise);
  }
  return exit_ok;
}

Result<int> run_init(const InitFlags& flags, Invocation& invocation) {
  Console& console = invocation.console;
  if (flags.questions) return list_questions(console);
  if (std::filesystem::exists(flags.file))
    return fail(ErrorKind::invalid_request, fmt::format("{} is there already", flags.file),
                "name another file: sluice plan init OTHER.yaml");
  plan::Answers answers;
  if (!flags.answers.empty()) CHECK_OK(read_answers(flags.answers, answers, invocation));
  for (const std::string& one : flags.set) {
    const std::size_t equals = one.find('=');
    if (equals == std::string::npos)
      return usage_error(fmt::format("`--set {}` has no answer", one), "--set tokens_per_month=5B");
    CHECK_OK(take(answers, one.substr(0, equals), one.substr(equals + 1)));
  }
  const bool given = !answers.empty();
  const bool asks = console.in_is_terminal && flags.answers.empty();
  if (asks) {
    TRY(answers, dialogue(std::move(answers), console));
  }
  const std::string text = asks || given ? plan::plan_of_answers(answers) : std::string(plan::starter_plan());
  if (asks || given) CHECK_OK(check(flags.file, text, invocation));
  std::ofstream file(flags.file);
  file << text;
  if (!file.flush())
    return fail(ErrorKind::unavailable, fmt::format("{} cannot be written", flags.file),
                "look at the folder's permissions and room");
  console.out << fmt::format("wrote {}: change it, then `sluice plan {}`\n", flags.file, flags.file);
  return exit_ok;
}

}  // namespace

void add_plan_init(CLI::App& plan, Invocation& invocation) {
  CLI::App& init = add_verb(plan, invocation,
                            {"init", "Write a plan from answers to the six criteria, or an example to begin with",
                             "sluice plan init my-plan.yaml\n"
                             "sluice plan init --set tokens_per_month=5B --set data_class=restricted"});
  auto flags = std::make_shared<InitFlags>();
  init.add_option("file", flags->file, "Where to; plan.yaml unless said")->type_name(file_value);
  init.add_option("--answers", flags->answers, "A YAML file of answers; what it leaves out has its default")
      ->type_name(file_value);
  init.add_option("--set", flags->set, "One answer: QUESTION=ANSWER; may be given several times")->type_name("TEXT");
  init.add_flag("--questions", flags->questions, "Print the questions with their defaults, as an answers file");
  on_selected(init, invocation, flags, run_init);
}

}  // namespace sluice::cli
