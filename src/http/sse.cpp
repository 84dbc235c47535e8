#include "http/sse.h"

#include <algorithm>

namespace sluice::http {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

// The first LF or CR at or behind `from`. In steps, because looking for one of the two must not run to the end of the
// buffer each time when a stream only uses the other.
std::size_t find_line_end(std::string_view bytes, std::size_t from) {
  constexpr std::size_t step = 512;
  for (; from < bytes.size(); from += step) {
    const std::string_view part = bytes.substr(from, step);
    const std::size_t lf = part.find('\n');
    const std::size_t cr = part.substr(0, lf).find('\r');
    const std::size_t first = std::min(lf, cr);
    if (first != std::string_view::npos) return from + first;
  }
  return std::string_view::npos;
}

// Behind the line end at `end`: LF, CR LF or CR.
std::size_t after_line_end(std::string_view bytes, std::size_t end) {
  const bool both = bytes[end] == '\r' && end + 1 < bytes.size() && bytes[end + 1] == '\n';
  return end + (both ? 2 : 1);
}

}  // namespace

Result<void> SseSplitter::feed(std::string_view bytes) {
  if (begin_ > 0) {
    buffer_.erase(0, begin_);
    searched_ -= begin_;
    line_ -= begin_;
    first_line_ -= begin_;
    begin_ = 0;
  }
  buffer_.append(bytes);
  if (buffer_.size() > max_event_bytes + bytes.size())
    return std::unexpected(Error{.kind = ErrorKind::provider_unreachable,
                                 .message = "the provider sent an event of more than 8 MiB",
                                 .code = "sse_event_bytes"});
  return {};
}

Result<void> SseSplitter::feed(std::string&& bytes) {
  if (!leftover().empty()) {
    CHECK_OK(feed(std::string_view(bytes)));
    bytes.clear();
    return {};
  }
  begin_ = first_line_ = line_ = searched_ = 0;
  buffer_.clear();
  buffer_.swap(bytes);
  return {};
}

void SseSplitter::forget_read() {
  if (!leftover().empty()) return;
  begin_ = first_line_ = line_ = searched_ = 0;
  std::string().swap(buffer_);
}

std::optional<SseEvent> SseSplitter::next() {
  const std::string_view all = buffer_;
  if (at_start_) {
    if (all.size() < byte_order_mark.size() && byte_order_mark.starts_with(all)) return std::nullopt;
    if (all.starts_with(byte_order_mark)) first_line_ = line_ = searched_ = byte_order_mark.size();
    at_start_ = false;
  }
  // First the empty line that ends the event, going on where the last search stopped; then the lines before it.
  for (bool empty = false; !empty;) {
    const std::size_t end = find_line_end(all, searched_);
    searched_ = std::min(end, all.size());
    if (end == std::string_view::npos) return std::nullopt;
    empty = end == line_;
    // LF may follow a CR that came last. After an empty line it would be another empty line, which costs nothing.
    if (!empty && all[end] == '\r' && end + 1 == all.size()) return std::nullopt;
    line_ = searched_ = after_line_end(all, end);
  }
  const SseEvent event = read_lines(all.substr(first_line_, line_ - first_line_), all.substr(begin_, line_ - begin_));
  begin_ = first_line_ = line_;
  return event;
}

// `lines` end with the empty line.
SseEvent SseSplitter::read_lines(std::string_view lines, std::string_view raw) {
  SseEvent event{.raw = raw};
  std::size_t data_lines = 0;
  for (std::size_t at = 0, end = 0; (end = find_line_end(lines, at)) != at; at = after_line_end(lines, end)) {
    const std::string_view line = lines.substr(at, end - at);
    const std::size_t colon = line.find(':');
    const std::string_view name = line.substr(0, colon);
    std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (name == "data") {
      if (data_lines == 1) joined_.assign(event.data);
      if (data_lines > 0) joined_.append("\n").append(value);
      event.data = data_lines > 0 ? std::string_view(joined_) : value;
      event.has_data = true;
      ++data_lines;
    } else if (name == "event") {
      event.event = value;
    }
  }
  return event;
}

}  // namespace sluice::http
