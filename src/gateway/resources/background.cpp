#include "gateway/resources/background.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>

#include "gateway/resources/desk.h"
#include "store/corrections.h"

namespace sluice::gateway {
namespace {

constexpr std::int64_t kept_for_us = 30 * std::int64_t{86'400'000'000};  // as long as its provider keeps a response

// Empty without a price.
std::optional<store::LedgerEntry> priced(const store::LedgerEntry& row, chat::Usage usage,
                                         const config::Snapshot& snapshot, std::int64_t now_us) {
  const catalog::Provider* provider = snapshot.find_provider(row.provider.str());
  const catalog::Quote quote =
      snapshot.prices().quote(row.provider, row.model, catalog::Moment(std::chrono::seconds(row.start_us / 1'000'000)),
                              provider ? std::string_view(provider->aws.region) : std::string_view());
  const std::optional<Money> cost = catalog::cost(quote, usage);
  const catalog::PriceFact* fact = quote.fact(usage.service_tier);
  if (!cost || !fact) return std::nullopt;
  store::LedgerEntry settled = store::correction_of(row, store::Correction::first_price, *cost, fact->source, now_us);
  // A row of a stream that broke may have an estimate of the input.
  usage.input = std::max<Tokens>(usage.input - row.usage.input, 0);
  settled.usage = std::move(usage);
  return settled;
}

}  // namespace

async::Task<> note_background(Gateway& gateway, std::string owner, std::string response, const store::LedgerEntry& row,
                              async::Deadline deadline) {
  std::string record;
  store::encode(row, record);
  const std::int64_t until_us = row.start_us + kept_for_us;
  std::function<Result<bool>(store::ResourceStore&)> note = [=](store::ResourceStore& store) -> Result<bool> {
    CHECK_OK(store.add_unsettled(owner, response, record, until_us));
    return true;
  };
  (void)co_await DeskQuestion<bool>(gateway.reactor, gateway.desk, std::move(note), deadline);
}

std::optional<chat::Usage> usage_at_end(const dialects::Dialects& dialects, json::Value response) {
  const std::string_view status = response["status"].string().value_or("");
  constexpr std::string_view ends[] = {"completed", "incomplete", "failed", "cancelled"};
  if (std::ranges::find(ends, status) == std::end(ends) || !response["usage"].is_object()) return std::nullopt;
  const auto whole = json::Document::parse(response.text());
  if (!whole) return std::nullopt;
  chat::Usage usage = dialects.get(dialects::DialectId::openai_responses).read_usage(*whole);
  return usage.reported ? std::optional(std::move(usage)) : std::nullopt;
}

async::Task<> settle_background(Gateway& gateway, std::shared_ptr<const config::Snapshot> snapshot, std::string owner,
                                std::string response, chat::Usage usage, async::Deadline deadline) {
  if (!gateway.price_once) co_return;
  const std::int64_t now_us = gateway.time.unix_us();
  std::function<Result<bool>(store::ResourceStore&)> settle =
      [=, price_once = gateway.price_once](store::ResourceStore& store) -> Result<bool> {
    TRY(const std::optional<std::string> record, store.find_unsettled(owner, response, now_us));
    if (!record) return false;
    TRY(const store::LedgerEntry row, store::decode_ledger_entry(*record));
    const std::optional<store::LedgerEntry> settled = priced(row, usage, *snapshot, now_us);
    if (!settled) return false;
    CHECK_OK(price_once(*settled));
    CHECK_OK(store.remove_unsettled(owner, response));
    return true;
  };
  (void)co_await DeskQuestion<bool>(gateway.reactor, gateway.desk, std::move(settle), deadline);
}

}  // namespace sluice::gateway
