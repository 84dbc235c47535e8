// The rows of the conformance table: what a request may ask for and an answer may hold, and how each is recognised in a
// golden case. Nothing is declared by a case: what it shows is read from its files.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "chat/chat.h"

namespace sluice::golden {

// A request as its dialect's reader understands it, beside its bytes for what has no place in chat/.
struct Asked {
  const chat::ChatRequest& request;
  std::string_view body;
  std::string_view issuer;  // the provider and model that are asked, as seals name them
  bool native = false;      // the provider's own dialect: what is in it is the provider's
};

struct Told {
  const chat::ChatResponse& response;
  std::string_view body;
  bool streamed = false;
  bool usage_asked = true;  // a client that did not ask is told nothing
};

// Dialects by a letter each: C chat completions, R responses, M messages, G Gemini, B Bedrock.
struct Feature {
  std::string_view name;
  std::string_view dialects;              // whose clients can ask for it, or whose providers can answer so
  bool (*asked)(const Asked&) = nullptr;  // of requests; absent where only the names tell
  bool (*told)(const Told&) = nullptr;    // of answers; absent where only the names or the case's kind tell
  // On the other side of a translation: the same in other words, of which nothing is lost.
  bool (*asked_otherwise)(const Asked&) = nullptr;
  bool (*told_otherwise)(const Told&) = nullptr;
  // Parts of the names in x-sluice-dropped-params and -added-params; one that begins with '=' is the whole name.
  std::vector<std::string_view> losses = {};
  std::vector<std::string_view> refusals = {};  // parts of the error's text
  // What it looks like in the bytes, where both sides speak the same dialect and nobody reads what goes by.
  std::vector<std::string_view> bytes = {};

  // What a case shows as a whole.
  enum class Kind : std::uint8_t { none, rate_limit, error_status, error_in_stream } kind = Kind::none;
  bool of_answer = false;
};

std::span<const Feature> features();

}  // namespace sluice::golden
