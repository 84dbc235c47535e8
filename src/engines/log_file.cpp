#include "engines/log_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

namespace sluice::engines {

void LogFile::open() {
  file_ = Fd(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
  struct stat info{};
  size_ = ::fstat(file_.get(), &info) == 0 ? static_cast<std::size_t>(info.st_size) : 0;
}

void LogFile::append(std::string_view bytes) {
  tail_.append(bytes);
  if (tail_.size() > max_tail_bytes) tail_.erase(0, tail_.size() - max_tail_bytes);
  if (file_.get() < 0) open();
  if (size_ + bytes.size() > max_file_bytes && size_ > 0) {
    std::rename(path_.c_str(), (path_ + ".1").c_str());
    open();
  }
  const ssize_t written = ::write(file_.get(), bytes.data(), bytes.size());
  if (written > 0) size_ += static_cast<std::size_t>(written);
}

bool LogFile::drain(int fd) {
  std::array<char, 16 * 1024> buffer;
  for (;;) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got > 0) {
      append({buffer.data(), static_cast<std::size_t>(got)});
    } else if (got == 0 || (errno != EINTR && errno != EAGAIN)) {
      return false;
    } else if (errno == EAGAIN) {
      return true;
    }
  }
}

std::string LogFile::last_line() const {
  std::string_view rest = tail_;
  while (!rest.empty()) {
    const std::size_t begin = rest.find_last_of('\n') == std::string_view::npos ? 0 : rest.find_last_of('\n') + 1;
    const std::string_view line = rest.substr(begin);
    if (std::ranges::any_of(line, [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }))
      return std::string(line.substr(0, 300));
    rest = rest.substr(0, begin > 0 ? begin - 1 : 0);
  }
  return {};
}

}  // namespace sluice::engines
