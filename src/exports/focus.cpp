#include "exports/focus.h"

#include <algorithm>

#include "json/json.h"

namespace sluice::exports {
namespace {

using catalog::Unit;
using std::chrono::days;
using std::chrono::microseconds;
using std::chrono::sys_days;

constexpr std::int64_t million = 1'000'000;

std::int64_t begin_of(std::int64_t us, FocusPeriod period) {
  const std::chrono::sys_time<microseconds> at{microseconds(us)};
  const auto begin = period == FocusPeriod::day ? std::chrono::floor<days>(at).time_since_epoch()
                                                : std::chrono::floor<std::chrono::hours>(at).time_since_epoch();
  return std::chrono::duration_cast<microseconds>(begin).count();
}

std::int64_t length_us(FocusPeriod period) {
  return std::chrono::duration_cast<microseconds>(period == FocusPeriod::day ? std::chrono::hours(24)
                                                                             : std::chrono::hours(1))
      .count();
}

// The calendar month that a period is in, and the next: what vendors bill by.
std::pair<std::int64_t, std::int64_t> month_of(std::int64_t us) {
  const std::chrono::sys_time<microseconds> at{microseconds(us)};
  const std::chrono::year_month_day day{std::chrono::floor<days>(at)};
  const auto first = day.year() / day.month();
  const auto in_us = [](std::chrono::year_month month) {
    return std::chrono::duration_cast<microseconds>(sys_days(month / 1).time_since_epoch()).count();
  };
  return {in_us(first), in_us(first + std::chrono::months(1))};
}

// What FOCUS 1.5's draft calls direction and cache action, and what people read on a bill.
struct Meter {
  Unit unit;
  const char* name;
  const char* direction;
  const char* cache;
  const char* plural;
};
constexpr Meter meters[] = {
    {Unit::input, "Input tokens", "Input", "Uncached", "Tokens"},
    {Unit::output, "Output tokens", "Output", "Uncached", "Tokens"},
    {Unit::cache_read, "Cached input tokens", "Input", "Read", "Tokens"},
    {Unit::cache_write_5m, "Cache write tokens, 5 minutes", "Input", "Write", "Tokens"},
    {Unit::cache_write_1h, "Cache write tokens, 1 hour", "Input", "Write", "Tokens"},
    {Unit::reasoning, "Reasoning tokens", "Output", "Uncached", "Tokens"},
    {Unit::request, "Requests", nullptr, nullptr, "Requests"},
    {Unit::input_audio, "Input audio tokens", "Input", "Uncached", "Tokens"},
    {Unit::input_image, "Input image tokens", "Input", "Uncached", "Tokens"},
    {Unit::input_video, "Input video tokens", "Input", "Uncached", "Tokens"},
    {Unit::cache_read_audio, "Cached input audio tokens", "Input", "Read", "Tokens"},
    {Unit::output_audio, "Output audio tokens", "Output", "Uncached", "Tokens"},
    {Unit::output_image, "Output image tokens", "Output", "Uncached", "Tokens"},
    {Unit::cache_storage, "Cache storage", nullptr, "Other", "Token-Hours"},
    {Unit::search, "Searches", nullptr, nullptr, "Searches"},
    {Unit::session, "Sessions", nullptr, nullptr, "Sessions"},
    {Unit::image, "Images", nullptr, nullptr, "Images"},
    {Unit::video_second, "Video", nullptr, nullptr, "Seconds"},
    {Unit::audio_second, "Audio", nullptr, nullptr, "Seconds"},
    {Unit::gpu_hour, "GPU time", nullptr, nullptr, "GPU-Hours"},
    {Unit::provisioned_hour, "Provisioned capacity", nullptr, nullptr, "Unit-Hours"},
};
static_assert(std::size(meters) == catalog::unit_count);
static_assert([] {
  for (std::size_t i = 0; i < std::size(meters); ++i)
    if (meters[i].unit != static_cast<Unit>(i)) return false;
  return true;
}());

// The rate of the published list, where a contract has another one. `charged` when there is no list.
std::int64_t list_rate(const catalog::PriceBook& book, const catalog::PriceFact& charged, const catalog::CostLine& line,
                       const store::LedgerEntry& entry, Tokens prompt) {
  if (charged.source_kind != catalog::SourceKind::contract) return line.pico_per_unit;
  const catalog::PriceHistory* history = book.find(entry.provider.str(), entry.model.str());
  if (!history) return line.pico_per_unit;
  const catalog::Moment when{
      std::chrono::floor<std::chrono::seconds>(std::chrono::sys_time<microseconds>(microseconds(entry.start_us)))};
  for (const catalog::PriceFact& fact : history->facts) {
    if (fact.source_kind == catalog::SourceKind::contract || fact.kind != catalog::PriceKind::metered ||
        fact.service_tier != charged.service_tier || !fact.holds(when, {}))
      continue;
    const catalog::Rates* rates = &fact.rates;
    for (const catalog::Tier& tier : fact.tiers)
      if (tier.reached(prompt)) rates = &tier.rates;
    return (*rates)[line.unit];
  }
  return line.pico_per_unit;
}

std::string sku_details(const std::string& model, const Meter* meter, std::string_view tier) {
  std::string text;
  json::Writer to(text);
  to.begin_object().member("x_ModelId", model);
  if (meter && meter->direction) to.member("x_TokenDirection", meter->direction);
  if (meter && meter->cache) to.member("x_TokenCacheAction", meter->cache);
  to.member("x_ServiceTier", tier).end_object();
  return text;
}

struct FocusColumn {
  const char* name;
  Type type;
  bool nullable;
  FocusVersion until = FocusVersion::v1_4;  // the last version that has it
  FocusVersion since = FocusVersion::v1_2;
};
// In the order in which FocusSum::cells() fills them.
constexpr FocusColumn columns[] = {
    {"BilledCost", Type::decimal, false},
    {"BillingAccountId", Type::text, false},
    {"BillingAccountName", Type::text, true},
    {"BillingAccountType", Type::text, false},
    {"BillingCurrency", Type::text, false},
    {"BillingPeriodEnd", Type::time, false},
    {"BillingPeriodStart", Type::time, false},
    {"ChargeCategory", Type::text, false},
    {"ChargeClass", Type::text, true},
    {"ChargeDescription", Type::text, true},
    {"ChargeFrequency", Type::text, false},
    {"ChargePeriodEnd", Type::time, false},
    {"ChargePeriodStart", Type::time, false},
    {"ConsumedQuantity", Type::decimal, true},
    {"ConsumedUnit", Type::text, true},
    {"ContractedCost", Type::decimal, false},
    {"ContractedUnitPrice", Type::decimal, true},
    {"EffectiveCost", Type::decimal, false},
    {"HostProviderName", Type::text, true, FocusVersion::v1_4, FocusVersion::v1_4},
    {"InvoiceIssuerName", Type::text, false},
    {"ListCost", Type::decimal, false},
    {"ListUnitPrice", Type::decimal, true},
    {"PricingCategory", Type::text, true},
    {"PricingQuantity", Type::decimal, true},
    {"PricingUnit", Type::text, true},
    {"ProviderName", Type::text, false, FocusVersion::v1_2},
    {"PublisherName", Type::text, false, FocusVersion::v1_2},
    {"ResourceId", Type::text, true},
    {"ResourceName", Type::text, true},
    {"ResourceType", Type::text, true},
    {"ServiceCategory", Type::text, false},
    {"ServiceName", Type::text, false},
    {"ServiceProviderName", Type::text, false, FocusVersion::v1_4, FocusVersion::v1_4},
    {"ServiceSubcategory", Type::text, false},
    {"SkuId", Type::text, true},
    {"SkuMeter", Type::text, true},
    {"SkuPriceDetails", Type::json, true},
    {"SkuPriceId", Type::text, true},
    {"SubAccountId", Type::text, true},
    {"SubAccountName", Type::text, true},
    {"SubAccountType", Type::text, true},
    {"Tags", Type::json, true},
    {"x_EstimatedRequests", Type::integer, false},
    {"x_Ground", Type::text, false},
    {"x_Requests", Type::integer, false},
    {"x_Workload", Type::text, true},
};

bool is_in(const FocusColumn& column, FocusVersion version) {
  return column.since <= version && version <= column.until;
}

}  // namespace

std::vector<Column> focus_columns(FocusVersion version) {
  std::vector<Column> made;
  for (const FocusColumn& column : columns)
    if (is_in(column, version)) made.push_back({column.name, column.type, column.nullable});
  return made;
}

FocusSum::FocusSum(const catalog::PriceBook& book, Options options) : book_(book), options_(std::move(options)) {}

Result<void> FocusSum::add(Key key, const store::LoggedEntry& logged, std::int64_t quantity, Money amount) {
  const auto found = sums_.find(key);
  if (found == sums_.end() && sums_.size() == max_rows)
    return fail(ErrorKind::invalid_request, "these are more than " + std::to_string(max_rows) + " FOCUS rows",
                "ask for a shorter time, or --by day");
  Sum& sum = found == sums_.end() ? sums_[std::move(key)] : found->second;
  sum.key_name = logged.key_name;
  sum.quantity += quantity;
  sum.requests += 1;
  sum.estimated += logged.entry.usage.reported ? 0 : 1;
  sum.pico += amount.pico();
  billed_ += amount.pico();
  return {};
}

Result<void> FocusSum::add(const store::LoggedEntry& logged) {
  const store::LedgerEntry& entry = logged.entry;
  const catalog::Moment when{
      std::chrono::floor<std::chrono::seconds>(std::chrono::sys_time<microseconds>(microseconds(entry.start_us)))};
  const chat::Usage& usage = entry.usage;
  const bool used = usage.total_input() + usage.total_output() + usage.searches > 0;
  if (!entry.cost) {
    unpriced_ += used || entry.outcome == store::Outcome::ok ? 1 : 0;
    return {};
  }
  if (!used && *entry.cost == Money() && entry.correction == store::Correction::none)
    return {};  // an attempt that a provider refused: nothing was charged
  Key key{.period_us = begin_of(entry.start_us, options_.period),
          .provider = entry.provider.str(),
          .model = entry.model.str(),
          .ground = entry.ground,
          .key_id = entry.key_id.str(),
          .service_tier = usage.service_tier,
          .workload = entry.workload};

  if (entry.correction != store::Correction::none) {
    key.unit = correction;
    return add(std::move(key), logged, 0, *entry.cost);
  }

  const catalog::Quote quote = book_.quote(entry.provider, entry.model, when);
  const catalog::PriceFact* fact = quote.fact(usage.service_tier);
  if (fact) {
    catalog::Quantities quantities = catalog::quantities(usage);
    std::vector<catalog::CostLine> lines = catalog::cost_lines(*fact, quantities);
    MoneySum total = 0;
    for (const catalog::CostLine& line : lines) total += line.amount.pico();
    if (total == entry.cost->pico() && !lines.empty()) {
      for (const catalog::CostLine& line : lines) {
        Key of_line = key;
        of_line.unit = static_cast<int>(line.unit);
        of_line.pico_per_unit = line.pico_per_unit;
        of_line.tier_from = line.tier ? line.tier->prompt_tokens : 0;
        of_line.list_per_unit = list_rate(book_, *fact, line, entry, usage.total_input());
        CHECK_OK(add(std::move(of_line), logged, line.quantity, line.amount));
      }
      return {};
    }
  }
  ++whole_;
  key.unit = whole_request;
  key.pico_per_unit = key.list_per_unit = entry.cost->pico();
  return add(std::move(key), logged, 1, *entry.cost);
}

void FocusSum::write(TableWriter& out) const {
  for (const auto& [key, sum] : sums_) out.row(cells(key, sum));
}

std::vector<Cell> FocusSum::cells(const Key& key, const Sum& sum) const {
  const Meter* meter = key.unit < 0 ? nullptr : &meters[key.unit];
  const bool corrects = key.unit == correction;
  const auto unless_corrected = [&](Cell cell) { return corrects ? Cell() : std::move(cell); };
  const bool per_million = meter && catalog::is_per_million(meter->unit);
  const std::string unit = meter ? meter->plural : "Requests";
  const auto [month, next_month] = month_of(key.period_us);
  const std::string provider = options_.display_name ? options_.display_name(key.provider) : key.provider;
  const std::string tier(chat::name(key.service_tier));
  const std::string sku = key.provider + "/" + key.model + ":" +
                          (meter      ? std::string(catalog::name(meter->unit))
                           : corrects ? "correction"
                                      : "request_total");
  const std::string price_id = sku + ":" + tier + (key.tier_from > 0 ? ":from-" + std::to_string(key.tier_from) : "");
  const MoneySum list_pico = corrects ? sum.pico : static_cast<MoneySum>(key.list_per_unit) * sum.quantity;
  const MoneySum per = per_million ? million : 1;
  const Decimal quantity{static_cast<MoneySum>(sum.quantity) * Money::pico_per_usd};
  const Decimal priced_quantity{static_cast<MoneySum>(sum.quantity) *
                                (Money::pico_per_usd / static_cast<std::int64_t>(per))};
  const bool own = key.ground == catalog::Ground::self_hosted;

  std::vector<Cell> row;
  row.reserve(std::size(columns));
  std::size_t at = 0;
  const auto put = [&](std::string_view name, Cell cell) {
    const FocusColumn& column = columns[at++];
    if (name != column.name) std::abort();  // a programmer's error: the two lists are out of step
    if (is_in(column, options_.version)) row.push_back(std::move(cell));
  };
  put("BilledCost", Decimal{sum.pico});
  put("BillingAccountId", key.provider);
  put("BillingAccountName", provider);
  put("BillingAccountType", std::string("Provider account"));
  put("BillingCurrency", std::string("USD"));
  put("BillingPeriodEnd", Moment{next_month});
  put("BillingPeriodStart", Moment{month});
  put("ChargeCategory", std::string("Usage"));
  put("ChargeClass", corrects ? Cell(std::string("Correction")) : Cell());
  put("ChargeDescription", std::string(meter      ? meter->name
                                       : corrects ? "Correction of the price"
                                                  : "Requests, at their whole cost") +
                               " of " + key.provider + "/" + key.model);
  put("ChargeFrequency", std::string("Usage-Based"));
  put("ChargePeriodEnd", Moment{key.period_us + length_us(options_.period)});
  put("ChargePeriodStart", Moment{key.period_us});
  put("ConsumedQuantity", unless_corrected(quantity));
  put("ConsumedUnit", unless_corrected(unit));
  put("ContractedCost", Decimal{sum.pico});
  put("ContractedUnitPrice", unless_corrected(Decimal{key.pico_per_unit * per}));
  put("EffectiveCost", Decimal{sum.pico});
  put("HostProviderName", provider);
  put("InvoiceIssuerName", provider);
  put("ListCost", Decimal{list_pico});
  put("ListUnitPrice", unless_corrected(Decimal{key.list_per_unit * per}));
  put("PricingCategory", std::string(own ? "Other" : "Standard"));
  put("PricingQuantity", unless_corrected(priced_quantity));
  put("PricingUnit", unless_corrected(per_million ? "1000000 " + unit : unit));
  put("ProviderName", provider);
  put("PublisherName", provider);
  put("ResourceId", key.provider + "/" + key.model);
  put("ResourceName", key.model);
  put("ResourceType", std::string("Model"));
  put("ServiceCategory", std::string("AI and Machine Learning"));
  put("ServiceName", provider + " API");
  put("ServiceProviderName", provider);
  put("ServiceSubcategory", std::string("Generative AI"));
  put("SkuId", sku);
  put("SkuMeter", meter ? std::string(meter->name) : std::string("Requests"));
  put("SkuPriceDetails", sku_details(key.model, meter, tier));
  put("SkuPriceId", price_id);
  put("SubAccountId", key.key_id);
  put("SubAccountName", sum.key_name.empty() ? Cell() : Cell(sum.key_name));
  put("SubAccountType", std::string("Virtual key"));
  put("Tags", Cell());
  put("x_EstimatedRequests", sum.estimated);
  put("x_Ground", std::string(catalog::name(key.ground)));
  put("x_Requests", sum.requests);
  put("x_Workload", key.workload.empty() ? Cell() : Cell(key.workload));
  return row;
}

}  // namespace sluice::exports
