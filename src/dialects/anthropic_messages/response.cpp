// Whole answers, and what they share with streams: usage, stop reasons, ids.
#include <algorithm>
#include <array>

#include "dialects/answer_parts.h"
#include "dialects/anthropic_messages/parts.h"
#include "dialects/provider_error.h"
#include "dialects/seal.h"

namespace sluice::dialects::anthropic {
namespace {

std::optional<Tokens> told(UsageCounts& counts, json::Value value) {
  return is_count(value) ? std::optional(counts.of(value)) : std::nullopt;
}

// The total, the split by lifetime, or both; a total alone keeps the split that was said earlier.
void merge_cache_writes(UsageCounts& counts, json::Value from, chat::Usage& usage) {
  auto total = told(counts, from["cache_creation_input_tokens"]);
  const auto minutes = told(counts, from["cache_creation"]["ephemeral_5m_input_tokens"]);
  const auto hour = told(counts, from["cache_creation"]["ephemeral_1h_input_tokens"]);
  if (hour) usage.cache_write_1h = *hour;
  if (minutes) usage.cache_write_5m = *minutes;
  if (!total) return;
  usage.cache_write_1h = counts.part(usage.cache_write_1h, *total);
  usage.cache_write_5m = *total;
}

// What the model used to shorten the conversation on the way is told in a list alone, not in the sums. So is what an
// advisor used: it has a price of its own, which one row of the ledger cannot have as well.
void add_iterations(UsageCounts& counts, json::Value iterations, chat::Usage& usage) {
  for (const json::Value& each : iterations.elements()) {
    const std::string_view type = each["type"].string().value_or("");
    if (type == "advisor_message" && counts.of(each["input_tokens"]) + counts.of(each["output_tokens"]) > 0)
      counts.second_model();
    if (type != "compaction") continue;
    chat::Usage own;
    merge_cache_writes(counts, each, own);
    usage.input += counts.of(each["input_tokens"]);
    usage.cache_read += counts.of(each["cache_read_input_tokens"]);
    usage.cache_write_5m += own.cache_write_5m;
    usage.cache_write_1h += own.cache_write_1h;
    usage.output += counts.of(each["output_tokens"]);
  }
}

void write_text_block(json::Writer& writer, const chat::Text& text) {
  writer.begin_object().member("type", "text").member("text", text.text).key("citations");
  if (text.citations.empty()) {
    writer.null();
  } else {
    writer.begin_array();
    for (const chat::Citation& citation : text.citations) write_citation(writer, citation);
    writer.end_array();
  }
  writer.end_object();
}

}  // namespace

void merge_usage(json::Value from, chat::Usage& usage) {
  if (!from.is_object()) return;
  UsageCounts counts(from, usage);
  if (const auto input = told(counts, from["input_tokens"])) {
    usage.input = *input;
    usage.reported = true;
  }
  if (const auto read = told(counts, from["cache_read_input_tokens"])) usage.cache_read = *read;
  merge_cache_writes(counts, from, usage);
  if (auto output = told(counts, from["output_tokens"])) {
    usage.reasoning = counts.part(from["output_tokens_details"]["thinking_tokens"], *output);
    usage.output = *output;
    usage.reported = true;
  }
  if (const auto searches = told(counts, from["server_tool_use"]["web_search_requests"])) usage.searches = *searches;
  read_service_tier(from["service_tier"], usage);
  if (from["speed"].string() == "fast") usage.service_tier = chat::ServiceTier::fast;
  add_iterations(counts, from["iterations"], usage);
}

std::string_view served_tier(std::string_view name) {
  if (name == "default") return "standard";
  for (const std::string_view known : {"standard", "priority", "batch"})
    if (name == known) return known;
  return {};
}

void write_usage(json::Writer& writer, const chat::Usage& usage, std::string_view service_tier) {
  writer.begin_object().member("input_tokens", usage.fresh_input());
  writer.member("cache_creation_input_tokens", usage.cache_write_5m + usage.cache_write_1h);
  writer.member("cache_read_input_tokens", usage.cached_input());
  writer.key("cache_creation").begin_object().member("ephemeral_5m_input_tokens", usage.cache_write_5m);
  writer.member("ephemeral_1h_input_tokens", usage.cache_write_1h).end_object();
  writer.member("output_tokens", usage.total_output());
  writer.key("output_tokens_details").begin_object().member("thinking_tokens", usage.reasoning).end_object();
  writer.key("server_tool_use").null().key("service_tier");
  if (const std::string_view tier = served_tier(service_tier); !tier.empty())
    writer.string(tier);
  else
    writer.null();
  writer.key("inference_geo").null().end_object();
}

void write_stop(json::Writer& writer, chat::StopReason stop, std::string_view stop_sequence, std::string_view refusal) {
  const bool refused = !refusal.empty() || stop == chat::StopReason::content_filter;
  writer.member("stop_reason", refused ? "refusal" : stop_name(stop)).key("stop_sequence");
  if (stop == chat::StopReason::stop_sequence && !stop_sequence.empty())
    writer.string(stop_sequence);
  else
    writer.null();
  writer.key("stop_details");
  if (refused) {
    writer.begin_object().member("type", "refusal").key("category").null().key("explanation");
    if (refusal.empty())
      writer.null();
    else
      writer.string(refusal);
    writer.end_object();
  } else {
    writer.null();
  }
  writer.key("container").null();
}

void write_tool_use_head(json::Writer& writer, std::string_view id, std::string_view name) {
  writer.begin_object().member("type", "tool_use").member("id", id).member("name", name);
  writer.key("caller").begin_object().member("type", "direct").end_object();
}

chat::StopReason stop_reason(std::string_view name) {
  if (name == "end_turn") return chat::StopReason::end_turn;
  if (name == "max_tokens" || name == "model_context_window_exceeded") return chat::StopReason::max_tokens;
  if (name == "stop_sequence") return chat::StopReason::stop_sequence;
  if (name == "tool_use") return chat::StopReason::tool_use;
  if (name == "refusal") return chat::StopReason::content_filter;
  return chat::StopReason::other;
}

void note_lost_block(std::vector<std::string>& names, json::Value block) {
  const std::string_view type = block["type"].string().value_or("");
  if (type != "text" && type != "tool_use" && type != "thinking" && type != "redacted_thinking")
    note_lost(names, "answer.content." + std::string(type));
}

std::string refusal_text(json::Value stop_details) {
  return std::string(stop_details["explanation"].string().value_or("The model refused to answer."));
}

std::string_view stop_name(chat::StopReason reason) {
  switch (reason) {
    case chat::StopReason::end_turn: return "end_turn";
    case chat::StopReason::max_tokens: return "max_tokens";
    case chat::StopReason::stop_sequence: return "stop_sequence";
    case chat::StopReason::tool_use: return "tool_use";
    case chat::StopReason::content_filter: return "refusal";
    case chat::StopReason::other: return "end_turn";
  }
  return "end_turn";
}

std::string prefixed_id(std::string_view id) { return "msg_" + std::string(id); }

namespace {

// How the API says where in a document or a search result of the request something stands; what the web says has an
// address instead.
struct PlaceKind {
  chat::Citation::Within within;
  std::string_view type;
  const char* from;
  const char* to;
};
using Within = chat::Citation::Within;
constexpr std::array<PlaceKind, 4> place_kinds = {
    {{Within::characters, "char_location", "start_char_index", "end_char_index"},
     {Within::pages, "page_location", "start_page_number", "end_page_number"},
     {Within::blocks, "content_block_location", "start_block_index", "end_block_index"},
     {Within::search_result, "search_result_location", "start_block_index", "end_block_index"}}};

}  // namespace

std::optional<chat::Citation> read_citation(json::Value citation) {
  const auto text = [&](const char* name) { return std::string(citation[name].string().value_or("")); };
  chat::Citation read{.url = text("url"), .title = text("title"), .cited_text = text("cited_text")};
  if (!read.url.empty()) return read;
  const auto kind = std::ranges::find(place_kinds, citation["type"].string().value_or(""), &PlaceKind::type);
  if (kind == place_kinds.end()) return std::nullopt;
  const bool in_search_result = kind->within == Within::search_result;
  read.within = kind->within;
  read.number = citation[in_search_result ? "search_result_index" : "document_index"].integer().value_or(0);
  read.from = citation[kind->from].integer().value_or(0);
  read.to = citation[kind->to].integer().value_or(0);
  read.source = text("source");
  if (!in_search_result) read.title = text("document_title");
  return read;
}

namespace {

// A place in a document or a search result of the request.
void write_place(json::Writer& writer, const chat::Citation& citation) {
  const PlaceKind& kind = *std::ranges::find(place_kinds, citation.within, &PlaceKind::within);
  const bool in_search_result = citation.within == Within::search_result;
  writer.begin_object().member("type", kind.type).member("cited_text", citation.cited_text);
  writer.member(in_search_result ? "search_result_index" : "document_index", citation.number);
  writer.key(in_search_result ? "title" : "document_title");
  if (citation.title.empty())
    writer.null();
  else
    writer.string(citation.title);
  writer.member(kind.from, citation.from).member(kind.to, citation.to);
  if (in_search_result)
    writer.member("source", citation.source);
  else
    writer.key("file_id").null();
  writer.end_object();
}

}  // namespace

void write_citation(json::Writer& writer, const chat::Citation& citation) {
  if (citation.within != chat::Citation::Within::web) return write_place(writer, citation);
  writer.begin_object().member("type", "web_search_result_location").member("url", citation.url);
  writer.member("title", citation.title).member("cited_text", citation.cited_text);
  writer.member("encrypted_index", "").end_object();
}

// State without a text is a redacted block, which clients send back as it is.
void write_thinking_block(json::Writer& writer, const chat::Thinking& thinking, std::string_view issuer) {
  const std::string sealed = seal_thinking(issuer, thinking);
  writer.begin_object();
  if (thinking.text.empty())
    writer.member("type", "redacted_thinking").member("data", sealed);
  else
    writer.member("type", "thinking").member("thinking", thinking.text).member("signature", sealed);
  writer.end_object();
}

Result<chat::ChatResponse> decode_response(const json::Document& parsed) {
  const json::Value root = parsed.root();
  if (!root["content"].is_array()) return wrong_shape("a message without a content array");
  chat::ChatResponse response;
  response.id = root["id"].string().value_or("");
  response.model = root["model"].string().value_or("");
  for (const json::Value& block : root["content"].elements()) {
    note_lost_block(response.dropped, block);
    const std::string_view type = block["type"].string().value_or("");
    if (type == "text") {
      chat::Text text{.text = std::string(block["text"].string().value_or(""))};
      for (const json::Value& each : block["citations"].elements()) {
        if (auto citation = read_citation(each))
          text.citations.push_back(*std::move(citation));
        else
          note_lost(response.dropped, "answer.content.citations");
      }
      response.blocks.emplace_back(std::move(text));
    } else if (type == "tool_use") {
      std::string input = block["input"].is_object() ? block["input"].text() : "{}";
      response.blocks.emplace_back(chat::ToolCall{std::string(block["id"].string().value_or("")),
                                                  std::string(block["name"].string().value_or("")), std::move(input)});
    } else if (type == "thinking") {
      response.blocks.emplace_back(chat::Thinking{std::string(block["thinking"].string().value_or("")),
                                                  std::string(block["signature"].string().value_or(""))});
    } else if (type == "redacted_thinking") {
      response.blocks.emplace_back(
          chat::Thinking{.signature = std::string(block["data"].string().value_or("")), .redacted = true});
    }
  }
  const std::string_view reason = root["stop_reason"].string().value_or("");
  response.stop = stop_reason(reason);
  if (reason == "pause_turn") note_lost(response.dropped, "answer.stop_reason.pause_turn");
  response.stop_sequence = root["stop_sequence"].string().value_or("");
  if (response.stop == chat::StopReason::content_filter) response.refusal = refusal_text(root["stop_details"]);
  merge_usage(root["usage"], response.usage);
  response.service_tier = root["usage"]["service_tier"].string().value_or("");
  return response;
}

std::string encode_response(const chat::ChatResponse& response, const StreamOptions& options) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object()
      .member("id", prefixed_id(options.response_id))
      .member("type", "message")
      .member("role", "assistant");
  writer.member("model", options.model).key("content").begin_array();
  for (const chat::Block& block : response.blocks) {
    if (const auto* text = std::get_if<chat::Text>(&block)) {
      if (!text->text.empty()) write_text_block(writer, *text);
    } else if (const auto* call = std::get_if<chat::ToolCall>(&block)) {
      const auto arguments = json::Document::parse(call->arguments);
      write_tool_use_head(writer, call->id, call->name);
      writer.key("input");
      if (arguments && arguments->root().is_object())
        writer.raw(call->arguments);
      else
        writer.begin_object()
            .member("malformed_arguments", call->arguments)
            .end_object();  // what the model wrote is not an object
      writer.end_object();
    } else if (const auto* thinking = std::get_if<chat::Thinking>(&block)) {
      write_thinking_block(writer, *thinking, options.issuer);
    }
  }
  if (!response.refusal.empty()) write_text_block(writer, {.text = response.refusal});
  writer.end_array();
  write_stop(writer, response.stop, response.stop_sequence, response.refusal);
  writer.key("usage");
  write_usage(writer, response.usage, response.service_tier);
  writer.end_object();
  return out;
}

}  // namespace sluice::dialects::anthropic
