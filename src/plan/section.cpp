#include "plan/section.h"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>

#include "plan/plan.h"
#include "plan/quantity.h"

namespace sluice::plan {
namespace {

using yaml::Member;
using yaml::Node;

constexpr std::array price_mix_ups = {MixUp{1e6, "USD per token"}, MixUp{1e3, "USD per 1,000 tokens"},
                                      MixUp{1e-6, "picodollars per token"}, MixUp{1e-3, "USD per billion tokens"}};
constexpr std::array share_mix_ups = {MixUp{0.01, "a percentage"}};
constexpr std::array ms_mix_ups = {MixUp{1000, "seconds"}, MixUp{1e-3, "microseconds"}};
constexpr std::array token_mix_ups = {MixUp{1e9, "billions of tokens"}, MixUp{1e6, "millions of tokens"}};
constexpr std::array usd_mix_ups = {MixUp{1000, "thousands of USD"}, MixUp{0.01, "cents"}};
constexpr std::array usd_per_hour_mix_ups = {MixUp{1 / hours_per_month, "USD per month"},
                                             MixUp{1 / hours_per_month / 12, "USD per year"}};
constexpr std::array kw_mix_ups = {MixUp{1e-3, "watts"}, MixUp{1e3, "megawatts"}};

std::span<const MixUp> mix_ups(const Key& key) {
  if (key.name.ends_with("usd_per_hour")) return usd_per_hour_mix_ups;
  if (key.name == "power_kw") return kw_mix_ups;
  switch (key.kind) {
    case Kind::price: return price_mix_ups;
    case Kind::share:
    case Kind::shares: return share_mix_ups;
    case Kind::ms: return ms_mix_ups;
    case Kind::tokens: return token_mix_ups;
    case Kind::usd: return usd_mix_ups;
    default: return {};
  }
}

std::string_view unit(Kind kind) {
  switch (kind) {
    case Kind::price: return " USD per million tokens";
    case Kind::usd: return " USD";
    case Kind::ms: return " milliseconds";
    case Kind::tokens: return " tokens";
    default: return "";
  }
}

std::vector<std::string> words_of(std::string_view words) {
  std::vector<std::string> all;
  for (const auto word : words | std::views::split(' ')) all.emplace_back(word.begin(), word.end());
  return all;
}

}  // namespace

Section::Section(const Node& node, std::string_view section, std::string what, const yaml::Report& report)
    : node_(node), section_(section), what_(std::move(what)), report_(report), fields_(node, what_, report) {
  if (!node.is_map()) return;
  for (const Key& key : keys())
    if (key.section == section && key.required && !node.find(key.name))
      report.error(node, fmt::format("{} has no `{}`", what_, key.name),
                   fmt::format("add `{}: ...`: {}", key.name, key.meaning));
}

const Node& Section::place(std::string_view name) const {
  const Member* found = node_.find(name);
  return found ? found->value : node_;
}

std::string Section::text(std::string_view name, std::string otherwise) {
  const Key& declared = key(section_, name);
  auto value = fields_.text(name);
  if (!value) return otherwise;
  if (declared.kind == Kind::word) {
    const std::vector<std::string> words = words_of(declared.words);
    if (std::ranges::find(words, *value) == words.end()) {
      const std::string near = yaml::nearest(*value, words);
      report_.error(
          place(name), fmt::format("`{}` cannot be `{}`", name, *value),
          near.empty() ? fmt::format("it is one of: {}", declared.words) : fmt::format("did you mean `{}`?", near));
      return otherwise;
    }
  }
  return *value;
}

std::vector<std::string> Section::texts(std::string_view name) {
  key(section_, name);
  return fields_.texts(name);
}

bool Section::flag(std::string_view name, bool otherwise) {
  key(section_, name);
  return fields_.boolean(name).value_or(otherwise);
}

std::optional<double> Section::quantity(const Node& node, const Key& declared, std::string_view called) {
  const auto parsed = node.is_scalar() ? parse_quantity(node.text) : std::nullopt;
  if (!parsed) {
    report_.error(
        node, fmt::format("`{}` of {} must be a number, not {}", called, what_, describe(node)),
        declared.kind == Kind::share ? "write a share like 0.3 or 30 %" : "write it like 2.5, 250k, 10B or $33,000");
    return std::nullopt;
  }
  const double value = parsed->value;
  if (value >= declared.least && value <= declared.most) return value;
  std::string meant = likely_meant(value, declared.least, declared.most, mix_ups(declared));
  if (meant.empty() && value < 0 && declared.least >= 0) meant = "a cost, a count or a share is never negative";
  if (meant.empty() && value == 0)
    meant = declared.kind == Kind::price ? "what costs nothing says `free: true`; what is not known is left out"
            : declared.kind == Kind::share || declared.kind == Kind::shares
                ? "hardware that does nothing has no cost per token: leave the line out, or say what it really is"
                : "leave the line out when it is not known";
  if (meant.empty()) meant = std::string(declared.meaning);
  report_.error(node,
                fmt::format("`{}` of {} must lie between {} and {}{}, not {}", called, what_,
                            short_number(declared.least), short_number(declared.most), unit(declared.kind), node.text),
                std::move(meant));
  return std::nullopt;
}

std::optional<double> Section::number(std::string_view name) {
  const Key& declared = key(section_, name);
  const Member* found = fields_.take(name);
  if (!found || found->value.is_null()) return std::nullopt;
  return quantity(found->value, declared, name);
}

std::optional<double> Section::mix(std::string_view name) {
  key(section_, name);
  const auto written = fields_.text(name);
  if (!written) return std::nullopt;
  const auto ratio = parse_mix(*written);
  if (!ratio) report_.error(place(name), fmt::format("`{}` is no ratio", *written), "write input to output, like 3:1");
  return ratio;
}

std::vector<double> Section::numbers(std::string_view name) {
  const Key& declared = key(section_, name);
  const Member* found = fields_.take(name);
  std::vector<double> all;
  if (!found || found->value.is_null()) return all;
  if (!found->value.is_list()) {
    report_.error(found->value, fmt::format("`{}` of {} must be a list, not {}", name, what_, describe(found->value)),
                  "write [a, b, c]");
    return all;
  }
  for (const Node& item : found->value.items) {
    if (declared.kind == Kind::mixes) {
      const auto ratio = item.is_scalar() ? parse_mix(item.text) : std::nullopt;
      if (ratio)
        all.push_back(*ratio);
      else
        report_.error(item, fmt::format("{} is no ratio", describe(item)), "write input to output, like \"3:1\"");
    } else if (const auto value = quantity(item, declared, name)) {
      all.push_back(*value);
    }
  }
  return all;
}

std::map<std::string, double> Section::map(std::string_view name) {
  const Key& declared = key(section_, name);
  const Member* found = fields_.take(name);
  std::map<std::string, double> all;
  if (!found || found->value.is_null()) return all;
  if (!found->value.is_map()) {
    report_.error(found->value, fmt::format("`{}` of {} must be a map, not {}", name, what_, describe(found->value)),
                  "write { NAME: NUMBER }");
    return all;
  }
  for (const Member& entry : found->value.members)
    if (const auto value = quantity(entry.value, declared, entry.key)) all.emplace(entry.key, *value);
  return all;
}

const Member* Section::member(std::string_view name) {
  key(section_, name);
  return fields_.take(name);
}

std::vector<const Node*> Section::list(std::string_view name) {
  const Key& declared = key(section_, name);
  const Member* found = fields_.take(name);
  std::vector<const Node*> all;
  if (!found || found->value.is_null()) return all;
  if (!found->value.is_list())
    report_.error(found->value, fmt::format("`{}` must be a list, not {}", name, describe(found->value)),
                  "write one `- name: ...` for each");
  else if (static_cast<double>(found->value.items.size()) > declared.most)
    report_.error(found->value,
                  fmt::format("`{}` has {} entries; at most {} can be planned together", name,
                              found->value.items.size(), declared.most),
                  "group those that are alike");
  else
    for (const Node& item : found->value.items) all.push_back(&item);
  return all;
}

void Section::refuse_others() {
  for (const Key& declared : keys())
    if (declared.section == section_) fields_.take(declared.name);
  fields_.refuse_others();
}

}  // namespace sluice::plan
