// Whole answers, and what they share with streams: usage, finish reasons, ids, grounding and the parts that clients
// get.
#include <algorithm>
#include <array>

#include "dialects/answer_parts.h"
#include "dialects/gemini/message.h"
#include "dialects/gemini/parts.h"
#include "dialects/logprobs.h"
#include "dialects/provider_error.h"
#include "dialects/seal.h"

namespace sluice::dialects::gemini {
namespace {

constexpr std::array<std::string_view, 9> filters = {"SAFETY",
                                                     "RECITATION",
                                                     "LANGUAGE",
                                                     "BLOCKLIST",
                                                     "PROHIBITED_CONTENT",
                                                     "SPII",
                                                     "IMAGE_SAFETY",
                                                     "IMAGE_PROHIBITED_CONTENT",
                                                     "IMAGE_RECITATION"};
// The model wrote what is no answer. Trying again gives another one.
constexpr std::array<std::string_view, 5> faults = {"MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL",
                                                    "TOO_MANY_TOOL_CALLS", "MALFORMED_RESPONSE",
                                                    "MISSING_THOUGHT_SIGNATURE"};

chat::Citation citation_of(json::Value chunk) {
  for (const std::string_view kind : {"web", "retrievedContext", "maps"}) {
    const json::Value source = chunk[kind];
    if (!source["uri"].is_string()) continue;
    return {.url = std::string(*source["uri"].string()), .title = std::string(source["title"].string().value_or(""))};
  }
  return {};
}

void read_part(json::Value part, std::string_view response_id, std::size_t& calls, chat::ChatResponse& response) {
  const std::string_view signature = part["thoughtSignature"].string().value_or("");
  const json::Value call = part["functionCall"];
  const auto text = part["text"].string();
  if (text && part["thought"].boolean().value_or(false)) {
    if (!text->empty() || !signature.empty())
      response.blocks.emplace_back(
          chat::Thinking{.text = std::string(*text), .signature = std::string(signature), .redacted = text->empty()});
    return;
  }
  // A signature must not cut a text in two, so it comes after the part that goes on with it.
  const bool goes_on =
      text && !text->empty() && !response.blocks.empty() && std::holds_alternative<chat::Text>(response.blocks.back());
  const auto add_state = [&] {
    if (!signature.empty())
      response.blocks.emplace_back(chat::Thinking{.text = "", .signature = std::string(signature), .redacted = true});
  };
  if (!goes_on) add_state();
  if (text) {
    if (!text->empty()) response.blocks.emplace_back(chat::Text{std::string(*text)});
  } else if (call.is_object()) {
    response.blocks.emplace_back(chat::ToolCall{.id = call_id(call, response_id, calls++),
                                                .name = std::string(call["name"].string().value_or("")),
                                                .arguments = call["args"].is_object() ? call["args"].text() : "{}"});
  } else {
    note_lost_part(response.dropped, part);
  }
  if (goes_on) add_state();
}

}  // namespace

chat::Usage read_usage(json::Value metadata) {
  chat::Usage usage;
  if (!metadata.is_object() || !is_count(metadata["promptTokenCount"])) return usage;
  UsageCounts counts(metadata, usage);
  const auto of_kind = [&](const char* list, std::string_view kind) {
    Tokens sum = 0;
    for (const json::Value& each : metadata[list].elements())
      if (each["modality"].string() == kind) sum += counts.of(each["tokenCount"]);
    return sum;
  };
  const auto prompt_of_kind = [&](std::string_view kind) {
    return of_kind("promptTokensDetails", kind) + of_kind("promptTokenDetails", kind) +
           of_kind("toolUsePromptTokensDetails", kind);
  };
  Tokens fresh = counts.of(metadata["promptTokenCount"]);
  Tokens cached = counts.part(metadata["cachedContentTokenCount"], fresh);
  fresh += counts.of(metadata["toolUsePromptTokenCount"]);
  usage.cache_read_audio = std::min(of_kind("cacheTokensDetails", "AUDIO"), cached);
  usage.cache_read = cached - usage.cache_read_audio;
  // The prompt's kinds count what came from the cache, too.
  const auto take = [&](std::string_view kind) {
    const Tokens taken = std::clamp<Tokens>(prompt_of_kind(kind) - of_kind("cacheTokensDetails", kind), 0, fresh);
    fresh -= taken;
    return taken;
  };
  usage.input_audio = take("AUDIO");
  usage.input_image = take("IMAGE");
  usage.input_video = take("VIDEO");
  usage.input = fresh;
  Tokens output = counts.of(metadata["candidatesTokenCount"]);
  usage.output_audio = std::min(of_kind("candidatesTokensDetails", "AUDIO"), output);
  output -= usage.output_audio;
  usage.output_image = std::min(of_kind("candidatesTokensDetails", "IMAGE"), output);
  usage.output = output - usage.output_image;
  usage.reasoning = counts.of(metadata["thoughtsTokenCount"]);
  read_service_tier(metadata["trafficType"], usage);
  read_service_tier(metadata["serviceTier"], usage);
  usage.reported = true;
  return usage;
}

std::string served_tier(json::Value metadata) {
  constexpr auto none = chat::ServiceTier::batch;  // which no single answer is
  chat::Usage told{.service_tier = none};
  read_service_tier(metadata["trafficType"], told);
  read_service_tier(metadata["serviceTier"], told);
  return told.service_tier == none ? std::string() : std::string(chat::name(told.service_tier));
}

namespace {

// A list of tokens by what they are of; nothing when all are of text.
void write_kinds(json::Writer& writer, const char* list, Tokens text, Tokens audio, Tokens image, Tokens video) {
  if (audio + image + video == 0) return;
  struct Kind {
    const char* name;
    Tokens tokens;
  };
  writer.key(list).begin_array();
  for (const Kind& kind : {Kind{"TEXT", text}, Kind{"AUDIO", audio}, Kind{"IMAGE", image}, Kind{"VIDEO", video}})
    if (kind.tokens > 0)
      writer.begin_object().member("modality", kind.name).member("tokenCount", kind.tokens).end_object();
  writer.end_array();
}

}  // namespace

void write_usage(json::Writer& writer, const chat::Usage& usage) {
  writer.begin_object().member("promptTokenCount", usage.total_input());
  if (usage.cached_input() > 0) writer.member("cachedContentTokenCount", usage.cached_input());
  writer.member("candidatesTokenCount", usage.visible_output());
  if (usage.reasoning > 0) writer.member("thoughtsTokenCount", usage.reasoning);
  const Tokens audio = usage.input_audio + usage.cache_read_audio;
  write_kinds(writer, "promptTokensDetails", usage.total_input() - audio - usage.input_image - usage.input_video, audio,
              usage.input_image, usage.input_video);
  write_kinds(writer, "cacheTokensDetails", usage.cache_read, usage.cache_read_audio, 0, 0);
  write_kinds(writer, "candidatesTokensDetails", usage.output, usage.output_audio, usage.output_image, 0);
  writer.member("totalTokenCount", usage.total_input() + usage.total_output()).end_object();
}

Result<chat::StopReason> stop_reason(json::Value candidate, bool has_calls) {
  const std::string_view reason = candidate["finishReason"].string().value_or("");
  if (std::ranges::find(faults, reason) != faults.end()) {
    const std::string_view message = candidate["finishMessage"].string().value_or("");
    return std::unexpected(Error{.kind = ErrorKind::provider_unreachable,
                                 .message = "the model ended its answer with " + std::string(reason),
                                 .hint = std::string(message.substr(0, 200)),
                                 .retry = Retry::anywhere});
  }
  if (std::ranges::find(filters, reason) != filters.end()) return chat::StopReason::content_filter;
  if (reason == "MAX_TOKENS") return chat::StopReason::max_tokens;
  if (has_calls) return chat::StopReason::tool_use;  // the API says STOP of them too
  return reason == "STOP" || reason.empty() ? chat::StopReason::end_turn : chat::StopReason::other;
}

std::string refusal_of(json::Value candidate) {
  const std::string_view reason = candidate["finishReason"].string().value_or("");
  if (std::ranges::find(filters, reason) == filters.end()) return {};
  const std::string_view message = candidate["finishMessage"].string().value_or("");
  if (!message.empty() || reason == "SAFETY") return std::string(message);
  return "The provider stopped the answer: " + std::string(reason) + ".";
}

std::string blocked_prompt(json::Value root) {
  const json::Value feedback = root["promptFeedback"];
  const std::string_view reason = feedback["blockReason"].string().value_or("");
  if (reason.empty()) return {};
  const std::string_view message = feedback["blockReasonMessage"].string().value_or("");
  return message.empty() ? "The provider blocked the prompt: " + std::string(reason) + "." : std::string(message);
}

std::string call_id(json::Value call, std::string_view response_id, std::size_t number) {
  const std::string_view id = call["id"].string().value_or("");
  if (!id.empty() || response_id.empty()) return std::string(id);
  std::string made = "call_";
  for (const char c : response_id)
    if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_') made += c;
  return made + "_" + std::to_string(number);
}

namespace {

bool says_something(json::Value value) {
  return value.exists() && value.type() != json::Type::null && value.text() != "{}" && value.text() != "[]" &&
         value.text() != "\"\"";
}

// Members that say something and are not in `known`.
void note_others(std::vector<std::string>& names, json::Value object, const std::string& where,
                 std::initializer_list<std::string_view> known) {
  for (const auto& [name, value] : object.members())
    if (std::ranges::find(known, name) == known.end() && says_something(value))
      note_lost(names, where + "." + std::string(name));
}

}  // namespace

void note_lost_members(std::vector<std::string>& names, json::Value root, json::Value candidate) {
  // `createTime` is the answer's own, of which clients are told Sluice's; `tokenCount` is among the usage.
  note_others(names, root, "answer",
              {"candidates", "promptFeedback", "usageMetadata", "modelVersion", "responseId", "createTime", "error"});
  note_others(names, root["promptFeedback"], "answer.promptFeedback", {"blockReason", "blockReasonMessage"});
  note_others(names, candidate, "answer",
              {"index", "content", "finishReason", "finishMessage", "citationMetadata", "groundingMetadata",
               "logprobsResult", "tokenCount"});
  const json::Value grounding = candidate["groundingMetadata"];
  note_others(names, grounding, "answer.groundingMetadata", {"groundingChunks", "groundingSupports"});
  for (const json::Value& chunk : grounding["groundingChunks"].elements())
    for (const auto& [kind, source] : chunk.members())
      note_others(names, source, "answer.groundingMetadata.groundingChunks." + std::string(kind),
                  {"uri", "title", "domain"});
  for (const json::Value& support : grounding["groundingSupports"].elements())
    note_others(names, support, "answer.groundingMetadata.groundingSupports", {"segment", "groundingChunkIndices"});
  for (const json::Value& source : candidate["citationMetadata"]["citationSources"].elements())
    note_others(names, source, "answer.citationMetadata.citationSources", {"uri", "startIndex", "endIndex"});
}

void note_lost_part(std::vector<std::string>& names, json::Value part) {
  for (const std::string_view kind : {"inlineData", "fileData", "executableCode", "codeExecutionResult"})
    if (part[kind].exists()) note_lost(names, "answer.content." + std::string(kind));
}

std::vector<Grounding> read_grounding(json::Value candidate) {
  std::vector<Grounding> found;
  const json::Value metadata = candidate["groundingMetadata"];
  const json::Value chunks = metadata["groundingChunks"];
  for (const json::Value& support : metadata["groundingSupports"].elements()) {
    const json::Value segment = support["segment"];
    for (const json::Value& index : support["groundingChunkIndices"].elements()) {
      const auto place = index.integer();
      if (!place || *place < 0) continue;
      chat::Citation citation = citation_of(chunks.at(static_cast<std::size_t>(*place)));
      if (citation.url.empty()) continue;
      citation.cited_text = segment["text"].string().value_or("");
      citation.begin = segment["startIndex"].integer().value_or(0);  // 0 is left out
      citation.end = segment["endIndex"].integer().value_or(-1);
      found.push_back({std::move(citation), static_cast<std::size_t>(count(segment["partIndex"]))});
    }
  }
  if (found.empty())
    for (const json::Value& chunk : chunks.elements())
      if (chat::Citation citation = citation_of(chunk); !citation.url.empty())
        found.push_back({std::move(citation), 0});
  for (const json::Value& source : candidate["citationMetadata"]["citationSources"].elements())
    if (const auto uri = source["uri"].string())
      found.push_back({{.url = std::string(*uri),
                        .title = "",
                        .cited_text = "",
                        .begin = source["startIndex"].integer().value_or(0),
                        .end = source["endIndex"].integer().value_or(-1)},
                       0});
  return found;
}

void bytes_to_characters(chat::Citation& citation, std::string_view text) {
  const auto size = static_cast<std::int64_t>(text.size());
  if (citation.begin < 0 || citation.end < citation.begin || citation.end > size) return forget_place(citation);
  citation.begin = characters(text.substr(0, static_cast<std::size_t>(citation.begin)));
  citation.end = characters(text.substr(0, static_cast<std::size_t>(citation.end)));
}

void characters_to_bytes(chat::Citation& citation, std::string_view text) {
  if (citation.begin < 0 || citation.end < citation.begin) return forget_place(citation);
  std::int64_t character = 0;
  std::int64_t begin = -1;
  std::int64_t end = -1;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && !begins_character(text[i])) continue;
    if (character == citation.begin) begin = static_cast<std::int64_t>(i);
    if (character == citation.end) end = static_cast<std::int64_t>(i);
    ++character;
  }
  if (begin < 0 || end < 0) return forget_place(citation);
  citation.begin = begin;
  citation.end = end;
}

