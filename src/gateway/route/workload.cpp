#include "gateway/route/workload.h"

#include <algorithm>
#include <string>
#include <vector>

namespace sluice::gateway {
namespace {

using Texts = std::vector<std::string>;

// An empty list is no condition.
bool has(const Texts& list, std::string_view text) {
  return list.empty() || std::ranges::find(list, text) != list.end();
}

bool fits(std::optional<bool> wanted, bool is) { return !wanted || *wanted == is; }

bool within(std::int64_t value, std::int64_t least, std::int64_t most) {
  return value >= least && (most == 0 || value <= most);
}

bool has_path(const Texts& paths, std::string_view path) {
  return paths.empty() || std::ranges::any_of(paths, [&](const std::string& one) {
           return one.ends_with('*') ? path.starts_with(std::string_view(one).substr(0, one.size() - 1)) : path == one;
         });
}

bool has_tag(const Texts& wanted, std::string_view tags) {
  if (wanted.empty()) return true;
  while (!tags.empty()) {
    const std::size_t end = std::min(tags.find(','), tags.size());
    if (std::ranges::find(wanted, tags.substr(0, end)) != wanted.end()) return true;
    tags.remove_prefix(std::min(end + 1, tags.size()));
  }
  return false;
}

bool fits(const config::WorkloadMatch& match, const Signals& signals) {
  return fits(match.code, signals.code) && fits(match.pii, signals.pii) && fits(match.secrets, signals.secrets) &&
         has(match.languages, signals.language) && within(signals.turns, match.min_turns, match.max_turns);
}

bool fits(const config::WorkloadMatch& match, const WorkloadQuestion& asked) {
  if (!match.keys.empty() && !has(match.keys, asked.key_id) && !has(match.keys, asked.key_name)) return false;
  if (!has(match.teams, asked.team) || !has(match.models, asked.model) || !has_path(match.paths, asked.path) ||
      !has_tag(match.tags, asked.tags) || !fits(match.tools, asked.has_tools) ||
      !fits(match.images, asked.has_images) || !fits(match.audio, asked.has_audio) || !fits(match.pdf, asked.has_pdf) ||
      !within(asked.prompt_tokens, match.min_prompt_tokens, match.max_prompt_tokens))
    return false;
  for (const auto& [name, values] : match.headers) {
    const std::optional<std::string_view> value = asked.header ? asked.header(name) : std::nullopt;
    if (!value || !has(values, *value)) return false;
  }
  if (match.reads_content() && !fits(match, asked.signals())) return false;
  if (!match.asks_difficulty()) return true;
  if (!asked.difficulty) return false;
  const double percent = asked.difficulty() * 100;
  return percent >= static_cast<double>(match.min_difficulty_percent) &&
         percent <= static_cast<double>(match.max_difficulty_percent);
}

}  // namespace

const config::Workload* workload_of(const WorkloadQuestion& question, std::span<const config::Workload> workloads) {
  const auto found =
      std::ranges::find_if(workloads, [&](const config::Workload& one) { return fits(one.match, question); });
  return found == workloads.end() ? nullptr : &*found;
}

}  // namespace sluice::gateway
