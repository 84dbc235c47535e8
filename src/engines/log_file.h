// What an engine prints, kept in a file of bounded size, and the last lines of it in memory to explain a death.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/fd.h"

namespace sluice::engines {

class LogFile {
 public:
  static constexpr std::size_t max_file_bytes = 1024 * 1024;  // then it becomes PATH.1, so at most twice that
  static constexpr std::size_t max_tail_bytes = 2048;

  // A file that cannot be written is no reason to run without an engine: then only the tail is kept.
  explicit LogFile(std::string path) : path_(std::move(path)) {}
  void append(std::string_view bytes);
  // Takes what a non-blocking pipe holds. False: the other end is closed.
  bool drain(int fd);
  // The last line that has letters; empty when nothing was printed since forget().
  std::string last_line() const;
  void forget() { tail_.clear(); }
  const std::string& path() const { return path_; }

 private:
  void open();
  const std::string path_;
  Fd file_;
  std::size_t size_ = 0;
  std::string tail_;
};

}  // namespace sluice::engines
