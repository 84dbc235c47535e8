// Thinking that Sluice shows to a client of this dialect may come from a provider that signs nothing. The client sends
// it back with the conversation, and Anthropic would refuse the whole request for one bad signature. So such blocks
// carry a mark instead of a signature, and whatever has the mark stays here when the next turn goes to Anthropic.
#pragma once

#include <string>
#include <string_view>

namespace sluice::dialects::anthropic {

inline constexpr std::string_view unsigned_mark = "sluice-unsigned";

// The request body without marked blocks, and without messages that have nothing else; every other byte as it was.
std::string without_unsigned_thinking(std::string body);

}  // namespace sluice::dialects::anthropic
