// Aligned columns for people. A cell is one line, and safe to print whatever is in it.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::cli {

struct Column {
  enum class Align { left, right };  // right for numbers
  std::string title;
  Align align = Align::left;
};

class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  // As many cells as there are columns; missing ones are empty.
  void add(std::vector<std::string> cells);
  bool empty() const { return rows_.empty(); }
  // The titles in bold when `colour`, then the rows; two spaces between columns, none at a line's end.
  void print(std::ostream& out, bool colour) const;

 private:
  std::string line(const std::vector<std::string>& cells, const std::vector<std::size_t>& widths) const;
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace sluice::cli
