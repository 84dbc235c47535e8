#include "http/parse.h"

#include <array>
#include <bit>
#include <charconv>
#include <cstring>

namespace sluice::http {
namespace {

using State = HeadOutcome::State;

constexpr std::array<bool, 256> table_of(std::string_view others) {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (const char c : others) table[static_cast<unsigned char>(c)] = true;
  return table;
}

// RFC 9110, 5.6.2: the characters of names and methods.
constexpr std::array<bool, 256> token_characters = table_of("!#$%&'*+-.^_`|~");
// RFC 3986, 3.2.2: of a host with its port. No '@': a host that names a user is somebody's trick.
constexpr std::array<bool, 256> host_characters = table_of("-._~%!$&'()*+,;=:[]");
// Everything visible but '#', which no client may send (RFC 9112, 3.2). Some do send characters that RFC 3986 wants
// encoded ('|', '{'): they are harmless, as a path is compared byte by byte.
constexpr std::array<bool, 256> target_characters = table_of("!\"$%&'()*+,-./:;<=>?@[\\]^_`{|}~");

// Where text that belongs to `table` ends.
const char* skip(const char* at, const char* end, const std::array<bool, 256>& table) {
  while (at != end && table[static_cast<unsigned char>(*at)]) ++at;
  return at;
}

// Where a field's value ends: at the first control character that is not a tab. Eight bytes at a time, because most of
// a head is values.
const char* skip_value(const char* at, const char* end) {
  constexpr std::uint64_t ones = 0x0101010101010101U;
  constexpr std::uint64_t highs = 0x8080808080808080U;
  for (;;) {
    if constexpr (std::endian::native == std::endian::little) {
      while (end - at >= 8) {
        std::uint64_t bytes = 0;
        std::memcpy(&bytes, at, sizeof bytes);
        const std::uint64_t deletes = bytes ^ (ones * 0x7f);
        const std::uint64_t found = (((bytes - ones * 0x20) & ~bytes) | ((deletes - ones) & ~deletes)) & highs;
        if (found) {
          at += std::countr_zero(found) / 8;  // a borrow can only mark bytes behind the first true one
          break;
        }
        at += 8;
      }
    }
    while (at != end && static_cast<unsigned char>(*at) >= 0x20 && *at != 0x7f) ++at;
    if (at == end || *at != '\t') return at;
    ++at;
  }
}

HeadOutcome refuse(int status, const char* message, HeadLimit limit = HeadLimit::none) {
  return {State::malformed, 0, status, limit, message};
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

std::string_view trimmed(const char* begin, const char* end) {
  while (begin != end && is_blank(*begin)) ++begin;
  while (begin != end && is_blank(end[-1])) --end;
  return {begin, end};
}

// True when the comma-separated list has the word.
bool list_has(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const std::string_view item = list.substr(0, list.find(','));
    if (equal_ignoring_case(trimmed(item.data(), item.data() + item.size()), word)) return true;
    list.remove_prefix(std::min(item.size() + 1, list.size()));
  }
  return false;
}

}  // namespace

std::optional<std::string_view> Head::get(std::string_view name) const {
  for (const Field& field : *this)
    if (equal_ignoring_case(field.name, name)) return field.value;
  return std::nullopt;
}

void Head::move_view(std::string_view& view, const char* from, std::size_t size, const char* to) {
  // Not all views are of the text: a missing query is of nothing.
  if (view.data() >= from && view.data() <= from + size) view = {to + (view.data() - from), view.size()};
}

void Head::moved(const char* from, std::size_t size, const char* to) {
  for (Field& field : fields_) {
    move_view(field.name, from, size, to);
    move_view(field.value, from, size, to);
  }
}

void RequestHead::moved(const char* from, std::size_t size, const char* to) {
  Head::moved(from, size, to);
  for (std::string_view* view : {&method, &target, &path, &query}) move_view(*view, from, size, to);
}

// Reads the fields from `at` to the empty line.
struct HeadParser {
  Head& head;
  const char* at;
  const char* end;
  bool has_transfer_encoding = false;
  std::size_t hosts = 0;
  std::string_view host = {};
  bool close = false;
  bool persist = false;
  bool expect_continue = false;

