#include "exports/table.h"

#include <fmt/format.h>

#include <array>

#include "base/utc.h"
#include "exports/parquet.h"
#include "json/json.h"

namespace sluice::exports {
namespace {

struct AsText {
  std::string operator()(std::monostate) const { return {}; }
  std::string operator()(const std::string& text) const { return text; }
  std::string operator()(std::int64_t number) const { return std::to_string(number); }
  std::string operator()(Decimal number) const { return text_of(number); }
  std::string operator()(bool flag) const { return flag ? "true" : "false"; }
  std::string operator()(Moment moment) const { return text_of(moment); }
};

class CsvWriter final : public TableWriter {
 public:
  CsvWriter(const std::vector<Column>& columns, std::ostream& out) : out_(out) {
    for (const Column& column : columns) field(column.name, column.type == Type::text);
    end_line();
  }

  void row(std::span<const Cell> cells) override {
    for (const Cell& cell : cells) {
      const auto* text = std::get_if<std::string>(&cell);
      if (text)
        field(*text, true);
      else
        field(std::visit(AsText(), cell), false);
    }
    end_line();
  }
  void finish() override { out_.flush(); }

 private:
  void field(std::string text, bool of_words) {
    constexpr std::string_view formula = "=+-@\t\r";
    if (of_words && !text.empty() && formula.contains(text.front())) text.insert(0, 1, '\'');
    if (!first_) line_ += ',';
    first_ = false;
    const bool quotes = of_words && (text.empty() || text.find_first_of(",\"\r\n") != std::string::npos);
    if (!quotes) {
      line_ += text;
      return;
    }
    line_ += '"';
    for (const char c : text) line_.append(c == '"' ? 2 : 1, c);
    line_ += '"';
  }
  void end_line() {
    line_ += "\r\n";
    out_ << line_;
    line_.clear();
    first_ = true;
  }
  std::ostream& out_;
  std::string line_;
  bool first_ = true;
};

class JsonLinesWriter final : public TableWriter {
 public:
  JsonLinesWriter(std::vector<Column> columns, std::ostream& out) : columns_(std::move(columns)), out_(out) {}

  void row(std::span<const Cell> cells) override {
    std::string line;
    json::Writer to(line);
    to.begin_object();
    for (std::size_t i = 0; i < cells.size(); ++i) {
      to.key(columns_[i].name);
      const Cell& cell = cells[i];
      if (const auto* text = std::get_if<std::string>(&cell))
        columns_[i].type == Type::json ? to.raw(*text) : to.string(*text);
      else if (std::holds_alternative<std::monostate>(cell))
        to.null();
      else if (std::holds_alternative<Moment>(cell))
        to.string(std::visit(AsText(), cell));
      else
        to.raw(std::visit(AsText(), cell));
    }
    to.end_object();
    out_ << line << '\n';
  }
  void finish() override { out_.flush(); }

 private:
  const std::vector<Column> columns_;
  std::ostream& out_;
};

}  // namespace

std::string text_of(Decimal number) {
  constexpr std::uint64_t one = Money::pico_per_usd;
  const bool negative = number.pico < 0;
  unsigned __int128 rest =
      negative ? -static_cast<unsigned __int128>(number.pico) : static_cast<unsigned __int128>(number.pico);
  const auto behind = static_cast<std::uint64_t>(rest % one);
  rest /= one;
  std::string whole;
  do {
    whole.insert(whole.begin(), static_cast<char>('0' + static_cast<int>(rest % 10)));
    rest /= 10;
  } while (rest > 0);
  std::string text = (negative ? "-" : "") + whole;
  if (behind == 0) return text;
  std::string digits = fmt::format("{:012}", behind);
  digits.erase(digits.find_last_not_of('0') + 1);
  return text + "." + digits;
}

std::string text_of(Moment moment) {
  std::string text = utc_text(moment.us);
  text.pop_back();
  if (const std::int64_t us = (moment.us % 1'000'000 + 1'000'000) % 1'000'000; us % 1000 != 0)
    text += fmt::format(".{:06}", us);
  else if (us != 0)
    text += fmt::format(".{:03}", us / 1000);
  return text + "Z";
}

std::optional<Format> format_from_name(std::string_view name) {
  constexpr std::array names = {std::string_view("csv"), std::string_view("jsonl"), std::string_view("parquet")};
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == name) return static_cast<Format>(i);
  return std::nullopt;
}

std::unique_ptr<TableWriter> write_table(Format format, std::vector<Column> columns, std::ostream& out) {
  switch (format) {
    case Format::csv: return std::make_unique<CsvWriter>(columns, out);
    case Format::jsonl: return std::make_unique<JsonLinesWriter>(std::move(columns), out);
    case Format::parquet: return write_parquet(std::move(columns), out);
  }
  return nullptr;
}

}  // namespace sluice::exports