void write_grounding(json::Writer& writer, const std::vector<Grounding>& citations) {
  if (citations.empty()) return;
  std::vector<const chat::Citation*> sources;
  const auto place_of = [&](const chat::Citation& citation) {
    return static_cast<std::size_t>(std::ranges::find(sources, citation.url, &chat::Citation::url) - sources.begin());
  };
  for (const Grounding& each : citations)
    if (place_of(each.citation) == sources.size()) sources.push_back(&each.citation);
  writer.key("groundingMetadata").begin_object().key("groundingChunks").begin_array();
  for (const chat::Citation* source : sources)
    writer.begin_object()
        .key("web")
        .begin_object()
        .member("uri", source->url)
        .member("title", source->title)
        .end_object()
        .end_object();
  writer.end_array().key("groundingSupports").begin_array();
  for (const Grounding& each : citations) {
    if (each.citation.begin < 0 && each.citation.cited_text.empty()) continue;
    writer.begin_object().key("segment").begin_object();
    if (each.part > 0) writer.member("partIndex", static_cast<std::int64_t>(each.part));
    if (each.citation.begin >= 0)
      writer.member("startIndex", each.citation.begin).member("endIndex", each.citation.end);
    if (!each.citation.cited_text.empty()) writer.member("text", each.citation.cited_text);
    writer.end_object().key("groundingChunkIndices").begin_array();
    writer.integer(static_cast<std::int64_t>(place_of(each.citation))).end_array().end_object();
  }
  writer.end_array().end_object();
}

