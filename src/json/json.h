// The one door to simdjson. Document::parse validates everything (UTF-8, depth <= 256, numbers, no trailing bytes), so
// what comes out can be trusted to be JSON. A Value is a borrow of its Document and must not outlive it.
// A number may be larger than what a machine can hold (RFC 8259 sets no bound): it is kept as it was written.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace sluice::json {

enum class Type : std::uint8_t { missing, null, boolean, integer, number, string, array, object };

class Value {
 public:
  Value() = default;  // the missing value: what a look-up of an absent key gives
  Type type() const;
  bool exists() const { return type() != Type::missing; }
  bool is_null() const { return type() == Type::null; }
  bool is_string() const { return type() == Type::string; }
  bool is_array() const { return type() == Type::array; }
  bool is_object() const { return type() == Type::object; }

  // Each is empty when the value has another type.
  std::optional<bool> boolean() const;
  std::optional<std::int64_t> integer() const;  // integers that fit int64 only
  // Integers too. A number that no double holds is the largest one of its sign.
  std::optional<double> number() const;
  std::optional<std::string_view> string() const;

  Value operator[](std::string_view key) const;  // missing for another type or an absent key; the first of duplicates
  Value at(std::size_t index) const;
  std::size_t size() const;  // elements or members; 0 for another type
  std::vector<Value> elements() const;
  std::vector<std::pair<std::string_view, Value>> members() const;
  std::optional<std::string_view> repeated_key() const;  // the first that an object has for the second time

  // The value as compact JSON text: members in their order, integers exact, numbers beyond 64 bits as they were
  // written, strings re-escaped minimally.
  std::string text() const;

 private:
  friend class Document;
  friend struct Access;
  const void* document_ = nullptr;  // simdjson::dom::element, taken apart: its document ...
  std::size_t index_ = 0;           // ... and its place on the tape
};

class Document {
 public:
  // Errors: invalid_request, with the reason, and for a malformed number its byte offset.
  static Result<Document> parse(std::string_view bytes);
  // The same without a copy of the bytes; may move them to make room for what the parser reads behind them.
  static Result<Document> parse_in_place(std::string& bytes);
  Document(Document&&) noexcept;
  Document& operator=(Document&&) noexcept;
  ~Document();
  Value root() const;

 private:
  static Result<Document> parse(const char* bytes, std::size_t size, bool has_room);
  struct Tape;
  explicit Document(std::unique_ptr<Tape> tape);
  std::unique_ptr<Tape> tape_;
};

// Where a value stands in the text of an object or array, without whitespace around it.
struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;
};
// The places of the named top-level members in `bytes`, which must have passed Document::parse. A name that occurs
// twice is refused (invalid_request): two readers could disagree on which one counts.
Result<std::vector<std::optional<Span>>> find_members(std::string_view bytes,
                                                      const std::vector<std::string_view>& names);

// The places of the elements in the text of an array that has passed Document::parse; none of anything else.
std::vector<Span> find_elements(std::string_view bytes);

// Appends JSON text. Commas and quotes are its business; calling it out of order is a programmer's error (assert).
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}
  Writer& begin_object();
  Writer& end_object();
  Writer& begin_array();
  Writer& end_array();
  Writer& key(std::string_view name);
  Writer& string(std::string_view value);  // invalid UTF-8 is replaced by U+FFFD
  Writer& integer(std::int64_t value);
  Writer& number(double value);  // shortest text that reads back the same; NaN and infinities become null
  Writer& boolean(bool value);
  Writer& null();
  Writer& raw(std::string_view json);  // already JSON

  // key and value in one call
  Writer& member(std::string_view name, std::string_view value) { return key(name).string(value); }
  Writer& member(std::string_view name, const char* value) { return key(name).string(value); }
  Writer& member(std::string_view name, std::int64_t value) { return key(name).integer(value); }
  Writer& member(std::string_view name, int value) { return key(name).integer(value); }
  Writer& member(std::string_view name, bool value) { return key(name).boolean(value); }

 private:
  void separate();
  std::string& out_;
  bool comma_ = false;
};

void append_quoted(std::string& out, std::string_view value);

// The text with U+FFFD in place of what is not UTF-8.
std::string as_utf8(std::string_view text);

}  // namespace sluice::json
