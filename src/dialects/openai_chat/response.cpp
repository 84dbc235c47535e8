// Whole answers, and what they share with streams: usage, finish reasons, ids, and the names that vendors have for
// reasoning.
#include <algorithm>

#include "dialects/answer_parts.h"
#include "dialects/logprobs.h"
#include "dialects/openai_chat/parts.h"
#include "dialects/provider_error.h"
#include "dialects/seal.h"
#include "dialects/shared_parts.h"

namespace sluice::dialects::openai {
namespace {

void write_tool_call(json::Writer& writer, const chat::ToolCall& call, ToolsByName& tools) {
  const chat::Tool* tool = tools.find(call.name);
  writer.begin_object().member("id", call.id);
  if (tool && tool->custom) {
    writer.member("type", "custom").key("custom").begin_object();
    writer.member("name", call.name).member("input", custom_input(call.arguments)).end_object().end_object();
    return;
  }
  writer.member("type", "function").key("function").begin_object();
  writer.member("name", call.name).member("arguments", call.arguments).end_object().end_object();
}

}  // namespace

chat::Usage read_usage(json::Value from) {
  chat::Usage usage;
  if (!from.is_object() || !is_count(from["prompt_tokens"])) return usage;
  UsageCounts counts(from, usage);
  const Tokens prompt = counts.of(from["prompt_tokens"]);
  const Tokens completion = counts.of(from["completion_tokens"]);
  const json::Value details = from["prompt_tokens_details"];
  Tokens fresh = prompt;
  // Where vendors put the cached ones: OpenAI's place, DeepSeek's older name beside it, Mistral's, Moonshot's.
  json::Value cached = details["cached_tokens"];
  for (const char* name : {"prompt_cache_hit_tokens", "num_cached_tokens", "cached_tokens"})
    if (!is_count(cached)) cached = from[name];
  Tokens from_cache = counts.part(cached, fresh);
  usage.cache_read_audio = counts.part(details["cached_tokens_details"]["audio_tokens"], from_cache);
  usage.cache_read = from_cache;
  usage.cache_write_5m = counts.part(details["cache_write_tokens"], fresh);
  // What is no text counts cached ones too, so no more than the fresh tokens are left for it.
  usage.input_audio = std::min(counts.of(details["audio_tokens"]) - usage.cache_read_audio, fresh);
  usage.input_audio = std::max<Tokens>(usage.input_audio, 0);
  fresh -= usage.input_audio;
  usage.input_image = std::min(counts.of(details["image_tokens"]), fresh);
  fresh -= usage.input_image;
  usage.input_video = std::min(counts.of(details["video_tokens"]), fresh);
  usage.input = fresh - usage.input_video;
  // OpenAI counts reasoning among the completion. xAI counts it beside, and Gemini tells it by the total alone: what
  // the total has beyond prompt and completion was generated and is billed.
  const json::Value made = from["completion_tokens_details"];
  const Tokens beside = std::max<Tokens>(counts.of(from["total_tokens"]) - prompt - completion, 0);
  Tokens output = completion + beside;
  const Tokens told = counts.of(made["reasoning_tokens"]);
  usage.reasoning = counts.part(std::max(told, beside), output);
  usage.output_audio = counts.part(made["audio_tokens"], output);
  usage.output_image = counts.part(made["image_tokens"], output);
  usage.output = output;
  usage.searches = counts.of(from["num_search_queries"]);  // Perplexity
  read_service_tier(from["service_tier"], usage);          // Groq's and others' place for it
  usage.reported = true;
  return usage;
}

chat::Usage read_chunk_usage(json::Value chunk) {
  chat::Usage usage = read_usage(chunk["usage"]);
  if (!usage.reported) usage = read_usage(chunk["choices"].at(0)["usage"]);
  if (!usage.reported) usage = read_usage(chunk["x_groq"]["usage"]);
  read_service_tier(chunk["service_tier"], usage);
  return usage;
}

void write_usage(json::Writer& writer, const chat::Usage& usage) {
  writer.begin_object().member("prompt_tokens", usage.total_input()).member("completion_tokens", usage.total_output());
  writer.member("total_tokens", usage.total_input() + usage.total_output());
  writer.key("prompt_tokens_details").begin_object().member("cached_tokens", usage.cached_input());
  writer.member("cache_write_tokens", usage.cache_write_5m + usage.cache_write_1h);
  if (usage.input_audio + usage.cache_read_audio > 0)
    writer.member("audio_tokens", usage.input_audio + usage.cache_read_audio);
  if (usage.input_image > 0) writer.member("image_tokens", usage.input_image);
  writer.end_object();
  writer.key("completion_tokens_details").begin_object().member("reasoning_tokens", usage.reasoning);
  if (usage.output_audio > 0) writer.member("audio_tokens", usage.output_audio);
  writer.end_object().end_object();
}

chat::StopReason stop_reason(std::string_view finish_reason, bool has_tool_calls) {
  if (finish_reason == "length") return chat::StopReason::max_tokens;
  if (finish_reason == "content_filter") return chat::StopReason::content_filter;
  // Some servers say "stop" although the model called a tool.
  if (has_tool_calls || finish_reason == "tool_calls" || finish_reason == "function_call")
    return chat::StopReason::tool_use;
  return finish_reason.empty() || finish_reason == "stop" ? chat::StopReason::end_turn : chat::StopReason::other;
}

std::string_view finish_reason(chat::StopReason reason) {
  switch (reason) {
    case chat::StopReason::max_tokens: return "length";
    case chat::StopReason::tool_use: return "tool_calls";
    case chat::StopReason::content_filter: return "content_filter";
    case chat::StopReason::end_turn:
    case chat::StopReason::stop_sequence:
    case chat::StopReason::other: return "stop";
  }
  return "stop";
}

std::string prefixed_id(std::string_view id) { return "chatcmpl-" + std::string(id); }

std::string_view reasoning_of(json::Value message) {
  for (const std::string_view name :
       {"reasoning_content", "reasoning"})  // DeepSeek, xAI, llama.cpp; Groq, OpenRouter, newer vLLM
    if (const auto text = message[name].string(); text && !text->empty()) return *text;
  return {};
}

void read_content(json::Value content, std::vector<Prose>& into, std::vector<std::string>& lost) {
  if (const auto text = content.string()) {
    if (!text->empty()) into.push_back({.text = std::string(*text)});
    return;
  }
  for (const json::Value& part : content.elements()) {
    const std::string_view type = part["type"].string().value_or("");
    const bool thinking = type == "thinking";
    if (!thinking && type != "text") {
      note_lost(lost, "answer.content." + std::string(type));
      continue;
    }
    std::string text = thinking ? thinking_text(part) : std::string(part["text"].string().value_or(""));
    const auto kind = thinking ? chat::BlockKind::thinking : chat::BlockKind::text;
    if (text.empty()) continue;
    if (into.empty() || into.back().kind != kind)
      into.push_back({.kind = kind, .text = std::move(text), .in_content = thinking});
    else
      into.back().text += text;
  }
}

std::string thinking_text(json::Value part) {
  if (const auto text = part["thinking"].string()) return std::string(*text);
  std::string joined;
  for (const json::Value& piece : part["thinking"].elements()) joined += piece["text"].string().value_or("");
  return joined;
}

bool is_older_call(json::Value message) {
  const json::Value call = message["function_call"];
  return call.is_object() && call.size() > 0 && message["tool_calls"].size() == 0 &&
         !(call["name"].string().value_or("").empty() && call["arguments"].string().value_or("").empty());
}

void note_lost_members(json::Value message, std::vector<std::string>& lost) {
  for (const std::string_view name : {"audio", "images"})
    if (message[name].size() > 0) note_lost(lost, "answer." + std::string(name));
}

chat::Thinking state_block(std::string_view id, std::string json) {
  return {.text = "", .signature = std::move(json), .redacted = true, .id = std::string(id)};
}

bool has_state(json::Value reasoning_details) {
  return std::ranges::any_of(reasoning_details.elements(), [](const json::Value& detail) {
    return detail["data"].is_string() || detail["signature"].is_string();
  });
}

// It may also say that the text is a summary of thoughts.
bool has_signature(json::Value extra_content) {
  return extra_content.is_object() && !strings_of(extra_content, {"thought_signature"}).empty();
}

Result<chat::ChatResponse> decode_response(const json::Document& parsed) {
  const json::Value root = parsed.root();
  const std::vector<json::Value> choices = root["choices"].elements();
  const auto first =
      std::ranges::find_if(choices, [](const json::Value& each) { return each["index"].integer().value_or(0) == 0; });
  const json::Value choice = first == choices.end() ? root["choices"].at(0) : *first;  // as streams do
  const json::Value message = choice["message"];
  if (!message.is_object()) return wrong_shape("a completion without choices[0].message");
  chat::ChatResponse response;
  if (choices.size() > 1) note_lost(response.dropped, further_choices);
  response.id = root["id"].string().value_or("");
  response.model = root["model"].string().value_or("");
  if (const std::string_view reasoning = reasoning_of(message); !reasoning.empty())
    response.blocks.emplace_back(chat::Thinking{std::string(reasoning), ""});
  if (const json::Value details = message["reasoning_details"]; has_state(details))
    response.blocks.emplace_back(state_block(details_state, details.text()));
  if (const json::Value extra = message["extra_content"]; has_signature(extra))
    response.blocks.emplace_back(state_block(message_state, extra.text()));
  std::vector<Prose> content;
  read_content(message["content"], content, response.dropped);
  // They are of all of the answer's text, which is a single one where there are any.
  std::vector<chat::Citation> citations = read_annotations(message["annotations"]);
  std::string logprobs = read_logprobs(choice["logprobs"]["content"]);
  for (Prose& prose : content) {
    if (prose.kind == chat::BlockKind::thinking)
      response.blocks.emplace_back(
          chat::Thinking{.text = std::move(prose.text), .signature = "", .id = std::string(thinking_in_content)});
    else
      response.blocks.emplace_back(chat::Text{.text = std::move(prose.text),
                                              .citations = std::exchange(citations, {}),
                                              .logprobs = std::exchange(logprobs, {})});
  }
  if (!citations.empty()) note_lost(response.dropped, "answer.annotations");
  bool has_calls = false;
  const auto add_function = [&](std::string_view given_id, json::Value function) -> Result<void> {
    if (!function["name"].is_string()) return wrong_shape("a tool call without function.name");
    std::string arguments(function["arguments"].string().value_or(""));
    if (function["arguments"].is_object()) arguments = function["arguments"].text();  // Ollama's way
    if (arguments.find_first_not_of(" \t\r\n") == std::string::npos) arguments = "{}";
    std::string id(given_id);
    if (id.empty()) id = "call_" + response.id + "_" + std::to_string(response.blocks.size());
    response.blocks.emplace_back(
        chat::ToolCall{std::move(id), std::string(*function["name"].string()), std::move(arguments)});
    has_calls = true;
    return {};
  };
  for (const json::Value& call : message["tool_calls"].elements()) {
    if (const json::Value custom = call["custom"]; custom["name"].is_string()) {
      response.blocks.emplace_back(chat::ToolCall{.id = std::string(call["id"].string().value_or("")),
                                                  .name = std::string(*custom["name"].string()),
                                                  .arguments = custom_arguments(custom["input"].string().value_or("")),
                                                  .custom = true});
      has_calls = true;
      continue;
    }
    if (const json::Value extra = call["extra_content"]; extra.is_object())
      response.blocks.emplace_back(state_block(call_state, extra.text()));
    CHECK_OK(add_function(call["id"].string().value_or(""), call["function"]));
  }
  if (is_older_call(message)) CHECK_OK(add_function("", message["function_call"]));
  response.refusal = message["refusal"].string().value_or("");
  response.stop = stop_reason(choice["finish_reason"].string().value_or(""), has_calls);
  response.usage = read_chunk_usage(root);
  response.service_tier = root["service_tier"].string().value_or("");
  note_lost_members(message, response.dropped);
  return response;
}

std::string encode_response(const chat::ChatResponse& response, const StreamOptions& options) {
  std::string text;
  std::string reasoning;
  std::vector<const chat::ToolCall*> calls;
  std::vector<const chat::Thinking*> details;
  std::vector<chat::Citation> citations;
  std::string logprobs;
  bool text_before = false;  // the previous block was text
  for (const chat::Block& block : response.blocks) {
    const auto* piece = std::get_if<chat::Text>(&block);
    if (piece) {
      if (!text.empty() && !text_before) text += "\n\n";
      for (const chat::Citation& citation : piece->citations)
        citations.push_back(citation_in(citation, characters(text), characters(piece->text)));
      text += piece->text;
      append_logprobs(logprobs, piece->logprobs);
    }
    text_before = piece != nullptr;
    if (const auto* thinking = std::get_if<chat::Thinking>(&block)) {
      reasoning += thinking->text;
      if (!thinking->signature.empty()) details.push_back(thinking);
    } else if (const auto* call = std::get_if<chat::ToolCall>(&block))
      calls.push_back(call);
  }
  std::string out;
  json::Writer writer(out);
  writer.begin_object().member("id", prefixed_id(options.response_id)).member("object", "chat.completion");
  writer.member("created", options.created_unix_seconds).member("model", options.model);
  writer.key("choices")
      .begin_array()
      .begin_object()
      .member("index", 0)
      .key("message")
      .begin_object()
      .member("role", "assistant");
  writer.key("content");
  if (text.empty() && (!calls.empty() || !response.refusal.empty()))
    writer.null();
  else
    writer.string(text);
  writer.key("refusal");
  if (response.refusal.empty())
    writer.null();
  else
    writer.string(response.refusal);
  if (!reasoning.empty()) writer.member("reasoning_content", reasoning);
  if (!details.empty()) {
    writer.key("reasoning_details").begin_array();
    for (std::size_t i = 0; i < details.size(); ++i) write_reasoning_detail(writer, *details[i], options.issuer, i);
    writer.end_array();
  }
  if (!calls.empty()) {
    writer.key("tool_calls").begin_array();
    ToolsByName tools(options.tools);
    for (const chat::ToolCall* call : calls) write_tool_call(writer, *call, tools);
    writer.end_array();
  }
  writer.key("annotations").begin_array();
  for (const chat::Citation& citation : citations) write_annotation(writer, citation);
  writer.end_array().end_object();
  write_logprobs(writer.key("logprobs"), logprobs);
  writer.member("finish_reason", finish_reason(response.stop)).end_object().end_array();
  writer.key("usage");
  write_usage(writer, response.usage);
  if (const std::string_view tier = served_tier(response.service_tier); !tier.empty())
    writer.member("service_tier", tier);
  writer.end_object();
  return out;
}

void write_logprobs(json::Writer& writer, std::string_view logprobs) {
  if (logprobs.empty())
    writer.null();
  else
    writer.begin_object().key("content").raw(logprobs).key("refusal").null().end_object();
}

std::string_view served_tier(std::string_view name) {
  if (name == "standard") return "default";
  for (const std::string_view known : {"auto", "default", "flex", "scale", "priority", "fast"})
    if (name == known) return known;
  return {};
}

// url_citation is the only kind that the specification has.
std::vector<chat::Citation> read_annotations(json::Value annotations) {
  std::vector<chat::Citation> read;
  for (const json::Value& each : annotations.elements()) {
    const json::Value url = each["url_citation"];
    if (!url.is_object()) continue;
    read.push_back({.url = std::string(url["url"].string().value_or("")),
                    .title = std::string(url["title"].string().value_or("")),
                    .begin = url["start_index"].integer().value_or(-1),
                    .end = url["end_index"].integer().value_or(-1)});
  }
  return read;
}

void write_annotation(json::Writer& writer, const chat::Citation& citation) {
  writer.begin_object().member("type", "url_citation").key("url_citation").begin_object();
  writer.member("start_index", citation.begin).member("end_index", citation.end);
  writer.member("url", citation.url).member("title", citation.title).end_object().end_object();
}

void write_reasoning_detail(json::Writer& writer, const chat::Thinking& thinking, std::string_view issuer,
                            std::size_t index) {
  const std::string sealed = seal_thinking(issuer, thinking);
  writer.begin_object();
  if (thinking.text.empty())
    writer.member("type", "reasoning.encrypted").member("data", sealed);
  else
    writer.member("type", "reasoning.text").member("text", thinking.text).member("signature", sealed);
  writer.key("id").null().member("format", "sluice-v1").member("index", static_cast<std::int64_t>(index)).end_object();
}

}  // namespace sluice::dialects::openai
