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
  anthropic_count_tokens,
  openai_input_tokens,
  gemini_count_tokens,
  openai_speech,
  openai_transcriptions,
  openai_translations,
  openai_images,
  openai_image_edits,
  openai_image_variations,
  rerank,
  gemini_embed,
  gemini_batch_embed,
  openai_resources,
  anthropic_resources,
  openai_compact,
  gemini_resources,
};
inline constexpr std::array all_dialects = {DialectId::openai_chat,
                                            DialectId::anthropic_messages,
                                            DialectId::openai_embeddings,
                                            DialectId::openai_completions,
                                            DialectId::openai_moderations,
                                            DialectId::openai_responses,
                                            DialectId::gemini,
                                            DialectId::bedrock_converse,
                                            DialectId::anthropic_count_tokens,
                                            DialectId::openai_input_tokens,
                                            DialectId::gemini_count_tokens,
                                            DialectId::openai_speech,
                                            DialectId::openai_transcriptions,
                                            DialectId::openai_translations,
                                            DialectId::openai_images,
                                            DialectId::openai_image_edits,
                                            DialectId::openai_image_variations,
                                            DialectId::rerank,
                                            DialectId::gemini_embed,
                                            DialectId::gemini_batch_embed,
                                            DialectId::openai_resources,
                                            DialectId::anthropic_resources,
                                            DialectId::openai_compact,
                                            DialectId::gemini_resources};

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
    case DialectId::anthropic_count_tokens: return "anthropic_count_tokens";
    case DialectId::openai_input_tokens: return "openai_input_tokens";
    case DialectId::gemini_count_tokens: return "gemini_count_tokens";
    case DialectId::openai_speech: return "openai_speech";
    case DialectId::openai_transcriptions: return "openai_transcriptions";
    case DialectId::openai_translations: return "openai_translations";
    case DialectId::openai_images: return "openai_images";
    case DialectId::openai_image_edits: return "openai_image_edits";
    case DialectId::openai_image_variations: return "openai_image_variations";
    case DialectId::rerank: return "rerank";
    case DialectId::gemini_embed: return "gemini_embed";
    case DialectId::gemini_batch_embed: return "gemini_batch_embed";
    case DialectId::openai_resources: return "openai_resources";
    case DialectId::anthropic_resources: return "anthropic_resources";
    case DialectId::openai_compact: return "openai_compact";
    case DialectId::gemini_resources: return "gemini_resources";
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

// Requests in it ask how many tokens a prompt has, and nothing else: they are never billed.
constexpr bool counts_tokens(DialectId id) {
  return id == DialectId::anthropic_count_tokens || id == DialectId::openai_input_tokens ||
         id == DialectId::gemini_count_tokens;
}

// Requests in it are about what a provider keeps for its clients, not about a model.
constexpr bool is_about_resources(DialectId id) {
  return id == DialectId::openai_resources || id == DialectId::anthropic_resources || id == DialectId::gemini_resources;
}

// Requests in it ask for embeddings.
constexpr bool embeds(DialectId id) {
  return id == DialectId::openai_embeddings || id == DialectId::gemini_embed || id == DialectId::gemini_batch_embed;
}

// Whether an API with the first dialect takes requests of the second as they are: each has more calls than chat.
constexpr bool speaks(DialectId api, DialectId request) {
  switch (request) {
    case DialectId::openai_embeddings:
    case DialectId::openai_completions:
    case DialectId::openai_moderations:
    case DialectId::openai_speech:
    case DialectId::openai_transcriptions:
    case DialectId::openai_translations:
    case DialectId::openai_images:
    case DialectId::openai_image_edits:
    case DialectId::openai_image_variations:
    case DialectId::rerank: return api == DialectId::openai_chat;
    case DialectId::openai_resources: return api == DialectId::openai_chat || api == DialectId::openai_responses;
    case DialectId::anthropic_resources:
    case DialectId::anthropic_count_tokens: return api == DialectId::anthropic_messages;
    case DialectId::openai_compact:
    case DialectId::openai_input_tokens: return api == DialectId::openai_responses;
    case DialectId::gemini_embed:
    case DialectId::gemini_batch_embed:
    case DialectId::gemini_resources:
    case DialectId::gemini_count_tokens: return api == DialectId::gemini;
    default: return api == request;
  }
}

// Whether requests of the second dialect can be told in the first one's API.
constexpr bool translates(DialectId api, DialectId request) {
  return is_chat(request) || (embeds(request) && (api == DialectId::openai_chat || api == DialectId::gemini));
}

}  // namespace sluice::chat
