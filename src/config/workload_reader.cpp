#include "config/workload_reader.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <limits>
#include <memory>
#include <optional>

#include "base/ascii.h"
#include "config/read_section.h"
#include "config/workload_table.h"

namespace sluice::config {
namespace {

using yaml::Fields;
using yaml::Member;
using yaml::Node;
using yaml::Report;

constexpr std::string_view known_languages[] = {"de", "en", "es", "fr", "it", "nl", "pt", "ar",
                                                "el", "he", "hi", "ja", "ko", "ru", "th", "zh"};

// Where an entry of a list setting stands; the setting itself where it is one text.
const Node& place_of(const Node& map, const char* setting, std::size_t index) {
  const Member* member = map.find(setting);
  if (!member) return map;
  return member->value.is_list() && index < member->value.items.size() ? member->value.items[index] : member->value;
}

const Node& place_of(const Node& map, const char* setting) {
  const Member* member = map.find(setting);
  return member ? member->value : map;
}

class WorkloadReader {
 public:
  WorkloadReader(const Node& node, Workload& workload, const Snapshot::Parts& parts, const Report& report)
      : node_(node), workload_(workload), parts_(parts), report_(report) {}

  void read() {
    Fields fields(node_, "a workload", report_);
    read_section(fields, workload_table, workload_);
    const Member* match = fields.take("match");
    const Member* require = fields.take("require");
    const Member* weights = fields.take("weights");
    const Member* canary = fields.take("canary");
    const Member* shadow = fields.take("shadow");
    const Member* cascade = fields.take("cascade");
    fields.refuse_others();
    if (workload_.name.empty())
      report_.error(node_, "a workload needs a `name`", "write `- name: letters` and below it `match:`");
    if (match) read_match(*match);
    if (require) read_require(*require);
    if (weights) {
      Fields inner(weights->value, "`weights`", report_);
      read_section(inner, weights_table, workload_.weights);
      inner.refuse_others();
    }
    read_objective(weights);
    if (canary) read_canary(*canary);
    if (shadow) read_shadow(*shadow);
    if (cascade) read_cascade(*cascade);
    if (workload_.learn && !workload_.cascade.on())
      report_.error(place_of(node_, "learn"),
                    "without a cascade no answer is checked, so there is nothing to learn from",
                    "add `cascade: { escalate_on: [empty, refusal, length] }`, or take `learn` out");
  }

 private:
  void known(const Node& map, const char* setting, const std::vector<std::string>& given,
             const std::vector<std::string>& words, const char* what) {
    for (std::size_t i = 0; i < given.size(); ++i) {
      if (std::ranges::find(words, given[i]) != words.end()) continue;
      const std::string near = yaml::nearest(given[i], words);
      report_.error(place_of(map, setting, i), "there is no " + std::string(what) + " `" + given[i] + "`",
                    near.empty() ? "this rule could never fire: take it out" : "did you mean `" + near + "`?");
    }
  }

  void read_match(const Member& member) {
    WorkloadMatch& match = workload_.match;
    Fields fields(member.value, "`match`", report_);
    read_section(fields, match_table, match);
    if (const Member* headers = fields.take("headers")) read_headers(headers->value);
    fields.refuse_others();
    known(member.value, "languages", match.languages, {std::begin(known_languages), std::end(known_languages)},
          "language");
    for (std::size_t i = 0; i < match.paths.size(); ++i)
      if (!match.paths[i].starts_with('/'))
        report_.error(place_of(member.value, "paths", i), "`" + match.paths[i] + "` is no path",
                      "write it as the API has it: /v1/messages");
      else if (match.paths[i].find('*') < match.paths[i].size() - 1 || match.paths[i].contains('?'))
        report_.error(place_of(member.value, "paths", i), "no request ever has the path `" + match.paths[i] + "`",
                      "a * stands at the end alone, and paths have no query");
    for (std::size_t i = 0; i < match.tags.size(); ++i)
      if (match.tags[i].empty() || match.tags[i].contains(','))
        report_.error(place_of(member.value, "tags", i), "`" + match.tags[i] + "` is no tag, so nothing ever has it",
                      "write each tag by itself: `tags: [a, b]`");
    const auto crossed = [&](const char* least, const char* most, std::int64_t low, std::int64_t high) {
      if (high > 0 && low > high)
        report_.error(place_of(member.value, least),
                      "`" + std::string(least) + "` is above `" + most + "`, so nothing can ever match",
                      "change one of them");
    };
    crossed("min_prompt_tokens", "max_prompt_tokens", match.min_prompt_tokens, match.max_prompt_tokens);
    crossed("min_turns", "max_turns", match.min_turns, match.max_turns);
    if (match.min_difficulty_percent > match.max_difficulty_percent)
      report_.error(place_of(member.value, "min_difficulty_percent"),
                    "`min_difficulty_percent` is above `max_difficulty_percent`, so nothing can ever match",
                    "change one of them");
    if (match.asks_difficulty())
      needs_model(place_of(member.value,
                           match.min_difficulty_percent > 0 ? "min_difficulty_percent" : "max_difficulty_percent"));
  }

