// How much shadow traffic a workload sends, and how its answers differ from those that clients got: counts and sums, no
// texts. It asks nobody; gateway/shadow does.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/money.h"
#include "config/workload.h"

namespace sluice::gateway {

class Shadows {
 public:
  // One answer, the client's or the shadow's.
  struct Answer {
    std::optional<Money> cost;  // empty: unpriced
    std::int64_t us = 0;        // until a whole answer or a stream's first token
    Tokens output = 0;
    bool refused = false;
    bool cut = false;
    bool calls_tool = false;
    std::optional<std::string> text;  // empty: it could not be read
  };
  struct Side {
    MoneySum pico = 0;
    std::int64_t unpriced = 0;
    std::int64_t us = 0;
    Tokens output = 0;
    std::int64_t refused = 0;
    std::int64_t cut = 0;
    std::int64_t tool_calls = 0;
  };
  struct Report {
    std::string workload;
    std::string target;
    std::int64_t compared = 0;
    std::int64_t failed = 0;     // the shadow did not answer
    std::int64_t skipped = 0;    // no place, or a limit had not enough left
    std::int64_t texts = 0;      // of the compared ones, those whose texts are known
    std::int64_t same_text = 0;  // but for blanks at the ends
    Side client;                 // of the compared ones
    Side shadow;
  };

  Shadows() = default;
  Shadows(const Shadows&) = delete;
  Shadows& operator=(const Shadows&) = delete;

  // Any thread. Whether the next request of the workload has a shadow: each n-th, by its share.
  bool take(const config::Workload& workload);
  // A place for a call; false, and counted as skipped, when all are taken. Each true one is followed by an end().
  bool begin(const config::Workload& workload);
  void end(const config::Workload& workload);
  void skipped(const config::Workload& workload);
  void failed(const config::Workload& workload);
  void compare(const config::Workload& workload, const Answer& client, const Answer& shadow);
  std::vector<Report> report() const;

 private:
  struct State {
    config::Shadow settings;
    std::int64_t offered = 0;
    Report now;
  };
  State& state_of(const config::Workload& workload);
  // Null: the settings have changed since the request began, which is in no report then.
  Report* report_of(const config::Workload& workload);

  mutable std::mutex mutex_;
  std::map<std::string, State, std::less<>> states_;            // as many as there are workloads
  std::map<std::string, std::int64_t, std::less<>> under_way_;  // of a workload, whatever its settings
};

}  // namespace sluice::gateway
