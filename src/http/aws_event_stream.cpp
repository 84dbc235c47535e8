#include "http/aws_event_stream.h"

#include <array>

namespace sluice::http {
namespace {

constexpr std::size_t prelude_bytes = 12;  // total length, length of the headers, checksum of these eight bytes
constexpr std::size_t checksum_bytes = 4;

constexpr std::array<std::uint32_t, 256> crc_table = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0xEDB88320U : 0U);
    table[i] = value;
  }
  return table;
}();

std::uint32_t big_endian(std::string_view bytes, std::size_t at, std::size_t size) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value = (value << 8) | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

std::unexpected<Error> broken(std::string what) {
  return std::unexpected(Error{.kind = ErrorKind::provider_unreachable,
                               .message = "the provider's event stream " + std::move(what),
                               .retry = Retry::anywhere});
}

// How many bytes a header's value of this type has, its length in front included. Empty: no such type, or cut off.
std::optional<std::size_t> value_bytes(unsigned char type, std::string_view rest) {
  std::size_t bytes = 0;
  switch (type) {
    case 0:
    case 1: break;              // true, false
    case 2: bytes = 1; break;   // byte
    case 3: bytes = 2; break;   // short
    case 4: bytes = 4; break;   // integer
    case 5: bytes = 8; break;   // long
    case 8: bytes = 8; break;   // timestamp
    case 9: bytes = 16; break;  // UUID
    case 6:                     // bytes
    case 7:                     // string
      if (rest.size() < 2) return std::nullopt;
      bytes = 2 + big_endian(rest, 0, 2);
      break;
    default: return std::nullopt;
  }
  return bytes <= rest.size() ? std::optional(bytes) : std::nullopt;
}

struct Kind {
  std::string_view message_type;
  std::string_view event;
  std::string_view exception;
  std::string_view error_code;
};

// False when the headers are not what the format says.
bool read_headers(std::string_view headers, Kind& kind) {
  while (!headers.empty()) {
    const std::size_t name_bytes = static_cast<unsigned char>(headers.front());
    if (name_bytes == 0 || headers.size() < name_bytes + 2) return false;
    const std::string_view name = headers.substr(1, name_bytes);
    const auto type = static_cast<unsigned char>(headers[1 + name_bytes]);
    headers.remove_prefix(name_bytes + 2);
    const auto bytes = value_bytes(type, headers);
    if (!bytes) return false;
    if (type == 7) {
      const std::string_view text = headers.substr(2, *bytes - 2);
      if (name == ":message-type") kind.message_type = text;
      if (name == ":event-type") kind.event = text;
      if (name == ":exception-type") kind.exception = text;
      if (name == ":error-code") kind.error_code = text;
    }
    headers.remove_prefix(*bytes);
  }
  return true;
}

}  // namespace

std::uint32_t crc32(std::string_view bytes) {
  std::uint32_t value = 0xFFFFFFFFU;
  for (const char c : bytes) value = (value >> 8) ^ crc_table[(value ^ static_cast<unsigned char>(c)) & 0xFFU];
  return ~value;
}

void AwsEventSplitter::feed(std::string_view bytes) {
  buffer_.erase(0, begin_);
  begin_ = 0;
  buffer_.append(bytes);
}

Result<std::optional<AwsEvent>> AwsEventSplitter::next() {
  const std::string_view rest = std::string_view(buffer_).substr(begin_);
  if (rest.size() < prelude_bytes) return std::nullopt;
  const std::size_t total = big_endian(rest, 0, 4);
  const std::size_t header_bytes = big_endian(rest, 4, 4);
  if (crc32(rest.substr(0, 8)) != big_endian(rest, 8, 4)) return broken("has a wrong checksum");
  if (total > max_message_bytes) {
    std::unexpected<Error> refused = broken("has a message of a wrong length");
    refused.error().code = "event_stream_bytes";
    return refused;
  }
  if (header_bytes > max_header_bytes || total < prelude_bytes + header_bytes + checksum_bytes)
    return broken("has a message of a wrong length");
  if (rest.size() < total) return std::nullopt;

  const std::string_view raw = rest.substr(0, total);
  const std::string_view checked = raw.substr(0, total - checksum_bytes);
  if (crc32(checked) != big_endian(raw, checked.size(), checksum_bytes)) return broken("has a wrong checksum");
  Kind kind;
  if (!read_headers(checked.substr(prelude_bytes, header_bytes), kind)) return broken("has headers that make no sense");
  if (kind.message_type == "error") return broken("ended with the error " + std::string(kind.error_code));
  begin_ += total;
  return AwsEvent{.raw = raw,
                  .name = kind.message_type == "exception" ? kind.exception : kind.event,
                  .payload = checked.substr(prelude_bytes + header_bytes)};
}

}  // namespace sluice::http
