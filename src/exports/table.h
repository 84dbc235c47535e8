// A table that is written row by row, in one of three formats. Amounts keep all their digits in each of them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/money.h"

namespace sluice::exports {

enum class Type : std::uint8_t {
  text,
  json,  // text that is JSON
  integer,
  decimal,
  boolean,
  time,
};

struct Column {
  std::string name;
  Type type = Type::text;
  bool nullable = false;
};

// A decimal number with twelve places, as picodollars have them.
struct Decimal {
  MoneySum pico = 0;
  friend bool operator==(const Decimal&, const Decimal&) = default;
};
// "0.15", "-3", "0": no more digits than it needs.
std::string text_of(Decimal number);

// Microseconds since 1970 UTC.
struct Moment {
  std::int64_t us = 0;
  friend bool operator==(const Moment&, const Moment&) = default;
};
// "2026-04-01T12:30:00Z", with milliseconds or microseconds where there are any.
std::string text_of(Moment moment);

// std::monostate: null. The others are for columns of their type; a string for text and json.
using Cell = std::variant<std::monostate, std::string, std::int64_t, Decimal, bool, Moment>;

enum class Format : std::uint8_t { csv, jsonl, parquet };
std::optional<Format> format_from_name(std::string_view name);  // "csv", "jsonl", "parquet"

class TableWriter {
 public:
  virtual ~TableWriter() = default;
  // As many cells as there are columns, each of its column's type. What goes wrong with `out` shows in its state.
  virtual void row(std::span<const Cell> cells) = 0;
  // Once, after the last row. Without it a Parquet file cannot be read.
  virtual void finish() = 0;
};

// CSV: RFC 4180 with a header; null is an empty field, an empty text is "". A text that a spreadsheet would take for a
// formula has a ' in front (OWASP, CSV injection).
// JSON lines: an object per row; amounts are numbers with all their digits.
// Parquet: version 2.6, not compressed; amounts are DECIMAL(38, 12), times TIMESTAMP(MICROS, UTC).
std::unique_ptr<TableWriter> write_table(Format format, std::vector<Column> columns, std::ostream& out);

}  // namespace sluice::exports
