#include "json/json.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <unordered_set>

#include "json/plain.h"
#include "json/quotes.h"

namespace sluice::json {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

constexpr std::size_t max_depth = 256;               // deeper than any schema; bounds every recursion over values
constexpr std::size_t kept_bytes = 4 * 1024 * 1024;  // a parser or document that grew beyond this is given back

}  // namespace

// --- Document

namespace {

// A number that simdjson cannot hold, and its place on the tape.
struct LargeNumber {
  std::size_t tape_index = 0;
  std::string text;
};

// What every element points to, with what stands beside the tape.
struct Numbered : simdjson::dom::document {
  std::vector<LargeNumber> large;  // by place; nearly always empty
};

}  // namespace

struct Document::Tape {
  Numbered document;
  simdjson::dom::element root;

  // `has_room`: the parser may read SIMDJSON_PADDING bytes behind the text.
  simdjson::error_code parse(simdjson::dom::parser& parser, const char* bytes, std::size_t size, bool has_room) {
    return parser.parse_into_document(document, bytes, size, !has_room).get(root);
  }
};

namespace {

// A parser is needed while it parses and never longer, so that a thread has one. It keeps its buffers: allocating them
// costs more than parsing a small body, and they are twice what the document takes.
simdjson::dom::parser& parser_of_this_thread() {
  thread_local simdjson::dom::parser parser;
  return parser;
}

// Likewise the documents of requests that have ended.
class SpareTapes {
 public:
  static constexpr std::size_t max_spare = 8;  // requests that one thread has in its hands at the same time, mostly
  template <class Tape>
  static std::vector<std::unique_ptr<Tape>>& of_this_thread() {
    thread_local std::vector<std::unique_ptr<Tape>> spare;
    return spare;
  }
};

const char* reason(simdjson::error_code code) {
  switch (code) {
    case simdjson::DEPTH_ERROR: return "it is nested deeper than 256 levels";
    case simdjson::UTF8_ERROR: return "it is not UTF-8";
    case simdjson::UNCLOSED_STRING: return "a string has no end";
    case simdjson::UNESCAPED_CHARS: return "a string has a control character that is not escaped";
    case simdjson::STRING_ERROR: return "a string has an invalid escape";
    case simdjson::NUMBER_ERROR: return "a number is malformed";
    case simdjson::EMPTY: return "it is empty";
    case simdjson::TAPE_ERROR: return "a comma, colon, quote or bracket is missing or out of place";
    case simdjson::T_ATOM_ERROR:
    case simdjson::F_ATOM_ERROR:
    case simdjson::N_ATOM_ERROR: return "a word is not true, false or null";
    default: return "it is malformed";
  }
}

// The length of the number at the front (RFC 8259, section 6); 0 when there is none that ends where it should.
std::size_t number_bytes(std::string_view text) {
  std::size_t at = text.starts_with('-') ? 1 : 0;
  const auto digits = [&] {
    const std::size_t begin = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    return at - begin;
  };
  const std::size_t first = at;
  const std::size_t whole = digits();
  if (whole == 0 || (whole > 1 && text[first] == '0')) return 0;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (digits() == 0) return 0;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (digits() == 0) return 0;
  }
  return at == text.size() || std::strchr(",]} \t\r\n", text[at]) ? at : 0;
}

bool fits_64_bits(std::string_view integer) {
  std::int64_t with_sign = 0;
  std::uint64_t without = 0;
  const char* const end = integer.data() + integer.size();
  return std::from_chars(integer.data(), end, with_sign).ec == std::errc() ||
         (integer.front() != '-' && std::from_chars(integer.data(), end, without).ec == std::errc());
}

// A text with the numbers that simdjson refuses replaced by the nearest that it takes, and what stood there. Only for
// texts that it has refused because of a number: it reads every byte a second time.
class NumberScan {
 public:
  explicit NumberScan(std::string_view bytes) : bytes_(bytes) {
    std::size_t copied = 0;
    for (std::size_t at = 0; at < bytes.size();) {
      const char c = bytes[at];
      if (c == '"') {
        at = past_string(at);
      } else if (c == '-' || (c >= '0' && c <= '9')) {
        const std::size_t length = number_bytes(bytes.substr(at));
        if (length == 0) {
          malformed_ = at;
          return;
        }
        if (auto nearest = replacement(bytes.substr(at, length))) {
          large_.push_back({count_, std::string(bytes.substr(at, length))});
          text_.append(bytes, copied, at - copied).append(*nearest);
          copied = at + length;
        }
        ++count_;
        at += length;
      } else {
        ++at;
      }
    }
    text_.append(bytes, copied);
  }

