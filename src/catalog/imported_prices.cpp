#include "catalog/imported_prices.h"

#include <algorithm>
#include <map>

#include "catalog/read_price.h"
#include "json/json.h"
#include "yaml/fields.h"

namespace sluice::catalog {
namespace {

constexpr std::string_view format_name = "sluice-prices-1";

// A tier says all of its rates: what it leaves out would be filled from the fact's own.
void write_tier_rates(json::Writer& out, const Rates& rates) {
  for (std::size_t i = 0; i < unit_count; ++i) {
    const Unit unit = static_cast<Unit>(i);
    out.member(name(unit), usd_text(unit, rates[unit]));
  }
}

void write_fact(json::Writer& out, const PriceFact& fact) {
  out.begin_object().member("record", "price").member("provider", fact.provider.str());
  out.member("model", fact.model.str()).key("price").begin_object();
  out.member("kind", name(fact.kind));
  if (fact.kind == PriceKind::metered) write_rates(out, fact.rates);
  if (!fact.tiers.empty()) {
    out.key("tiers").begin_array();
    for (const Tier& tier : fact.tiers) {
      out.begin_object().member("prompt_tokens", std::to_string(tier.prompt_tokens));
      out.member("op", tier.op == Tier::Op::ge ? "ge" : "gt");
      if (tier.scope == Tier::Scope::marginal) out.member("scope", "marginal");
      if (!tier.counts_cached) out.member("counts_cached", "false");
      write_tier_rates(out, tier.rates);
      out.end_object();
    }
    out.end_array();
  }
  out.member("effective_from", date_text(fact.effective_from));
  if (fact.effective_to) out.member("effective_to", date_text(*fact.effective_to));
  out.member("source_kind", name(fact.source_kind)).member("source", fact.source);
  out.member("observed_at", fact.observed_at);
  if (!fact.note.empty()) out.member("note", fact.note);
  if (fact.service_tier != ServiceTier::standard) out.member("service_tier", chat::name(fact.service_tier));
  if (!fact.region.empty()) out.member("region", fact.region);
  if (fact.window) out.member("hours", window_text(*fact.window));
  out.end_object().end_object();
}

// One line's reader: what it says goes into `into`.
void read_line(const yaml::Node& line, const yaml::Report& report, PriceImport& into) {
  yaml::Fields fields(line, "a record", report);
  const std::string record = fields.required_text("record");
  if (record == "price") {
    PriceFact fact{.provider = ProviderId(fields.required_text("provider")),
                   .model = ModelName(fields.required_text("model"))};
    if (const yaml::Member* price = fields.take("price")) {
      yaml::Fields inner(price->value, "a price", report);
      read_price(inner, price->value, report, fact);
      inner.refuse_others();
    } else {
      report.error(line, "a price record without `price`");
    }
    fact.recorded_at = into.recorded_at;
    into.prices.facts.push_back(std::move(fact));
  } else if (record == "alias") {
    PriceAlias alias{.provider = ProviderId(fields.required_text("provider"))};
    const std::string match = fields.required_text("match");
    for (const auto each : {PriceAlias::Match::equals, PriceAlias::Match::starts_with, PriceAlias::Match::ends_with,
                            PriceAlias::Match::contains})
      if (name(each) == match) alias.match = each;
    if (name(alias.match) != match) report.error(line, "an alias never matches by `" + match + "`");
    alias.text = fields.required_text("text");
    alias.model = ModelName(fields.required_text("model"));
    alias.from = parse_date(fields.text("from").value_or("")).value_or(Date());
    alias.to = parse_date(fields.text("to").value_or(""));
    into.prices.aliases.push_back(std::move(alias));
  } else if (record == "fallback") {
    into.prices.fallbacks.push_back(
        {ProviderId(fields.required_text("provider")), ProviderId(fields.required_text("other"))});
  } else if (record == "end") {
    const auto kind = source_kind_from_name(fields.required_text("source_kind"));
    const auto on = parse_date(fields.required_text("on"));
    if (!kind || !on) report.error(line, "an end needs a layer and a day");
    into.ends.push_back({fields.required_text("key"), kind.value_or(SourceKind::community), on.value_or(Date())});
  } else {
    report.error(line, "there is no record of the kind `" + record + "`");
  }
  fields.refuse_others();
}

}  // namespace

std::string price_key(const PriceFact& fact) {
  std::string key = fact.provider.str() + "/" + fact.model.str();
  if (fact.service_tier != ServiceTier::standard) key += "#" + std::string(chat::name(fact.service_tier));
  if (!fact.region.empty()) key += "#region=" + fact.region;
  if (fact.window) key += "#" + window_text(*fact.window);
  return key;
}

std::string usd_text(Unit unit, std::int64_t pico) {
  std::string text = is_per_million(unit) ? cost_of(1'000'000, pico).usd() : Money::pico(pico).usd();
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text;
}

void write_rates(json::Writer& out, const Rates& rates) {
  for (std::size_t i = 0; i < unit_count; ++i) {
    const Unit unit = static_cast<Unit>(i);
    const bool follows = whole_of(unit) == unit ? rates[unit] == 0 : rates[unit] == rates[whole_of(unit)];
    if (!follows || unit == Unit::input || unit == Unit::output) out.member(name(unit), usd_text(unit, rates[unit]));
  }
}

std::string write_import(const PriceImport& import) {
  std::string text;
  json::Writer head(text);
  head.begin_object().member("format", format_name).member("recorded_at", import.recorded_at);
  head.member("source", import.source).end_object();
  text += '\n';
  const auto line = [&](const auto& write) {
    json::Writer out(text);
    write(out);
    text += '\n';
  };
  for (const PriceFact& fact : import.prices.facts) line([&](json::Writer& out) { write_fact(out, fact); });
  for (const PriceAlias& alias : import.prices.aliases)
    line([&](json::Writer& out) {
      out.begin_object().member("record", "alias").member("provider", alias.provider.str());
      out.member("match", name(alias.match)).member("text", alias.text).member("model", alias.model.str());
      if (alias.from != Date()) out.member("from", date_text(alias.from));
      if (alias.to) out.member("to", date_text(*alias.to));
      out.end_object();
    });
  for (const PriceFallback& fallback : import.prices.fallbacks)
    line([&](json::Writer& out) {
      out.begin_object().member("record", "fallback").member("provider", fallback.provider.str());
      out.member("other", fallback.other.str()).end_object();
    });
  for (const PriceEnd& end : import.ends)
    line([&](json::Writer& out) {
      out.begin_object().member("record", "end").member("key", end.key);
      out.member("source_kind", name(end.source_kind)).member("on", date_text(end.on)).end_object();
    });
  return text;
}

Result<PriceImport> read_import(std::string_view text, const std::string& name) {
  PriceImport import;
  std::size_t number = 0;
  const auto bad = [&](const std::string& why) {
    return fail(ErrorKind::invalid_request, name + ":" + std::to_string(number) + ": " + why,
                "the file is written by `sluice prices import`; move it away to do without it");
  };
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    const std::optional<yaml::Node> node = yaml::from_json(line);
    if (!node) return bad("this is no JSON object of texts");
    yaml::Diagnostics diagnostics;
    const yaml::Report report{std::make_shared<yaml::Source>(yaml::Source{.name = name, .text = {}}), diagnostics};
    if (number == 1) {
      yaml::Fields head(*node, "the first line", report);
      if (head.required_text("format") != format_name) return bad("it is no file of " + std::string(format_name));
      import.recorded_at = head.required_text("recorded_at");
      import.source = head.required_text("source");
    } else {
      read_line(*node, report, import);
    }
    if (!diagnostics.ok()) return bad(diagnostics.all().front().message);
  }
  if (number == 0) return bad("the file is empty");
  return import;
}

