#include "base/utc.h"

#include <chrono>
#include <ctime>

namespace sluice {

std::string utc_text(std::int64_t unix_us) {
  using namespace std::chrono;
  const std::time_t at = floor<seconds>(microseconds(unix_us)).count();
  std::tm parts{};
  gmtime_r(&at, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

}  // namespace sluice
