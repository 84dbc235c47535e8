#include "http/sse.h"

namespace sluice::http {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

struct Line {
  std::string_view text;
  std::size_t after = 0;  // where the next line begins
};

// The line at `from`, when it has ended: by LF, CR LF or CR. A CR that is the last byte so far ends its line too. For the
// empty line that ends an event this costs nothing: should LF follow, it is an empty line of its own.
std::optional<Line> line_at(std::string_view bytes, std::size_t from) {
  const std::string_view rest = bytes.substr(from);
  std::size_t end = rest.find('\n');
  const std::size_t cr = rest.substr(0, end).find('\r');
  std::size_t after = end + 1;
  if (cr != std::string_view::npos) {
    after = cr + 1 == end ? end + 1 : cr + 1;
    end = cr;
  }
  if (end == std::string_view::npos) return std::nullopt;
  return Line{rest.substr(0, end), from + after};
}

}  // namespace

Result<void> SseSplitter::feed(std::string_view bytes) {
  if (begin_ > 0) {
    buffer_.erase(0, begin_);
    searched_ -= begin_;
    first_line_ -= begin_;
    begin_ = 0;
  }
  buffer_.append(bytes);
  if (buffer_.size() > max_event_bytes + bytes.size())
    return fail(ErrorKind::provider_unreachable, "the provider sent an event of more than 8 MiB");
  return {};
}

std::optional<SseEvent> SseSplitter::next() {
  const std::string_view all = buffer_;
  if (at_start_) {
    if (all.size() < byte_order_mark.size() && byte_order_mark.starts_with(all)) return std::nullopt;
    if (all.starts_with(byte_order_mark)) searched_ = byte_order_mark.size();
    at_start_ = false;
    first_line_ = searched_;
  }
  // First the empty line that ends the event, going on where the last search stopped; then the lines before it.
  for (;;) {
    const std::optional<Line> line = line_at(all, searched_);
    if (!line) return std::nullopt;
    const bool half_line_end = line->after == all.size() && all.back() == '\r';
    if (half_line_end && !line->text.empty()) return std::nullopt;  // LF may follow and belong to this line
    searched_ = line->after;
    if (line->text.empty()) break;
  }
  const SseEvent event = read_lines(all.substr(first_line_, searched_ - first_line_), all.substr(begin_, searched_ - begin_));
  begin_ = first_line_ = searched_;
  return event;
}

SseEvent SseSplitter::read_lines(std::string_view lines, std::string_view raw) {
  SseEvent event{.raw = raw};
  std::size_t data_lines = 0;
  std::optional<Line> line;
  for (std::size_t at = 0; (line = line_at(lines, at)) && !line->text.empty(); at = line->after) {
    const std::size_t colon = line->text.find(':');
    const std::string_view name = line->text.substr(0, colon);
    std::string_view value = colon == std::string_view::npos ? std::string_view() : line->text.substr(colon + 1);
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
