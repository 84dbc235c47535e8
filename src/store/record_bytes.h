// The bytes of the logs' binary records: little endian numbers, and texts with their length in front.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace sluice::store {

// A longer text is cut, at a character's start: records stay small whatever a client sends.
constexpr std::size_t max_name_bytes = 255;
constexpr std::size_t max_varint_bytes = 10;  // of 64 bits

// Appends to a string. `most_bytes` bounds all that is written, and is the caller's to know.
class RecordWriter {
 public:
  RecordWriter(std::string& out, std::size_t most_bytes) : out_(out) {
    const std::size_t before = out.size();
    // libstdc++ 12 hands the capacity to the function instead of the size, so the size comes from here.
    out.resize_and_overwrite(before + most_bytes, [=](char*, std::size_t) { return before + most_bytes; });
    at_ = out.data() + before;
  }
  ~RecordWriter() { out_.resize(static_cast<std::size_t>(at_ - out_.data())); }
  RecordWriter(const RecordWriter&) = delete;
  RecordWriter& operator=(const RecordWriter&) = delete;

  void u8(std::uint8_t value) { *at_++ = static_cast<char>(value); }
  void u16(std::uint16_t value) { number(value, 2); }
  void i64(std::int64_t value) { number(static_cast<std::uint64_t>(value), 8); }
  // Seven bits a byte, the lowest first: what is small takes little room. At most max_varint_bytes.
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) u8(static_cast<std::uint8_t>(value | 0x80));
    u8(static_cast<std::uint8_t>(value));
  }
  // The sign as the lowest bit, so that what is a little below zero is small as well.
  void signed_varint(std::int64_t value) {
    varint((static_cast<std::uint64_t>(value) << 1) ^ (value < 0 ? ~std::uint64_t{0} : 0));
  }
  void name(std::string_view text) {
    if (text.size() > max_name_bytes) text = cut(text);
    u8(static_cast<std::uint8_t>(text.size()));
    bytes(text.data(), text.size());
  }
  void bytes(const void* from, std::size_t size) {
    if (size > 0) std::memcpy(at_, from, size);
    at_ += size;
  }
  static std::string_view cut(std::string_view text) {
    std::size_t end = std::min(max_name_bytes, text.size());
    if (end == text.size()) return text;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    return text.substr(0, end);
  }

 private:
  void number(std::uint64_t value, int size) {
    for (int i = 0; i < size; ++i) at_[i] = static_cast<char>(value >> (8 * i));
    at_ += size;
  }
  std::string& out_;
  char* at_;
};

// Reads zeros behind the end and remembers it: one check at the end is enough.
class RecordReader {
 public:
  explicit RecordReader(std::string_view bytes) : bytes_(bytes) {}
  std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
  std::int64_t i64() { return static_cast<std::int64_t>(number(8)); }
  // What is longer than a number can be is as good as cut off.
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < max_varint_bytes; ++i) {
      const std::uint8_t byte = u8();
      value |= static_cast<std::uint64_t>(byte & 0x7f) << (7 * i);
      if (byte < 0x80) return value;
    }
    complete_ = false;
    return value;
  }
  std::int64_t signed_varint() {
    const std::uint64_t value = varint();
    return static_cast<std::int64_t>((value >> 1) ^ (value & 1 ? ~std::uint64_t{0} : 0));
  }
  std::string_view name() { return take(u8()); }
  std::string_view text(std::size_t size) { return take(size); }
  template <class Array>
  Array bytes() {
    Array value = {};
    const std::string_view taken = take(value.size());
    if (!taken.empty()) std::memcpy(value.data(), taken.data(), taken.size());
    return value;
  }
  bool complete() const { return complete_; }
  bool at_end() const { return bytes_.empty(); }

 private:
  std::uint64_t number(std::size_t size) {
    std::uint64_t value = 0;
    int shift = 0;
    for (const char c : take(size)) {
      value |= static_cast<std::uint64_t>(static_cast<unsigned char>(c)) << shift;
      shift += 8;
    }
    return value;
  }
  std::string_view take(std::size_t size) {
    if (size > bytes_.size()) {
      complete_ = false;
      bytes_ = {};
      return {};
    }
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  std::string_view bytes_;
  bool complete_ = true;
};

}  // namespace sluice::store
