#include "gateway/account/account.h"

#include <string>
#include <utility>

namespace sluice::gateway {

void account(const Books& books, Hold& hold, store::LedgerEntry& entry, const catalog::Quote& quote,
             std::chrono::steady_clock::time_point now, store::Appended* appended) {
  entry.cost = catalog::cost(quote, entry.usage);
  entry.price_source.clear();
  if (const catalog::PriceFact* fact = quote.fact(entry.usage.service_tier)) {
    entry.price_source = fact->source;
    if (fact->service_tier != entry.usage.service_tier)
      entry.price_source += " (no price for " + std::string(chat::name(entry.usage.service_tier)) + ": standard)";
  }

  const Money cost = entry.cost.value_or(Money());  // a key with a budget is never let in without a price
  const Tokens tokens = entry.usage.total_input() + entry.usage.total_output();
  const Moment ended(now, entry.end_us);
  const TargetName target{.provider = entry.provider.str(), .model = entry.model.str()};
  if (entry.final) {
    hold.settle(cost, tokens, ended, target);
  } else {
    hold.charge(cost, tokens, ended, target);
  }

  thread_local std::string record;  // one allocation per thread instead of one per request
  record.clear();
  store::encode(entry, record);
  const store::Appended taken = books.ledger->append(record);
  if (appended) *appended = taken;
  if (books.on_entry) books.on_entry(entry, taken);
}

}  // namespace sluice::gateway
