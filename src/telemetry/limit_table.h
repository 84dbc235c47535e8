// The bounds that traffic can meet, once: what each is called, how much it allows, and what becomes of who goes beyond.
// docs/reference/limits.md and the labels of sluice_limit_hits_total are made from this table. It does not enforce
// anything: each bound stands where its work is done, and src/serve/limits_test.cpp compares the numbers.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sluice::telemetry {

struct Limit {
  enum class Side : std::uint8_t { client, provider };
  const char* name;     // the label of the metric, and for requests the error's code
  Side side;            // whose bytes meet it
  std::int64_t amount;  // of `unit`, unless its setting says otherwise
  const char* unit;     // "bytes", "ms", ...
  const char* setting;  // that changes it; empty: it is built in
  const char* answer;   // what who goes beyond it gets
  const char* message;  // what is said, or a part of it; empty: nobody is there to be told
  const char* metric;   // null: sluice_limit_hits_total{limit="NAME"}
};

std::span<const Limit> limit_table();
// Null: there is no such limit.
const Limit* find_limit(std::string_view name);
// docs/reference/limits.md.
std::string limits_page();

}  // namespace sluice::telemetry
