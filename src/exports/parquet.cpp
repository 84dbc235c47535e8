#include "exports/parquet.h"

#include <cassert>
#include <cstring>

namespace sluice::exports {
namespace {

constexpr std::string_view magic = "PAR1";

// Thrift's compact protocol, written only.
class Compact {
 public:
  explicit Compact(std::string& out) : out_(out) {}

  void begin_struct() {
    before_.push_back(last_);
    last_ = 0;
  }
  void end_struct() {
    out_.push_back('\0');
    last_ = before_.back();
    before_.pop_back();
  }
  void i32(int id, std::int32_t value) {
    field(id, 5);
    zigzag(value);
  }
  void i64(int id, std::int64_t value) {
    field(id, 6);
    zigzag(value);
  }
  void text(int id, std::string_view value) {
    field(id, 8);
    bytes(value);
  }
  void struct_field(int id) { field(id, 12); }
  void list(int id, std::size_t size, int element) {
    field(id, 9);
    if (size < 15) {
      byte(static_cast<int>(size << 4) | element);
    } else {
      byte(0xf0 | element);
      varint(size);
    }
  }
  void bytes(std::string_view value) {
    varint(value.size());
    out_.append(value);
  }
  void zigzag(std::int64_t value) {
    varint((static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
  }
  static constexpr int of_i32 = 5;
  static constexpr int of_text = 8;
  static constexpr int of_struct = 12;

 private:
  void byte(int value) { out_.push_back(static_cast<char>(value)); }
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) byte(static_cast<int>(value & 0x7f) | 0x80);
    byte(static_cast<int>(value));
  }
  void field(int id, int type) {
    assert(id > last_ && id - last_ < 16);
    byte((id - last_) << 4 | type);
    last_ = id;
  }
  std::string& out_;
  std::vector<int> before_;
  int last_ = 0;
};

// Numbers of parquet.thrift.
enum Physical : std::int32_t { boolean = 0, int64 = 2, byte_array = 6, fixed_bytes = 7 };
enum Converted : std::int32_t { none = -1, utf8 = 0, decimal = 5, timestamp_micros = 10 };
constexpr std::int32_t required = 0;
constexpr std::int32_t optional = 1;
constexpr std::int32_t plain = 0;
constexpr std::int32_t run_length = 3;
constexpr std::int32_t uncompressed = 0;
constexpr std::int32_t data_page = 0;
constexpr int decimal_bytes = 16;
constexpr int decimal_precision = 38;
constexpr int decimal_scale = 12;

Physical physical(Type type) {
  switch (type) {
    case Type::text:
    case Type::json: return byte_array;
    case Type::integer:
    case Type::time: return int64;
    case Type::decimal: return fixed_bytes;
    case Type::boolean: return boolean;
  }
  return byte_array;
}

Converted converted(Type type) {
  switch (type) {
    case Type::text:
    case Type::json: return utf8;
    case Type::time: return timestamp_micros;
    case Type::decimal: return decimal;
    case Type::integer:
    case Type::boolean: return none;
  }
  return none;
}

void append_little(std::string& out, std::uint64_t value, int size) {
  for (int i = 0; i < size; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

void append_big(std::string& out, MoneySum value) {
  for (int i = decimal_bytes - 1; i >= 0; --i)
    out.push_back(static_cast<char>(static_cast<unsigned __int128>(value) >> (8 * i)));
}

// What one column of the row group has so far.
struct Chunk {
  std::string values;
  std::vector<bool> present;  // of nullable columns
  std::size_t booleans = 0;   // packed into `values`, eight to a byte

  void add_boolean(bool value) {
    if (booleans % 8 == 0) values.push_back('\0');
    if (value) values.back() = static_cast<char>(values.back() | 1 << (booleans % 8));
    ++booleans;
  }
};

// Which rows have a value: runs of the hybrid encoding with one bit a level, its length in front.
std::string levels(const std::vector<bool>& present) {
  std::string runs;
  for (std::size_t at = 0; at < present.size();) {
    std::size_t end = at;
    while (end < present.size() && present[end] == present[at]) ++end;
    std::uint64_t header = (end - at) << 1;
    for (; header >= 0x80; header >>= 7) runs.push_back(static_cast<char>((header & 0x7f) | 0x80));
    runs.push_back(static_cast<char>(header));
    runs.push_back(present[at] ? '\1' : '\0');
    at = end;
  }
  std::string out;
  append_little(out, runs.size(), 4);
  return out + runs;
}

class ParquetWriter final : public TableWriter {
 public:
  ParquetWriter(std::vector<Column> columns, std::ostream& out) : columns_(std::move(columns)), out_(out) {
    chunks_.resize(columns_.size());
    write(magic);
  }

  void row(std::span<const Cell> cells) override {
    assert(cells.size() == columns_.size());
    for (std::size_t i = 0; i < cells.size(); ++i) add(columns_[i], chunks_[i], cells[i]);
    ++group_rows_;
    if (group_rows_ == max_group_rows || group_bytes_ >= max_group_bytes) end_group();
  }

  void finish() override {
    if (group_rows_ > 0) end_group();
    std::string footer;
    Compact to(footer);
    to.begin_struct();
    to.i32(1, 2);
    to.list(2, columns_.size() + 1, Compact::of_struct);
    to.begin_struct();
    to.text(4, "ledger");
    to.i32(5, static_cast<std::int32_t>(columns_.size()));
    to.end_struct();
    for (const Column& column : columns_) write_schema(to, column);
    to.i64(3, rows_);
    to.list(4, groups_.size(), Compact::of_struct);
    for (const Group& group : groups_) write_group(to, group);
    to.text(6, "sluice");
    to.end_struct();
    write(footer);
    std::string end;
    append_little(end, footer.size(), 4);
    write(end + std::string(magic));
  }

 private:
  struct Place {
    std::int64_t offset = 0;
    std::int64_t bytes = 0;
  };
  struct Group {
    std::int64_t rows = 0;
    std::vector<Place> columns;
  };

  void write(std::string_view bytes) {
    out_.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    position_ += static_cast<std::int64_t>(bytes.size());
  }

  void add(const Column& column, Chunk& chunk, const Cell& cell) {
    const std::size_t before = chunk.values.size();
    const bool present = !std::holds_alternative<std::monostate>(cell);
    if (column.nullable) chunk.present.push_back(present);
    if (!present && column.nullable) return;
    switch (column.type) {
      case Type::text:
      case Type::json: {
        static const std::string nothing;
        const auto* text = std::get_if<std::string>(&cell);
        const std::string& value = text ? *text : nothing;
        append_little(chunk.values, value.size(), 4);
        chunk.values += value;
        break;
      }
      case Type::integer: append_little(chunk.values, number(cell), 8); break;
      case Type::time: {
        const auto* moment = std::get_if<Moment>(&cell);
        append_little(chunk.values, static_cast<std::uint64_t>(moment ? moment->us : 0), 8);
        break;
      }
      case Type::decimal: {
        const auto* amount = std::get_if<Decimal>(&cell);
        append_big(chunk.values, amount ? amount->pico : 0);
        break;
      }
      case Type::boolean: {
        const auto* flag = std::get_if<bool>(&cell);
        chunk.add_boolean(flag && *flag);
        break;
      }
    }
    group_bytes_ += chunk.values.size() - before;
  }

  static std::uint64_t number(const Cell& cell) {
    const auto* value = std::get_if<std::int64_t>(&cell);
    return static_cast<std::uint64_t>(value ? *value : 0);
  }

  // One page a column.
  void end_group() {
    Group group{.rows = static_cast<std::int64_t>(group_rows_), .columns = {}};
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      Chunk& chunk = chunks_[i];
      const std::string page = (columns_[i].nullable ? levels(chunk.present) : std::string()) + chunk.values;
      std::string header;
      Compact to(header);
      to.begin_struct();
      to.i32(1, data_page);
      to.i32(2, static_cast<std::int32_t>(page.size()));
      to.i32(3, static_cast<std::int32_t>(page.size()));
      to.struct_field(5);
      to.begin_struct();
      to.i32(1, static_cast<std::int32_t>(group_rows_));
      to.i32(2, plain);
      to.i32(3, run_length);
      to.i32(4, run_length);
      to.end_struct();
      to.end_struct();
      group.columns.push_back({position_, static_cast<std::int64_t>(header.size() + page.size())});
      write(header);
      write(page);
      chunk = Chunk();
    }
    rows_ += group.rows;
    groups_.push_back(std::move(group));
    group_rows_ = 0;
    group_bytes_ = 0;
  }

  static void write_schema(Compact& to, const Column& column) {
    to.begin_struct();
    to.i32(1, physical(column.type));
    if (column.type == Type::decimal) to.i32(2, decimal_bytes);
    to.i32(3, column.nullable ? optional : required);
    to.text(4, column.name);
    if (const Converted meaning = converted(column.type); meaning != none) to.i32(6, meaning);
    if (column.type == Type::decimal) {
      to.i32(7, decimal_scale);
      to.i32(8, decimal_precision);
    }
    to.end_struct();
  }

  void write_group(Compact& to, const Group& group) const {
    std::int64_t bytes = 0;
    to.begin_struct();
    to.list(1, columns_.size(), Compact::of_struct);
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const Place& place = group.columns[i];
      bytes += place.bytes;
      to.begin_struct();
      to.i64(2, place.offset);
      to.struct_field(3);
      to.begin_struct();
      to.i32(1, physical(columns_[i].type));
      to.list(2, 2, Compact::of_i32);
      to.zigzag(plain);
      to.zigzag(run_length);
      to.list(3, 1, Compact::of_text);
      to.bytes(columns_[i].name);
      to.i32(4, uncompressed);
      to.i64(5, group.rows);
      to.i64(6, place.bytes);
      to.i64(7, place.bytes);
      to.i64(9, place.offset);
      to.end_struct();
      to.end_struct();
    }
    to.i64(2, bytes);
    to.i64(3, group.rows);
    to.end_struct();
  }

  const std::vector<Column> columns_;
  std::ostream& out_;
  std::int64_t position_ = 0;
  std::vector<Chunk> chunks_;
  std::size_t group_rows_ = 0;
  std::size_t group_bytes_ = 0;
  std::int64_t rows_ = 0;
  std::vector<Group> groups_;
};

}  // namespace

std::unique_ptr<TableWriter> write_parquet(std::vector<Column> columns, std::ostream& out) {
  return std::make_unique<ParquetWriter>(std::move(columns), out);
}

}  // namespace sluice::exports
