// The segment files of an AppendLog on disk: which ones are there, and the one that is being written. It knows when
// bytes are safe; it does not know about threads (append_log.h) nor about the past segments' records (log_reader.h).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "store/log_format.h"

namespace sluice::store {

// A segment file that is there.
struct SegmentFile {
  LogPosition base = 0;
  std::string path;
};
// By rising position. Other files in the directory are ignored. Errors: unavailable.
Result<std::vector<SegmentFile>> list_segments(const std::string& directory);
std::string segment_path(const std::string& directory, LogPosition base);

// The segment that is being written. Owns its file.
class LogSegment {
 public:
  // Makes a new, empty segment and brings its name to disk. Errors: unavailable.
  static Result<LogSegment> create(const std::string& directory, LogPosition base);
  // Opens the last segment for appending. A torn end is cut off; what was cut is kept beside it in a ".torn" file.
  // When sound records follow a damaged place nothing is cut and a new segment starts behind.
  static Result<LogSegment> open_last(const std::string& directory, LogPosition floor);

  // Writes sealed frames behind the last ones and waits for the disk. After an error the file is as it was before.
  Result<void> append(std::string_view frames);

  std::uint32_t salt() const { return salt_; }
  std::uint64_t bytes() const { return bytes_; }
  LogPosition end() const { return base_ + bytes_; }

 private:
  Fd fd_;
  std::string path_;
  LogPosition base_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint32_t salt_ = 0;
};

}  // namespace sluice::store