  void needs_model(const Node& place) {
    if (parts_.difficulty_model) return;
    report_.error(place, "nothing says how hard a request is, so this can never count",
                  "train a score with `sluice route train -o FILE`, and name it: `difficulty: { model: FILE }`");
  }

  void read_headers(const Node& node) {
    if (!node.is_map())
      return report_.error(node, "`headers` must be a map, not " + describe(node),
                           "write `headers: { x-app: letters }`");
    for (const Member& header : node.members) {
      std::string name = ascii_lowered(header.key);
      constexpr std::string_view of_names = "abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~";  // RFC 9110
      if (name.empty() || name.find_first_not_of(of_names) != std::string::npos)
        report_.error_at_key(header, "no request ever has a header `" + header.key + "`",
                             "names of headers have no blanks and no colon: x-app");
      std::vector<std::string> values;
      if (header.value.is_list())
        for (const Node& value : header.value.items) values.push_back(value.text);
      else if (header.value.is_scalar())
        values.push_back(header.value.text);
      else if (!header.value.is_null())
        report_.error(header.value, "the value of the header `" + name + "` must be a text or a list of texts",
                      "leave it empty when any value will do");
      workload_.match.headers.emplace_back(std::move(name), std::move(values));
    }
  }

  void read_usd(const Node& map, const char* setting, const std::string& text, std::optional<Money>& into) {
    if (text.empty()) return;
    const auto amount = Money::parse_usd(text);
    if (amount)
      into = *amount;
    else
      report_.error(place_of(map, setting), "`" + text + "` is no amount in USD", "write for example 0.05");
  }

  void read_require(const Member& member) {
    WorkloadRequire& require = workload_.require;
    const Node& map = member.value;
    Fields fields(map, "`require`", report_);
    read_section(fields, require_table, require);
    fields.refuse_others();
    if (!require.data_class.empty()) {
      require.data_class_value = data_class_from_name(require.data_class);
      if (!require.data_class_value)
        report_.error(place_of(map, "data_class"), "`" + require.data_class + "` is no data class",
                      "use public, internal or restricted");
    }
    std::vector<std::string> providers;
    for (const catalog::Provider& provider : parts_.providers) providers.push_back(provider.id.str());
    std::vector<std::string> licences;
    for (const catalog::Licence& licence : parts_.licences) licences.push_back(licence.id);
    known(map, "grounds", require.grounds, {"self_hosted", "hosted_open", "proprietary"}, "ground");
    known(map, "providers", require.providers, providers, "provider");
    known(map, "licences", require.licences, licences, "licence");
    known(map, "without_terms", require.without_terms,
          {catalog::licence_term_names.begin(), catalog::licence_term_names.end()}, "term of a licence");
    read_usd(map, "max_usd_per_request", require.max_usd_per_request, require.most_per_request);
    read_usd(map, "max_input_usd", require.max_input_usd, require.most_input);
    read_usd(map, "max_output_usd", require.max_output_usd, require.most_output);
    if (require.min_quality.empty()) return;
    double least = 0;
    const char* end = require.min_quality.data() + require.min_quality.size();
    const auto [at, error] = std::from_chars(require.min_quality.data(), end, least);
    if (error != std::errc() || at != end)
      report_.error(place_of(map, "min_quality"), "`" + require.min_quality + "` is no number",
                    "write for example 70.5");
    else
      require.least_quality = least;
    if (workload_.quality.empty())
      report_.error(
          place_of(map, "min_quality"), "a least quality needs its benchmark",
          "name it at the workload: `quality: SWE-bench Verified`; values of different tests are not compared");
  }

  void read_canary(const Member& member) {
    Fields fields(member.value, "`canary`", report_);
    read_section(fields, canary_table, workload_.canary);
    fields.refuse_others();
    if (!workload_.canary.on())
      report_.error_at_key(member, "a canary needs its `target`", "write `target: provider/model`");
    if (workload_.canary.percent == 0)
      report_.error(place_of(member.value, "percent"), "0 percent of the requests go to the canary: it can never fire",
                    "write 1 to 100, or take the canary out");
  }