  std::optional<std::size_t> malformed() const { return malformed_; }  // where the first malformed number begins
  std::string_view text() const { return text_; }

  // The replaced numbers, with their places on the tape of text().
  std::vector<LargeNumber> on_tape(const simdjson::dom::document& document, std::size_t tape_size) && {
    std::size_t number = 0;
    auto next = large_.begin();
    for (std::size_t at = 0; at < tape_size && next != large_.end(); ++at) {
      const auto type = static_cast<char>(document.tape[at] >> 56);
      if (type != 'l' && type != 'u' && type != 'd') continue;
      if (number++ == next->tape_index) (next++)->tape_index = at;
      ++at;  // the number itself
    }
    return std::move(large_);
  }

 private:
  std::size_t past_string(std::size_t at) const {
    for (++at; at < bytes_.size() && bytes_[at] != '"'; ++at)
      if (bytes_[at] == '\\') ++at;
    return at + 1;
  }

  // Empty when simdjson holds the number itself.
  static std::optional<std::string> replacement(std::string_view number) {
    const bool integer = number.find_first_of(".eE") == std::string_view::npos;
    if (integer && fits_64_bits(number)) return std::nullopt;
    std::string text(number);
    if (!std::isfinite(std::strtod(text.c_str(), nullptr)))
      return std::string(number.starts_with('-') ? "-" : "") + "1.7976931348623157e308";
    return integer ? std::optional(text + ".0") : std::nullopt;
  }

  std::string_view bytes_;
  std::string text_;
  std::vector<LargeNumber> large_;  // until on_tape(): the how-manieth number of the text
  std::size_t count_ = 0;
  std::optional<std::size_t> malformed_;
};

}  // namespace

Document::Document(std::unique_ptr<Tape> tape) : tape_(std::move(tape)) {}
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&& other) noexcept {
  std::swap(tape_, other.tape_);
  return *this;
}
Document::~Document() {
  if (!tape_ || tape_->document.capacity() > kept_bytes) return;
  tape_->document.large = std::vector<LargeNumber>();
  auto& spare = SpareTapes::of_this_thread<Tape>();
  if (spare.size() < SpareTapes::max_spare) spare.push_back(std::move(tape_));
}

Result<Document> Document::parse(std::string_view bytes) { return parse(bytes.data(), bytes.size(), false); }

Result<Document> Document::parse_in_place(std::string& bytes) {
  bytes.reserve(bytes.size() + simdjson::SIMDJSON_PADDING);
  return parse(bytes.data(), bytes.size(), true);
}

Result<Document> Document::parse(const char* bytes, std::size_t size, bool has_room) {
  auto& spare = SpareTapes::of_this_thread<Tape>();
  std::unique_ptr<Tape> tape;
  if (spare.empty()) {
    tape = std::make_unique<Tape>();
  } else {
    tape = std::move(spare.back());
    spare.pop_back();
  }
  const std::size_t wanted = std::max<std::size_t>(size, 4096);
  simdjson::dom::parser& parser = parser_of_this_thread();
  simdjson::error_code code = simdjson::SUCCESS;
  if (parser.capacity() < wanted || parser.max_depth() != max_depth) code = parser.allocate(wanted, max_depth);
  if (code == simdjson::SUCCESS) code = tape->parse(parser, bytes, size, has_room);
  std::string place;
  if (code == simdjson::NUMBER_ERROR) {
    NumberScan scan({bytes, size});
    if (scan.malformed()) {
      place = " at byte " + std::to_string(*scan.malformed());
    } else if (code = tape->parse(parser, scan.text().data(), scan.text().size(), false); code == simdjson::SUCCESS) {
      // The tape's first word has its size in its lower 56 bits.
      const std::size_t tape_size = tape->document.tape[0] & 0x00ffffffffffffff;
      tape->document.large = std::move(scan).on_tape(tape->document, tape_size);
    }
  }
  if (parser.capacity() > kept_bytes) parser = simdjson::dom::parser();
  if (code != simdjson::SUCCESS)
    return std::unexpected(Error{.kind = ErrorKind::invalid_request,
                                 .message = std::string("the body is not valid JSON: ") + reason(code) + place,
                                 .hint = "check it with a JSON validator",
                                 .code = code == simdjson::DEPTH_ERROR ? "json_depth" : ""});
  return Document(std::move(tape));
}

