// What the readers and writers of answers share: counts of tokens, the names of what is lost, places of citations, and
// how a stream of a provider ends.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dialects/dialect.h"

namespace sluice::dialects {

// A number of tokens as a provider tells it: 0 for what is none, and never more than a sum of a few can hold.
Tokens count(json::Value value);

// Reads the counts of one object of usage. What makes no sense (below zero, beyond any answer, a part larger than its
// whole) is bounded, marked in the usage, and kept there as the provider wrote it.
class UsageCounts {
 public:
  UsageCounts(json::Value from, chat::Usage& usage) : from_(from), usage_(usage) {}

  Tokens of(json::Value value);                   // 0 for what is none
  Tokens part(json::Value value, Tokens& whole);  // taken out of `whole`
  Tokens part(Tokens value, Tokens& whole);
  // The provider counts tokens of another model beside these.
  void second_model() { doubt(chat::Doubt::second_model); }

 private:
  json::Value from_;
  chat::Usage& usage_;
  bool in_doubt_ = false;
  void doubt(chat::Doubt doubt);
};

// A count is there, whatever it says: `{"prompt_tokens": -1}` has one.
bool is_count(json::Value value);

// The service tier that a provider says it has billed: "default", "flex", "ON_DEMAND_PRIORITY". Other words, and none,
// leave it as it is.
void read_service_tier(json::Value word, chat::Usage& usage);

// What of an answer chat/ cannot say, by name, each once. Providers choose some of the names: behind `most_lost` of
// them no more are kept.
inline constexpr std::size_t most_lost = 64;
void note_lost(std::vector<std::string>& names, std::string name);

// What of an answer a client of this API cannot be told (Dialect::tells...) is left out, and named among what is
// dropped.
void leave_out_untold(const Dialect& client, chat::ChatResponse& response);
// The same of a stream, event by event; `lost` is kept until the last one, which gets the names. False: this event is
// left out.
bool leave_out_untold(const Dialect& client, chat::ChatEvent& event, std::vector<std::string>& lost);

// The strings that are values of members of these names, whatever their depth; at most `most_strings`.
inline constexpr std::size_t most_strings = 1'000;
std::vector<std::string> strings_of(json::Value value, std::initializer_list<std::string_view> names);

// Of UTF-8.
bool begins_character(char byte);
std::int64_t characters(std::string_view utf8);
// A citation of a text of `length` characters that stands behind `before` others; without a place it is for all of it.
chat::Citation citation_in(chat::Citation citation, std::int64_t before, std::int64_t length);
void forget_place(chat::Citation& citation);

// What every reader of a provider's stream keeps, and how it ends.
class Decoding : public StreamDecoder {
 public:
  // Of a stream that may end as soon as it has been told why. Readers with another rule have their own.
  Result<void> finish(std::vector<chat::ChatEvent>& out) override;

 protected:
  void fail_with(Error error, std::vector<chat::ChatEvent>& out);
  // Ends the open block, if there is one, with what its kind still needs.
  virtual void end_block(std::vector<chat::ChatEvent>& out) = 0;
  // The last event, of what is kept here.
  void finish_with(std::vector<chat::ChatEvent>& out);

  bool ended_ = false;
  std::int64_t blocks_ = 0;              // begun so far
  std::optional<chat::BlockKind> open_;  // the block that is open
  std::optional<chat::StopReason> stop_;
  std::string stop_sequence_;
  std::string refusal_;
  std::string service_tier_;
  std::vector<std::string> dropped_;
  chat::Usage usage_;
};

}  // namespace sluice::dialects
