// The wire formats that Sluice speaks, on the client's side and on the provider's.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::chat {

enum class DialectId : std::uint8_t { openai_chat, anthropic_messages };

constexpr std::string_view name(DialectId id) {
  switch (id) {
    case DialectId::openai_chat: return "openai_chat";
    case DialectId::anthropic_messages: return "anthropic_messages";
  }
  return "unknown";
}

constexpr std::optional<DialectId> dialect_from_name(std::string_view text) {
  for (DialectId id : {DialectId::openai_chat, DialectId::anthropic_messages})
    if (name(id) == text) return id;
  return std::nullopt;
}

}  // namespace sluice::chat
