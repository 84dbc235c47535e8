// Log probabilities of an answer's tokens, as chat/ carries them: the text of a JSON array in the form that OpenAI's
// two APIs share, [{"token","logprob","bytes","top_logprobs":[{"token","logprob","bytes"}]}]. Empty = none.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "json/json.h"

namespace sluice::dialects {

inline constexpr std::int64_t most_top_logprobs = 20;  // the APIs' own limit

// In the form above, of an array that may lack `bytes` and `top_logprobs`.
std::string read_logprobs(json::Value array);
// Both, one behind the other.
void append_logprobs(std::string& all, std::string_view more);
// The array; an empty one when there are none.
std::string_view logprobs_array(std::string_view logprobs);

// One entry's members token, logprob and bytes, into an object that is open.
void write_logprob(json::Writer& writer, std::string_view token, double logprob);

}  // namespace sluice::dialects
