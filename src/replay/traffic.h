// Calls as they happened: when, how many tokens of each class, under which names, and what the ledger says that they
// cost. Rows are compact, because a what-if reads all of them several times.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/money.h"
#include "base/result.h"
#include "catalog/price.h"
#include "chat/usage.h"

namespace sluice::replay {

constexpr std::size_t max_calls = 5'000'000;  // about 450 MB: a month of two calls a second
constexpr std::size_t max_streams = 200'000;  // different names: keys x models x routes x workloads
constexpr std::size_t max_named_faults = 20;  // of the rows that cannot be read; the others are counted
constexpr std::size_t max_faults = 100'000;   // then the file is something else

// The units that an answer's usage counts, in the order in which a call keeps them.
inline constexpr std::array counted_units = {catalog::Unit::input,
                                             catalog::Unit::output,
                                             catalog::Unit::cache_read,
                                             catalog::Unit::cache_write_5m,
                                             catalog::Unit::cache_write_1h,
                                             catalog::Unit::reasoning,
                                             catalog::Unit::request,
                                             catalog::Unit::input_audio,
                                             catalog::Unit::input_image,
                                             catalog::Unit::input_video,
                                             catalog::Unit::cache_read_audio,
                                             catalog::Unit::output_audio,
                                             catalog::Unit::output_image,
                                             catalog::Unit::search};
using Counts = std::array<std::uint32_t, counted_units.size()>;
catalog::Quantities quantities(const Counts& counts);

// What all calls of a stream have in common: names, and the conditions of a price beside size and time.
struct Stream {
  std::string provider;
  std::string model;
  std::string route;  // the model as the client named it
  std::string key;
  std::string team;
  std::string workload;  // whose rules placed the calls; empty: of none, or the source does not say
  chat::ServiceTier service_tier = chat::ServiceTier::standard;
  friend auto operator<=>(const Stream&, const Stream&) = default;
};

struct Call {
  std::int64_t start_us = 0;  // by which its price goes
  std::int64_t cost_pico = 0;
  std::uint32_t stream = 0;
  bool priced = false;      // cost_pico is what the ledger has; else the ledger has no price
  bool correction = false;  // no call: its cost mends that of others
  // It cost nothing by its nature, wherever it stands: a provider that answered with an error, or a question that is
  // free of charge. It used no tokens, and no price is needed.
  bool free = false;
  Counts counts = {};
  Tokens input() const;   // all classes that were read
  Tokens cached() const;  // of them, from the provider's cache
  Tokens output() const;
};

// A row that is no call, and why.
struct Fault {
  std::size_t line = 0;
  std::string what;
};

class Traffic {
 public:
  // What a row says. Errors: a count that no answer has, or more rows or names than are kept.
  Result<void> add(std::int64_t start_us, const Stream& stream, const chat::Usage& usage, std::optional<Money> cost,
                   bool correction);
  // Counts it, and keeps the first max_named_faults.
  void add_fault(std::size_t line, std::string what);
  // Calls by stream and time, so that equal price conditions stand together. After the last add.
  void sort();

  const std::vector<Call>& calls() const { return calls_; }
  const std::vector<Stream>& streams() const { return streams_; }
  const std::vector<Fault>& faults() const { return named_; }
  std::size_t fault_count() const { return faults_; }
  std::int64_t first_us() const { return first_us_; }
  std::int64_t last_us() const { return last_us_; }
  std::size_t requests() const { return calls_.size() - corrections_; }
  bool has_costs() const { return has_costs_; }  // the source says what calls cost
  void set_has_costs(bool has) { has_costs_ = has; }
  // Gives all calls this provider and model: a trace names none.
  void call_it(std::string_view provider, std::string_view model);
  // Moves all arrivals by whole days, so that the last one is on the day of `us`: prices go by the day, hours stay.
  void move_to_day(std::int64_t us);

 private:
  std::vector<Call> calls_;
  std::vector<Stream> streams_;
  std::map<Stream, std::uint32_t> ids_;
  std::vector<Fault> named_;
  std::size_t faults_ = 0;
  std::size_t corrections_ = 0;
  std::int64_t first_us_ = 0;
  std::int64_t last_us_ = 0;
  bool has_costs_ = false;
};

}  // namespace sluice::replay
