// Whole answers, and what they share with streams: usage, stop reasons, citations.
#include <algorithm>

#include "dialects/answer_parts.h"
#include "dialects/bedrock_converse/parts.h"
#include "dialects/provider_error.h"

namespace sluice::dialects::bedrock {
namespace {

chat::Text cited_text(json::Value content, std::vector<std::string>& lost) {
  chat::Text text;
  for (const json::Value& part : content["content"].elements()) text.text += part["text"].string().value_or("");
  for (const json::Value& each : content["citations"].elements()) {
    if (auto found = citation(each))
      text.citations.push_back(*std::move(found));
    else
      note_lost(lost, "answer.content.citations");
  }
  return text;
}

void read_block(json::Value block, chat::ChatResponse& response) {
  if (const auto text = block["text"].string()) {
    response.blocks.emplace_back(chat::Text{.text = std::string(*text)});
  } else if (const json::Value call = block["toolUse"]; call.is_object()) {
    response.blocks.emplace_back(chat::ToolCall{.id = std::string(call["toolUseId"].string().value_or("")),
                                                .name = std::string(call["name"].string().value_or("")),
                                                .arguments = call["input"].is_object() ? call["input"].text() : "{}"});
  } else if (const json::Value reasoning = block["reasoningContent"]; reasoning.is_object()) {
    const json::Value shown = reasoning["reasoningText"];
    if (const auto data = reasoning["redactedContent"].string())
      response.blocks.emplace_back(chat::Thinking{.signature = std::string(*data), .redacted = true});
    else
      response.blocks.emplace_back(chat::Thinking{.text = std::string(shown["text"].string().value_or("")),
                                                  .signature = std::string(shown["signature"].string().value_or(""))});
  } else if (const json::Value cited = block["citationsContent"]; cited.is_object()) {
    response.blocks.emplace_back(cited_text(cited, response.dropped));
  } else {
    for (const auto& [name, value] : block.members())
      note_lost(response.dropped, "answer.content." + std::string(name));
  }
}

// A place in a document or a search result of the request.
bool read_place(json::Value location, chat::Citation& into) {
  using enum chat::Citation::Within;
  struct Kind {
    const char* name;
    const char* number;
    chat::Citation::Within within;
  };
  constexpr Kind kinds[] = {{"documentChar", "documentIndex", characters},
                            {"documentPage", "documentIndex", pages},
                            {"documentChunk", "documentIndex", blocks},
                            {"searchResultLocation", "searchResultIndex", search_result}};
  for (const Kind& kind : kinds) {
    const json::Value place = location[kind.name];
    if (!place.is_object()) continue;
    into.within = kind.within;
    into.number = place[kind.number].integer().value_or(0);
    into.from = place["start"].integer().value_or(0);
    into.to = place["end"].integer().value_or(0);
    return true;
  }
  return false;
}

}  // namespace

// `inputTokens` is what was read fresh: the cache's tokens are not in it.
chat::Usage usage(json::Value from) {
  chat::Usage usage;
  if (!from.is_object()) return usage;
  UsageCounts counts(from, usage);
  usage.input = counts.of(from["inputTokens"]);
  // Some models tell the cache's counts by their older name alone.
  const auto either = [&](const char* name, const char* older) {
    return counts.of(is_count(from[name]) ? from[name] : from[older]);
  };
  usage.cache_read = either("cacheReadInputTokens", "cacheReadInputTokenCount");
  Tokens written = either("cacheWriteInputTokens", "cacheWriteInputTokenCount");
  Tokens hour = 0;
  for (const json::Value& detail : from["cacheDetails"].elements())
    if (detail["ttl"].string() == "1h") hour = std::max(hour, counts.of(detail["inputTokens"]));
  usage.cache_write_1h = counts.part(hour, written);
  usage.cache_write_5m = written;
  usage.output = counts.of(from["outputTokens"]);
  usage.reported = is_count(from["inputTokens"]) || is_count(from["outputTokens"]);
  return usage;
}

chat::Usage answer_usage(json::Value answer) {
  chat::Usage told = usage(answer["usage"]);
  read_service_tier(answer["serviceTier"]["type"], told);
  if (answer["performanceConfig"]["latency"].string() == "optimized") told.service_tier = chat::ServiceTier::fast;
  return told;
}

std::optional<chat::StopReason> stop_reason(std::string_view name) {
  if (name == "malformed_model_output" || name == "malformed_tool_use") return std::nullopt;
  if (name == "end_turn") return chat::StopReason::end_turn;
  if (name == "max_tokens" || name == "model_context_window_exceeded") return chat::StopReason::max_tokens;
  if (name == "stop_sequence") return chat::StopReason::stop_sequence;
  if (name == "tool_use") return chat::StopReason::tool_use;
  // "refusal" is Claude's own word, which goes through for some of its models.
  if (name == "guardrail_intervened" || name == "content_filtered" || name == "refusal")
    return chat::StopReason::content_filter;
  return chat::StopReason::other;
}

Error failed_answer(std::string_view stop_reason) {
  return {.kind = ErrorKind::provider_unreachable,
          .message = "the provider's model wrote something that cannot be read (" + std::string(stop_reason) + ")",
          .retry = Retry::anywhere};
}

// A whole answer has it at the top, a stream in Claude's own delta.
std::string stop_sequence(json::Value additional_fields) {
  const auto whole = additional_fields["stop_sequence"].string();
  return std::string(whole ? *whole : additional_fields["delta"]["stop_sequence"].string().value_or(""));
}

std::optional<chat::Citation> citation(json::Value from) {
  chat::Citation found{.title = std::string(from["title"].string().value_or(""))};
  const json::Value location = from["location"];
  if (const auto url = location["web"]["url"].string())
    found.url = *url;
  else if (!read_place(location, found))
    return std::nullopt;
  found.source = from["source"].string().value_or("");
  for (const json::Value& part : from["sourceContent"].elements())
    found.cited_text += part["text"].string().value_or("");
  return found;
}

Result<chat::ChatResponse> decode_response(const json::Document& parsed) {
  const json::Value root = parsed.root();
  const json::Value content = root["output"]["message"]["content"];
  if (!content.is_array()) return wrong_shape("an answer without a message");
  const std::string_view reason = root["stopReason"].string().value_or("");
  const auto stop = stop_reason(reason);
  if (!stop) return std::unexpected(failed_answer(reason));
  chat::ChatResponse response;
  response.stop = *stop;
  for (const json::Value& block : content.elements()) read_block(block, response);
  response.stop_sequence = stop_sequence(root["additionalModelResponseFields"]);
  response.service_tier = root["serviceTier"]["type"].string().value_or("");
  response.usage = answer_usage(root);
  return response;
}

}  // namespace sluice::dialects::bedrock
