// The quotation marks of a text, found 64 bytes at a time. JSON is full of them: a search that begins anew at each one
// costs more than what is between them.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

namespace sluice::json {

class Quotes {
 public:
  explicit Quotes(std::string_view text) : text_(text) {}

  // The place of the first quotation mark at or behind `from`; the text's size when there is none. Goes forward only.
  // Where a whole block has none, there is a long text: the libraries' own search goes through that faster.
  std::size_t next(std::size_t from) {
    for (;;) {
      if (from < block_end_) {
        const std::uint64_t found = marks_ >> (from + block_bytes - block_end_);
        if (found) return from + static_cast<std::size_t>(std::countr_zero(found));
        from = block_end_;
        if (marks_ == 0 && from < text_.size()) from = std::min(text_.find('"', from), text_.size());
      }
      if (from >= text_.size()) return text_.size();
      read_block(from);
    }
  }
  // The place of the mark that ends the string whose text begins at `from`: the first one with an even number of
  // backslashes before it. The text's size when there is none.
  std::size_t closing(std::size_t from) {
    for (std::size_t mark = next(from);; mark = next(mark + 1)) {
      std::size_t text_end = mark;
      while (text_end > from && text_[text_end - 1] == '\\') --text_end;
      if ((mark - text_end) % 2 == 0 || mark == text_.size()) return mark;
    }
  }

 private:
  static constexpr std::size_t block_bytes = 64;

  void read_block(std::size_t from) {
    const std::size_t size = std::min(block_bytes, text_.size() - from);
    if (size == block_bytes) {
      marks_ = marks_in(text_.data() + from);
    } else {
      char rest[block_bytes] = {};
      std::memcpy(rest, text_.data() + from, size);
      marks_ = marks_in(rest);
    }
    block_end_ = from + block_bytes;
  }
#if defined(__x86_64__)
  static std::uint64_t marks_in(const char* block) {
    const __m128i mark = _mm_set1_epi8('"');
    const auto quarter = [&](int i) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(block + 16 * i));
      return static_cast<std::uint64_t>(static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, mark))));
    };
    return quarter(0) | quarter(1) << 16 | quarter(2) << 32 | quarter(3) << 48;
  }
#else
  static std::uint64_t marks_in(const char* block) {
    std::uint64_t marks = 0;
    for (std::size_t i = 0; i < block_bytes; ++i) marks |= std::uint64_t{block[i] == '"'} << i;
    return marks;
  }
#endif

  std::string_view text_;
  std::size_t block_end_ = 0;  // of the last block that was read, whole or cut
  std::uint64_t marks_ = 0;    // in it, the first byte lowest
};

}  // namespace sluice::json
