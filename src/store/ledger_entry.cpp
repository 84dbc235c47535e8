#include "store/ledger_entry.h"

#include <algorithm>

namespace sluice::store {
namespace {

constexpr std::uint8_t version = 1;

// No answer has a trillion tokens. What a broken provider reports beyond is cut, so that sums stay within 64 bits.
constexpr Tokens max_tokens_recorded = 1'000'000'000'000;

enum Flag : std::uint8_t { stream = 1, final = 2, reported = 4, priced = 8 };

class Encoder {
 public:
  explicit Encoder(std::string& out) : out_(out) {}
  void u8(std::uint8_t value) { out_.push_back(static_cast<char>(value)); }
  void u16(std::uint16_t value) { number(value, 2); }
  void i64(std::int64_t value) { number(static_cast<std::uint64_t>(value), 8); }
  void tokens(Tokens value) { i64(std::clamp<Tokens>(value, 0, max_tokens_recorded)); }
  // Length in one byte; a longer name is cut at a character's start.
  void name(std::string_view text) {
    if (text.size() > max_name_bytes) {
      std::size_t end = max_name_bytes;
      while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
      text = text.substr(0, end);
    }
    u8(static_cast<std::uint8_t>(text.size()));
    out_.append(text);
  }
  void bytes(const ConfigHash& value) { out_.append(reinterpret_cast<const char*>(value.data()), value.size()); }

 private:
  void number(std::uint64_t value, int size) {
    char little[8];
    for (int i = 0; i < size; ++i) little[i] = static_cast<char>(value >> (8 * i));
    out_.append(little, static_cast<std::size_t>(size));
  }
  std::string& out_;
};

// Reads zeros behind the end and remembers it: one check at the end is enough.
class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : bytes_(bytes) {}
  std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
  std::int64_t i64() { return static_cast<std::int64_t>(number(8)); }
  std::string name() { return std::string(take(u8())); }
  ConfigHash bytes() {
    ConfigHash value = {};
    std::ranges::copy(take(value.size()), value.begin());
    return value;
  }
  bool complete() const { return complete_; }

 private:
  std::uint64_t number(std::size_t size) {
    std::uint64_t value = 0;
    int shift = 0;
    for (char c : take(size)) {
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

std::unexpected<Error> unreadable(const char* why) {
  return fail(ErrorKind::invalid_request, std::string("a ledger record cannot be read: ") + why,
              "it was written by a newer sluice or is damaged; `sluice doctor` says more");
}

}  // namespace

void encode(const LedgerEntry& entry, std::string& out) {
  Encoder to(out);
  to.u8(version);
  to.u8(static_cast<std::uint8_t>((entry.stream ? Flag::stream : 0) | (entry.final ? Flag::final : 0) |
                                  (entry.usage.reported ? Flag::reported : 0) | (entry.cost ? Flag::priced : 0)));
  to.u8(static_cast<std::uint8_t>(entry.client_dialect));
  to.u8(static_cast<std::uint8_t>(entry.ground));
  to.u8(static_cast<std::uint8_t>(entry.outcome));
  to.u8(entry.attempt);
  to.u16(static_cast<std::uint16_t>(entry.status));
  to.i64(entry.start_us);
  to.i64(entry.end_us);
  to.i64(entry.ttft_us);
  to.i64(entry.total_us);
  for (Tokens tokens : {entry.usage.input, entry.usage.cache_read, entry.usage.cache_write_5m,
                        entry.usage.cache_write_1h, entry.usage.output, entry.usage.reasoning})
    to.tokens(tokens);
  to.i64(entry.cost.value_or(Money()).pico());
  to.bytes(entry.config_hash);
  for (const std::string* name : {&entry.request_id.str(), &entry.key_id.str(), &entry.requested_model,
                                  &entry.provider.str(), &entry.model.str(), &entry.price_source})
    to.name(*name);
}

Result<LedgerEntry> decode_ledger_entry(std::string_view bytes) {
  Decoder from(bytes);
  if (from.u8() != version) return unreadable("unknown version");
  const std::uint8_t flags = from.u8();
  const std::uint8_t dialect = from.u8();
  const std::uint8_t ground = from.u8();
  const std::uint8_t outcome = from.u8();
  LedgerEntry entry;
  entry.attempt = from.u8();
  entry.status = from.u16();
  entry.start_us = from.i64();
  entry.end_us = from.i64();
  entry.ttft_us = from.i64();
  entry.total_us = from.i64();
  for (Tokens* tokens : {&entry.usage.input, &entry.usage.cache_read, &entry.usage.cache_write_5m,
                         &entry.usage.cache_write_1h, &entry.usage.output, &entry.usage.reasoning})
    *tokens = std::clamp<Tokens>(from.i64(), 0, max_tokens_recorded);
  const std::int64_t cost = from.i64();
  if (flags & Flag::priced) entry.cost = Money::pico(cost);
  entry.config_hash = from.bytes();
  entry.request_id = RequestId(from.name());
  entry.key_id = KeyId(from.name());
  entry.requested_model = from.name();
  entry.provider = ProviderId(from.name());
  entry.model = ModelName(from.name());
  entry.price_source = from.name();
  if (!from.complete()) return unreadable("it is cut off");
  if (dialect >= chat::all_dialects.size()) return unreadable("unknown dialect");
  if (ground > static_cast<std::uint8_t>(catalog::Ground::proprietary)) return unreadable("unknown ground");
  if (outcome >= outcomes.size()) return unreadable("unknown outcome");
  entry.client_dialect = static_cast<chat::DialectId>(dialect);
  entry.ground = static_cast<catalog::Ground>(ground);
  entry.outcome = static_cast<Outcome>(outcome);
  entry.stream = flags & Flag::stream;
  entry.final = flags & Flag::final;
  entry.usage.reported = flags & Flag::reported;
  return entry;
}

}  // namespace sluice::store
