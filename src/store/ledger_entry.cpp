#include "store/ledger_entry.h"

#include <algorithm>
#include <cstddef>

#include "base/ulid.h"
#include "store/record_bytes.h"
#include "store/tags.h"

namespace sluice::store {
namespace {

// What is written. The two before it had numbers of eight bytes and the id as text; logs keep them for years.
constexpr std::uint8_t version = 3;
constexpr std::uint8_t plain_version = 1;
constexpr std::uint8_t extended_version = 2;

// No answer has a trillion tokens. What a broken provider reports beyond is cut, so that sums stay within 64 bits.
constexpr Tokens max_tokens_recorded = 1'000'000'000'000;

enum Flag : std::uint8_t {
  stream = 1,
  final = 2,
  reported = 4,
  priced = 8,
  extended = 16,
  tagged = 32,
  ulid = 64,
  placed = 128  // by a workload; programs that know none read up to it
};

constexpr std::string_view request_prefix = "req_";
constexpr std::size_t numbers_bytes = 6 + 12 * max_varint_bytes + sizeof(ConfigHash);
constexpr std::size_t extension_bytes = 4 + 7 * max_varint_bytes;
// The provider's own words about usage in doubt go in pieces, each with its length in front.
constexpr std::size_t most_raw_pieces = (chat::max_raw_usage_bytes + max_name_bytes - 1) / max_name_bytes;
constexpr std::size_t most_record_bytes = numbers_bytes + 7 * (1 + max_name_bytes) + extension_bytes +
                                          most_raw_pieces * (1 + max_name_bytes) + 2 + max_tags_text_bytes;

// In their order on disk.
constexpr std::array extended_counts = {
    &chat::Usage::input_audio,  &chat::Usage::input_image,  &chat::Usage::input_video, &chat::Usage::cache_read_audio,
    &chat::Usage::output_audio, &chat::Usage::output_image, &chat::Usage::searches};

constexpr std::array counts = {&chat::Usage::input,          &chat::Usage::cache_read, &chat::Usage::cache_write_5m,
                               &chat::Usage::cache_write_1h, &chat::Usage::output,     &chat::Usage::reasoning};

bool is_plain(const LedgerEntry& entry) {
  const chat::Usage& usage = entry.usage;
  return entry.correction == Correction::none && usage.service_tier == chat::ServiceTier::standard &&
         usage.doubts == 0 && std::ranges::all_of(extended_counts, [&](auto count) { return usage.*count == 0; });
}

std::uint64_t recorded(Tokens tokens) {
  return static_cast<std::uint64_t>(std::clamp<Tokens>(tokens, 0, max_tokens_recorded));
}

// A difference of times, and back: around the end of the numbers, so that no clock is too wrong for it.
std::int64_t minus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}
std::int64_t plus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

void encode_extension(const LedgerEntry& entry, RecordWriter& to) {
  to.u8(static_cast<std::uint8_t>(entry.correction));
  to.u8(static_cast<std::uint8_t>(entry.usage.service_tier));
  to.u8(entry.usage.doubts);
  for (const auto count : extended_counts) to.varint(recorded(entry.usage.*count));
  std::string_view raw = entry.usage.raw.text();
  to.u8(static_cast<std::uint8_t>((raw.size() + max_name_bytes - 1) / max_name_bytes));
  for (; !raw.empty(); raw.remove_prefix(std::min(raw.size(), max_name_bytes))) {
    const std::string_view piece = raw.substr(0, max_name_bytes);
    to.u8(static_cast<std::uint8_t>(piece.size()));
    to.bytes(piece.data(), piece.size());
  }
}

// False when it says what this program does not know.
bool decode_extension(RecordReader& from, bool fixed, LedgerEntry& entry) {
  const std::uint8_t correction = from.u8();
  const std::uint8_t tier = from.u8();
  entry.usage.doubts = from.u8();
  for (const auto count : extended_counts)
    entry.usage.*count =
        std::clamp<Tokens>(fixed ? from.i64() : static_cast<Tokens>(from.varint()), 0, max_tokens_recorded);
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

// The numbers of versions 1 and 2.
void decode_fixed(RecordReader& from, bool priced, LedgerEntry& entry) {
  entry.status = from.u16();
  entry.start_us = from.i64();
  entry.end_us = from.i64();
  entry.ttft_us = from.i64();
  entry.total_us = from.i64();
  for (const auto count : counts) entry.usage.*count = std::clamp<Tokens>(from.i64(), 0, max_tokens_recorded);
  const std::int64_t cost = from.i64();
  if (priced) entry.cost = Money::pico(cost);
}

void decode_numbers(RecordReader& from, bool priced, LedgerEntry& entry) {
  entry.status = static_cast<int>(std::min<std::uint64_t>(from.varint(), 0xffff));
  entry.start_us = static_cast<std::int64_t>(from.varint());
  const std::int64_t took_us = from.signed_varint();
  entry.end_us = plus(entry.start_us, took_us);
  entry.ttft_us = from.signed_varint();
  entry.total_us = plus(from.signed_varint(), took_us);
  for (const auto count : counts)
    entry.usage.*count = std::clamp<Tokens>(static_cast<Tokens>(from.varint()), 0, max_tokens_recorded);
  if (priced) entry.cost = Money::pico(from.signed_varint());
}

}  // namespace

void encode(const LedgerEntry& entry, std::string& out) {
  RecordWriter to(out, most_record_bytes);
  const bool plain = is_plain(entry);
  const std::string_view request = entry.request_id.str();
  const auto id = request.starts_with(request_prefix) ? ulid_bytes(request.substr(request_prefix.size()))
                                                      : std::optional<UlidBytes>();
  to.u8(version);
  to.u8(static_cast<std::uint8_t>((entry.stream ? Flag::stream : 0) | (entry.final ? Flag::final : 0) |
                                  (entry.usage.reported ? Flag::reported : 0) | (entry.cost ? Flag::priced : 0) |
                                  (plain ? 0 : Flag::extended) | (entry.tags.empty() ? 0 : Flag::tagged) |
                                  (id ? Flag::ulid : 0) | (entry.workload.empty() ? 0 : Flag::placed)));
  to.u8(static_cast<std::uint8_t>(entry.client_dialect));
  to.u8(static_cast<std::uint8_t>(entry.ground));
  to.u8(static_cast<std::uint8_t>(entry.outcome));
  to.u8(entry.attempt);
  to.varint(static_cast<std::uint16_t>(entry.status));
  const std::int64_t took_us = minus(entry.end_us, entry.start_us);
  to.varint(static_cast<std::uint64_t>(entry.start_us));
  to.signed_varint(took_us);
  to.signed_varint(entry.ttft_us);
  to.signed_varint(minus(entry.total_us, took_us));
  for (const auto count : counts) to.varint(recorded(entry.usage.*count));
  if (entry.cost) to.signed_varint(entry.cost->pico());
  to.bytes(entry.config_hash.data(), entry.config_hash.size());
  id ? to.bytes(id->data(), id->size()) : to.name(request);
  for (const std::string* name :
       {&entry.key_id.str(), &entry.requested_model, &entry.provider.str(), &entry.model.str(), &entry.price_source})
    to.name(*name);
  if (!plain) encode_extension(entry, to);
  if (!entry.tags.empty()) {
    const std::size_t size = std::min(entry.tags.size(), max_tags_text_bytes);
    to.u16(static_cast<std::uint16_t>(size));
    to.bytes(entry.tags.data(), size);
  }
  if (!entry.workload.empty()) to.name(entry.workload);
}

Result<LedgerEntry> decode_ledger_entry(std::string_view bytes) {
  RecordReader from(bytes);
  const std::uint8_t written = from.u8();
  const bool fixed = written == plain_version || written == extended_version;
  if (!fixed && written != version) return unreadable("unknown version");
  const std::uint8_t flags = from.u8();
  const std::uint8_t dialect = from.u8();
  const std::uint8_t ground = from.u8();
  const std::uint8_t outcome = from.u8();
  LedgerEntry entry;
  entry.attempt = from.u8();
  (fixed ? decode_fixed : decode_numbers)(from, flags & Flag::priced, entry);
  entry.config_hash = from.bytes<ConfigHash>();
  if (!fixed && flags & Flag::ulid)
    entry.request_id = RequestId(std::string(request_prefix) + ulid_text(from.bytes<UlidBytes>()));
  else
    entry.request_id = RequestId(std::string(from.name()));
  entry.key_id = KeyId(std::string(from.name()));
  entry.requested_model = from.name();
  entry.provider = ProviderId(std::string(from.name()));
  entry.model = ModelName(std::string(from.name()));
  entry.price_source = from.name();
  const bool extended = fixed ? written == extended_version : flags & Flag::extended;
  const bool known = !extended || decode_extension(from, fixed, entry);
  if (!from.complete()) return unreadable("it is cut off");
  if (!known) return unreadable("unknown correction or service tier");
  // Before version 3 a record without tags may end here.
  if (fixed ? !from.at_end() : flags & Flag::tagged) entry.tags = from.text(from.u16());
  if (!from.complete()) return unreadable("its tags are cut off");
  if (!fixed && flags & Flag::placed) entry.workload = from.name();
  if (!from.complete()) return unreadable("its workload is cut off");
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
