// The sums by the hour, one after the other: what unusual hours are found in.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/money.h"
#include "base/result.h"
#include "store/database.h"

namespace sluice::store {

// Of one key and model at one provider, in one hour.
struct HourSum {
  std::int64_t hour = 0;  // since 1970 UTC
  std::string key_id;
  std::string provider;
  std::string model;
  std::int64_t requests = 0;
  std::int64_t extra_attempts = 0;
  Tokens input = 0;  // read fresh
  Tokens cache_read = 0;
  Tokens cache_write = 0;
  Tokens output = 0;
  std::int64_t unpriced = 0;
  MoneySum pico = 0;
};

// From an hour to before another, by rising hours.
using TakeHour = std::function<void(const HourSum&)>;
Result<void> each_hour(const Database& database, std::int64_t from, std::int64_t to, const TakeHour& take);

}  // namespace sluice::store
