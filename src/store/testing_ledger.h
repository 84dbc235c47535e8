// For tests: logs that have records before anybody opens them.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "store/append_log.h"
#include "store/data_directory.h"
#include "store/ledger_entry.h"
#include "store/testing_wait.h"

namespace sluice::store {

// A row's bytes in the log.
inline std::string encoded(const LedgerEntry& entry) {
  std::string bytes;
  encode(entry, bytes);
  return bytes;
}

// Appends records to a log that nobody else writes, and is back when they are on disk.
inline void write_log(const std::string& path, const std::vector<std::string>& records) {
  const auto log = AppendLog::open(path, {});
  if (!log) throw std::runtime_error(log.error().message);
  for (const std::string& one : records)
    if ((*log)->append(one) != Appended::queued) throw std::runtime_error("the log takes no record");
  if (!(*log)->flush(patience)) throw std::runtime_error("the records do not come to disk");
}

// Rows to the ledger of a data directory.
inline void write_ledger(const std::string& directory, const std::vector<LedgerEntry>& entries) {
  std::vector<std::string> records;
  for (const LedgerEntry& one : entries) records.push_back(encoded(one));
  write_log(ledger_path(directory), records);
}

}  // namespace sluice::store
