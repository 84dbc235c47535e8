#include "store/ledger_entry.h"

#include <algorithm>

#include "store/record_bytes.h"
#include "store/tags.h"

namespace sluice::store {
namespace {

constexpr std::uint8_t plain_version = 1;
constexpr std::uint8_t extended_version = 2;

// No answer has a trillion tokens. What a broken provider reports beyond is cut, so that sums stay within 64 bits.
constexpr Tokens max_tokens_recorded = 1'000'000'000'000;

enum Flag : std::uint8_t { stream = 1, final = 2, reported = 4, priced = 8 };

constexpr std::size_t numbers_bytes = 8 + 11 * 8 + sizeof(ConfigHash);  // of version 1
constexpr std::size_t extension_bytes = 4 + 7 * 8;
// The provider's own words about usage in doubt go in pieces, each with its length in front.
constexpr std::size_t most_raw_pieces = (chat::max_raw_usage_bytes + max_name_bytes - 1) / max_name_bytes;
constexpr std::size_t most_record_bytes = numbers_bytes + 6 * (1 + max_name_bytes) + extension_bytes +
                                          most_raw_pieces * (1 + max_name_bytes) + 2 + max_tags_text_bytes;

// In their order on disk.
constexpr std::array extended_counts = {
    &chat::Usage::input_audio,  &chat::Usage::input_image,  &chat::Usage::input_video, &chat::Usage::cache_read_audio,
    &chat::Usage::output_audio, &chat::Usage::output_image, &chat::Usage::searches};

bool is_plain(const LedgerEntry& entry) {
  const chat::Usage& usage = entry.usage;
  return entry.correction == Correction::none && usage.service_tier == chat::ServiceTier::standard &&
         usage.doubts == 0 && std::ranges::all_of(extended_counts, [&](auto count) { return usage.*count == 0; });
}

void encode_extension(const LedgerEntry& entry, RecordWriter& to) {
  to.u8(static_cast<std::uint8_t>(entry.correction));
  to.u8(static_cast<std::uint8_t>(entry.usage.service_tier));
  to.u8(entry.usage.doubts);
  for (const auto count : extended_counts) to.i64(std::clamp<Tokens>(entry.usage.*count, 0, max_tokens_recorded));
  std::string_view raw = entry.usage.raw.text();
  to.u8(static_cast<std::uint8_t>((raw.size() + max_name_bytes - 1) / max_name_bytes));
  for (; !raw.empty(); raw.remove_prefix(std::min(raw.size(), max_name_bytes))) {
    const std::string_view piece = raw.substr(0, max_name_bytes);
    to.u8(static_cast<std::uint8_t>(piece.size()));
    to.bytes(piece.data(), piece.size());
  }
}

// False when it says what this program does not know.
bool decode_extension(RecordReader& from, LedgerEntry& entry) {
  const std::uint8_t correction = from.u8();
  const std::uint8_t tier = from.u8();
  entry.usage.doubts = from.u8();
  for (const auto count : extended_counts) entry.usage.*count = std::clamp<Tokens>(from.i64(), 0, max_tokens_recorded);
  std::string raw;
  for (int pieces = from.u8(); pieces > 0 && from.complete(); --pieces) raw += from.name();
  if (!raw.empty()) entry.usage.raw.keep(raw);
  entry.correction = static_cast<Correction>(correction);
  entry.usage.service_tier = static_cast<chat::ServiceTier>(tier);
  return correction <= static_cast<std::uint8_t>(Correction::first_price) && tier < chat::service_tier_names.size();
}

std::unexpected<Error> unreadable(const char* why) {
  return fail(ErrorKind::invalid_request, std::string("a ledger record cannot be read: ") + why,
              "it was written by a newer sluice or is damaged; `sluice doctor` says more");
}

}  // namespace

void encode(const LedgerEntry& entry, std::string& out) {
  RecordWriter to(out, most_record_bytes);
  const bool plain = is_plain(entry);
  to.u8(plain ? plain_version : extended_version);
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
    to.i64(std::clamp<Tokens>(tokens, 0, max_tokens_recorded));
  to.i64(entry.cost.value_or(Money()).pico());
  to.bytes(entry.config_hash.data(), entry.config_hash.size());
  for (const std::string* name : {&entry.request_id.str(), &entry.key_id.str(), &entry.requested_model,
                                  &entry.provider.str(), &entry.model.str(), &entry.price_source})
    to.name(*name);
  if (!plain) encode_extension(entry, to);
  const std::size_t size = std::min(entry.tags.size(), max_tags_text_bytes);
  to.u16(static_cast<std::uint16_t>(size));
  to.bytes(entry.tags.data(), size);
}

Result<LedgerEntry> decode_ledger_entry(std::string_view bytes) {
  RecordReader from(bytes);
  const std::uint8_t version = from.u8();
  if (version != plain_version && version != extended_version) return unreadable("unknown version");
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
  entry.config_hash = from.bytes<ConfigHash>();
  entry.request_id = RequestId(std::string(from.name()));
  entry.key_id = KeyId(std::string(from.name()));
  entry.requested_model = from.name();
  entry.provider = ProviderId(std::string(from.name()));
  entry.model = ModelName(std::string(from.name()));
  entry.price_source = from.name();
  const bool known = version == plain_version || decode_extension(from, entry);
  if (!from.complete()) return unreadable("it is cut off");
  if (!known) return unreadable("unknown correction or service tier");
  if (!from.at_end()) entry.tags = from.text(from.u16());
  if (!from.complete()) return unreadable("its tags are cut off");
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
