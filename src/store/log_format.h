// The files of an AppendLog. A log is a directory of segments; a segment is named after the position of its first byte
// ("00000000000000000000.log"), so that a position finds its file. Positions only rise; between segments there may be
// a gap, never an overlap.
//
//   segment = "SLUICEL1" salt:u32 reserved:u32 record*
//   record  = length:u32 checksum:u32 payload[length]          (little endian)
//
// The checksum is CRC-32C (RFC 3720 B.4) over salt, length and payload. The salt is random per segment: bytes that a
// client chose and that look like a record are none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sluice::store {

using LogPosition = std::uint64_t;
constexpr LogPosition no_position = ~LogPosition{0};

constexpr std::size_t segment_header_bytes = 16;
constexpr std::size_t frame_header_bytes = 8;
// The largest record: an audit record with all its candidates is below 4 KiB. Also what tells garbage from a length.
constexpr std::size_t max_record_bytes = 64u << 10;

// `crc` is the value so far, 0 at the start.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t crc = 0);

// Appends a frame whose checksum is still to be set by seal().
void append_frame(std::string& out, std::string_view payload);
// Sets the checksums of a run of frames made by append_frame().
void seal(std::string& frames, std::uint32_t salt);

std::string segment_header(std::uint32_t salt);
// The salt; empty when these bytes do not start a segment.
std::optional<std::uint32_t> segment_salt(std::string_view header);

// The record at the start of `bytes`: its payload, or empty when there is no whole and sound record.
std::optional<std::string_view> read_frame(std::string_view bytes, std::uint32_t salt);
// The offset of the first sound record at or after `from`; empty when there is none.
std::optional<std::size_t> find_frame(std::string_view bytes, std::size_t from, std::uint32_t salt);

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
  LogSegment() = default;
  LogSegment(LogSegment&& other) noexcept;
  LogSegment& operator=(LogSegment&& other) noexcept;
  ~LogSegment();

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
  void close();
  int fd_ = -1;
  std::string path_;
  LogPosition base_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint32_t salt_ = 0;
};

}  // namespace sluice::store
