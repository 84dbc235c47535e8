// Writes messages of application/vnd.amazon.eventstream, for tests that play a provider.
#pragma once

#include <string>
#include <string_view>

#include "http/aws_event_stream.h"

namespace sluice::http::testing {

inline void append_big_endian(std::string& out, std::size_t value, int bytes) {
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) out.push_back(static_cast<char>((value >> shift) & 0xff));
}

inline std::string aws_string_header(std::string_view name, std::string_view value) {
  std::string out;
  append_big_endian(out, name.size(), 1);
  out.append(name).push_back('\x07');
  append_big_endian(out, value.size(), 2);
  return out.append(value);
}

inline std::string aws_message_of(std::string_view headers, std::string_view payload) {
  std::string out;
  append_big_endian(out, 12 + headers.size() + payload.size() + 4, 4);
  append_big_endian(out, headers.size(), 4);
  append_big_endian(out, crc32(out), 4);
  out.append(headers).append(payload);
  append_big_endian(out, crc32(out), 4);
  return out;
}

// An event, or an exception where the name says that it is one.
inline std::string aws_message(std::string_view name, std::string_view payload) {
  const bool exception = name.ends_with("Exception");
  return aws_message_of(aws_string_header(exception ? ":exception-type" : ":event-type", name) +
                            aws_string_header(":content-type", "application/json") +
                            aws_string_header(":message-type", exception ? "exception" : "event"),
                        payload);
}

}  // namespace sluice::http::testing
