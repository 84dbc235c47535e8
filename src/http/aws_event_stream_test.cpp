#include "http/aws_event_stream.h"

#include <gtest/gtest.h>

#include <vector>

#include "http/testing/aws_message.h"

namespace sluice::http {
namespace {

using testing::append_big_endian;
using testing::aws_message;
using testing::aws_message_of;
using testing::aws_string_header;

// Names and payloads in pieces of `step` bytes; at an error its message stands last.
std::vector<std::string> split(std::string_view bytes, std::size_t step) {
  AwsEventSplitter splitter;
  std::vector<std::string> found;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    splitter.feed(bytes.substr(at, step));
    while (true) {
      const auto event = splitter.next();
      if (!event) {
        EXPECT_EQ(event.error().kind, ErrorKind::provider_unreachable);
        EXPECT_EQ(event.error().retry, Retry::anywhere);
        found.push_back(event.error().message);
        return found;
      }
      if (!*event) break;
      found.push_back(std::string((*event)->name) + " " + std::string((*event)->payload));
    }
  }
  return found;
}

TEST(AwsEventStream, Has_the_checksum_of_gzip) {
  EXPECT_EQ(crc32("123456789"), 0xCBF43926U);  // the check value of every catalogue of CRCs
  EXPECT_EQ(crc32(""), 0U);
}

// The first example of the format's description: no headers, no payload.
TEST(AwsEventStream, Reads_the_documented_empty_message) {
  const std::string_view bytes("\x00\x00\x00\x10\x00\x00\x00\x00\x05\xc2\x48\xeb\x7d\x98\xc8\xff", 16);
  EXPECT_EQ(split(bytes, bytes.size()), std::vector<std::string>{" "});
  EXPECT_EQ(aws_message_of("", ""), bytes);
}

TEST(AwsEventStream, Gives_the_same_events_however_it_is_cut) {
  const std::string bytes = aws_message("messageStart", R"({"role":"assistant"})") +
                            aws_message("contentBlockDelta", std::string(70'000, 'x')) +
                            aws_message("throttlingException", R"({"message":"slow down"})");
  const std::vector<std::string> expected = {R"(messageStart {"role":"assistant"})",
                                             "contentBlockDelta " + std::string(70'000, 'x'),
                                             R"(throttlingException {"message":"slow down"})"};
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{4096}, bytes.size()})
    EXPECT_EQ(split(bytes, step), expected) << step;
}

TEST(AwsEventStream, Steps_over_headers_of_every_type) {
  std::string headers;
  for (const auto& [type, bytes] : {std::pair{0, 0}, {1, 0}, {2, 1}, {3, 2}, {4, 4}, {5, 8}, {8, 8}, {9, 16}}) {
    headers.append("\x01h").push_back(static_cast<char>(type));
    headers.append(static_cast<std::size_t>(bytes), '\xff');
  }
  headers.append("\x01h\x06");
  append_big_endian(headers, 3, 2);
  headers += "abc" + aws_string_header(":event-type", "chunk");
  EXPECT_EQ(split(aws_message_of(headers, "p"), 1), std::vector<std::string>{"chunk p"});
}

TEST(AwsEventStream, Notices_every_changed_byte) {
  const std::string good = aws_message("messageStop", R"({"stopReason":"end_turn"})");
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x40);
    const auto found = split(bad, bad.size());
    ASSERT_EQ(found.size(), 1u) << at;
    EXPECT_TRUE(found[0].starts_with("the provider's event stream has ")) << at << ": " << found[0];
  }
}

TEST(AwsEventStream, Refuses_lengths_and_headers_that_make_no_sense) {
  const auto prelude = [](std::size_t total, std::size_t headers) {
    std::string out;
    append_big_endian(out, total, 4);
    append_big_endian(out, headers, 4);
    append_big_endian(out, crc32(out), 4);
    return out;
  };
  const std::vector<std::string> wrong_length = {"the provider's event stream has a message of a wrong length"};
  EXPECT_EQ(split(prelude(15, 0), 1), wrong_length);
  EXPECT_EQ(split(prelude(0, 0), 1), wrong_length);
  EXPECT_EQ(split(prelude(100, 90), 1), wrong_length);
  EXPECT_EQ(split(prelude(0xFFFFFFFF, 0), 1), wrong_length);
  EXPECT_EQ(split(prelude(AwsEventSplitter::max_message_bytes + 1, 0), 1), wrong_length);
  const std::vector<std::string> no_sense = {"the provider's event stream has headers that make no sense"};
  for (const std::string_view headers :
       {std::string_view("\x05h\x00", 3), std::string_view("\x00\x00", 2), std::string_view("\x01h\x0a", 3),
        std::string_view("\x01h\x07\x00", 4), std::string_view("\x01h\x07\x00\x05h", 6), std::string_view("\x01", 1)})
    EXPECT_EQ(split(aws_message_of(headers, ""), 1), no_sense);
}

TEST(AwsEventStream, Names_the_bound_of_a_message_that_is_too_large) {
  std::string bytes;
  append_big_endian(bytes, AwsEventSplitter::max_message_bytes + 1, 4);
  append_big_endian(bytes, 0, 4);
  append_big_endian(bytes, crc32(bytes), 4);
  AwsEventSplitter splitter;
  splitter.feed(bytes);
  const auto event = splitter.next();
  ASSERT_FALSE(event);
  EXPECT_EQ(event.error().code, "event_stream_bytes");
}

TEST(AwsEventStream, Says_when_the_service_gives_up) {
  const std::string bytes = aws_message_of(
      aws_string_header(":message-type", "error") + aws_string_header(":error-code", "InternalFailure"), "");
  EXPECT_EQ(split(bytes, 1),
            std::vector<std::string>{"the provider's event stream ended with the error InternalFailure"});
}

}  // namespace
}  // namespace sluice::http
