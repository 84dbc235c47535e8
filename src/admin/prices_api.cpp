// The price book: what holds, what a recorded answer costs, and what a catalogue would change. Nothing is written here:
// `sluice prices import --apply` does that.
#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <utility>

#include "admin/handlers.h"
#include "admin/problem.h"
#include "base/utc.h"
#include "catalog/imported_prices.h"
#include "prices/answer.h"
#include "prices/formats.h"
#include "prices/review.h"

namespace sluice::admin {
namespace {

using catalog::PriceFact;

catalog::Moment moment_of(const Call& call) {
  return catalog::Moment(std::chrono::floor<std::chrono::seconds>(
      std::chrono::microseconds(call.query.time_us("at").value_or(call.now_us))));
}

void write_fact(json::Writer& out, const PriceFact& fact) {
  out.begin_object().member("key", catalog::price_key(fact)).member("provider", fact.provider.str());
  out.member("model", fact.model.str()).member("state", name(fact.kind)).member("layer", name(fact.source_kind));
  out.member("service_tier", chat::name(fact.service_tier));
  write_text(out, "region", fact.region);
  write_text(out, "hours", fact.window ? catalog::window_text(*fact.window) : std::string());
  catalog::write_rates(out.key("usd").begin_object(), fact.rates);
  out.end_object();
  out.key("tiers").begin_array();
  for (const catalog::Tier& tier : fact.tiers) {
    out.begin_object().member("prompt_tokens", tier.prompt_tokens);
    out.member("op", tier.op == catalog::Tier::Op::ge ? "ge" : "gt");
    out.member("scope", tier.scope == catalog::Tier::Scope::marginal ? "marginal" : "whole_request");
    out.member("counts_cached", tier.counts_cached);
    catalog::write_rates(out.key("usd").begin_object(), tier.rates);
    out.end_object().end_object();
  }
  out.end_array();
  write_text(out, "effective_from",
             fact.effective_from == catalog::Date() ? std::string() : catalog::date_text(fact.effective_from));
  write_text(out, "effective_to", fact.effective_to ? catalog::date_text(*fact.effective_to) : std::string());
  out.member("source", fact.source);
  write_text(out, "observed_at", fact.observed_at);
  write_text(out, "recorded_at", fact.recorded_at);
  write_text(out, "note", fact.note);
  out.end_object();
}

// The recorded answer, read as the provider's dialects read it.
Result<prices::RecordedAnswer> read_answer(const Call& call, const catalog::Provider* provider) {
  std::vector<chat::DialectId> tried;
  if (call.query.has("dialect")) {
    const auto id = chat::dialect_from_name(call.query.text("dialect"));
    if (!id || !prices::make_dialect(*id))
      return wrong_field("dialect", "`" + call.query.text("dialect") + "` has no answers with usage",
                         "openai_chat, openai_responses, anthropic_messages, gemini or bedrock_converse, for example");
    tried.push_back(*id);
  } else if (provider) {
    tried.push_back(provider->dialect);
    tried.insert(tried.end(), provider->also.begin(), provider->also.end());
  } else {
    return wrong_field("provider", "the provider is not known, so its answers' dialect is not",
                       "name the dialect in `dialect`");
  }
  Error first{.kind = ErrorKind::invalid_request,
              .message = "no dialect of this provider tells usage in its answers",
              .hint = "name another one in `dialect`"};
  bool failed = false;
  for (const chat::DialectId id : tried) {
    const auto dialect = prices::make_dialect(id);
    if (!dialect) continue;
    auto answer = prices::read_answer(*dialect, call.raw);
    if (answer) return answer;
    if (!std::exchange(failed, true)) first = std::move(answer).error();
  }
  return std::unexpected(std::move(first));
}

}  // namespace

Result<std::string> list_prices(Call& call) {
  TRY(const std::size_t limit, page_limit(call.query));
  const auto snapshot = call.around.snapshot();
  const catalog::Moment at = moment_of(call);
  const std::string provider = call.query.text("provider");
  const std::string model = call.query.text("model");
  const std::string after = call.query.text("cursor");
  std::map<std::string, const PriceFact*> facts;  // by key: a place in the list that stays
  for (const auto& [names, history] : snapshot->prices().all()) {
    if (!provider.empty() && names.first != provider) continue;
    if (!model.empty() && names.second.find(model) == std::string::npos) continue;
    // The first of each service tier, region and hours is the one that counts.
    for (const PriceFact& fact : history.facts)
      if (fact.effective_from <= at && (!fact.effective_to || at < *fact.effective_to))
        facts.emplace(catalog::price_key(fact), &fact);
  }
  std::string text;
  json::Writer out(text);
  out.begin_object().key("data").begin_array();
  std::size_t count = 0;
  auto place = after.empty() ? facts.begin() : facts.upper_bound(after);
  std::string last;
  for (; place != facts.end() && count < limit; ++place, ++count) {
    write_fact(out, *place->second);
    last = place->first;
  }
  out.end_array();
  write_text(out, "next", place == facts.end() ? std::string() : last);
  out.end_object();
  return text;
}

Result<std::string> explain_price(Call& call) {
  const auto snapshot = call.around.snapshot();
  const std::string provider_name = call.query.text("provider");
  const catalog::Provider* provider = snapshot->find_provider(provider_name);
  TRY(const prices::RecordedAnswer answer, read_answer(call, provider));
  const std::string model = call.query.has("model") ? call.query.text("model") : answer.model;
  if (model.empty())
    return wrong_field("model", "the answer does not say which model it is from", "name it in `model`");
  const catalog::Moment at = moment_of(call);
  const catalog::Quantities used = catalog::quantities(answer.usage);
  const std::string region = provider ? provider->aws.region : "";
  const catalog::Quote quote = snapshot->prices().quote(ProviderId(provider_name), ModelName(model), at, region);
  const prices::Bill bill = prices::bill(quote, answer.usage.service_tier, used);
  std::string text;
  json::Writer out(text);
  out.begin_object().member("provider", provider_name).member("model", model);
  out.member("at", utc_text(std::chrono::microseconds(at.time_since_epoch()).count()));
  out.member("service_tier", chat::name(answer.usage.service_tier));
  out.member("state", bill.fact ? name(bill.fact->kind) : "unpriced").key("price");
  bill.fact ? write_fact(out, *bill.fact) : void(out.null());
  out.key("lines").begin_array();
  for (const catalog::CostLine& line : bill.lines) {
    out.begin_object().member("class", name(line.unit)).member("quantity", line.quantity);
    out.member("unit_price_usd", catalog::usd_text(line.unit, line.pico_per_unit));
    out.member("per", std::int64_t{catalog::is_per_million(line.unit) ? 1'000'000 : 1});
    out.member("amount_usd", line.amount.usd()).end_object();
  }
  out.end_array();
  write_text(out, "total_usd", bill.total ? bill.total->usd() : std::string());
  out.member("other_tier", bill.other_tier).end_object();
  return text;
}

Result<std::string> compare_prices(Call& call) {
  const std::string format = call.query.text("format");
  const std::string layer = call.query.has("layer") ? call.query.text("layer") : "community";
  const auto today =
      std::chrono::floor<std::chrono::days>(std::chrono::sys_time(std::chrono::microseconds(call.now_us)));
  const catalog::Date day{today};
  const prices::ReadOptions options{
      .source = call.query.has("source") ? call.query.text("source") : "administration's API",
      .observed = catalog::date_text(day),
      .layer = catalog::source_kind_from_name(layer).value_or(catalog::SourceKind::community),
      .from = day,
      .providers = {}};
  TRY(const prices::ReadCatalogue read,
      prices::read_catalogue(call.raw, format.empty() ? std::nullopt : prices::format_from_name(format), options));
  const auto snapshot = call.around.snapshot();
  const prices::Review review =
      prices::review(read.prices, snapshot->prices(), options.layer, options.source, {}, options.from);
  std::map<std::string_view, std::int64_t> counts;
  for (const prices::Finding& finding : review.findings) ++counts[name(finding.change)];
  std::string text;
  json::Writer out(text);
  out.begin_object().member("format", name(read.format)).member("applied", false);
  for (const char* change : {"added", "changed", "removed"}) out.member(change, counts[change]);
  out.member("same", static_cast<std::int64_t>(review.same));
  out.member("quarantined", static_cast<std::int64_t>(review.quarantined()));
  out.member("left_out", static_cast<std::int64_t>(read.left_out.size())).key("findings").begin_array();
  std::size_t written = 0;
  for (const prices::Finding& finding : review.findings) {
    if (finding.change == prices::Change::same || written++ >= store::largest_page) continue;
    out.begin_object().member("key", finding.key).member("change", name(finding.change));
    out.member("quarantined", !finding.doubts.empty()).key("doubts").begin_array();
    for (const std::string& doubt : finding.doubts) out.string(doubt);
    out.end_array().key("rates").begin_array();
    for (const prices::RateChange& rate : finding.rates) {
      out.begin_object().member("unit", name(rate.unit));
      out.member("before_usd", catalog::usd_text(rate.unit, rate.before));
      out.member("after_usd", catalog::usd_text(rate.unit, rate.after)).end_object();
    }
    out.end_array().end_object();
  }
  out.end_array().end_object();
  return text;
}

}  // namespace sluice::admin
