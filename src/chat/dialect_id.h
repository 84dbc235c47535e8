// The wire formats that Sluice speaks, on the client's side and on the provider's.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::chat {

// The ledger keeps the numbers: new ones come at the end.
enum class DialectId : std::uint8_t {
  openai_chat,
  anthropic_messages,
  openai_embeddings,
  openai_completions,
  openai_moderations,
  openai_responses,
  gemini,
  bedrock_converse,
};
inline constexpr std::array all_dialects = {DialectId::openai_chat,
                                            DialectId::anthropic_messages,
                                            DialectId::openai_embeddings,
                                            DialectId::openai_completions,
                                            DialectId::openai_moderations,
                                            DialectId::openai_responses,
                                            DialectId::gemini,
                                            DialectId::bedrock_converse};

constexpr std::string_view name(DialectId id) {
  switch (id) {
    case DialectId::openai_chat: return "openai_chat";
    case DialectId::anthropic_messages: return "anthropic_messages";
    case DialectId::openai_embeddings: return "openai_embeddings";
    case DialectId::openai_completions: return "openai_completions";
    case DialectId::openai_moderations: return "openai_moderations";
    case DialectId::openai_responses: return "openai_responses";
    case DialectId::gemini: return "gemini";
    case DialectId::bedrock_converse: return "bedrock_converse";
  }
  return "unknown";
}

constexpr std::optional<DialectId> dialect_from_name(std::string_view text) {
  for (const DialectId id : all_dialects)
    if (name(id) == text) return id;
  return std::nullopt;
}

// Requests in it are conversations: they can be told in another such dialect.
constexpr bool is_chat(DialectId id) {
  return id == DialectId::openai_chat || id == DialectId::anthropic_messages || id == DialectId::openai_responses ||
         id == DialectId::gemini || id == DialectId::bedrock_converse;
}

// Whether an API with the first dialect takes requests of the second as they are: OpenAI's has more calls than chat.
constexpr bool speaks(DialectId api, DialectId request) {
  return api == request || (api == DialectId::openai_chat && !is_chat(request));
}

}  // namespace sluice::chat