Result<PriceFacts> read_imports(const std::vector<ImportedFile>& files, std::optional<Date> known_on) {
  PriceFacts all;
  std::map<std::string, std::vector<std::size_t>> by_key;
  // The newest import's fact of a day comes first: of equal ones the book takes the first.
  std::vector<PriceFact> facts;
  for (const ImportedFile& file : files) {
    TRY(PriceImport import, read_import(file.text, file.name));
    if (const auto recorded = parse_date(import.recorded_at); known_on && recorded && *recorded > *known_on) continue;
    for (PriceFact& fact : import.prices.facts) {
      by_key[price_key(fact)].push_back(facts.size());
      facts.push_back(std::move(fact));
    }
    // An import's aliases and fallbacks come before those of older ones.
    all.aliases.insert(all.aliases.begin(), import.prices.aliases.begin(), import.prices.aliases.end());
    all.fallbacks.insert(all.fallbacks.begin(), import.prices.fallbacks.begin(), import.prices.fallbacks.end());
    for (const PriceEnd& end : import.ends) {
      const auto found = by_key.find(end.key);
      if (found == by_key.end()) continue;
      for (const std::size_t i : found->second)
        if (facts[i].source_kind == end.source_kind && facts[i].effective_from < end.on &&
            (!facts[i].effective_to || *facts[i].effective_to > end.on))
          facts[i].effective_to = end.on;
    }
  }
  std::ranges::reverse(facts);
  all.facts = std::move(facts);
  return all;
}

}  // namespace sluice::catalog
