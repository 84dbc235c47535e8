// How fast and how reliably each target (provider/model) has answered of late, shared by all reactors: moving means, in
// which the newest call counts a fifth. What nobody has called for some minutes is forgotten, so that a slow target
// gets another chance. It orders nobody: gateway/route does.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::gateway {

struct TargetSpeed {
  std::int64_t first_token_us = -1;  // from the call to a stream's first token; -1 = not measured
  std::int64_t token_ns = -1;        // for each token after that; of a whole answer all of its time; -1 = not measured
  double error_share = 0;            // of the calls, 0 to 1
  std::int64_t calls = 0;            // that have counted

  // Until the end of an answer of so many tokens; -1 = nothing is measured.
  std::int64_t expected_us(std::int64_t tokens) const {
    if (first_token_us < 0 && token_ns < 0) return -1;
    return (first_token_us < 0 ? 0 : first_token_us) + (token_ns < 0 ? 0 : token_ns * tokens / 1'000);
  }
};
// Of a target, by its name.
using TargetSpeeds = std::function<TargetSpeed(std::string_view)>;

class Speeds {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  // So old a measurement says nothing any more.
  static constexpr std::chrono::minutes forgotten_after{5};

  // Any thread. A call that was answered: until its first token (-1: it was no stream) and in all, and what it wrote.
  void answered(std::string_view target, std::int64_t first_token_us, std::int64_t total_us, std::int64_t output_tokens,
                TimePoint now);
  // A call that the target is to blame for.
  void failed(std::string_view target, TimePoint now);
  TargetSpeed of(std::string_view target, TimePoint now) const;

  struct Report {
    std::string target;
    TargetSpeed speed;
  };
  // Of all that are remembered, in the order of their names.
  std::vector<Report> report(TimePoint now) const;

 private:
  static constexpr std::size_t max_targets = 10'000;  // clients can name more than are configured
  struct Target {
    TargetSpeed speed;
    TimePoint last{};
  };
  Target* touch(std::string_view target, TimePoint now);

  mutable std::mutex mutex_;
  std::map<std::string, Target, std::less<>> targets_;
};

}  // namespace sluice::gateway