  HeadOutcome read() {
    head.fields_.clear();
    head.fields_.reserve(Head::usual_fields);
    head.content_length.reset();
    head.chunked = false;
    for (;;) {
      if (at == end) return {};
      if (*at == '\r') {
        if (end - at < 2) return {};
        if (at[1] != '\n') return refuse(400, "a header line does not end in CR LF");
        at += 2;
        return finish();
      }
      if (const HeadOutcome line = read_line(); line.state != State::complete) return line;
    }
  }

  HeadOutcome read_line() {
    const char* colon = skip(at, end, token_characters);
    if (colon == end) return {};
    if (*colon != ':') {
      if (*colon == '\r' || *colon == '\n') return refuse(400, "a header line has no colon");
      return refuse(400, "a header name has a character that is not allowed there");
    }
    const std::string_view name(at, colon);
    if (name.empty()) return refuse(400, "a header line has no name");
    const char* stop = skip_value(colon + 1, end);
    if (end - stop < 2) return {};
    if (*stop != '\r') return refuse(400, "a header value has a control character");
    if (stop[1] != '\n') return refuse(400, "a header line does not end in CR LF");
    if (head.fields_.size() == Head::max_fields)
      return refuse(431, "the request has more than 100 header lines: send fewer", HeadLimit::fields);
    const std::string_view value = trimmed(colon + 1, stop);
    head.fields_.push_back({name, value});
    at = stop + 2;
    return know(name, value);
  }

