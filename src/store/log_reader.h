// Reads the records of a log, from any process, also while another one appends. Damaged places are passed over and
// counted: what comes after them is not lost.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/fd.h"
#include "base/result.h"
#include "store/log_segment.h"

namespace sluice::store {

class LogReader {
 public:
  // Starts at `from`, which is 0 or what position() gave; ends before `until`.
  static Result<LogReader> open(std::string directory, LogPosition from, LogPosition until = no_position);

  // The next record's payload, valid until the next call; empty at the end, where more may come later: call again.
  // Errors: unavailable, when a file cannot be read.
  Result<std::optional<std::string_view>> next();

  // Behind the last record that next() gave (and behind the damage it passed over).
  LogPosition position() const { return position_; }
  std::uint64_t damaged_bytes() const { return damaged_bytes_; }

 private:
  LogReader(std::string directory, LogPosition from, LogPosition until)
      : directory_(std::move(directory)), position_(from), until_(until) {}
  Result<bool> enter_segment();
  Result<bool> see_next_segment();
  Result<std::optional<std::string_view>> read_here();
  Result<void> read_bytes(std::size_t wanted);
  Result<void> pass_over_damage();
  void leave_segment();

  std::string directory_;
  LogPosition position_;
  LogPosition until_;
  std::uint64_t damaged_bytes_ = 0;

  Fd fd_;  // of the current segment
  std::string path_;
  LogPosition base_ = 0;
  std::uint32_t salt_ = 0;
  std::optional<LogPosition> next_base_;  // of the segment that follows: then the current one is complete

  std::string buffer_;            // bytes of the current segment ...
  LogPosition buffer_begin_ = 0;  // ... from this position on
};

}  // namespace sluice::store
