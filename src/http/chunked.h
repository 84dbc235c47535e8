// The chunked transfer coding (RFC 9112, section 7.1), both ways.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/headers.h"

namespace sluice::http {

// Takes a chunked body apart, in whatever pieces it comes. Trailers are read and dropped.
class ChunkedDecoder {
 public:
  // Appends the data to `out` and returns how many bytes of `in` were used: all of them, or up to the body's end.
  // Errors: invalid_request for anything that is not strictly the coding. Extensions and trailers of the whole body are
  // bounded: both are read for nothing, and a chunk of one byte may carry any number of them.
  Result<std::size_t> decode(std::string_view in, std::string& out);
  bool finished() const { return state_ == State::finished; }
  // The bound that decode() has refused for, by its name in telemetry/limit_table.h; empty: it was none.
  std::string_view limit() const { return limit_; }

  static constexpr std::size_t max_size_digits = 15;        // sizes stay below 2^60
  static constexpr std::size_t max_extension_bytes = 4096;  // nobody uses them
  static constexpr std::size_t max_trailer_bytes = 16384;

 private:
  enum class State : std::uint8_t {
    size,
    extension,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer_start,
    trailer,
    trailer_lf,
    end_lf,
    finished
  };

  State state_ = State::size;
  std::string_view limit_;
  std::uint64_t left_ = 0;  // of the chunk
  std::size_t digits_ = 0;
  std::size_t extension_bytes_ = 0;
  std::size_t trailer_bytes_ = 0;
};

// One chunk: size line, data, CR LF. Nothing for empty data, which would end the body.
void append_chunk(std::string& out, std::string_view data);
void append_last_chunk(std::string& out, const Headers& trailers);

}  // namespace sluice::http
