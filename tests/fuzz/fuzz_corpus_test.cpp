// Every fuzz target, for a moment: its seeds as they are, and each changed by chance a few times. The same bytes on
// every run; `./dev fuzz` searches on from the same seeds, for as long as one likes. A target that finds a fault
// aborts.
#include <gtest/gtest.h>

#include <cstdint>
#include <random>

#include "seeds.h"

#define FUZZ_TARGET(name) extern "C" int name(const std::uint8_t* data, std::size_t size);
#include "fuzz_targets.inc"
#undef FUZZ_TARGET

namespace sluice::fuzz {
namespace {

struct Target {
  const char* name;
  int (*run)(const std::uint8_t*, std::size_t);
};
constexpr Target targets[] = {
#define FUZZ_TARGET(name) {#name, &::name},
#include "fuzz_targets.inc"
#undef FUZZ_TARGET
};

void run(const Target& target, const std::string& bytes) {
  EXPECT_EQ(target.run(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()), 0);
}

// One change: a byte becomes another, a piece goes, comes twice, or comes from another seed.
std::string changed(std::string bytes, const std::vector<std::string>& all, std::mt19937_64& random) {
  const auto below = [&](std::size_t bound) {
    return static_cast<std::size_t>(random() % std::max<std::size_t>(bound, 1));
  };
  if (bytes.empty()) return "x";
  const std::size_t at = below(bytes.size());
  const std::size_t length = 1 + below(std::min<std::size_t>(bytes.size() - at, 64));
  switch (below(5)) {
    case 0: bytes[at] = static_cast<char>(below(256)); break;
    case 1: bytes[at] = "{}[]\",:\\\n\r0-"[below(12)]; break;
    case 2: bytes.erase(at, length); break;
    case 3: bytes.insert(at, bytes.substr(at, length)); break;
    default: {
      const std::string& other = all[below(all.size())];
      const std::size_t from = below(other.size());
      bytes.insert(at, other.substr(from, 1 + below(64)));
    }
  }
  return bytes;
}

class Fuzz : public testing::TestWithParam<Target> {};

TEST_P(Fuzz, Finds_nothing_near_its_seeds) {
  const std::string_view name = GetParam().name;
  const std::size_t changes = name == "append_log_fuzz" ? 50 : 500;  // each of those is a log on the disk
  const std::vector<std::string> all = seeds(name);
  ASSERT_FALSE(all.empty()) << "seeds.cpp has none for " << name;
  std::mt19937_64 random(1);
  run(GetParam(), "");
  for (const std::string& seed : all) run(GetParam(), seed);
  for (std::size_t i = 0; i < changes; ++i) {
    std::string bytes = changed(all[i % all.size()], all, random);
    for (auto more = random() % 3; more > 0; --more) bytes = changed(std::move(bytes), all, random);
    run(GetParam(), bytes);
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, Fuzz, testing::ValuesIn(targets),
                         [](const auto& target) { return std::string(target.param.name); });

}  // namespace
}  // namespace sluice::fuzz