void write_finish(json::Writer& writer, chat::StopReason stop, std::string_view refusal) {
  const bool refused = !refusal.empty() || stop == chat::StopReason::content_filter;
  writer.member("finishReason", refused ? "SAFETY" : stop == chat::StopReason::max_tokens ? "MAX_TOKENS" : "STOP");
  if (!refusal.empty()) writer.member("finishMessage", refusal);
}

void PartWriter::add(std::string_view signature, std::string_view text, bool thought) {
  json::Writer writer(parts_.emplace_back());
  writer.begin_object().member("text", text);
  if (thought) writer.member("thought", true);
  if (!signature.empty()) writer.member("thoughtSignature", signature);
  writer.end_object();
}

void PartWriter::text(std::string_view text) {
  if (text.empty()) return;
  if (last_is_text_) end();  // a reader would take the signature for one of the text before
  add(std::exchange(waiting_, {}), text, false);
  last_is_text_ = true;
}

void PartWriter::thought(std::string_view text) {
  if (text.empty()) return;
  end();
  add("", text, true);
  last_is_text_ = false;
}

void PartWriter::thinking(const chat::Thinking& thinking) {
  if (thinking.text.empty()) return state(thinking);
  end();
  add(to_base64(seal_thinking(issuer_, thinking)), thinking.text, true);
  last_is_text_ = false;
}