// --- Value: a simdjson element, taken apart into its two words so that this header needs no simdjson

static_assert(sizeof(element) == 2 * sizeof(void*) && std::is_trivially_copyable_v<element>);

struct Access {
  static Value wrap(const element& from) {
    Value value;
    std::memcpy(static_cast<void*>(&value.document_), &from, sizeof from);
    return value;
  }
  static element unwrap(const Value& value) {
    element to;
    std::memcpy(static_cast<void*>(&to), &value.document_, sizeof to);
    return to;
  }
  // What was written where a number stands that simdjson cannot hold; null for all others.
  static const std::string* large_number(const Value& value) {
    const auto* document = static_cast<const simdjson::dom::document*>(value.document_);
    const std::vector<LargeNumber>& large = static_cast<const Numbered*>(document)->large;
    const auto found = std::ranges::lower_bound(large, value.index_, {}, &LargeNumber::tape_index);
    return found == large.end() || found->tape_index != value.index_ ? nullptr : &found->text;
  }
};
static_assert(sizeof(Value) == sizeof(element) && std::is_standard_layout_v<Value>);

Value Document::root() const { return Access::wrap(tape_->root); }

Type Value::type() const {
  if (!document_) return Type::missing;
  switch (Access::unwrap(*this).type()) {
    case element_type::ARRAY: return Type::array;
    case element_type::OBJECT: return Type::object;
    case element_type::INT64:
    case element_type::UINT64: return Type::integer;
    case element_type::DOUBLE: return Type::number;
    case element_type::STRING: return Type::string;
    case element_type::BOOL: return Type::boolean;
    case element_type::NULL_VALUE: return Type::null;
  }
  return Type::missing;
}

namespace {
template <class T>
std::optional<T> get(const Value& value) {
  T result;
  if (!value.exists() || Access::unwrap(value).get(result) != simdjson::SUCCESS) return std::nullopt;
  return result;
}
}  // namespace

std::optional<bool> Value::boolean() const { return get<bool>(*this); }
std::optional<std::int64_t> Value::integer() const {
  return type() == Type::integer ? get<std::int64_t>(*this) : std::nullopt;
}
std::optional<double> Value::number() const {
  return type() == Type::integer || type() == Type::number ? get<double>(*this) : std::nullopt;
}
std::optional<std::string_view> Value::string() const { return get<std::string_view>(*this); }

Value Value::operator[](std::string_view key) const {
  simdjson::dom::object object;
  if (!exists() || Access::unwrap(*this).get(object) != simdjson::SUCCESS) return {};
  element found;
  return object.at_key(key).get(found) == simdjson::SUCCESS ? Access::wrap(found) : Value();
}

Value Value::at(std::size_t index) const {
  simdjson::dom::array array;
  if (!exists() || Access::unwrap(*this).get(array) != simdjson::SUCCESS) return {};
  element found;
  return array.at(index).get(found) == simdjson::SUCCESS ? Access::wrap(found) : Value();
}

std::size_t Value::size() const {
  // simdjson's own size() saturates at 2^24; counting does not, and no caller needs it often.
  return is_array() ? elements().size() : is_object() ? members().size() : 0;
}

std::vector<Value> Value::elements() const {
  std::vector<Value> all;
  simdjson::dom::array array;
  if (!exists() || Access::unwrap(*this).get(array) != simdjson::SUCCESS) return all;
  all.reserve(array.size());
  for (const element item : array) all.push_back(Access::wrap(item));
  return all;
}

std::vector<std::pair<std::string_view, Value>> Value::members() const {
  std::vector<std::pair<std::string_view, Value>> all;
  simdjson::dom::object object;
  if (!exists() || Access::unwrap(*this).get(object) != simdjson::SUCCESS) return all;
  all.reserve(object.size());
  for (const auto& [key, item] : object) all.emplace_back(key, Access::wrap(item));
  return all;
}

std::optional<std::string_view> Value::repeated_key() const {
  simdjson::dom::object object;
  if (!exists() || Access::unwrap(*this).get(object) != simdjson::SUCCESS) return std::nullopt;
  std::array<std::string_view, 16> few;  // most objects have no more, and need no table
  std::unordered_set<std::string_view> many;
  std::size_t count = 0;
  for (const auto& [key, item] : object) {
    if (count < few.size()) {
      const auto end = few.begin() + static_cast<std::ptrdiff_t>(count);
      if (std::find(few.begin(), end, key) != end) return key;
      few[count++] = key;
      continue;
    }
    if (many.empty()) many.insert(few.begin(), few.end());
    if (!many.insert(key).second) return key;
  }
  return std::nullopt;
}

