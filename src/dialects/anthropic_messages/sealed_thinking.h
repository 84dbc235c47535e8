// Thinking that Sluice shows to a client of this dialect may come from a provider of another one. The client sends it
// back with the conversation, and Anthropic would refuse the whole request for one signature that is not its own. So
// such blocks have a seal for a signature, and whatever has a seal stays here when the next turn goes to Anthropic as
// it is. So does what is known to be of another vendor of this API.
#pragma once

#include <string>

#include "dialects/dialect.h"

namespace sluice::dialects::anthropic {

// Whether the request may have blocks that are sealed or known to be foreign. A quick look at its bytes.
bool may_have_foreign_thinking(std::string_view body, const BodyEdit& edit);
// The request body without those blocks, and without messages that have nothing else; every other byte as it was.
std::string without_foreign_thinking(std::string body, const BodyEdit& edit);

}  // namespace sluice::dialects::anthropic
