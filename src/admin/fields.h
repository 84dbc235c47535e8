// What requests and answers are made of: fields with a type in one small language, from which bodies and queries are
// read and the OpenAPI file is written, so that both say the same.
//
//   string  integer  boolean  number   text (long)   usd ("12.50")   time ("2026-04-01T12:00:00Z", or a day)
//   =one|two      one of these words
//   [string]      a list of them
//   Key  [Key]    a schema of the OpenAPI file, in answers
//   any           any object
//   string?       may be null
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/money.h"
#include "base/result.h"
#include "json/json.h"

namespace sluice::admin {

struct Field {
  const char* name;
  const char* type;
  const char* meaning = "";
  bool required = false;
};

constexpr std::size_t most_string_bytes = 1'024;  // of a field that is no `text`; names are shorter still
constexpr std::size_t most_list_items = 100;

// What was given, checked against its fields. A null is as if it had not been given, for all who do not ask.
class Input {
 public:
  bool has(std::string_view name) const { return values_.contains(name); }
  bool is_null(std::string_view name) const { return nulls_.contains(name); }  // given as null
  std::string text(std::string_view name) const;                               // empty when it was not given
  std::optional<std::int64_t> integer(std::string_view name) const;
  std::optional<bool> flag(std::string_view name) const;
  std::vector<std::string> list(std::string_view name) const;
  std::optional<Money> money(std::string_view name) const;
  std::optional<std::int64_t> time_us(std::string_view name) const;

 private:
  friend Result<Input> read_body(std::string_view, std::span<const Field>);
  friend Result<Input> read_query(std::string_view, std::span<const Field>);
  using Value = std::variant<std::string, std::int64_t, bool, std::vector<std::string>>;
  std::map<std::string, Value, std::less<>> values_;
  std::set<std::string, std::less<>> nulls_;
};

// Errors: invalid_request that names the field: one that is not known, that is missing, or of another type; one that
// stands there twice.
Result<Input> read_body(std::string_view body, std::span<const Field> fields);
Result<Input> read_query(std::string_view query, std::span<const Field> fields);

// "2026-04-01T12:30:00Z", or a day, which is its first moment in UTC.
std::optional<std::int64_t> parse_time(std::string_view text);

// Members that may be null.
void write_text(json::Writer& out, std::string_view name, std::string_view value);  // empty: null
void write_time(json::Writer& out, std::string_view name, const std::optional<std::int64_t>& at_us);
void write_number(json::Writer& out, std::string_view name, const std::optional<std::int64_t>& value);

}  // namespace sluice::admin
