// The simulator's command line: many seeds, or one with all that it broke.
//   simulate [--seeds N] [--minutes N] [--from SEED] [--seed SEED]
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <limits>
#include <string_view>

#include "simulation.h"

namespace {

using sluice::simulation::Report;

bool number_of(const char* text, std::uint64_t& number) {
  const auto [end, error] = std::from_chars(text, text + std::strlen(text), number);
  return error == std::errc() && *end == '\0';
}

bool tell(std::uint64_t seed, const Report& report) {
  for (const std::string& violation : report.violations)
    std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), violation.c_str());
  return report.violations.empty();
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t seeds = 1'000;
  std::uint64_t from = 1;
  auto until = std::chrono::steady_clock::time_point::max();
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    std::uint64_t value = 0;
    if (i + 1 >= argc || !number_of(argv[++i], value) ||
        (option != "--seeds" && option != "--minutes" && option != "--from" && option != "--seed")) {
      std::fprintf(stderr, "usage: simulate [--seeds N] [--minutes N] [--from SEED] [--seed SEED]\n");
      return 2;
    }
    if (option == "--seeds") seeds = value;
    if (option == "--minutes") {
      until = std::chrono::steady_clock::now() + std::chrono::minutes(value);
      seeds = std::numeric_limits<std::uint64_t>::max() - from;
    }
    if (option == "--from" || option == "--seed") from = value;
    if (option == "--seed") seeds = 1;
  }
  std::size_t requests = 0, calls = 0, rows = 0, broken = 0;
  std::uint64_t ran = 0;
  for (; ran < seeds && std::chrono::steady_clock::now() < until; ++ran) {
    const std::uint64_t seed = from + ran;
    const Report report = sluice::simulation::simulate(seed);
    if (!tell(seed, report)) ++broken;
    requests += report.requests;
    calls += report.calls;
    rows += report.rows;
    if (broken >= 20) {
      std::printf("stopped after 20 seeds that break something\n");
      ++ran;
      break;
    }
    if ((ran + 1) % 500 == 0) std::fprintf(stderr, "%llu seeds\n", static_cast<unsigned long long>(ran + 1));
  }
  std::printf("seeds %llu to %llu: %zu requests, %zu calls of providers, %zu ledger rows; %zu seeds break something\n",
              static_cast<unsigned long long>(from), static_cast<unsigned long long>(from + ran - 1), requests, calls,
              rows, broken);
  return broken == 0 ? 0 : 1;
}
