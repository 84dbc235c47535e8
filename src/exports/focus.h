// FOCUS, the FinOps Open Cost and Usage Specification: one row per charge period, SKU (model x kind of token x service
// tier), ground and key. Columns that FOCUS does not define begin with x_.
// Sources: https://focus.finops.org/focus-specification/v1-2/ for 1.2; 1.3 added ServiceProviderName and
// HostProviderName, 1.4 has dropped ProviderName and PublisherName.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/price_book.h"
#include "exports/table.h"
#include "store/usage_report.h"

namespace sluice::exports {

enum class FocusVersion : std::uint8_t { v1_2, v1_4 };
enum class FocusPeriod : std::uint8_t { hour, day };

std::vector<Column> focus_columns(FocusVersion version);

// Adds ledger rows up, then gives FOCUS rows. The sum of BilledCost is the sum of the rows' costs, to the picodollar:
// a row whose lines, priced by `book`, do not add up to what the ledger has is one charge of its whole cost.
class FocusSum {
 public:
  struct Options {
    FocusVersion version = FocusVersion::v1_2;
    FocusPeriod period = FocusPeriod::day;
    // A provider's name for people, by its id.
    std::function<std::string(const std::string& provider)> display_name;
  };
  // A month by the hour of a hundred keys with ten models; what is beyond is better asked for by the day.
  static constexpr std::size_t max_rows = 2'000'000;

  FocusSum(const catalog::PriceBook& book, Options options);

  // Error: more than max_rows different rows.
  Result<void> add(const store::LoggedEntry& logged);
  // In the order of periods, providers, models, keys, workloads and units.
  void write(TableWriter& out) const;

  std::size_t rows() const { return sums_.size(); }
  MoneySum billed_pico() const { return billed_; }
  std::int64_t unpriced() const { return unpriced_; }  // ledger rows without a known price: not among the charges
  std::int64_t whole() const { return whole_; }        // ledger rows that are one charge of their whole cost

 private:
  struct Key {
    std::int64_t period_us = 0;
    std::string provider;
    std::string model;
    catalog::Ground ground = catalog::Ground::self_hosted;
    std::string key_id;
    chat::ServiceTier service_tier = chat::ServiceTier::standard;
    std::string workload;            // empty: of none
    int unit = 0;                    // catalog::Unit, or whole_request
    std::int64_t pico_per_unit = 0;  // as it was charged
    std::int64_t list_per_unit = 0;  // as the list has it
    Tokens tier_from = 0;            // of a tier's rate; 0: none
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct Sum {
    std::string key_name;
    std::int64_t quantity = 0;
    std::int64_t requests = 0;
    std::int64_t estimated = 0;
    MoneySum pico = 0;
  };
  static constexpr int whole_request = -1;
  static constexpr int correction = -2;  // of what was charged before, at other prices

  Result<void> add(Key key, const store::LoggedEntry& logged, std::int64_t quantity, Money amount);
  std::vector<Cell> cells(const Key& key, const Sum& sum) const;

  const catalog::PriceBook& book_;
  const Options options_;
  std::map<Key, Sum> sums_;
  MoneySum billed_ = 0;
  std::int64_t unpriced_ = 0;
  std::int64_t whole_ = 0;
};

}  // namespace sluice::exports