namespace {

void append_text(std::string& out, const Value& value) {
  switch (value.type()) {
    case Type::missing:
    case Type::null: out.append("null"); break;
    case Type::boolean: out.append(*value.boolean() ? "true" : "false"); break;
    case Type::string: append_quoted(out, *value.string()); break;
    case Type::integer: {
      char digits[24];
      const element number = Access::unwrap(value);
      const auto end = number.is<std::int64_t>()
                           ? std::to_chars(digits, digits + sizeof digits, number.get_int64().value_unsafe()).ptr
                           : std::to_chars(digits, digits + sizeof digits, number.get_uint64().value_unsafe()).ptr;
      out.append(digits, static_cast<std::size_t>(end - digits));
      break;
    }
    case Type::number:
      if (const std::string* written = Access::large_number(value))
        out.append(*written);
      else
        Writer(out).number(*value.number());
      break;
    case Type::array: {
      char separator = '[';
      for (const Value& item : value.elements()) {
        out.push_back(std::exchange(separator, ','));
        append_text(out, item);
      }
      if (separator == '[') out.push_back('[');
      out.push_back(']');
      break;
    }
    case Type::object: {
      char separator = '{';
      for (const auto& [key, item] : value.members()) {
        out.push_back(std::exchange(separator, ','));
        append_quoted(out, key);
        out.push_back(':');
        append_text(out, item);
      }
      if (separator == '{') out.push_back('{');
      out.push_back('}');
      break;
    }
  }
}

}  // namespace

std::string Value::text() const {
  std::string out;
  append_text(out, *this);
  return out;
}

// --- places in the text

namespace {

class Scanner {
 public:
  explicit Scanner(std::string_view bytes) : bytes_(bytes), quotes_(bytes) {}

  void blanks() {
    while (at_ < bytes_.size() &&
           (bytes_[at_] == ' ' || bytes_[at_] == '\t' || bytes_[at_] == '\n' || bytes_[at_] == '\r'))
      ++at_;
  }
  char peek() const { return at_ < bytes_.size() ? bytes_[at_] : '\0'; }
  void skip() { ++at_; }
  std::size_t place() const { return at_; }

  // Past the string that begins here.
  void string() { at_ = quotes_.closing(at_ + 1) + 1; }
  // Past the value that begins here.
  void value() {
    std::size_t depth = 0;
    do {
      switch (peek()) {
        case '"': string(); break;
        case '{':
        case '[':
          ++depth;
          ++at_;
          break;
        case '}':
        case ']':
          --depth;
          ++at_;
          break;
        default:
          if (depth > 0) {
            ++at_;
          } else {
            while (at_ < bytes_.size() && !std::strchr(",}] \t\r\n", bytes_[at_])) ++at_;
          }
      }
    } while (depth > 0 && at_ < bytes_.size());
  }

 private:
  std::string_view bytes_;
  Quotes quotes_;
  std::size_t at_ = 0;
};

// The key between its quotes; with its escapes resolved, if it has any, in `resolved`.
std::string_view key_text(std::string_view quoted, std::string& resolved) {
  const std::string_view inner = quoted.substr(1, quoted.size() - 2);
  if (inner.find('\\') == std::string_view::npos) return inner;
  const Result<Document> parsed = Document::parse(quoted);
  resolved = parsed ? parsed->root().string().value_or("") : std::string_view();
  return resolved;
}

}  // namespace

Result<std::vector<std::optional<Span>>> find_members(std::string_view bytes,
                                                      const std::vector<std::string_view>& names) {
  std::vector<std::optional<Span>> found(names.size());
  std::string resolved;
  Scanner scan(bytes);
  scan.blanks();
  if (scan.peek() != '{') return found;
  scan.skip();
  for (;;) {
    scan.blanks();
    if (scan.peek() != '"') return found;  // the object's end
    const std::size_t key_begin = scan.place();
    scan.string();
    const std::string_view key = key_text(bytes.substr(key_begin, scan.place() - key_begin), resolved);
    scan.blanks();
    scan.skip();  // the colon
    scan.blanks();
    const std::size_t begin = scan.place();
    scan.value();
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (names[i] != key) continue;
      if (found[i])
        return std::unexpected(Error{.kind = ErrorKind::invalid_request,
                                     .message = "the member '" + std::string(key) + "' is given twice",
                                     .hint = "give it once",
                                     .param = std::string(key)});
      found[i] = Span{begin, scan.place()};
    }
    scan.blanks();
    if (scan.peek() != ',') return found;
    scan.skip();
  }
}

