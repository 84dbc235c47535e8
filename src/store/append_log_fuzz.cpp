// Any bytes may stand in a segment: reading them ends, opening them for writing works, and what is appended afterwards
// is the last record that a reader finds.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "store/append_log.h"
#include "store/ledger_entry.h"
#include "store/log_reader.h"
#include "store/testing_directory.h"

namespace {

using namespace sluice::store;

void require(bool holds) {
  if (!holds) std::abort();
}

std::string last_record(const std::string& directory) {
  auto reader = LogReader::open(directory, 0);
  require(reader.has_value());
  std::string last;
  while (true) {
    const auto record = reader->next();
    require(record.has_value());
    if (!*record) return last;
    last = **record;
    (void)decode_ledger_entry(last);
  }
}

}  // namespace

// The first byte chooses: bit 0, give the bytes a segment's header; bit 1, seal them as one record; bit 2, let a whole
// record follow.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  constexpr std::uint32_t salt = 7;
  const std::uint8_t choice = data[0];
  std::string bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const auto framed = [](const std::string& payload) {
    std::string frame;
    append_frame(frame, payload);
    seal(frame, salt);
    return frame;
  };
  if (choice & 2 && bytes.size() <= max_record_bytes) bytes = framed(bytes);
  if (choice & 4) bytes += framed("a sound record");
  if (choice & 1) bytes.insert(0, segment_header(salt));

  const TestingDirectory directory;
  std::ofstream(segment_path(directory.path(), 0), std::ios::binary) << bytes;
  (void)last_record(directory.path());
  {
    const auto log = AppendLog::open(directory.path(), {.queue_bytes = 4'096});
    require(log.has_value());
    require((*log)->append("appended") == Appended::queued);
  }
  require(last_record(directory.path()) == "appended");
  return 0;
}
