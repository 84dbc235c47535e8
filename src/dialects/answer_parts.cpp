#include "dialects/answer_parts.h"

#include <algorithm>

#include "dialects/provider_error.h"

namespace sluice::dialects {

Tokens count(json::Value value) {
  constexpr Tokens most_counted = 1'000'000'000'000;  // sums of a few of them stay in 64 bits
  return std::clamp<Tokens>(value.integer().value_or(0), 0, most_counted);
}

void note_lost(std::vector<std::string>& names, std::string name) {
  if (names.size() < most_lost && std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
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
