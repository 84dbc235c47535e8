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

namespace sluice::store {

using LogPosition = std::uint64_t;
constexpr LogPosition no_position = ~LogPosition{0};

constexpr std::size_t segment_header_bytes = 16;
constexpr std::size_t frame_header_bytes = 8;
// The largest record: an audit record with all its candidates is below 4 KiB. Also what tells garbage from a length.
constexpr std::size_t max_record_bytes = 64u << 10;

// `crc` is the value so far, 0 at the start.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t crc = 0);
// The same on any processor.
std::uint32_t crc32c_portable(std::string_view bytes, std::uint32_t crc = 0);

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

}  // namespace sluice::store
