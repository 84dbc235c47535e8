#include "store/corrections.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>
#include <utility>

#include "base/fd.h"
#include "store/append_log.h"
#include "store/data_directory.h"
#include "store/store.h"

namespace sluice::store {
namespace {

constexpr std::chrono::seconds longest_wait{10};
constexpr std::chrono::milliseconds pause{20};
constexpr std::chrono::minutes longest_flush{2};
constexpr std::size_t batch = 10'000;  // 2 MB in the log's queue, which takes 8
constexpr std::size_t entries_at_once = 1'000;

}  // namespace

Result<Fd> lock_corrections(const std::string& directory) {
  const std::string path = directory + "/corrections.lock";
  Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file)
    return fail(ErrorKind::unavailable, "cannot write " + path + ": " + std::strerror(errno),
                "look at the rights of the data directory (--data)");
  const auto until = std::chrono::steady_clock::now() + longest_wait;
  while (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (std::chrono::steady_clock::now() > until)
      return fail(ErrorKind::unavailable, "another process is writing corrections to the ledger", "try again");
    std::this_thread::sleep_for(pause);
  }
  return file;
}

LedgerEntry correction_of(const LedgerEntry& entry, Correction kind, Money cost, std::string price_source,
                          std::int64_t now_us) {
  LedgerEntry mended = entry;
  mended.correction = kind;
  mended.cost = cost;
  mended.price_source = std::move(price_source);
  mended.usage = {.reported = true, .service_tier = entry.usage.service_tier};
  mended.final = false;
  mended.end_us = now_us;
  mended.ttft_us = -1;
  mended.total_us = 0;
  return mended;
}

bool has_corrections(const std::string& directory) {
  std::error_code ignored;
  return std::filesystem::exists(corrections_path(directory), ignored);
}

Result<std::uint64_t> write_corrections(const std::string& directory, const std::vector<LedgerEntry>& corrections,
                                        LogPosition floor) {
  if (corrections.empty()) return 0;
  const std::string folder = corrections_path(directory);
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    return fail(ErrorKind::unavailable, "cannot make " + folder + ": " + error.message(),
                "look at the rights and the space of the data directory (--data)");
  ::chmod(folder.c_str(), 0700);
  TRY(const std::unique_ptr<AppendLog> log, AppendLog::open(folder, {}, floor));
  const auto unwritten = [&] {
    return fail(ErrorKind::unavailable, "the corrections could not be written: " + log->health().reason,
                "what has been written counts; mend the disk and run it again for the rest");
  };
  std::string record;
  for (std::size_t i = 0; i < corrections.size(); ++i) {
    record.clear();
    encode(corrections[i], record);
    if (log->append(record) != Appended::queued) return unwritten();
    if (i % batch == batch - 1 && !log->flush(longest_flush)) return unwritten();
  }
  if (!log->flush(longest_flush)) return unwritten();
  return corrections.size();
}

Result<bool> price_once(Store& store, const std::string& directory, const LedgerEntry& first_price) {
  TRY(const Fd lock, lock_corrections(directory));
  CHECK_OK(store.fold());  // of who has crashed before it could see its own
  EntryRange of_its_time{.since_us = first_price.start_us, .until_us = first_price.start_us + 1};
  for (;;) {
    TRY(const std::vector<LoggedEntry> rows, store.entries_in(of_its_time, entries_at_once));
    for (const LoggedEntry& row : rows)
      if (row.entry.correction != Correction::none && row.entry.request_id == first_price.request_id &&
          row.entry.attempt == first_price.attempt)
        return false;
    if (rows.size() < entries_at_once) break;
    of_its_time.after_row = rows.back().row;
  }
  TRY(const std::uint64_t written, store.correct({first_price}));
  return written == 1;
}

}  // namespace sluice::store
