#include "cli/prices_text.h"

#include <fstream>
#include <iostream>
#include <sstream>

#include "cli/duration.h"

namespace sluice::cli {

using catalog::Moment;
using catalog::PriceFact;
using catalog::Unit;

namespace {

constexpr std::size_t most_file_bytes = 64u << 20;  // the largest catalogue has 2 MB, a recorded stream a few

std::string rates_text(const catalog::Rates& rates) {
  std::string text;
  for (std::size_t i = 0; i < catalog::unit_count; ++i) {
    const Unit unit = static_cast<Unit>(i);
    const bool follows =
        catalog::whole_of(unit) == unit ? rates[unit] == 0 : rates[unit] == rates[catalog::whole_of(unit)];
    if (follows && unit != Unit::input && unit != Unit::output) continue;
    if (!text.empty()) text += ", ";
    text += std::string(name(unit)) + " " + per_unit(unit, rates[unit]);
  }
  return text;
}

}  // namespace

std::string per_unit(Unit unit, std::int64_t pico) { return catalog::usd_text(unit, pico); }

Result<Moment> moment_of(const std::string& text, const char* flag) {
  const Time now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  if (text.empty()) return std::chrono::floor<std::chrono::seconds>(now);
  TRY(const Time at, parse_time(text, now, flag));
  return std::chrono::floor<std::chrono::seconds>(at);
}

Result<std::optional<catalog::Date>> day_of(const std::string& text, const char* flag) {
  if (text.empty()) return std::nullopt;
  const auto day = catalog::parse_date(text);
  if (!day) return usage_error(std::string(flag) + ": `" + text + "` is no day", "write YYYY-MM-DD");
  return day;
}

std::string moment_text(Moment at) { return time_text(Time(at)); }

Result<std::string> read_prices_file(const std::string& path) {
  std::ostringstream text;
  if (path == "-") {
    text << std::cin.rdbuf();
  } else {
    std::ifstream file(path, std::ios::binary);
    if (file) text << file.rdbuf();
    if (!file || !text)
      return fail(ErrorKind::not_found, "cannot read " + path, "name a file that is there, or - for standard input");
  }
  if (text.view().size() > most_file_bytes)
    return fail(ErrorKind::invalid_request, path + " is larger than 64 MiB", "no catalogue and no answer is so long");
  return std::move(text).str();
}

std::string tier_text(const catalog::Tier& tier) {
  return std::string(tier.op == catalog::Tier::Op::ge ? "from " : "above ") + std::to_string(tier.prompt_tokens) +
         " prompt tokens" + (tier.counts_cached ? "" : " without cached ones") +
         (tier.scope == catalog::Tier::Scope::marginal ? ", what is beyond it" : "");
}

std::string price_text(const PriceFact& fact) {
  if (fact.kind != catalog::PriceKind::metered) return std::string(name(fact.kind));
  std::string text = rates_text(fact.rates);
  for (const catalog::Tier& tier : fact.tiers) text += "; " + tier_text(tier) + ": " + rates_text(tier.rates);
  return text;
}

void write_fact(json::Writer& out, const PriceFact& fact) {
  out.begin_object().member("key", catalog::price_key(fact)).member("provider", fact.provider.str());
  out.member("model", fact.model.str()).member("state", name(fact.kind)).member("layer", name(fact.source_kind));
  out.member("service_tier", chat::name(fact.service_tier)).member("region", fact.region);
  out.member("hours", fact.window ? catalog::window_text(*fact.window) : "").key("usd").begin_object();
  catalog::write_rates(out, fact.rates);
  out.end_object();
  out.key("tiers").begin_array();
  for (const catalog::Tier& tier : fact.tiers) {
    out.begin_object().member("prompt_tokens", tier.prompt_tokens);
    out.member("op", tier.op == catalog::Tier::Op::ge ? "ge" : "gt");
    out.member("scope", tier.scope == catalog::Tier::Scope::marginal ? "marginal" : "whole_request");
    out.member("counts_cached", tier.counts_cached).key("usd").begin_object();
    catalog::write_rates(out, tier.rates);
    out.end_object().end_object();
  }
  out.end_array().member("effective_from", catalog::date_text(fact.effective_from)).key("effective_to");
  fact.effective_to ? out.string(catalog::date_text(*fact.effective_to)) : out.null();
  out.member("source", fact.source).member("observed_at", fact.observed_at).member("recorded_at", fact.recorded_at);
  out.member("note", fact.note).end_object();
}

}  // namespace sluice::cli
