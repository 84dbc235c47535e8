// Server-sent events, taken apart as they come (WHATWG HTML, section 9.2). Every event keeps its raw bytes, so that
// lane 1 can pass them on exactly as they were.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice::http {

struct SseEvent {
  std::string_view raw;    // with the empty line that ends it
  std::string_view event;  // the event's name; empty when it has none
  std::string_view data;   // lines joined by LF; empty for a comment
  bool has_data = false;   // false for a comment or a keep-alive
};

class SseSplitter {
 public:
  static constexpr std::size_t max_event_bytes = 8 * 1024 * 1024;  // an image in one delta is the largest known

  // Adds what has arrived. Errors: provider_unreachable when one event exceeds max_event_bytes.
  Result<void> feed(std::string_view bytes);
  // The same, and may take the text instead of copying it; leaves it empty.
  Result<void> feed(std::string&& bytes);
  // Gives back the memory of what has been read, once nothing else is here: a stream may be silent for long. After it
  // no view of an event is good.
  void forget_read();
  // The next whole event. Its views are good until the next feed().
  std::optional<SseEvent> next();
  // Bytes of an event that has not ended; at the end of the stream they are no event.
  std::string_view leftover() const { return std::string_view(buffer_).substr(begin_); }

 private:
  SseEvent read_lines(std::string_view lines, std::string_view raw);

  std::string buffer_;
  std::string joined_;          // data of several lines
  std::size_t begin_ = 0;       // of the next event's raw bytes
  std::size_t first_line_ = 0;  // of the next event: after a byte order mark
  std::size_t line_ = 0;        // a line begins here, and no event ends before it
  std::size_t searched_ = 0;    // no line end between line_ and here
  bool at_start_ = true;        // a byte order mark may stand here
};

}  // namespace sluice::http