  HeadOutcome know(std::string_view name, std::string_view value) {
    switch (name.size()) {
      case 4:
        if (equal_ignoring_case(name, "host")) {
          ++hosts;
          host = value;
        }
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
    return {State::complete};
  }

  HeadOutcome length(std::string_view value) {
    std::uint64_t number = 0;
    const auto [stop, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (value.empty() || error != std::errc() || stop != value.data() + value.size() || number > max_length)
      return refuse(400, "content-length is not a number");
    if (head.content_length) return refuse(400, "content-length is given twice");
    head.content_length = number;
    return {State::complete};
  }
  static constexpr std::uint64_t max_length = std::uint64_t{1} << 62;

  HeadOutcome finish() {
    if (has_transfer_encoding && head.content_length)
      return refuse(400, "content-length and transfer-encoding exclude each other");
    if (has_transfer_encoding && head.minor_version == 0) return refuse(400, "HTTP/1.0 has no transfer-encoding");
    head.keep_alive = !close && (head.minor_version == 1 || persist);
    return {State::complete};
  }
};

namespace {

constexpr std::size_t version_bytes = 8;  // "HTTP/1.1"

// "HTTP/1.x" -> x. -1: not HTTP, -2: another version.
int minor_version(std::string_view text) {
  if (!text.starts_with("HTTP/") || text[6] != '.') return -1;
  if (text[5] != '1' || (text[7] != '0' && text[7] != '1')) return -2;
  return text[7] - '0';
}

// What cannot become a version any more is refused before all of it has come.
bool may_be_version(const char* at, const char* end) {
  const std::string_view come(at, std::min<std::size_t>(5, static_cast<std::size_t>(end - at)));
  return std::string_view("HTTP/").starts_with(come);
}

// A head that has not ended, or has ended, beyond the limit.
HeadOutcome within_limit(const HeadOutcome& outcome, std::size_t bytes, const HeadLimits& limits) {
  if (outcome.state == State::malformed || bytes < limits.head_bytes) return outcome;
  return refuse(431, "the head is too long", HeadLimit::bytes);
}

// Fills path and query. "http://host/path" names the host a second time: `authority` is that, else empty.
bool take_target_apart(RequestHead& head, std::string_view& authority) {
  std::string_view rest = head.target;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (rest.starts_with('/') || !rest.starts_with(scheme)) continue;
    rest.remove_prefix(scheme.size());
    authority = rest.substr(0, rest.find_first_of("/?"));
    rest.remove_prefix(authority.size());
    if (rest.empty()) rest = "/";
    if (authority.empty()) return false;
  }
  if (!rest.starts_with('/') && rest != "*") return false;
  const std::size_t question = rest.find('?');
  head.path = rest.substr(0, question);
  head.query = question == std::string_view::npos ? std::string_view() : rest.substr(question + 1);
  return true;
}

HeadOutcome parse_request(std::string_view buffer, const HeadLimits& limits, RequestHead& head) {
  constexpr std::size_t max_method_bytes = 32;  // whoever sends more speaks no HTTP
  const char* at = buffer.data();
  const char* const end = at + buffer.size();

  const char* stop = skip(at, end, token_characters);
  head.method = {at, stop};
  if (head.method.size() > max_method_bytes || (stop != end && (*stop != ' ' || head.method.empty())))
    return refuse(400, "this is not an HTTP request");
  if (stop == end) return {};

  at = stop + 1;
  stop = skip(at, end, target_characters);
  head.target = {at, stop};
  if (head.target.size() > limits.target_bytes) return refuse(414, "the request target is too long", HeadLimit::target);
  if (stop == end) return {};
  if (*stop != ' ') return refuse(400, "the request target has a character that is not allowed there");

  at = stop + 1;
  if (!may_be_version(at, end)) return refuse(400, "the request line is not METHOD TARGET HTTP/1.1");
  if (static_cast<std::size_t>(end - at) < version_bytes + 2) return {};
  head.minor_version = minor_version({at, version_bytes});
  if (head.minor_version == -1) return refuse(400, "the request line is not METHOD TARGET HTTP/1.1");
  if (head.minor_version == -2) return refuse(505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
  if (at[version_bytes] != '\r' || at[version_bytes + 1] != '\n')
    return refuse(400, "the request line does not end in CR LF");
  std::string_view authority;
  if (!take_target_apart(head, authority)) return refuse(400, "the request target is not a path");

  HeadParser fields{head, at + version_bytes + 2, end};
  const HeadOutcome outcome = fields.read();
  if (outcome.state != State::complete) return outcome;
  if (fields.hosts > 1 || (fields.hosts == 0 && head.minor_version == 1))
    return refuse(400, "the request needs one host header");
  const char* const host_end = fields.host.data() + fields.host.size();
  if (skip(fields.host.data(), host_end, host_characters) != host_end)
    return refuse(400, "the host header has a character that is not allowed there");
  if (!authority.empty() && !equal_ignoring_case(authority, fields.host))
    return refuse(400, "the request target and the host header name different hosts");
  head.expect_continue = fields.expect_continue && head.minor_version == 1;
  return {State::complete, static_cast<std::size_t>(fields.at - buffer.data())};
}

HeadOutcome parse_response(std::string_view buffer, ResponseHead& head) {
  constexpr std::size_t status_line_bytes = version_bytes + 4;  // "HTTP/1.1 200"
  const char* at = buffer.data();
  const char* const end = at + buffer.size();
  if (!may_be_version(at, end)) return refuse(502, "the status line is not HTTP/1.1");
  if (buffer.size() < status_line_bytes + 2) return {};
  head.minor_version = minor_version({at, version_bytes});
  if (head.minor_version < 0 || at[version_bytes] != ' ') return refuse(502, "the status line is not HTTP/1.1");
  const auto [digits_end, error] = std::from_chars(at + version_bytes + 1, at + status_line_bytes, head.status);
  if (error != std::errc() || digits_end != at + status_line_bytes || head.status < 100)
    return refuse(502, "the status line has no status");
  at += status_line_bytes;
  if (*at != ' ' && *at != '\r') return refuse(502, "the status line has no status");
  at = skip_value(at, end);  // the reason phrase, which means nothing
  if (end - at < 2) return {};
  if (at[0] != '\r' || at[1] != '\n') return refuse(502, "the status line does not end in CR LF");
  HeadParser fields{head, at + 2, end};
  const HeadOutcome outcome = fields.read();
  if (outcome.state != State::complete) return outcome;
  return {State::complete, static_cast<std::size_t>(fields.at - buffer.data())};
}

}  // namespace

std::string_view name(HeadLimit limit) {
  switch (limit) {
    case HeadLimit::bytes: return "head_bytes";
    case HeadLimit::fields: return "head_fields";
    case HeadLimit::target: return "target_bytes";
    case HeadLimit::none: break;
  }
  return {};
}

HeadOutcome parse_request_head(std::string_view buffer, const HeadLimits& limits, RequestHead& head) {
  const HeadOutcome outcome = parse_request(buffer, limits, head);
  return within_limit(outcome, outcome.state == State::complete ? outcome.bytes : buffer.size(), limits);
}

HeadOutcome parse_response_head(std::string_view buffer, const HeadLimits& limits, ResponseHead& head) {
  const HeadOutcome outcome = parse_response(buffer, head);
  return within_limit(outcome, outcome.state == State::complete ? outcome.bytes : buffer.size(), limits);
}

}  // namespace sluice::http
