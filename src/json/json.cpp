#include "json/json.h"

#include <simdjson.h>

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cmath>
#include <cstring>

namespace sluice::json {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

constexpr std::size_t max_depth = 256;  // deeper than any schema; bounds every recursion over values
constexpr std::size_t kept_parser_bytes = 4 * 1024 * 1024;  // a parser that grew beyond this is given back

}  // namespace

// --- Document

struct Document::Tape {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
};

namespace {

// Parsers keep their buffers, and allocating them costs more than parsing a small body.
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
    case simdjson::NUMBER_ERROR: return "a number is malformed or too large";
    case simdjson::EMPTY: return "it is empty";
    case simdjson::TAPE_ERROR: return "a comma, colon, quote or bracket is missing or out of place";
    case simdjson::T_ATOM_ERROR:
    case simdjson::F_ATOM_ERROR:
    case simdjson::N_ATOM_ERROR: return "a word is not true, false or null";
    default: return "it is malformed";
  }
}

}  // namespace

Document::Document(std::unique_ptr<Tape> tape) : tape_(std::move(tape)) {}
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&& other) noexcept {
  std::swap(tape_, other.tape_);
  return *this;
}
Document::~Document() {
  if (!tape_ || tape_->parser.capacity() > kept_parser_bytes) return;
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
  simdjson::error_code code = simdjson::SUCCESS;
  if (tape->parser.capacity() < wanted || tape->parser.max_depth() != max_depth)
    code = tape->parser.allocate(wanted, max_depth);
  if (code == simdjson::SUCCESS) code = tape->parser.parse(bytes, size, !has_room).get(tape->root);
  if (code != simdjson::SUCCESS)
    return fail(ErrorKind::invalid_request, std::string("the body is not valid JSON: ") + reason(code),
                "check it with a JSON validator");
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
  for (const element item : array) all.push_back(Access::wrap(item));
  return all;
}

std::vector<std::pair<std::string_view, Value>> Value::members() const {
  std::vector<std::pair<std::string_view, Value>> all;
  simdjson::dom::object object;
  if (!exists() || Access::unwrap(*this).get(object) != simdjson::SUCCESS) return all;
  for (const auto& [key, item] : object) all.emplace_back(key, Access::wrap(item));
  return all;
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
    case Type::number: Writer(out).number(*value.number()); break;
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
  explicit Scanner(std::string_view bytes) : bytes_(bytes) {}

  void blanks() {
    while (at_ < bytes_.size() &&
           (bytes_[at_] == ' ' || bytes_[at_] == '\t' || bytes_[at_] == '\n' || bytes_[at_] == '\r'))
      ++at_;
  }
  char peek() const { return at_ < bytes_.size() ? bytes_[at_] : '\0'; }
  void skip() { ++at_; }
  std::size_t place() const { return at_; }

  // Past the string that begins here.
  void string() {
    const std::size_t begin = ++at_;
    for (;;
         ++at_) {  // to the quote with an even number of backslashes before it; nearly all of a body is inside strings
      at_ = std::min(bytes_.find('"', at_), bytes_.size());
      std::size_t text_end = at_;
      while (text_end > begin && bytes_[text_end - 1] == '\\') --text_end;
      if ((at_ - text_end) % 2 == 0 || at_ == bytes_.size()) break;
    }
    ++at_;
  }
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
  std::size_t at_ = 0;
};

// The key between its quotes, with its escapes resolved if it has any.
std::string key_text(std::string_view quoted) {
  const std::string_view inner = quoted.substr(1, quoted.size() - 2);
  if (inner.find('\\') == std::string_view::npos) return std::string(inner);
  const Result<Document> parsed = Document::parse(quoted);
  return parsed ? std::string(parsed->root().string().value_or("")) : std::string();
}

}  // namespace

Result<std::vector<std::optional<Span>>> find_members(std::string_view bytes,
                                                      const std::vector<std::string_view>& names) {
  std::vector<std::optional<Span>> found(names.size());
  Scanner scan(bytes);
  scan.blanks();
  if (scan.peek() != '{') return found;
  scan.skip();
  for (;;) {
    scan.blanks();
    if (scan.peek() != '"') return found;  // the object's end
    const std::size_t key_begin = scan.place();
    scan.string();
    const std::string key = key_text(bytes.substr(key_begin, scan.place() - key_begin));
    scan.blanks();
    scan.skip();  // the colon
    scan.blanks();
    const std::size_t begin = scan.place();
    scan.value();
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (names[i] != key) continue;
      if (found[i])
        return std::unexpected(Error{.kind = ErrorKind::invalid_request,
                                     .message = "the member '" + key + "' is given twice",
                                     .hint = "give it once",
                                     .param = key});
      found[i] = Span{begin, scan.place()};
    }
    scan.blanks();
    if (scan.peek() != ',') return found;
    scan.skip();
  }
}

// --- Writer

namespace {

template <class Word>
Word load(const char* at) {
  Word word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

// Printable ASCII without a quote or a backslash, as nearly all names are: nothing to validate or to escape. Eight
// bytes at a time: the highest bit of a byte is left when it is not ASCII, below a blank, a quote or a backslash.
bool is_plain(std::string_view value) {
  constexpr std::uint64_t ones = 0x0101010101010101U;
  const auto special = [](std::uint64_t bytes) {
    const std::uint64_t quote = bytes ^ (ones * '"');
    const std::uint64_t backslash = bytes ^ (ones * '\\');
    return ((bytes | (bytes - ones * 0x20) | (quote - ones) | (backslash - ones)) & (ones << 7)) != 0;
  };
  const char* const end = value.data() + value.size();
  if (value.size() >= 8) {
    for (const char* at = value.data(); end - at > 8; at += 8)
      if (special(load<std::uint64_t>(at))) return false;
    return !special(load<std::uint64_t>(end - 8));
  }
  if (value.size() >= 4)
    return !special(load<std::uint32_t>(value.data()) | std::uint64_t{load<std::uint32_t>(end - 4)} << 32);
  for (const char c : value)
    if (special(ones * static_cast<unsigned char>(c))) return false;
  return true;
}

// The place of `bytes` more, which the caller writes.
char* grow(std::string& out, std::size_t bytes) {
  const std::size_t size = out.size();
  // libstdc++ 12 hands the capacity to the function instead of the size, so the size comes from here.
  out.resize_and_overwrite(size + bytes, [=](char*, std::size_t) { return size + bytes; });
  return out.data() + size;
}

char* write_plain(char* at, std::string_view value) {
  *at++ = '"';
  std::memcpy(at, value.data(), value.size());
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

void append_quoted(std::string& out, std::string_view value) {
  static constexpr char hex[] = "0123456789abcdef";
  if (is_plain(value)) {
    write_plain(grow(out, value.size() + 2), value);
    return;
  }
  if (!simdjson::validate_utf8(value.data(), value.size())) return append_quoted(out, repaired(value));
  out.push_back('"');
  std::size_t plain = 0;  // from here on nothing has needed an escape
  for (std::size_t i = 0; i < value.size(); ++i) {
    const auto c = static_cast<unsigned char>(value[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(value, plain, i - plain);
    plain = i + 1;
    switch (c) {
      case '"': out.append("\\\""); break;
      case '\\': out.append("\\\\"); break;
      case '\n': out.append("\\n"); break;
      case '\r': out.append("\\r"); break;
      case '\t': out.append("\\t"); break;
      default: out.append("\\u00").append({hex[c >> 4], hex[c & 15]});
    }
  }
  out.append(value, plain);
  out.push_back('"');
}

}  // namespace sluice::json
