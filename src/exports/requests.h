// The ledger's rows as they are: one per call of a provider.
#pragma once

#include <vector>

#include "exports/table.h"
#include "store/usage_report.h"

namespace sluice::exports {

std::vector<Column> request_columns();
std::vector<Cell> request_cells(const store::LoggedEntry& logged);

}  // namespace sluice::exports
