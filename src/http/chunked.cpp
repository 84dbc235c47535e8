#include "http/chunked.h"

#include <charconv>

namespace sluice::http {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_text(char c) { return (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) || c == '\t'; }

std::unexpected<Error> malformed(const char* what) {
  return fail(ErrorKind::invalid_request, std::string("the chunked body is malformed: ") + what,
              "send a content-length, or chunks as RFC 9112 has them");
}

}  // namespace

Result<std::size_t> ChunkedDecoder::decode(std::string_view in, std::string& out) {
  std::size_t i = 0;
  while (i < in.size() && state_ != State::finished) {
    const char c = in[i];
    switch (state_) {
      case State::size:
        if (const int digit = hex_value(c); digit >= 0) {
          if (++digits_ > max_size_digits) {
            limit_ = "chunk_size_digits";
            return malformed("a chunk size is too large");
          }
          left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
        } else if (digits_ == 0) {
          return malformed("a chunk has no size");
        } else if (c == '\r') {
          state_ = State::size_lf;
        } else if (c == ';') {
          state_ = State::extension;
        } else {
          return malformed("a chunk size has a character that is not hexadecimal");
        }
        ++i;
        break;
      case State::extension:
        if (c == '\r') {
          state_ = State::size_lf;
        } else if (!is_text(c)) {
          return malformed("a chunk extension has a control character");
        }
        if (++extension_bytes_ > max_extension_bytes) {
          limit_ = "chunk_extension_bytes";
          return malformed("the chunk extensions are too long");
        }
        ++i;
        break;
      case State::size_lf:
        if (c != '\n') return malformed("CR without LF");
        state_ = left_ ? State::data : State::trailer_start;
        ++i;
        break;
      case State::data: {
        const std::size_t take = static_cast<std::size_t>(std::min<std::uint64_t>(left_, in.size() - i));
        out.append(in.substr(i, take));
        left_ -= take;
        i += take;
        if (left_ == 0) state_ = State::data_cr;
        break;
      }
      case State::data_cr:
        if (c != '\r') return malformed("a chunk is longer than its size");
        state_ = State::data_lf;
        ++i;
        break;
      case State::data_lf:
        if (c != '\n') return malformed("CR without LF");
        state_ = State::size;
        digits_ = 0;
        ++i;
        break;
      case State::trailer_start:
        state_ = c == '\r' ? State::end_lf : State::trailer;
        if (state_ == State::end_lf) ++i;
        break;
      case State::trailer:
        if (c == '\r') {
          state_ = State::trailer_lf;
        } else if (!is_text(c)) {
          return malformed("a trailer has a control character");
        }
        if (++trailer_bytes_ > max_trailer_bytes) {
          limit_ = "trailer_bytes";
          return malformed("the trailers are too long");
        }
        ++i;
        break;
      case State::trailer_lf:
        if (c != '\n') return malformed("CR without LF");
        state_ = State::trailer_start;
        ++i;
        break;
      case State::end_lf:
        if (c != '\n') return malformed("CR without LF");
        state_ = State::finished;
        ++i;
        break;
      case State::finished: break;
    }
  }
  return i;
}

void append_chunk(std::string& out, std::string_view data) {
  if (data.empty()) return;
  char size[16];
  const auto [end, error] = std::to_chars(size, size + sizeof size, data.size(), 16);
  out.append(size, static_cast<std::size_t>(end - size)).append("\r\n").append(data).append("\r\n");
}

void append_last_chunk(std::string& out, const Headers& trailers) {
  out.append("0\r\n").append(trailers.text()).append("\r\n");
}

}  // namespace sluice::http
