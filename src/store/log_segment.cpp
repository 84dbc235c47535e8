#include "store/log_segment.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include "base/crypto.h"
#include "store/file_error.h"

namespace sluice::store {
namespace {

constexpr std::size_t position_digits = 20;  // of 2^64 - 1
constexpr std::string_view suffix = ".log";

std::optional<LogPosition> base_of(std::string_view file_name) {
  if (file_name.size() != position_digits + suffix.size() || !file_name.ends_with(suffix)) return std::nullopt;
  LogPosition base = 0;
  const char* end = file_name.data() + position_digits;
  const auto [parsed, error] = std::from_chars(file_name.data(), end, base);
  if (error != std::errc() || parsed != end) return std::nullopt;
  return base;
}

// 0 or the errno.
int write_fully(int fd, std::string_view bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    if (n == 0) return ENOSPC;
    bytes.remove_prefix(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
  return 0;
}

// A file's name is durable only when its directory is.
int sync_directory(const std::string& directory) {
  const Fd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return !fd || ::fsync(fd.get()) < 0 ? errno : 0;
}

Result<std::string> read_file(int fd, const std::string& path) {
  std::string bytes;
  struct stat status = {};
  if (::fstat(fd, &status) < 0) return file_error("read", path, errno);
  bytes.resize(static_cast<std::size_t>(status.st_size));
  std::size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t n = ::pread(fd, bytes.data() + have, bytes.size() - have, static_cast<off_t>(have));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return file_error("read", path, errno);
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  bytes.resize(have);
  return bytes;
}

// Keeps what open_last() cuts off, for those who want to look: "<segment>.<offset>.torn".
Result<void> keep_torn(const std::string& segment, std::uint64_t offset, std::string_view bytes) {
  const std::string path = segment + "." + std::to_string(offset) + ".torn";
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd) return file_error("create", path, errno);
  if (const int error = write_fully(fd.get(), bytes, 0); error != 0) return file_error("write", path, error);
  return {};
}

// The offset behind the last of the sound records that follow each other from the segment's start.
std::size_t sound_bytes(std::string_view bytes, std::uint32_t salt) {
  std::size_t at = segment_header_bytes;
  while (const auto payload = read_frame(bytes.substr(at), salt)) at += frame_header_bytes + payload->size();
  return at;
}

}  // namespace

std::string segment_path(const std::string& directory, LogPosition base) {
  std::string digits = std::to_string(base);
  digits.insert(0, position_digits - digits.size(), '0');
  return directory + "/" + digits + std::string(suffix);
}

Result<std::vector<SegmentFile>> list_segments(const std::string& directory) {
  DIR* handle = ::opendir(directory.c_str());
  if (handle == nullptr) return file_error("open", directory, errno);
  std::vector<SegmentFile> segments;
  while (const dirent* entry = ::readdir(handle))
    if (const auto base = base_of(entry->d_name)) segments.push_back({*base, directory + "/" + entry->d_name});
  ::closedir(handle);
  std::ranges::sort(segments, {}, &SegmentFile::base);
  return segments;
}

Result<LogSegment> LogSegment::create(const std::string& directory, LogPosition base) {
  LogSegment segment;
  segment.path_ = segment_path(directory, base);
  segment.base_ = base;
  segment.bytes_ = segment_header_bytes;
  const std::string random = crypto::random_bytes(sizeof segment.salt_);
  std::memcpy(&segment.salt_, random.data(), sizeof segment.salt_);
  segment.fd_ = Fd(::open(segment.path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!segment.fd_) return file_error("create", segment.path_, errno);
  int error = write_fully(segment.fd_.get(), segment_header(segment.salt_), 0);
  if (error == 0 && ::fdatasync(segment.fd_.get()) < 0) error = errno;
  if (error == 0) error = sync_directory(directory);
  if (error != 0) {
    ::unlink(segment.path_.c_str());
    return file_error("create", segment.path_, error);
  }
  return segment;
}

Result<LogSegment> LogSegment::open_last(const std::string& directory, LogPosition floor) {
  TRY(std::vector<SegmentFile> segments, list_segments(directory));
  if (segments.empty()) return create(directory, floor);

  LogSegment segment;
  segment.path_ = segments.back().path;
  segment.base_ = segments.back().base;
  segment.fd_ = Fd(::open(segment.path_.c_str(), O_RDWR | O_CLOEXEC));
  if (!segment.fd_) return file_error("open", segment.path_, errno);
  TRY(const std::string bytes, read_file(segment.fd_.get(), segment.path_));

  const auto salt = segment_salt(bytes);
  if (!salt && bytes.size() <= segment_header_bytes) {  // a crash while it was made: it never held a record
    if (::unlink(segment.path_.c_str()) < 0) return file_error("remove", segment.path_, errno);
    return create(directory, std::max(floor, segment.base_));
  }
  const LogPosition behind = std::max(floor, segment.base_ + bytes.size());
  if (!salt) return create(directory, behind);

  const std::size_t sound = sound_bytes(bytes, *salt);
  if (find_frame(bytes, sound, *salt)) return create(directory, behind);
  if (sound < bytes.size()) {
    CHECK_OK(keep_torn(segment.path_, sound, std::string_view(bytes).substr(sound)));
    if (::ftruncate(segment.fd_.get(), static_cast<off_t>(sound)) < 0 || ::fdatasync(segment.fd_.get()) < 0)
      return file_error("repair", segment.path_, errno);
  }
  if (segment.base_ + sound < floor) return create(directory, floor);
  segment.salt_ = *salt;
  segment.bytes_ = sound;
  return segment;
}

Result<void> LogSegment::append(std::string_view frames) {
  int error = write_fully(fd_.get(), frames, bytes_);
  if (error == 0 && ::fdatasync(fd_.get()) < 0) error = errno;
  if (error != 0) {
    auto failure = file_error("write", path_, error);
    // Should this fail too, the next append overwrites what is left, because it starts at the same offset; and so does
    // open_last() cut it off.
    if (::ftruncate(fd_.get(), static_cast<off_t>(bytes_)) < 0)
      failure.error().message += " (and a half-written record stays)";
    return failure;
  }
  bytes_ += frames.size();
  return {};
}

}  // namespace sluice::store
