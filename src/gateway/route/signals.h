// What a request's texts look like, in microseconds and without a model: program code, language, personal data and
// secrets by their form, how long the conversation is. Heuristics, for the rules of workloads: they say what a text
// looks like, and a text can be made to look otherwise. Nothing of a text is kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "json/json.h"

namespace sluice::gateway {

// Texts are looked at from the newest message back to the first, then the system text, and no further than this: about
// 16,000 tokens, which takes 0.3 ms; 1 KB takes 12 us. What is longer is looked at in part.
inline constexpr std::size_t most_signal_bytes = std::size_t{64} << 10;

struct Signals {
  bool code = false;
  bool pii = false;      // e-mail, telephone number with its country, IBAN, payment card, US social security number
  bool secrets = false;  // private keys, tokens of a known form
  std::string_view language;  // ISO 639-1, of the newest message of the user; a literal; empty: cannot be told
  std::int64_t turns = 0;     // messages of the user, without those that only bring a tool's result
  std::size_t bytes = 0;      // looked at
};

// Of a body in any client's dialect. Bytes of images and files are not looked at.
Signals read_signals(json::Value body);

// What the user has written last: the texts of the newest message of the user, at most `most_bytes` of them, with line
// ends between. For the difficulty score.
std::string newest_text(json::Value body, std::size_t most_bytes);

// Whether the answer is to be JSON of a form that the request gives, in any dialect.
bool wants_schema(json::Value body);

// The parts, each of one text in UTF-8.
bool looks_like_code(std::string_view text);
bool has_pii(std::string_view text);
bool has_secret(std::string_view text);
std::string_view language_of(std::string_view text);

}  // namespace sluice::gateway
