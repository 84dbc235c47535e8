// Reasoning state on its way through a client. Only the provider and model that issued it can read it, and another one
// refuses the whole request for it. So when it goes to a client whose dialect is not the issuer's, it gets a seal that
// names the issuer; when it comes back it is opened, and goes on to that issuer alone.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "chat/chat.h"

namespace sluice::dialects {

// Every sealed text begins so.
inline constexpr std::string_view seal_mark = "sluice-sealed:";
// Whether it occurs in a text, such as a body.
bool has_seal(std::string_view text);

// `issuer` is "provider/model". An empty `state` is sealed too: text that nobody signed, which no provider that wants
// signatures may see.
std::string seal(std::string_view issuer, std::string_view state);

struct Sealed {
  std::string_view issuer;  // views of the text
  std::string_view state;
};
// Empty when the text has no seal, or a broken one.
std::optional<Sealed> open_seal(std::string_view text);

// A block of reasoning's state with all that its issuer needs besides the text, sealed; and the block again, without
// its text. An opened block has an issuer; what has no seal comes back as the signature itself, of an unknown issuer.
std::string seal_thinking(std::string_view issuer, const chat::Thinking& thinking);
chat::Thinking open_thinking(std::string_view sealed);

}  // namespace sluice::dialects