void PartWriter::state(const chat::Thinking& thinking) {
  std::string sealed = to_base64(seal_thinking(issuer_, thinking));
  if (!thinking.text.empty()) return add(sealed, "", true);
  if (thinking.signature.empty()) return;
  end();
  waiting_ = std::move(sealed);
}

void PartWriter::call(std::string_view id, std::string_view name, std::string_view arguments) {
  const auto parsed = json::Document::parse(arguments);
  json::Writer writer(parts_.emplace_back());
  writer.begin_object().key("functionCall").begin_object().member("id", id).member("name", name).key("args");
  if (parsed && parsed->root().is_object())
    writer.raw(parsed->root().text());  // on one line, as an event must be
  else
    writer.begin_object().member("malformed_arguments", arguments).end_object();  // the model wrote no object
  writer.end_object();
  if (!waiting_.empty()) writer.member("thoughtSignature", std::exchange(waiting_, {}));
  writer.end_object();
  last_is_text_ = false;
}

void PartWriter::end() {
  if (waiting_.empty()) return;
  add(std::exchange(waiting_, {}), "", false);
  last_is_text_ = false;
}

Result<chat::ChatResponse> decode_response(const json::Document& parsed) {
  const json::Value root = parsed.root();
  const json::Value candidate = root["candidates"].at(0);
  chat::ChatResponse response;
  response.id = root["responseId"].string().value_or("");
  response.model = root["modelVersion"].string().value_or("");
  response.usage = read_usage(root["usageMetadata"]);
  response.service_tier = served_tier(root["usageMetadata"]);
  note_lost_members(response.dropped, root, candidate);
  if (root["candidates"].size() > 1) note_lost(response.dropped, "answer.candidates");
  if (!candidate.is_object()) {
    response.refusal = blocked_prompt(root);
    if (response.refusal.empty()) return wrong_shape("an answer without candidates");
    response.stop = chat::StopReason::content_filter;
    return response;
  }
  std::size_t calls = 0;
  std::vector<std::size_t> block_of_part;
  for (const json::Value& part : candidate["content"]["parts"].elements()) {
    if (part["functionCall"].is_object() && !part["functionCall"]["name"].is_string())
      return wrong_shape("a functionCall without a name");
    read_part(part, response.id, calls, response);
    const bool state_last = !response.blocks.empty() && std::holds_alternative<chat::Thinking>(response.blocks.back());
    block_of_part.push_back(response.blocks.size() - (state_last && response.blocks.size() > 1 ? 2 : 1));
  }
  for (Grounding& each : read_grounding(candidate)) {
    const std::size_t index = each.part < block_of_part.size() ? block_of_part[each.part] : response.blocks.size();
    auto* text = index < response.blocks.size() ? std::get_if<chat::Text>(&response.blocks[index]) : nullptr;
    for (chat::Block& block : response.blocks)
      if (text == nullptr) text = std::get_if<chat::Text>(&block);
    if (text == nullptr) {
      note_lost(response.dropped, "answer.groundingMetadata");
      continue;
    }
    bytes_to_characters(each.citation, text->text);
    text->citations.push_back(std::move(each.citation));
  }
  // They are of all of the answer's text.
  if (std::string logprobs = read_logprobs_result(candidate["logprobsResult"]); !logprobs.empty()) {
    const auto text = std::ranges::find_if(
        response.blocks, [](const chat::Block& block) { return std::holds_alternative<chat::Text>(block); });
    if (text != response.blocks.end())
      std::get<chat::Text>(*text).logprobs = std::move(logprobs);
    else
      note_lost(response.dropped, "answer.logprobsResult");
  }
  TRY(response.stop, stop_reason(candidate, calls > 0));
  response.refusal = refusal_of(candidate);
  return response;
}

