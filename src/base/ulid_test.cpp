#include "base/ulid.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <set>

namespace sluice {
namespace {

TEST(Ulid, Sorts_by_time_and_never_repeats) {
  UlidSource source;
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(seen.insert(source.next(1'700'000'000'000)).second);
  EXPECT_LT(*seen.rbegin(), source.next(1'700'000'000'001));
  // The specification's example time: 1469918176385 ms is 01ARYZ6S41.
  EXPECT_EQ(source.next(1'469'918'176'385).substr(0, 10), "01ARYZ6S41");
}

TEST(Ulid, Comes_back_from_its_sixteen_bytes) {
  UlidSource source;
  for (int i = 0; i < 1000; ++i) {
    const std::string text = source.next(1'700'000'000'000 + i);
    const auto bytes = ulid_bytes(text);
    ASSERT_TRUE(bytes) << text;
    EXPECT_EQ(ulid_text(*bytes), text);
  }
  // Its first 48 bits are the milliseconds.
  const auto bytes = ulid_bytes(source.next(0x0123'4567'89AB));
  ASSERT_TRUE(bytes);
  EXPECT_EQ((std::array<std::uint8_t, 6>{(*bytes)[0], (*bytes)[1], (*bytes)[2], (*bytes)[3], (*bytes)[4], (*bytes)[5]}),
            (std::array<std::uint8_t, 6>{0x01, 0x23, 0x45, 0x67, 0x89, 0xAB}));
  UlidBytes all;
  all.fill(255);
  EXPECT_EQ(ulid_text(all), "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
  EXPECT_EQ(ulid_bytes("7ZZZZZZZZZZZZZZZZZZZZZZZZZ"), all);
}

TEST(Ulid, Is_written_in_one_way_only) {
  for (const char* text : {"", "01ARYZ6S41", "01aryz6s41tsv4rrffq69g5fav", "81ARYZ6S41TSV4RRFFQ69G5FAV",
                           "01ARYZ6S41TSV4RRFFQ69G5FAU", "01ARYZ6S41TSV4RRFFQ69G5FAV0"})
    EXPECT_FALSE(ulid_bytes(text)) << text;
}

}  // namespace
}  // namespace sluice
