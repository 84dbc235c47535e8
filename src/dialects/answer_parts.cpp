#include "dialects/answer_parts.h"

#include <algorithm>
#include <utility>

#include "base/ascii.h"
#include "dialects/provider_error.h"

namespace sluice::dialects {

Tokens count(json::Value value) {
  constexpr Tokens most_counted = 1'000'000'000'000;  // sums of a few of them stay in 64 bits
  return std::clamp<Tokens>(value.integer().value_or(0), 0, most_counted);
}

namespace {
constexpr Tokens most_tokens_counted = 1'000'000'000'000;  // sums of a few of them stay in 64 bits
}

void UsageCounts::doubt(chat::Doubt doubt) {
  usage_.add(doubt);
  if (!std::exchange(in_doubt_, true)) usage_.raw.keep(from_.text());
}

Tokens UsageCounts::of(json::Value value) {
  const json::Type type = value.type();
  if (type == json::Type::missing || type == json::Type::null) return 0;
  if (const auto whole = value.integer()) {
    if (*whole >= 0 && *whole <= most_tokens_counted) return *whole;
    doubt(*whole < 0 ? chat::Doubt::negative : chat::Doubt::overflow);
    return *whole < 0 ? 0 : most_tokens_counted;
  }
  const auto number = value.number();
  if (!number) {
    doubt(chat::Doubt::inconsistent);
    return 0;
  }
  if (*number < 0 || *number > static_cast<double>(most_tokens_counted)) {
    doubt(*number < 0 ? chat::Doubt::negative : chat::Doubt::overflow);
    return *number < 0 ? 0 : most_tokens_counted;
  }
  const auto whole = static_cast<Tokens>(*number);  // Cohere writes 12.0
  if (static_cast<double>(whole) == *number) return whole;
  doubt(chat::Doubt::inconsistent);
  return whole + 1;
}

Tokens UsageCounts::part(Tokens value, Tokens& whole) {
  if (value > whole) doubt(chat::Doubt::inconsistent);
  const Tokens taken = std::min(value, whole);
  whole -= taken;
  return taken;
}

Tokens UsageCounts::part(json::Value value, Tokens& whole) { return part(of(value), whole); }

bool is_count(json::Value value) { return value.number().has_value(); }

void read_service_tier(json::Value word, chat::Usage& usage) {
  const auto text = word.string();
  if (!text) return;
  struct Word {
    std::string_view text;
    chat::ServiceTier tier;
  };
  using enum chat::ServiceTier;
  static constexpr Word words[] = {{"default", standard},
                                   {"on_demand", standard},
                                   {"on_demand_flex", flex},
                                   {"on_demand_priority", priority},
                                   {"scale", provisioned},
                                   {"reserved", provisioned},
                                   {"provisioned_throughput", provisioned}};
  const std::string lower = ascii_lowered(*text);
  for (const Word& each : words)
    if (each.text == lower) usage.service_tier = each.tier;
  if (const auto named = chat::service_tier_from_name(lower)) usage.service_tier = *named;
}

void note_lost(std::vector<std::string>& names, std::string name) {
  if (names.size() < most_lost && std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
}

namespace {

constexpr const char* untold_citations = "answer.content.citations";

void note_untold(const Dialect& client, std::string_view tier, const chat::Usage& usage,
                 std::vector<std::string>& lost) {
  if (!tier.empty() && !client.tells_tier(tier)) note_lost(lost, "answer.service_tier");
  if (!client.tells_kinds(usage)) note_lost(lost, "answer.usage.details");
}

}  // namespace

void leave_out_untold(const Dialect& client, chat::ChatResponse& response) {
  for (chat::Block& block : response.blocks) {
    auto* text = std::get_if<chat::Text>(&block);
    if (text && std::erase_if(text->citations, [&](const chat::Citation& each) { return !client.tells(each); }) > 0)
      note_lost(response.dropped, untold_citations);
  }
  note_untold(client, response.service_tier, response.usage, response.dropped);
}

bool leave_out_untold(const Dialect& client, chat::ChatEvent& event, std::vector<std::string>& lost) {
  if (const auto* delta = std::get_if<chat::CitationDelta>(&event); delta && !client.tells(delta->citation)) {
    note_lost(lost, untold_citations);
    return false;
  }
  auto* finish = std::get_if<chat::Finish>(&event);
  if (!finish) return true;
  note_untold(client, finish->service_tier, finish->usage, lost);
  for (std::string& name : lost) note_lost(finish->dropped, std::move(name));
  lost.clear();
  return true;
}

namespace {
void add_strings(json::Value value, std::initializer_list<std::string_view> names, std::vector<std::string>& into) {
  for (const json::Value& each : value.elements()) add_strings(each, names, into);
  for (const auto& [name, member] : value.members()) {
    const auto text = member.string();
    if (!text)
      add_strings(member, names, into);
    else if (!text->empty() && into.size() < most_strings && std::ranges::find(names, name) != names.end())
      into.emplace_back(*text);
  }
}
}  // namespace

std::vector<std::string> strings_of(json::Value value, std::initializer_list<std::string_view> names) {
  std::vector<std::string> found;
  add_strings(value, names, found);
  return found;
}

// Every byte that does not go on with a character begins one.
bool begins_character(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; }

std::int64_t characters(std::string_view utf8) { return std::ranges::count_if(utf8, begins_character); }

chat::Citation citation_in(chat::Citation citation, std::int64_t before, std::int64_t length) {
  if (citation.begin < 0 || citation.end < citation.begin) {
    citation.begin = 0;
    citation.end = length;
  }
  citation.begin += before;
  citation.end += before;
  return citation;
}

void forget_place(chat::Citation& citation) { citation.begin = citation.end = -1; }

Result<void> Decoding::finish(std::vector<chat::ChatEvent>& out) {
  if (ended_) return {};
  if (!stop_) return not_the_protocol("the stream ended before the answer did");
  finish_with(out);
  return {};
}

void Decoding::fail_with(Error error, std::vector<chat::ChatEvent>& out) {
  ended_ = true;
  out.emplace_back(chat::StreamError{std::move(error)});
}

void Decoding::finish_with(std::vector<chat::ChatEvent>& out) {
  end_block(out);
  ended_ = true;
  out.emplace_back(chat::Finish{.stop = stop_.value_or(chat::StopReason::other),
                                .stop_sequence = std::move(stop_sequence_),
                                .refusal = std::move(refusal_),
                                .service_tier = std::move(service_tier_),
                                .usage = usage_,
                                .dropped = std::move(dropped_)});
}

}  // namespace sluice::dialects