std::string encode_response(const chat::ChatResponse& response, const StreamOptions& options) {
  PartWriter writer_of_parts(options.issuer);
  std::vector<std::string> parts;
  std::vector<Grounding> citations;
  std::string logprobs;
  const auto collect = [&] {
    for (std::string& part : writer_of_parts.take()) parts.push_back(std::move(part));
  };
  for (const chat::Block& block : response.blocks) {
    if (const auto* text = std::get_if<chat::Text>(&block)) {
      writer_of_parts.text(text->text);
      append_logprobs(logprobs, text->logprobs);
      collect();
      for (chat::Citation citation : text->citations) {
        characters_to_bytes(citation, text->text);
        citations.push_back({std::move(citation), parts.empty() ? 0 : parts.size() - 1});
      }
    } else if (const auto* call = std::get_if<chat::ToolCall>(&block)) {
      writer_of_parts.call(call->id, call->name, call->arguments);
    } else if (const auto* thinking = std::get_if<chat::Thinking>(&block)) {
      writer_of_parts.thinking(*thinking);
    }
    collect();
  }
  writer_of_parts.end();
  collect();
  std::string out;
  json::Writer writer(out);
  writer.begin_object().key("candidates").begin_array().begin_object();
  writer.key("content").begin_object().key("parts").begin_array();
  if (parts.empty()) writer.begin_object().member("text", "").end_object();
  for (const std::string& part : parts) writer.raw(part);
  writer.end_array().member("role", "model").end_object();
  write_finish(writer, response.stop, response.refusal);
  writer.member("index", 0);
  write_grounding(writer, citations);
  write_logprobs_result(writer, logprobs);
  writer.end_object().end_array().key("usageMetadata");
  write_usage(writer, response.usage);
  writer.member("modelVersion", options.model).member("responseId", options.response_id).end_object();
  return out;
}

}  // namespace sluice::dialects::gemini