  void read_shadow(const Member& member) {
    Fields fields(member.value, "`shadow`", report_);
    read_section(fields, shadow_table, workload_.shadow);
    fields.refuse_others();
    if (!workload_.shadow.on())
      report_.error_at_key(member, "shadow traffic needs its `target`", "write `target: provider/model`");
    if (workload_.shadow.percent == 0)
      report_.error(place_of(member.value, "percent"), "0 percent of the requests go to the shadow: it can never fire",
                    "write 1 to 100, or take the shadow out");
  }

  void read_cascade(const Member& member) {
    Cascade& cascade = workload_.cascade;
    Fields fields(member.value, "`cascade`", report_);
    read_section(fields, cascade_table, cascade);
    fields.refuse_others();
    std::vector<std::string> words;
    for (const Check check : all_checks) words.emplace_back(name(check));
    known(member.value, "escalate_on", cascade.escalate_on, words, "check");
    for (const Check check : all_checks)
      if (std::ranges::find(cascade.escalate_on, name(check)) != cascade.escalate_on.end())
        cascade.checks.push_back(check);
    const bool short_wanted = std::ranges::find(cascade.checks, Check::too_short) != cascade.checks.end();
    if (cascade.escalate_on.empty())
      report_.error_at_key(member, "a cascade without `escalate_on` never goes on",
                           "write `escalate_on: [empty, refusal, length]`");
    else if (short_wanted && cascade.min_answer_bytes == 0)
      report_.error(place_of(member.value, "escalate_on"),
                    "nothing is shorter than 0 bytes, so `too_short` can never fire", "set `min_answer_bytes`");
  }

  void read_objective(const Member* weights_at) {
    const auto found = std::ranges::find(all_objectives, workload_.objective, [](Objective one) { return name(one); });
    if (found == std::end(all_objectives))
      return report_.error(place_of(node_, "objective"), "`" + workload_.objective + "` is no objective",
                           "write listed, cheapest, fastest, best or weighted");
    workload_.objective_kind = *found;
    const WorkloadWeights& weights = workload_.weights;
    const bool weighted = *found == Objective::weighted;
    if (weighted && weights.price + weights.latency + weights.quality + weights.errors == 0)
      report_.error(place_of(node_, "objective"), "`weighted` has no weights",
                    "write `weights: { price: 50, latency: 30, quality: 20 }`");
    if (!weighted && weights_at)
      report_.error_at_key(*weights_at, "`weights` count for the objective `weighted` alone",
                           "write `objective: weighted`, or take them out");
    if (workload_.cheapest_below_percent > 0 && *found == Objective::cheapest)
      report_.error(place_of(node_, "cheapest_below_percent"),
                    "`cheapest` is the objective in any case, so this can change nothing", "take it out");
    if (workload_.best_from_difficulty_percent > 0 && *found == Objective::best)
      report_.error(place_of(node_, "best_from_difficulty_percent"),
                    "`best` is the objective in any case, so this can change nothing", "take it out");
    if (workload_.best_from_difficulty_percent > 0) {
      needs_model(place_of(node_, "best_from_difficulty_percent"));
      if (workload_.quality.empty())
        report_.error(place_of(node_, "best_from_difficulty_percent"), "nobody says by which benchmark quality goes",
                      "name one: `quality: SWE-bench Verified`");
    }
    if (workload_.quality.empty() && (*found == Objective::best || (weighted && weights.quality > 0)))
      report_.error(place_of(node_, "objective"), "nobody says by which benchmark quality goes",
                    "name one: `quality: SWE-bench Verified`");
    if (!workload_.quality.empty()) {
      std::vector<std::string> metrics;
      for (const catalog::Model& model : parts_.models)
        for (const catalog::Benchmark& mark : model.benchmarks)
          if (std::ranges::find(metrics, mark.metric) == metrics.end()) metrics.push_back(mark.metric);
      known(node_, "quality", {workload_.quality}, metrics, "benchmark in the catalogue called");
    }
  }

