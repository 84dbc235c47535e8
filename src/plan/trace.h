// Recorded traffic: arrivals with their tokens. Reads the CSV of the Azure LLM inference traces and Mooncake's JSON
// lines.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sluice::plan {

constexpr std::size_t max_trace_rows = 20'000'000;  // 640 MB; a day of 200 requests a second

struct TraceRow {
  double at_s = 0;  // since the first row
  double input = 0;
  double output = 0;
  double prefix_hit = 0;  // share of the input seen before, by Mooncake's block hashes; 0 where there are none
};

// Errors: the line and what is wrong with it.
Result<std::vector<TraceRow>> read_trace(std::string_view text);

struct TraceFacts {
  std::size_t requests = 0;
  double seconds = 0;
  double input = 0;  // tokens in all
  double output = 0;
  double peak_minute = 0;  // over the mean
  double peak_second = 0;
  double prefix_hit = 0;  // share of all input
};
TraceFacts facts_of(const std::vector<TraceRow>& rows);

}  // namespace sluice::plan
