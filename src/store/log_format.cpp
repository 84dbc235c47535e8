#include "store/log_format.h"

#include <array>
#include <cstring>

namespace sluice::store {
namespace {

// Eight tables: eight bytes per step instead of one ("slicing by 8"). The polynomial is Castagnoli's, reflected.
using Tables = std::array<std::array<std::uint32_t, 256>, 8>;
constexpr Tables make_tables() {
  Tables tables = {};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? 0x82f63b78u : 0);
    tables[0][i] = crc;
  }
  for (std::size_t t = 1; t < 8; ++t)
    for (std::size_t i = 0; i < 256; ++i) tables[t][i] = (tables[t - 1][i] >> 8) ^ tables[0][tables[t - 1][i] & 255];
  return tables;
}
constexpr Tables tables = make_tables();

constexpr std::string_view magic = "SLUICEL1";

std::uint32_t load_u32(const char* at) {
  const auto* b = reinterpret_cast<const unsigned char*>(at);
  return static_cast<std::uint32_t>(b[0]) | static_cast<std::uint32_t>(b[1]) << 8 |
         static_cast<std::uint32_t>(b[2]) << 16 | static_cast<std::uint32_t>(b[3]) << 24;
}

void store_u32(char* at, std::uint32_t value) {
  for (int i = 0; i < 4; ++i) at[i] = static_cast<char>(value >> (8 * i));
}

// Of a whole frame in memory.
std::uint32_t frame_checksum(const char* frame, std::size_t length, std::uint32_t salt) {
  char salted[8];
  store_u32(salted, salt);
  std::memcpy(salted + 4, frame, 4);
  return crc32c({frame + frame_header_bytes, length}, crc32c({salted, sizeof salted}));
}

}  // namespace

#if defined(__x86_64__)
namespace {
// The processor has an instruction for this polynomial.
__attribute__((target("sse4.2"))) std::uint32_t crc32c_sse42(std::string_view bytes, std::uint32_t crc) {
  std::uint64_t wide = ~crc;
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; at += 8, left -= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    wide = __builtin_ia32_crc32di(wide, word);
  }
  auto narrow = static_cast<std::uint32_t>(wide);
  for (; left > 0; ++at, --left) narrow = __builtin_ia32_crc32qi(narrow, static_cast<unsigned char>(*at));
  return ~narrow;
}
}  // namespace
#endif

std::uint32_t crc32c(std::string_view bytes, std::uint32_t crc) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) return crc32c_sse42(bytes, crc);
#endif
  return crc32c_portable(bytes, crc);
}

std::uint32_t crc32c_portable(std::string_view bytes, std::uint32_t crc) {
  crc = ~crc;
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; at += 8, left -= 8) {
    const std::uint32_t low = load_u32(at) ^ crc;
    const std::uint32_t high = load_u32(at + 4);
    crc = tables[7][low & 255] ^ tables[6][(low >> 8) & 255] ^ tables[5][(low >> 16) & 255] ^ tables[4][low >> 24] ^
          tables[3][high & 255] ^ tables[2][(high >> 8) & 255] ^ tables[1][(high >> 16) & 255] ^ tables[0][high >> 24];
  }
  for (; left > 0; ++at, --left) crc = (crc >> 8) ^ tables[0][(crc ^ static_cast<unsigned char>(*at)) & 255];
  return ~crc;
}

void append_frame(std::string& out, std::string_view payload) {
  char header[frame_header_bytes] = {};
  store_u32(header, static_cast<std::uint32_t>(payload.size()));
  out.append(header, sizeof header);
  out.append(payload);
}

void seal(std::string& frames, std::uint32_t salt) {
  for (std::size_t at = 0; at < frames.size();) {
    const std::size_t length = load_u32(frames.data() + at);
    store_u32(frames.data() + at + 4, frame_checksum(frames.data() + at, length, salt));
    at += frame_header_bytes + length;
  }
}

std::string segment_header(std::uint32_t salt) {
  std::string header(magic);
  header.resize(segment_header_bytes, '\0');
  store_u32(header.data() + magic.size(), salt);
  return header;
}

std::optional<std::uint32_t> segment_salt(std::string_view header) {
  if (header.size() < segment_header_bytes || !header.starts_with(magic)) return std::nullopt;
  return load_u32(header.data() + magic.size());
}

std::optional<std::string_view> read_frame(std::string_view bytes, std::uint32_t salt) {
  if (bytes.size() <= frame_header_bytes) return std::nullopt;
  const std::size_t length = load_u32(bytes.data());
  if (length == 0 || length > max_record_bytes || length > bytes.size() - frame_header_bytes) return std::nullopt;
  if (load_u32(bytes.data() + 4) != frame_checksum(bytes.data(), length, salt)) return std::nullopt;
  return bytes.substr(frame_header_bytes, length);
}

std::optional<std::size_t> find_frame(std::string_view bytes, std::size_t from, std::uint32_t salt) {
  for (std::size_t at = from; at + frame_header_bytes < bytes.size(); ++at)
    if (read_frame(bytes.substr(at), salt)) return at;
  return std::nullopt;
}

}  // namespace sluice::store
