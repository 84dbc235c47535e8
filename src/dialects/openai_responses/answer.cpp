#include "dialects/openai_responses/answer.h"

#include <algorithm>
#include <array>

#include "dialects/answer_parts.h"
#include "dialects/logprobs.h"
#include "dialects/openai_chat/parts.h"
#include "dialects/openai_responses/parts.h"
#include "dialects/provider_error.h"
#include "dialects/shared_parts.h"

namespace sluice::dialects::responses {
namespace {

void write_usage(json::Writer& writer, const chat::Usage& usage) {
  writer.begin_object().member("input_tokens", usage.total_input());
  writer.key("input_tokens_details").begin_object().member("cached_tokens", usage.cached_input());
  writer.member("cache_write_tokens", usage.cache_write_5m + usage.cache_write_1h).end_object();
  writer.member("output_tokens", usage.total_output());
  writer.key("output_tokens_details").begin_object().member("reasoning_tokens", usage.reasoning).end_object();
  writer.member("total_tokens", usage.total_input() + usage.total_output()).end_object();
}

// Repeats a member of the request where it has the type that answers have.
void repeat(json::Writer& writer, json::Value request, std::string_view name, bool fits, std::string_view otherwise) {
  writer.key(name).raw(fits ? request[name].text() : std::string(otherwise));
}

// The specification requires members of functions that requests leave out.
void write_tools(json::Writer& writer, json::Value tools) {
  writer.key("tools").begin_array();
  for (const json::Value& tool : tools.elements()) {
    if (!tool.is_object()) continue;
    writer.begin_object();
    for (const auto& [name, value] : tool.members()) writer.key(name).raw(value.text());
    if (tool["type"].string() == "function") {
      if (!tool["parameters"].exists()) writer.key("parameters").null();
      if (!tool["strict"].exists()) writer.member("strict", false);
    }
    writer.end_object();
  }
  writer.end_array();
}

void write_text(json::Writer& writer, json::Value text) {
  writer.key("text").begin_object();
  if (!text["format"].is_object()) writer.key("format").begin_object().member("type", "text").end_object();
  for (const auto& [name, value] : text.members())
    if (!value.is_null()) writer.key(name).raw(value.text());
  writer.end_object();
}

bool is_number(json::Value value) { return value.number().has_value(); }

void write_request(json::Writer& writer, const StreamOptions& options) {
  const json::Value request = options.request;
  repeat(writer, request, "instructions", request["instructions"].is_string(), "null");
  repeat(writer, request, "max_output_tokens", request["max_output_tokens"].integer().has_value(), "null");
  repeat(writer, request, "max_tool_calls", request["max_tool_calls"].integer().has_value(), "null");
  repeat(writer, request, "metadata", request["metadata"].is_object(), "{}");
  repeat(writer, request, "parallel_tool_calls", request["parallel_tool_calls"].boolean().has_value(), "true");
  writer.key("previous_response_id");
  if (options.previous_response_id.empty())
    writer.null();
  else
    writer.string(options.previous_response_id);
  repeat(writer, request, "prompt_cache_key", request["prompt_cache_key"].is_string(), "null");
  repeat(writer, request, "reasoning", request["reasoning"].is_object(), R"({"effort":null,"summary":null})");
  repeat(writer, request, "safety_identifier", request["safety_identifier"].is_string(), "null");
  repeat(writer, request, "temperature", is_number(request["temperature"]), "null");
  write_text(writer, request["text"]);
  const json::Value choice = request["tool_choice"];
  repeat(writer, request, "tool_choice", choice.is_string() || choice.is_object(), "\"auto\"");
  write_tools(writer, request["tools"]);
  repeat(writer, request, "top_p", is_number(request["top_p"]), "null");
  repeat(writer, request, "truncation", request["truncation"].is_string(), "\"disabled\"");
  if (request["user"].is_string()) writer.key("user").raw(request["user"].text());
}

void write_tier(json::Writer& writer, std::string_view tier) {
  if (const std::string_view told = openai::served_tier(tier); !told.empty()) writer.member("service_tier", told);
}

void write_parts(json::Writer& writer, std::span<const std::string> parts) {
  writer.begin_array();
  for (const std::string& part : parts) writer.raw(part);
  writer.end_array();
}

}  // namespace

Outcome outcome_of(chat::StopReason stop, std::string_view refusal, std::string_view service_tier,
                   const chat::Usage& usage) {
  Outcome outcome{.status = "completed", .usage = &usage, .service_tier = service_tier};
  if (stop == chat::StopReason::max_tokens) outcome.incomplete_reason = "max_output_tokens";
  if (stop == chat::StopReason::content_filter && refusal.empty()) outcome.incomplete_reason = "content_filter";
  if (!outcome.incomplete_reason.empty()) outcome.status = "incomplete";
  return outcome;
}

void write_response(json::Writer& writer, const StreamOptions& options, const Outcome& outcome,
                    std::span<const std::string> items) {
  writer.begin_object().member("id", "resp_" + options.response_id).member("object", "response");
  writer.member("created_at", options.created_unix_seconds).member("status", outcome.status);
  writer.member("background", false).key("error");
  if (outcome.error) {
    writer.begin_object().member("code", failure_code(*outcome.error));
    writer.member("message", message_with_hint(*outcome.error)).end_object();
  } else {
    writer.null();
  }
  writer.key("incomplete_details");
  if (outcome.incomplete_reason.empty())
    writer.null();
  else
    writer.begin_object().member("reason", outcome.incomplete_reason).end_object();
  writer.member("model", options.model).key("output");
  write_parts(writer, items);
  write_request(writer, options);
  write_tier(writer, outcome.service_tier);
  writer.member("store", options.stored);
  if (outcome.usage) {
    writer.key("usage");
    write_usage(writer, *outcome.usage);
  }
  writer.end_object();
}

std::string item_id(std::string_view prefix, const StreamOptions& options, std::size_t place) {
  return std::string(prefix) + options.response_id + "_" + std::to_string(place);
}

std::string annotation(const chat::Citation& citation, std::string_view text) {
  const chat::Citation placed = citation_in(citation, 0, characters(text));
  std::string out;
  json::Writer writer(out);
  writer.begin_object().member("type", "url_citation").member("url", placed.url).member("title", placed.title);
  writer.member("start_index", placed.begin).member("end_index", placed.end).end_object();
  return out;
}

std::string text_part(std::string_view text, std::span<const std::string> annotations, std::string_view logprobs) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().member("type", "output_text").member("text", text).key("annotations");
  write_parts(writer, annotations);
  writer.key("logprobs").raw(logprobs_array(logprobs)).end_object();
  return out;
}

