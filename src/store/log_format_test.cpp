#include "store/log_format.h"

#include <gtest/gtest.h>

namespace sluice::store {
namespace {

constexpr std::uint32_t salt = 0x12345678;

std::string sealed(std::initializer_list<std::string_view> payloads) {
  std::string frames;
  for (std::string_view payload : payloads) append_frame(frames, payload);
  seal(frames, salt);
  return frames;
}

// RFC 3720 B.4 and the check value of the CRC catalogue.
TEST(Crc32c, Gives_the_published_check_values) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  EXPECT_EQ(crc32c(""), 0u);
}

TEST(Crc32c, Is_the_same_on_any_processor) {
  std::string bytes;
  for (std::size_t size = 0; size < 300; ++size) {
    EXPECT_EQ(crc32c(bytes, 7), crc32c_portable(bytes, 7)) << size;
    bytes.push_back(static_cast<char>(size * 37));
  }
}

TEST(Crc32c, Goes_on_from_an_earlier_value) { EXPECT_EQ(crc32c("56789", crc32c("1234")), crc32c("123456789")); }

TEST(LogFormat, Reads_back_what_was_framed) {
  const std::string frames = sealed({"first", std::string(max_record_bytes, 'x')});
  EXPECT_EQ(read_frame(frames, salt), "first");
  EXPECT_EQ(read_frame(std::string_view(frames).substr(frame_header_bytes + 5), salt),
            std::string(max_record_bytes, 'x'));
}

TEST(LogFormat, Finds_no_record_in_any_cut_of_one) {
  const std::string frame = sealed({"payload"});
  for (std::size_t n = 0; n < frame.size(); ++n) EXPECT_FALSE(read_frame(frame.substr(0, n), salt)) << n;
}

TEST(LogFormat, Finds_no_record_when_any_single_bit_is_wrong) {
  const std::string frame = sealed({"payload"});
  for (std::size_t bit = 0; bit < frame.size() * 8; ++bit) {
    std::string damaged = frame;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(read_frame(damaged, salt)) << bit;
  }
}

TEST(LogFormat, Does_not_take_a_record_of_another_segment_for_its_own) {
  EXPECT_FALSE(read_frame(sealed({"payload"}), salt + 1));
}

TEST(LogFormat, Does_not_take_zeros_for_a_record) { EXPECT_FALSE(read_frame(std::string(4'096, '\0'), 0)); }

TEST(LogFormat, Finds_the_next_sound_record_behind_garbage) {
  const std::string bytes = "garbage" + sealed({"found"});
  EXPECT_EQ(find_frame(bytes, 0, salt), 7u);
  EXPECT_EQ(find_frame(bytes, 8, salt), std::nullopt);
}

TEST(LogFormat, Knows_its_segments_by_their_header) {
  EXPECT_EQ(segment_salt(segment_header(salt)), salt);
  EXPECT_EQ(segment_salt("SLUICEL1"), std::nullopt);
  EXPECT_EQ(segment_salt("NOTSLUICE1234567"), std::nullopt);
}

}  // namespace
}  // namespace sluice::store
