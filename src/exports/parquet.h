// Apache Parquet's file format, as far as a table of plain columns needs it.
// Source: https://parquet.apache.org/docs/file-format/ and parquet.thrift of version 2.6.
#pragma once

#include "exports/table.h"

namespace sluice::exports {

// Rows are gathered up to these bounds, then written as one row group.
constexpr std::size_t max_group_rows = 65'536;
constexpr std::size_t max_group_bytes = std::size_t{32} << 20;

std::unique_ptr<TableWriter> write_parquet(std::vector<Column> columns, std::ostream& out);

}  // namespace sluice::exports