std::vector<Span> find_elements(std::string_view bytes) {
  std::vector<Span> found;
  Scanner scan(bytes);
  scan.blanks();
  if (scan.peek() != '[') return found;
  do {
    scan.skip();  // the bracket or a comma
    scan.blanks();
    if (scan.peek() == ']') return found;
    const std::size_t begin = scan.place();
    scan.value();
    found.push_back({begin, scan.place()});
    scan.blanks();
  } while (scan.peek() == ',');
  return found;
}

// --- Writer

namespace {

template <class Word>
Word load(const char* at) {
  Word word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

// Sixteen bytes at once, by the compilers' vector extension: a comparison gives 0xFF where it holds.
using Bytes = std::uint8_t __attribute__((vector_size(16)));
using Signed = std::int8_t __attribute__((vector_size(16)));
using Halves = std::uint64_t __attribute__((vector_size(16)));

Halves escapes(Bytes bytes) { return reinterpret_cast<Halves>((bytes < 0x20) | (bytes == '"') | (bytes == '\\')); }
bool must_escape(char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; }

}  // namespace

bool is_plain(std::string_view value) {
  const auto is_special = [](Bytes bytes) {  // what is not ASCII is negative as a signed byte
    const Halves found = escapes(bytes) | reinterpret_cast<Halves>(reinterpret_cast<Signed>(bytes) < 0);
    return (found[0] | found[1]) != 0;
  };
  const char* const begin = value.data();
  const char* const end = begin + value.size();
  if (value.size() >= sizeof(Bytes)) {
    for (const char* at = begin; end - at > static_cast<std::ptrdiff_t>(sizeof(Bytes)); at += sizeof(Bytes))
      if (is_special(load<Bytes>(at))) return false;
    return !is_special(load<Bytes>(end - sizeof(Bytes)));
  }
  // Front and back of a short one, overlapping; names are short.
  if (value.size() >= 8)
    return !is_special(reinterpret_cast<Bytes>(Halves{load<std::uint64_t>(begin), load<std::uint64_t>(end - 8)}));
  if (value.size() >= 4)
    return !is_special(reinterpret_cast<Bytes>(
        Halves{load<std::uint32_t>(begin) | std::uint64_t{load<std::uint32_t>(end - 4)} << 32, 0x2020202020202020U}));
  return std::ranges::none_of(value, [](char c) { return c < 0 || must_escape(c); });
}

namespace {

// The place of `bytes` more, which the caller writes.
char* grow(std::string& out, std::size_t bytes) {
  const std::size_t size = out.size();
  // libstdc++ 12 hands the capacity to the function instead of the size, so the size comes from here.
  out.resize_and_overwrite(size + bytes, [=](char*, std::size_t) { return size + bytes; });
  return out.data() + size;
}

char* write_plain(char* at, std::string_view value) {
  *at++ = '"';
  if (!value.empty()) std::memcpy(at, value.data(), value.size());  // an empty one may have no data
  at += value.size();
  *at++ = '"';
  return at;
}

}  // namespace

void Writer::separate() {
  if (comma_) out_.push_back(',');
  comma_ = true;
}
Writer& Writer::begin_object() {
  separate();
  out_.push_back('{');
  comma_ = false;
  return *this;
}
Writer& Writer::end_object() {
  out_.push_back('}');
  comma_ = true;
  return *this;
}
Writer& Writer::begin_array() {
  separate();
  out_.push_back('[');
  comma_ = false;
  return *this;
}
Writer& Writer::end_array() {
  out_.push_back(']');
  comma_ = true;
  return *this;
}
Writer& Writer::key(std::string_view name) {
  if (is_plain(name)) {
    char* at = grow(out_, name.size() + 3 + (comma_ ? 1 : 0));
    if (comma_) *at++ = ',';
    *write_plain(at, name) = ':';
  } else {
    separate();
    append_quoted(out_, name);
    out_.push_back(':');
  }
  comma_ = false;
  return *this;
}
Writer& Writer::string(std::string_view value) {
  separate();
  append_quoted(out_, value);
  return *this;
}
Writer& Writer::integer(std::int64_t value) {
  separate();
  char digits[24];
  out_.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  return *this;
}
Writer& Writer::number(double value) {
  separate();
  if (!std::isfinite(value)) {
    out_.append("null");
    return *this;
  }
  char digits[32];
  const std::string_view text(
      digits, static_cast<std::size_t>(std::to_chars(digits, digits + sizeof digits, value).ptr - digits));
  out_.append(text);
  // Without a point it would be read as an integer, and one of this size does not fit 64 bits.
  if (std::abs(value) >= 1e18 && text.find_first_of(".e") == std::string_view::npos) out_.append(".0");
  return *this;
}
Writer& Writer::boolean(bool value) {
  separate();
  out_.append(value ? "true" : "false");
  return *this;
}
Writer& Writer::null() {
  separate();
  out_.append("null");
  return *this;
}
Writer& Writer::raw(std::string_view json) {
  separate();
  out_.append(json);
  return *this;
}

namespace {

// The length of the well-formed UTF-8 sequence at the front (Unicode, table 3-7); 0 when there is none.
std::size_t sequence_bytes(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto tail = [&](std::size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return tail(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const bool second = first == 0xE0   ? byte(1) >= 0xA0 && byte(1) <= 0xBF
                        : first == 0xED ? byte(1) >= 0x80 && byte(1) <= 0x9F
                                        : tail(1);
    return second && tail(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const bool second = first == 0xF0   ? byte(1) >= 0x90 && byte(1) <= 0xBF
                        : first == 0xF4 ? byte(1) >= 0x80 && byte(1) <= 0x8F
                                        : tail(1);
    return second && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

// The place of the first byte at or behind `from` that a JSON string must escape; the size when there is none.
std::size_t find_escape(std::string_view text, std::size_t from) {
  static_assert(std::endian::native == std::endian::little, "the first byte is the lowest");
  for (; text.size() - from >= sizeof(Bytes); from += sizeof(Bytes)) {
    const Halves found = escapes(load<Bytes>(text.data() + from));
    if (found[0]) return from + static_cast<std::size_t>(std::countr_zero(found[0])) / 8;
    if (found[1]) return from + 8 + static_cast<std::size_t>(std::countr_zero(found[1])) / 8;
  }
  while (from < text.size() && !must_escape(text[from])) ++from;
  return from;
}

// What stands behind the backslash; 0 for a control without a short form.
char short_escape(char c) {
  switch (c) {
    case '"':
    case '\\': return c;
    case '\n': return 'n';
    case '\r': return 'r';
    case '\t': return 't';
    default: return 0;
  }
}

char* write_escape(char* at, char c) {
  static constexpr char hex[] = "0123456789abcdef";
  *at++ = '\\';
  if (const char letter = short_escape(c)) {
    *at++ = letter;
    return at;
  }
  const auto code = static_cast<unsigned char>(c);
  return std::ranges::copy(std::array{'u', '0', '0', hex[code >> 4], hex[code & 15]}, at).out;
}

std::string repaired(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t bytes = sequence_bytes(text);
    if (bytes == 0)
      out.append("\xEF\xBF\xBD");
    else
      out.append(text, 0, bytes);
    text.remove_prefix(std::max<std::size_t>(bytes, 1));
  }
  return out;
}

}  // namespace

std::string as_utf8(std::string_view text) {
  return simdjson::validate_utf8(text.data(), text.size()) ? std::string(text) : repaired(text);
}

void append_quoted(std::string& out, std::string_view value) {
  if (is_plain(value)) {
    write_plain(grow(out, value.size() + 2), value);
    return;
  }
  if (!simdjson::validate_utf8(value.data(), value.size())) return append_quoted(out, repaired(value));
  std::size_t bytes = value.size() + 2;
  for (std::size_t i = find_escape(value, 0); i < value.size(); i = find_escape(value, i + 1))
    bytes += short_escape(value[i]) ? 1 : 5;
  char* at = grow(out, bytes);
  *at++ = '"';
  for (std::size_t plain = 0;;) {  // from here on nothing has needed an escape
    const std::size_t i = find_escape(value, plain);
    at = std::ranges::copy(value.substr(plain, i - plain), at).out;
    if (i == value.size()) break;
    at = write_escape(at, value[i]);
    plain = i + 1;
  }
  *at = '"';
}

}  // namespace sluice::json