std::string refusal_part(std::string_view refusal) {
  std::string out;
  json::Writer(out).begin_object().member("type", "refusal").member("refusal", refusal).end_object();
  return out;
}

std::string message_item(std::string_view id, std::string_view status, std::span<const std::string> parts) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().member("id", id).member("type", "message").member("status", status);
  writer.member("role", "assistant").key("content");
  write_parts(writer, parts);
  writer.end_object();
  return out;
}

std::string reasoning_item(std::string_view id, std::string_view text, std::string_view sealed) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().member("id", id).member("type", "reasoning").key("summary").begin_array();
  if (!text.empty()) writer.begin_object().member("type", "summary_text").member("text", text).end_object();
  writer.end_array().key("encrypted_content");
  if (sealed.empty())
    writer.null();
  else
    writer.string(sealed);
  writer.end_object();
  return out;
}

CalledTool called_tool(std::string_view name, ToolsByName& tools) {
  const chat::Tool* tool = tools.find(name);
  if (!tool) return {.name = name};
  return {.name = tool->own_name.empty() ? name : std::string_view(tool->own_name),
          .name_space = tool->name_space,
          .custom = tool->custom};
}

std::string call_item(std::string_view id, std::string_view status, std::string_view call_id, const CalledTool& tool,
                      std::string_view input) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().member("id", id).member("type", tool.custom ? "custom_tool_call" : "function_call");
  writer.member("status", status).member("call_id", call_id).member("name", tool.name);
  if (!tool.name_space.empty()) writer.member("namespace", tool.name_space);
  writer.member(tool.custom ? "input" : "arguments", input).end_object();
  return out;
}

}  // namespace sluice::dialects::responses