  const Node& node_;
  Workload& workload_;
  const Snapshot::Parts& parts_;
  const Report& report_;
};

// Whom requests of the workload may reach by name. Empty: anybody.
std::vector<const Candidate*> reached(const Workload& workload, const Snapshot& snapshot) {
  std::vector<std::string> names = workload.match.models;
  if (!workload.route.empty()) names = {workload.route};
  std::vector<const Candidate*> all;
  for (const std::string& name : names) {
    const Target* target = snapshot.find(name);
    if (!target) return {};  // provider/model that the catalogue does not know
    all.insert(all.end(), target->candidates.begin(), target->candidates.end());
  }
  return all;
}

// Why nobody can ever answer requests of the workload; empty: somebody can.
std::string why_dead(const Workload& workload, const Snapshot& snapshot) {
  std::vector<const Candidate*> all = reached(workload, snapshot);
  const bool anybody = all.empty();
  if (anybody)
    for (const auto& candidate : snapshot.candidates()) all.push_back(candidate.get());
  constexpr std::size_t most_shown = 3;
  std::string why;
  std::size_t shown = 0;
  for (const Candidate* candidate : all) {
    // On a day long past: what is retired is told at the request, and would otherwise stop a start one day.
    const auto unmet = first_unmet(workload, *candidate, catalog::Date{});
    const catalog::Model* model = candidate->model;
    const bool blind =
        model && ((workload.match.images == true && !model->images) || (workload.match.tools == true && !model->tools));
    const bool leaves =
        workload.require.data_class_value == DataClass::restricted && candidate->ground != catalog::Ground::self_hosted;
    if (!unmet && !leaves && !blind) return {};
    if (anybody && !candidate->provider->enabled) continue;
    if (shown++ < most_shown)
      why += (why.empty() ? "" : "; ") + candidate->name + ": " +
             (leaves                                            ? "restricted data stays on self-hosted ground"
              : unmet                                           ? unmet_text(*unmet, workload, *candidate)
              : workload.match.images == true && !model->images ? std::string("it does not read images")
                                                                : std::string("it has no tools"));
  }
  return why.empty() ? "no candidate keeps its rules" : why;
}

// The ceilings on prices, and what of a fact each of them is held against.
struct Ceiling {
  const char* setting;
  std::optional<Money> WorkloadRequire::* most;
  std::int64_t (*least_pico)(const catalog::Rates& rates);
};
constexpr Ceiling ceilings[] = {
    {"max_input_usd", &WorkloadRequire::most_input,
     [](const catalog::Rates& rates) { return rates[catalog::Unit::input] * 1'000'000; }},
    {"max_output_usd", &WorkloadRequire::most_output,
     [](const catalog::Rates& rates) { return rates[catalog::Unit::output] * 1'000'000; }},
    // One token of an answer, to a prompt of none.
    {"max_usd_per_request", &WorkloadRequire::most_per_request,
     [](const catalog::Rates& rates) { return rates[catalog::Unit::output] + rates[catalog::Unit::request]; }},
};

// What the cheapest of the candidate's prices comes to, of any day, region and size: prices change while a
// configuration stays. Empty: it has none, and may get one.
std::optional<std::int64_t> least_price(const Candidate& candidate, const Ceiling& ceiling) {
  if (!candidate.prices || candidate.prices->facts.empty()) return std::nullopt;
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  for (const catalog::PriceFact& fact : candidate.prices->facts) {
    if (fact.kind != catalog::PriceKind::metered) return 0;
    least = std::min(least, ceiling.least_pico(fact.rates));
    for (const catalog::Tier& tier : fact.tiers) least = std::min(least, ceiling.least_pico(tier.rates));
  }
  return least;
}

// A ceiling that is below every price of every candidate leaves nobody.
void check_ceilings(const Workload& workload, const Node& node, const Snapshot& snapshot, const Report& report) {
  const std::vector<const Candidate*> all = reached(workload, snapshot);
  if (all.empty()) return;  // anybody: what is added later may be cheaper
  for (const Ceiling& ceiling : ceilings) {
    const std::optional<Money>& most = workload.require.*ceiling.most;
    if (!most) continue;
    const Candidate* cheapest = nullptr;
    std::int64_t least = std::numeric_limits<std::int64_t>::max();
    bool above = true;
    for (const Candidate* candidate : all) {
      const auto price = least_price(*candidate, ceiling);
      above = above && price && *price > most->pico();
      if (!price || *price >= least) continue;
      least = *price;
      cheapest = candidate;
    }
    if (!above || !cheapest) continue;
    report.error(place_of(node.find("require")->value, ceiling.setting),
                 "nobody whom `" + workload.name + "` may ask is under `" + ceiling.setting + "`, so it can never be " +
                     "answered: the least is " + Money::pico(least).usd() + " USD, of " + cheapest->name,
                 "raise it, or add a cheaper candidate");
  }
}

// A canary or a shadow that its own workload's rules leave out gets nothing, ever.
void check_aside(const Workload& workload, const char* setting, const std::string& name, const Node& node,
                 const Snapshot& snapshot, const Report& report) {
  const Node& place = place_of(node.find(setting)->value, "target");
  const std::string never = "the " + std::string(setting) + " can never be asked: ";
  const Target* target = snapshot.find(name);
  if (!target || target->kind != Target::Kind::direct)
    return report.error(place, "`" + name + "` is no provider/model that is known",
                        "name one candidate; `sluice models --all` lists those of the catalogue");
  const Candidate& candidate = *target->candidates.front();
  if (workload.require.data_class_value == DataClass::restricted && candidate.ground != catalog::Ground::self_hosted)
    report.error(place, never + "restricted data stays on self-hosted ground",
                 "choose a candidate on self-hosted ground");
  else if (const auto unmet = first_unmet(workload, candidate, catalog::Date{}))
    report.error(place, never + unmet_text(*unmet, workload, candidate),
                 "choose one that keeps the rules of `" + workload.name + "`");
}

}  // namespace

void read_difficulty(const Member& member, Snapshot::Parts& parts, const ReadFile& read_file, const Report& report) {
  const std::string& path = parts.difficulty.model;
  if (path.empty()) return;
  const Node& place = place_of(member.value, "model");
  const std::optional<std::string> text = read_file(path);
  if (!text) return report.error(place, "cannot read the file " + path, "make it with `sluice route train -o FILE`");
  Result<difficulty::Model> model = difficulty::read_model(*text);
  if (!model) return report.error(place, path + ": " + model.error().message, model.error().hint);
  parts.difficulty_model = std::make_shared<const difficulty::Model>(*std::move(model));
}

void read_workloads(const Member& member, Snapshot::Parts& parts, const Report& report) {
  if (!member.value.is_list())
    return report.error(member.value, "`workloads` must be a list, not " + describe(member.value),
                        "write `workloads:` and below it `- name: letters`; the first that fits a request counts");
  if (member.value.items.size() > most_workloads)
    return report.error(member.value, "there are more than 200 workloads", "join those that have the same rules");
  for (const Node& node : member.value.items) {
    Workload workload;
    WorkloadReader(node, workload, parts, report).read();
    const auto same = std::ranges::find(parts.workloads, workload.name, &Workload::name);
    if (same != parts.workloads.end() && !workload.name.empty())
      report.error(place_of(node, "name"), "there are two workloads `" + workload.name + "`",
                   "give one of them another name");
    parts.workloads.push_back(std::move(workload));
  }
}

void check_workloads(const Node& root, const Snapshot& snapshot, const Report& report) {
  const Member* section = root.find("workloads");
  if (!section) return;
  const std::span<const Workload> workloads = snapshot.workloads();
  for (std::size_t i = 0; i < workloads.size() && i < section->value.items.size(); ++i) {
    const Workload& workload = workloads[i];
    const Node& node = section->value.items[i];
    bool known = true;
    const auto must_be_known = [&](const std::string& name, const Node& place, bool route) {
      const Target* target = snapshot.find(name);
      if (target ? !route || target->kind == Target::Kind::route : !route && snapshot.outside_catalog(name).provider)
        return;
      known = false;
      const std::vector<std::string> near = snapshot.names_like(name, 1);
      report.error(place, "there is no " + std::string(route ? "route" : "model") + " `" + name + "`",
                   near.empty() ? "GET /v1/models or `sluice models` lists them" : "did you mean `" + near[0] + "`?");
    };
    const Member* match = node.find("match");
    for (std::size_t n = 0; n < workload.match.models.size(); ++n)
      must_be_known(workload.match.models[n], place_of(match->value, "models", n), false);
    if (!workload.route.empty()) must_be_known(workload.route, place_of(node, "route"), true);
    for (std::size_t before = 0; before < i; ++before) {
      if (!covers(workloads[before].match, workload.match)) continue;
      report.error(place_of(node, "name"),
                   "`" + workload.name + "` can never be reached: each request that it fits belongs to `" +
                       workloads[before].name + "`, which stands before it",
                   "put it before `" + workloads[before].name + "`, or take it out");
      break;
    }
    if (!known) continue;
    if (workload.canary.on()) check_aside(workload, "canary", workload.canary.target, node, snapshot, report);
    if (workload.shadow.on()) check_aside(workload, "shadow", workload.shadow.target, node, snapshot, report);
    if (workload.cascade.on() && reached(workload, snapshot).size() == 1)
      report.error_at_key(*node.find("cascade"),
                          "`" + workload.name + "` has one candidate, so its cascade can never go on",
                          "add a dearer candidate to its route, or take the cascade out");
    check_ceilings(workload, node, snapshot, report);
    if (const std::string why = why_dead(workload, snapshot); !why.empty())
      report.error(place_of(node, "name"), "nobody may ever answer requests of `" + workload.name + "`: " + why,
                   "change its `require`, or add a candidate that keeps it");
  }
}

}  // namespace sluice::config
