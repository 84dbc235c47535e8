#include "http/parse.h"

#include <charconv>
#include <cstring>

namespace sluice::http {
namespace {

// RFC 9110, 5.6.2: the characters of names and methods.
constexpr std::array<bool, 256> token_characters = [] {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<std::size_t>(c)] = true;
  return table;
}();

bool is_token(std::string_view text) {
  if (text.empty()) return false;
  for (const char c : text)
    if (!token_characters[static_cast<unsigned char>(c)]) return false;
  return true;
}

HeadOutcome refuse(int status, const char* message) { return {HeadOutcome::State::malformed, 0, status, message}; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// True when the comma-separated list has the word.
bool list_has(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    if (equal_ignoring_case(trimmed(list.substr(0, comma)), word)) return true;
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return false;
}

}  // namespace

std::optional<std::string_view> Head::get(std::string_view name) const {
  for (const FieldView& field : *this)
    if (equal_ignoring_case(field.name, name)) return field.value;
  return std::nullopt;
}

// Reads the fields between the start line and the empty line.
struct HeadParser {
  Head& head;
  bool has_transfer_encoding = false;
  int hosts = 0;
  bool close = false;
  bool persist = false;
  bool expect_continue = false;

  HeadOutcome read(std::string_view lines) {
    head.count_ = 0;
    head.content_length.reset();
    head.chunked = false;
    while (!lines.empty()) {
      const std::size_t end = lines.find('\r');
      if (end == std::string_view::npos || end + 1 >= lines.size() || lines[end + 1] != '\n')
        return refuse(400, "a header line does not end in CR LF");
      const std::string_view line = lines.substr(0, end);
      lines.remove_prefix(end + 2);
      const std::size_t colon = line.find(':');
      if (colon == std::string_view::npos) return refuse(400, "a header line has no colon");
      const std::string_view name = line.substr(0, colon);
      if (!is_token(name)) return refuse(400, "a header name has a character that is not allowed there");
      const std::string_view value = trimmed(line.substr(colon + 1));
      if (!is_field_value(value)) return refuse(400, "a header value has a control character");
      if (head.count_ == Head::max_fields) return refuse(431, "the request has more than 100 header lines");
      head.fields_[head.count_++] = {name, value};
      if (const HeadOutcome known = know(name, value); known.state == HeadOutcome::State::malformed) return known;
    }
    if (has_transfer_encoding && head.content_length)
      return refuse(400, "content-length and transfer-encoding exclude each other");
    if (has_transfer_encoding && head.minor_version == 0) return refuse(400, "HTTP/1.0 has no transfer-encoding");
    head.keep_alive = !close && (head.minor_version == 1 || persist);
    return {HeadOutcome::State::complete};
  }

  HeadOutcome know(std::string_view name, std::string_view value) {
    switch (name.size()) {
      case 4:
        if (equal_ignoring_case(name, "host")) ++hosts;
        break;
      case 6:
        if (equal_ignoring_case(name, "expect")) {
          if (!equal_ignoring_case(value, "100-continue")) return refuse(417, "this expectation is not supported");
          expect_continue = true;
        }
        break;
      case 10:
        if (equal_ignoring_case(name, "connection")) {
          close = close || list_has(value, "close");
          persist = persist || list_has(value, "keep-alive");
        }
        break;
      case 14:
        if (equal_ignoring_case(name, "content-length")) return length(value);
        break;
      case 17:
        if (equal_ignoring_case(name, "transfer-encoding")) {
          if (has_transfer_encoding || !equal_ignoring_case(value, "chunked"))
            return refuse(501, "the only transfer-encoding that is supported is chunked");
          has_transfer_encoding = head.chunked = true;
        }
        break;
      default: break;
    }
    return {};
  }

  HeadOutcome length(std::string_view value) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (value.empty() || error != std::errc() || end != value.data() + value.size() || number > max_length)
      return refuse(400, "content-length is not a number");
    if (head.content_length) return refuse(400, "content-length is given twice");
    head.content_length = number;
    return {};
  }
  static constexpr std::uint64_t max_length = std::uint64_t{1} << 62;
};

