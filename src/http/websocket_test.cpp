#include "http/websocket.h"

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

constexpr std::size_t limit = 1000;
enum Opcode : std::uint8_t { more = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

// A client's frame, masked unless told otherwise.
std::string frame(Opcode opcode, std::string_view payload, bool last = true, bool masked = true) {
  std::string bytes(1, static_cast<char>((last ? 0x80 : 0) | opcode));
  const int mask_bit = masked ? 0x80 : 0;
  if (payload.size() < 126) {
    bytes.push_back(static_cast<char>(mask_bit | static_cast<int>(payload.size())));
  } else {
    bytes.push_back(static_cast<char>(mask_bit | 126));
    bytes.push_back(static_cast<char>(payload.size() >> 8));
    bytes.push_back(static_cast<char>(payload.size() & 0xff));
  }
  constexpr std::string_view mask = "\x37\xfa\x21\x3d";
  if (masked) bytes.append(mask);
  for (std::size_t i = 0; i < payload.size(); ++i)
    bytes.push_back(masked ? static_cast<char>(payload[i] ^ mask[i % 4]) : payload[i]);
  return bytes;
}

// The code of the close frame that is the output's first frame; 0 when that is another frame.
int close_code(const std::string& output) {
  if (output.size() < 4 || output[0] != '\x88') return 0;
  return static_cast<unsigned char>(output[2]) << 8 | static_cast<unsigned char>(output[3]);
}

int refusal_of(std::string_view bytes) {
  WebSocketFrames frames(limit);
  frames.feed(bytes);
  EXPECT_EQ(frames.next(), std::nullopt);
  EXPECT_TRUE(frames.closed());
  return close_code(frames.take_output());
}

TEST(Web_socket, Accepts_the_key_of_the_rfc_and_no_other_shape) {
  EXPECT_EQ(websocket_accept("dGhlIHNhbXBsZSBub25jZQ==").value(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  for (const std::string_view key :
       {"", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQA=", "!!hlIHNhbXBsZSBub25jZQ=="})
    EXPECT_FALSE(websocket_accept(key)) << key;
}

TEST(Web_socket, Joins_fragments_and_answers_a_ping_between_them_however_the_bytes_are_cut) {
  const std::string bytes = frame(text, "{\"a\":", false) + frame(ping, "hi") + frame(more, "1}") + frame(text, "two");
  for (std::size_t step = 1; step <= bytes.size(); ++step) {
    WebSocketFrames frames(limit);
    for (std::size_t at = 0; at < bytes.size(); at += step) frames.feed(std::string_view(bytes).substr(at, step));
    EXPECT_EQ(frames.next(), "{\"a\":1}");
    EXPECT_EQ(frames.next(), "two");
    EXPECT_EQ(frames.next(), std::nullopt);
    EXPECT_EQ(frames.take_output(), "\x8a\x02hi");
    EXPECT_FALSE(frames.closed());
  }
}

TEST(Web_socket, Refuses_what_breaks_the_protocol_with_1002) {
  EXPECT_EQ(refusal_of(frame(text, "plain", true, false)), 1002);  // not masked
  EXPECT_EQ(refusal_of(frame(more, "nothing to go on with")), 1002);
  EXPECT_EQ(refusal_of(frame(ping, "cut", false)), 1002);
  EXPECT_EQ(refusal_of(frame(static_cast<Opcode>(0x40 | text), "compressed")), 1002);
  EXPECT_EQ(refusal_of(frame(static_cast<Opcode>(3), "reserved")), 1002);
}

TEST(Web_socket, Refuses_binary_messages_bad_utf8_and_long_messages_with_their_own_codes) {
  EXPECT_EQ(refusal_of(frame(binary, "x")), 1003);
  EXPECT_EQ(refusal_of(frame(text, "\xc3\x28")), 1007);
  EXPECT_EQ(refusal_of(frame(text, std::string(limit + 1, 'x'))), 1009);
  EXPECT_EQ(refusal_of(frame(text, std::string(limit, 'x'), false) + frame(more, "x")), 1009);
}

TEST(Web_socket, Takes_a_message_of_exactly_the_limit) {
  WebSocketFrames frames(limit);
  frames.feed(frame(text, std::string(limit, 'x')));
  EXPECT_EQ(frames.next(), std::string(limit, 'x'));
}

TEST(Web_socket, Answers_a_close_frame_once_and_sends_nothing_behind_it) {
  WebSocketFrames frames(limit);
  frames.feed(frame(close, std::string_view("\x03\xe8", 2)) + frame(text, "late"));
  frames.send_text("late too");
  frames.send_close(WebSocketClose::going_away, "bye");
  EXPECT_EQ(frames.next(), std::nullopt);
  EXPECT_EQ(frames.take_output(), std::string_view("\x88\x02\x03\xe8", 4));
}

// The frames that answer `bytes`, which come in pieces of `step`.
std::string answer_to(std::string_view bytes, std::size_t step) {
  WebSocketFrames frames(limit);
  for (std::size_t at = 0; at < bytes.size(); at += step) frames.feed(bytes.substr(at, step));
  return frames.take_output();
}

TEST(Web_socket, Understands_a_close_frame_however_its_bytes_are_cut) {
  const std::string code("\x03\xe8", 2);
  for (const std::string_view reason : {"", "bye", "gr\xc3\xbc\xc3\x9f", "\xe2\x82\xac\xe2\x82\xac"}) {
    const std::string payload = code + std::string(reason);
    const std::string bytes = frame(close, payload);
    for (std::size_t step = 1; step <= bytes.size(); ++step)
      EXPECT_EQ(answer_to(bytes, step), "\x88" + std::string(1, static_cast<char>(payload.size())) + payload)
          << reason << " in pieces of " << step;
  }
  for (const std::string_view reason : {"bad \xc3\x28", "cut \xe2\x82"}) {
    const std::string bytes = frame(close, code + std::string(reason));
    for (std::size_t step = 1; step <= bytes.size(); ++step)
      EXPECT_EQ(close_code(answer_to(bytes, step)), 1007) << "in pieces of " << step;
  }
}

TEST(Web_socket, Answers_a_close_frame_when_all_of_it_is_there) {
  const std::string bytes = frame(text, std::string(limit, 'x')) + frame(close, "\x0f\xa0 bad \xc3\x28");
  for (std::size_t size = limit + 8; size < bytes.size(); ++size) {
    WebSocketFrames frames(limit);
    frames.feed(std::string_view(bytes).substr(0, size));
    EXPECT_FALSE(frames.closed()) << size;
    EXPECT_EQ(frames.take_output(), "");
    frames.feed(std::string_view(bytes).substr(size));
    EXPECT_EQ(close_code(frames.take_output()), 1007) << size;
  }
}

TEST(Web_socket, Tells_the_first_reason_where_more_is_wrong) {
  EXPECT_EQ(refusal_of(frame(binary, "x") + frame(ping, "cut", false)), 1003);
}

TEST(Web_socket, Sends_text_unmasked_and_closes_with_a_reason) {
  WebSocketFrames frames(limit);
  frames.send_text("hello");
  frames.send_ping();
  EXPECT_EQ(frames.take_output(), std::string_view("\x81\x05hello\x89\x00", 9));
  frames.send_close(WebSocketClose::going_away, "bye");
  EXPECT_EQ(frames.take_output(), std::string_view("\x88\x05\x03\xe9"
                                                   "bye",
                                                   7));
  EXPECT_TRUE(frames.closed());
}

}  // namespace
}  // namespace sluice::http
