#include "replay/what_if.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "catalog/read_price.h"
#include "yaml/fields.h"

namespace sluice::replay {
namespace {

using yaml::Fields;
using yaml::Node;
using yaml::Report;

// "provider/model"; the model may have slashes of its own.
std::optional<std::pair<std::string, std::string>> split(const std::string& name) {
  const std::size_t slash = name.find('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == name.size()) return std::nullopt;
  return std::pair(name.substr(0, slash), name.substr(slash + 1));
}

bool names_fit(const Move& move, const Stream& stream) {
  const auto fits = [](const std::string& wanted, const std::string& is) { return wanted.empty() || wanted == is; };
  return fits(move.provider, stream.provider) && fits(move.model, stream.model) && fits(move.route, stream.route) &&
         fits(move.key, stream.key) && fits(move.team, stream.team);
}

bool takes_every_size_and_hour(const Move& move) {
  return move.input_at_least == 0 && move.input_at_most == 0 && !move.hours;
}

Move read_move(const Node& node, const Report& report) {
  Fields in(node, "a move", report);
  Move move;
  const auto place = [&](const char* key, std::string& provider, std::string& model) {
    const auto text = in.text(key);
    if (!text) return;
    const auto parts = split(*text);
    if (!parts) {
      report.error(node, fmt::format("`{}: {}` is no provider/model", key, *text), "write openai/gpt-5.4");
      return;
    }
    provider = parts->first;
    model = parts->second;
  };
  place("from", move.provider, move.model);
  place("to", move.to_provider, move.to_model);
  move.route = in.text("route").value_or("");
  move.key = in.text("key").value_or("");
  move.team = in.text("team").value_or("");
  move.input_at_least = in.integer("input_at_least", 0, 1'000'000'000).value_or(0);
  move.input_at_most = in.integer("input_at_most", 1, 1'000'000'000).value_or(0);
  if (move.input_at_most > 0 && move.input_at_most < move.input_at_least)
    report.error(node, "no call has at least and at most that many input tokens", "swap the two");
  if (const auto hours = in.text("hours")) {
    move.hours = catalog::parse_window(*hours);
    if (!move.hours)
      report.error(node, fmt::format("`{}` are no hours", *hours), "write \"18:00-06:00\" or \"18:00-06:00+02:00\"");
  }
  if (const auto tier = in.text("service_tier")) {
    move.service_tier = chat::service_tier_from_name(*tier);
    if (!move.service_tier)
      report.error(node, fmt::format("there is no service tier `{}`", *tier),
                   "standard, batch, flex, priority, fast or provisioned");
  }
  move.without_cache = !in.boolean("cached").value_or(true);
  in.refuse_others();
  if (move.to_provider.empty() && !move.service_tier && !move.without_cache)
    report.error(node, "the move changes nothing", "add `to: provider/model`, `service_tier:` or `cached: false`");
  return move;
}

void check_moves(const WhatIf& what_if, const std::vector<const Node*>& nodes, const Traffic& traffic,
                 const catalog::PriceBook& book, const Report& report) {
  std::set<std::pair<std::string, std::string>> priced;
  for (const catalog::PriceFact& fact : what_if.prices) priced.emplace(fact.provider.str(), fact.model.str());
  for (std::size_t m = 0; m < what_if.moves.size(); ++m) {
    const Move& move = what_if.moves[m];
    std::size_t fitting = 0;
    std::size_t left = 0;
    for (const Stream& stream : traffic.streams()) {
      if (!names_fit(move, stream)) continue;
      ++fitting;
      left += std::none_of(
                  what_if.moves.begin(), what_if.moves.begin() + static_cast<std::ptrdiff_t>(m),
                  [&](const Move& earlier) { return takes_every_size_and_hour(earlier) && names_fit(earlier, stream); })
                  ? 1
                  : 0;
    }
    if (fitting == 0)
      report.error(*nodes[m], "no call of the traffic has these names, so this can never fire",
                   "`from` is provider/model as the rows have it; `sluice plan replay` without a file lists them");
    else if (left == 0)
      report.error(*nodes[m], "an earlier move takes all of its calls, so this can never fire",
                   "put it in front, or give the earlier one a size or hours");
    if (!move.to_provider.empty() && !book.find(move.to_provider, move.to_model) &&
        !priced.contains({move.to_provider, move.to_model}))
      report.error(*nodes[m], fmt::format("no price of {}/{} is known", move.to_provider, move.to_model),
                   "add it under `prices:` of this file");
  }
}

}  // namespace

std::optional<WhatIf> read_what_if(std::string name, std::string text, const Traffic& traffic,
                                   const catalog::PriceBook& book, yaml::Diagnostics& diagnostics) {
  const auto source =
      std::make_shared<const yaml::Source>(yaml::Source{.name = std::move(name), .text = std::move(text)});
  const auto node = yaml::parse(source, diagnostics);
  if (!node) return std::nullopt;
  const Report report{source, diagnostics};
  Fields in(*node, "the what-if", report);
  WhatIf out;
  out.name = in.required_text("what_if");
  std::vector<const Node*> moves;
  if (const yaml::Member* list = in.take("moves")) {
    if (!list->value.is_list() || list->value.items.size() > max_moves)
      report.error(list->value, fmt::format("`moves` must be a list of at most {}", max_moves),
                   "- { from: ..., to: ... }");
    for (const Node& one : list->value.items) {
      if (moves.size() == max_moves) break;
      moves.push_back(&one);
      out.moves.push_back(read_move(one, report));
    }
  }
  if (const yaml::Member* list = in.take("prices")) {
    if (!list->value.is_list() || list->value.items.size() > max_what_if_prices)
      report.error(list->value, fmt::format("`prices` must be a list of at most {}", max_what_if_prices),
                   "- { model: provider/model, input: 2.50, output: 15 }");
    for (const Node& one : list->value.items) {
      if (out.prices.size() == max_what_if_prices) break;
      Fields fields(one, "a price", report);
      catalog::PriceFact fact;
      const auto parts = split(fields.required_text("model"));
      if (!parts) report.error(one, "a price needs `model: provider/model`", "write openai/gpt-5.4");
      if (parts) fact.provider = ProviderId(parts->first);
      if (parts) fact.model = ModelName(parts->second);
      catalog::read_price(fields, one, report, fact);
      fields.refuse_others();
      out.prices.push_back(std::move(fact));
    }
  }
  in.refuse_others();
  if (out.moves.empty() && out.prices.empty()) report.error(*node, "it changes nothing", "add `moves:` or `prices:`");
  if (diagnostics.ok()) check_moves(out, moves, traffic, book, report);
  if (!diagnostics.ok()) return std::nullopt;
  return out;
}

}  // namespace sluice::replay