namespace {

// The place of the empty line's end, or what is wrong with what has come so far.
HeadOutcome find_end(std::string_view buffer, const HeadLimits& limits) {
  const std::string_view seen = buffer.substr(0, limits.head_bytes);
  if (const std::size_t end = seen.find("\r\n\r\n"); end != std::string_view::npos)
    return {HeadOutcome::State::complete, end + 4};
  if (buffer.size() >= limits.head_bytes) return refuse(431, "the head of the request is too long");
  return {};
}

// "HTTP/1.x" -> x. -1: not HTTP, -2: another version.
int minor_version(std::string_view text) {
  if (text.size() != 8 || !text.starts_with("HTTP/") || text[6] != '.') return -1;
  if (text[5] != '1' || (text[7] != '0' && text[7] != '1')) return -2;
  return text[7] - '0';
}

// "http://host/path" -> "/path"; a target that is neither that nor a path gives an empty view.
std::string_view path_of(std::string_view target) {
  if (target.starts_with('/')) return target;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    const std::size_t slash = target.find('/', scheme.size());
    return slash == std::string_view::npos ? "/" : target.substr(slash);
  }
  return {};
}

}  // namespace

HeadOutcome parse_request_head(std::string_view buffer, const HeadLimits& limits, RequestHead& head) {
  const HeadOutcome end = find_end(buffer, limits);
  if (end.state == HeadOutcome::State::incomplete) {
    // Whoever sends no HTTP at all is told at once and not after a timeout.
    const std::size_t line = std::min(buffer.find_first_of("\r\n "), buffer.size());
    if (!is_token(buffer.substr(0, line)) || line > 32) return refuse(400, "this is not an HTTP request");
    return end;
  }
  if (end.state == HeadOutcome::State::malformed) return end;
  const std::size_t line_end = buffer.find("\r\n");
  const std::string_view line = buffer.substr(0, line_end);
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return refuse(400, "the request line is not METHOD TARGET HTTP/1.1");
  head.method = line.substr(0, first);
  head.target = line.substr(first + 1, last - first - 1);
  if (!is_token(head.method)) return refuse(400, "the method has a character that is not allowed there");
  if (head.target.size() > limits.target_bytes) return refuse(414, "the request target is too long");
  for (const char c : head.target)
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f || c == '#') return refuse(400, "the request target has a character that is not allowed there");
  head.minor_version = minor_version(line.substr(last + 1));
  if (head.minor_version == -1) return refuse(400, "the request line is not METHOD TARGET HTTP/1.1");
  if (head.minor_version == -2) return refuse(505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
  const std::string_view path = head.target == "*" ? head.target : path_of(head.target);
  if (path.empty()) return refuse(400, "the request target is not a path");
  const std::size_t question = path.find('?');
  head.path = path.substr(0, question);
  head.query = question == std::string_view::npos ? std::string_view() : path.substr(question + 1);

  HeadParser fields{head};
  const HeadOutcome read = fields.read(buffer.substr(line_end + 2, end.bytes - line_end - 4));
  if (read.state == HeadOutcome::State::malformed) return read;
  if (fields.hosts > 1 || (fields.hosts == 0 && head.minor_version == 1)) return refuse(400, "the request needs one host header");
  head.expect_continue = fields.expect_continue && head.minor_version == 1;
  return end;
}

HeadOutcome parse_response_head(std::string_view buffer, const HeadLimits& limits, ResponseHead& head) {
  const HeadOutcome end = find_end(buffer, limits);
  if (end.state != HeadOutcome::State::complete) return end;
  const std::size_t line_end = buffer.find("\r\n");
  const std::string_view line = buffer.substr(0, line_end);
  head.minor_version = minor_version(line.substr(0, 8));
  const std::string_view rest = line.size() > 8 ? line.substr(8) : std::string_view();
  if (head.minor_version < 0 || rest.size() < 4 || rest[0] != ' ' || (rest.size() > 4 && rest[4] != ' '))
    return refuse(502, "the status line is not HTTP/1.1");
  const auto [stop, error] = std::from_chars(rest.data() + 1, rest.data() + 4, head.status);
  if (error != std::errc() || stop != rest.data() + 4 || head.status < 100) return refuse(502, "the status line has no status");
  HeadParser fields{head};
  const HeadOutcome read = fields.read(buffer.substr(line_end + 2, end.bytes - line_end - 4));
  return read.state == HeadOutcome::State::malformed ? read : end;
}

}  // namespace sluice::http
