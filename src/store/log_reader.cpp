#include "store/log_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "store/file_error.h"

namespace sluice::store {
namespace {
// Read at once; a whole record always fits.
constexpr std::size_t read_ahead_bytes = 256u << 10;
static_assert(read_ahead_bytes >= frame_header_bytes + max_record_bytes);
}  // namespace

Result<LogReader> LogReader::open(std::string directory, LogPosition from, LogPosition until) {
  TRY([[maybe_unused]] const auto segments, list_segments(directory));
  return LogReader(std::move(directory), from, until);
}

Result<std::optional<std::string_view>> LogReader::next() {
  while (position_ < until_) {
    if (!fd_) {
      TRY(const bool entered, enter_segment());
      if (!entered) break;
    }
    TRY(const auto payload, read_here());
    if (payload) {
      position_ += frame_header_bytes + payload->size();
      return payload;
    }
    if (next_base_) {
      CHECK_OK(pass_over_damage());
    } else {
      // The writer starts a segment only when it is done with this one: look for the next one first, then read what is
      // here once more, and only then believe that nothing follows.
      TRY(const bool complete, see_next_segment());
      if (!complete) break;
    }
  }
  return std::nullopt;
}

// Opens the segment that holds position_, or the first one behind. False when there is none yet.
Result<bool> LogReader::enter_segment() {
  TRY(const std::vector<SegmentFile> segments, list_segments(directory_));
  auto current = std::ranges::upper_bound(segments, position_, {}, &SegmentFile::base);
  if (current != segments.begin()) --current;
  if (current == segments.end()) return false;

  path_ = current->path;
  base_ = current->base;
  next_base_.reset();
  if (current + 1 != segments.end()) next_base_ = (current + 1)->base;
  fd_ = Fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd_) return file_error("read", path_, errno);

  position_ = std::max(position_, base_);
  buffer_begin_ = base_;
  const LogPosition resume = position_;
  position_ = base_;
  CHECK_OK(read_bytes(segment_header_bytes));
  const auto salt = segment_salt(buffer_);
  if (salt) {
    salt_ = *salt;
    position_ = std::max(resume, base_ + segment_header_bytes);
    return true;
  }
  if (!next_base_) {  // it is just being made
    leave_segment();
    position_ = resume;
    return false;
  }
  struct stat status = {};
  if (::fstat(fd_.get(), &status) == 0) damaged_bytes_ += static_cast<std::uint64_t>(status.st_size);
  position_ = *next_base_;
  leave_segment();
  return enter_segment();
}

Result<bool> LogReader::see_next_segment() {
  TRY(const std::vector<SegmentFile> segments, list_segments(directory_));
  const auto next = std::ranges::upper_bound(segments, base_, {}, &SegmentFile::base);
  if (next == segments.end()) return false;
  next_base_ = next->base;
  return true;
}

// The record at position_; empty when there is no whole and sound one. Looks at the file before it says so.
Result<std::optional<std::string_view>> LogReader::read_here() {
  for (const bool fresh : {false, true}) {
    if (fresh) CHECK_OK(read_bytes(read_ahead_bytes));
    if (position_ < buffer_begin_ || position_ - buffer_begin_ > buffer_.size()) continue;
    if (const auto payload = read_frame(std::string_view(buffer_).substr(position_ - buffer_begin_), salt_))
      return payload;
  }
  return std::nullopt;
}

// Fills the buffer from position_ on; shorter at the file's end.
Result<void> LogReader::read_bytes(std::size_t wanted) {
  // Zeros would only be written over.
  buffer_.resize_and_overwrite(wanted, [=](char*, std::size_t) { return wanted; });
  buffer_begin_ = position_;
  std::size_t have = 0;
  while (have < wanted) {
    const ssize_t n =
        ::pread(fd_.get(), buffer_.data() + have, wanted - have, static_cast<off_t>(position_ - base_ + have));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return file_error("read", path_, errno);
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  buffer_.resize(have);
  return {};
}

// In a complete segment, with no sound record at position_: goes to the next one here, or to the next segment.
Result<void> LogReader::pass_over_damage() {
  struct stat status = {};
  if (::fstat(fd_.get(), &status) < 0) return file_error("read", path_, errno);
  const LogPosition end = base_ + static_cast<std::uint64_t>(status.st_size);
  if (position_ < end) {
    CHECK_OK(read_bytes(end - position_));
    const auto sound = find_frame(buffer_, 1, salt_);
    damaged_bytes_ += sound.value_or(buffer_.size());
    if (sound) {
      position_ += *sound;
      return {};
    }
  }
  position_ = std::max(position_, *next_base_);
  leave_segment();
  return {};
}

void LogReader::leave_segment() {
  fd_.close();
  buffer_.clear();
  next_base_.reset();
}

}  // namespace sluice::store
