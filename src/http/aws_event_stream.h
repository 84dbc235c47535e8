// application/vnd.amazon.eventstream, taken apart as it comes: binary messages, each with a checksum over its prelude
// and one over all of it. Source: Smithy, "Amazon Event Stream Specification".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice::http {

struct AwsEvent {
  std::string_view raw;      // the whole message
  std::string_view name;     // of the event (":event-type") or of the exception (":exception-type")
  std::string_view payload;  // JSON, for the services that are known
};

class AwsEventSplitter {
 public:
  static constexpr std::size_t max_message_bytes =
      8 * 1024 * 1024;                                         // as of server-sent events; the format allows 24 MiB
  static constexpr std::size_t max_header_bytes = 128 * 1024;  // the format's own limit

  // Adds what has arrived.
  void feed(std::string_view bytes);
  // The next whole message; empty when more must come first. Its views are good until the next feed(). Errors:
  // provider_unreachable for a wrong checksum, a wrong length, or a message that says of itself that it is an error;
  // nothing can be read behind one.
  Result<std::optional<AwsEvent>> next();

 private:
  std::string buffer_;
  std::size_t begin_ = 0;  // of the next message
};

// CRC-32 as in gzip and Ethernet (polynomial 0xEDB88320, reflected).
std::uint32_t crc32(std::string_view bytes);

}  // namespace sluice::http
