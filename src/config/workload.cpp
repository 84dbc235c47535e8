#include "config/workload.h"

#include <algorithm>
#include <charconv>

#include "config/snapshot.h"

namespace sluice::config {
namespace {

bool has(const std::vector<std::string>& list, std::string_view text) {
  return std::ranges::find(list, text) != list.end();
}

// "eu" takes eu-central-1; "eu-central-1" takes itself alone.
bool within(const std::vector<std::string>& regions, std::string_view region) {
  return std::ranges::any_of(regions, [&](const std::string& allowed) {
    return region.starts_with(allowed) && (region.size() == allowed.size() || region[allowed.size()] == '-');
  });
}

const catalog::LicenceTerm* excluded_term(const Workload& workload, const Candidate& candidate) {
  if (!candidate.licence) return nullptr;
  for (const catalog::LicenceTerm& term : candidate.licence->terms)
    if (has(workload.require.without_terms, name(term.kind))) return &term;
  return nullptr;
}

bool is_unknown_licence(const Candidate& candidate) {
  return !candidate.licence || candidate.licence->id == "not stated";
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text.append(text.empty() ? "" : ", ").append(word);
  return text;
}

// Of a list that may be empty, which means everything.
bool covers(const std::vector<std::string>& earlier, const std::vector<std::string>& later) {
  if (earlier.empty()) return true;
  return !later.empty() && std::ranges::all_of(later, [&](const std::string& one) { return has(earlier, one); });
}

bool covers(std::optional<bool> earlier, std::optional<bool> later) { return !earlier || earlier == later; }

bool covers_range(std::int64_t least, std::int64_t most, std::int64_t later_least, std::int64_t later_most) {
  return least <= later_least && (most == 0 || (later_most != 0 && later_most <= most));
}

}  // namespace

std::string_view region_of(const Candidate& candidate) {
  if (candidate.model && !candidate.model->region.empty()) return candidate.model->region;
  if (!candidate.provider->region.empty()) return candidate.provider->region;
  return candidate.provider->aws.region;
}

std::optional<double> quality_of(const Candidate& candidate, std::string_view metric) {
  if (!candidate.model) return std::nullopt;
  const auto found = std::ranges::find(candidate.model->benchmarks, metric, &catalog::Benchmark::metric);
  double value = 0;
  if (found == candidate.model->benchmarks.end()) return std::nullopt;
  const char* end = found->value.data() + found->value.size();
  if (std::from_chars(found->value.data(), end, value).ec != std::errc()) return std::nullopt;
  return value;
}

std::optional<Unmet> first_unmet(const Workload& workload, const Candidate& candidate, catalog::Date today,
                                 About about) {
  const WorkloadRequire& require = workload.require;
  if (!require.providers.empty() && !has(require.providers, candidate.provider->id.str())) return Unmet::provider;
  if (!require.grounds.empty() && !has(require.grounds, catalog::name(candidate.ground))) return Unmet::ground;
  if (!require.regions.empty() && !within(require.regions, region_of(candidate))) return Unmet::region;
  if (about == About::no_model) return std::nullopt;
  if (!require.licences.empty() && (!candidate.licence || !has(require.licences, candidate.licence->id)))
    return Unmet::licence;
  if (!require.without_terms.empty() && (is_unknown_licence(candidate) || excluded_term(workload, candidate)))
    return Unmet::licence_term;
  if (require.min_context > 0 && (!candidate.model || candidate.model->context < require.min_context))
    return Unmet::context;
  if (require.days_to_retirement > 0 && candidate.model && candidate.model->retires &&
      candidate.model->retires->day < today + std::chrono::days(require.days_to_retirement))
    return Unmet::retirement;
  if (require.least_quality) {
    const std::optional<double> quality = quality_of(candidate, workload.quality);
    if (!quality || *quality < *require.least_quality) return Unmet::quality;
  }
  return std::nullopt;
}

std::string unmet_text(Unmet rule, const Workload& workload, const Candidate& candidate) {
  const WorkloadRequire& require = workload.require;
  switch (rule) {
    case Unmet::provider: return "its provider is not among " + joined(require.providers);
    case Unmet::ground:
      return "its ground " + std::string(catalog::name(candidate.ground)) + " is not among " + joined(require.grounds);
    case Unmet::region: {
      const std::string_view region = region_of(candidate);
      if (region.empty())
        return "its region is not known, and must be among " + joined(require.regions) +
               ": say `region` under `providers: " + candidate.provider->id.str() + "`";
      return "its region " + std::string(region) + " is not among " + joined(require.regions);
    }
    case Unmet::licence:
      return (candidate.licence ? "its licence " + candidate.licence->id
                                : std::string("its licence is not known, and")) +
             " is not among " + joined(require.licences);
    case Unmet::licence_term: {
      const catalog::LicenceTerm* term = excluded_term(workload, candidate);
      if (!term)
        return "its licence is not known, so nobody can say that it is without " + joined(require.without_terms);
      return "its licence " + candidate.licence->id + " has the term " + std::string(name(term->kind)) +
             (term->text.empty() ? "" : ": " + term->text);
    }
    case Unmet::context:
      return candidate.model && candidate.model->context > 0
                 ? "its context of " + std::to_string(candidate.model->context) + " tokens is below " +
                       std::to_string(require.min_context)
                 : "its context is not known, and must be at least " + std::to_string(require.min_context) + " tokens";
    case Unmet::retirement:
      return "its provider retires it on " + catalog::date_text(candidate.model->retires->day) + ", in less than " +
             std::to_string(require.days_to_retirement) + " days";
    case Unmet::quality: {
      const std::optional<double> quality = quality_of(candidate, workload.quality);
      if (!quality) return "nobody says its " + workload.quality + ", and it must be at least " + require.min_quality;
      const auto& marks = candidate.model->benchmarks;
      return "its " + workload.quality + " of " +
             std::ranges::find(marks, workload.quality, &catalog::Benchmark::metric)->value + " is below " +
             require.min_quality;
    }
  }
  return {};
}

bool covers(const WorkloadMatch& earlier, const WorkloadMatch& later) {
  for (const auto list : {&WorkloadMatch::keys, &WorkloadMatch::teams, &WorkloadMatch::tags, &WorkloadMatch::models,
                          &WorkloadMatch::languages})
    if (!covers(earlier.*list, later.*list)) return false;
  for (const auto flag : {&WorkloadMatch::code, &WorkloadMatch::pii, &WorkloadMatch::secrets, &WorkloadMatch::tools,
                          &WorkloadMatch::images, &WorkloadMatch::audio, &WorkloadMatch::pdf})
    if (!covers(earlier.*flag, later.*flag)) return false;
  // A path with a * takes those that begin so.
  const auto takes_path = [&](const std::string& path) {
    return std::ranges::any_of(earlier.paths, [&](const std::string& one) {
      return one == path || (one.ends_with('*') && path.starts_with(std::string_view(one).substr(0, one.size() - 1)));
    });
  };
  if (!earlier.paths.empty() && (later.paths.empty() || !std::ranges::all_of(later.paths, takes_path))) return false;
  for (const auto& [header, values] : earlier.headers) {
    const auto same = std::ranges::find(later.headers, header, [](const auto& one) { return one.first; });
    if (same == later.headers.end() || !covers(values, same->second)) return false;
  }
  return covers_range(earlier.min_prompt_tokens, earlier.max_prompt_tokens, later.min_prompt_tokens,
                      later.max_prompt_tokens) &&
         covers_range(earlier.min_turns, earlier.max_turns, later.min_turns, later.max_turns) &&
         earlier.min_difficulty_percent <= later.min_difficulty_percent &&
         earlier.max_difficulty_percent >= later.max_difficulty_percent;
}

}  // namespace sluice::config
