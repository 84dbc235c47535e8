// Whole answers, and what they share with streams: usage, citations, reasoning, why they ended.
#include <algorithm>

#include "dialects/answer_parts.h"
#include "dialects/logprobs.h"
#include "dialects/openai_responses/answer.h"
#include "dialects/openai_responses/parts.h"
#include "dialects/provider_error.h"
#include "dialects/seal.h"
#include "dialects/shared_parts.h"

namespace sluice::dialects::responses {
namespace {

std::string joined_parts(json::Value parts) {
  std::string joined;
  for (const json::Value& part : parts.elements()) {
    const std::string_view text = part["text"].string().value_or("");
    if (text.empty()) continue;
    joined.append(joined.empty() ? "" : "\n\n").append(text);
  }
  return joined;
}

void read_message(json::Value item, chat::ChatResponse& response) {
  for (const json::Value& part : item["content"].elements()) {
    const std::string_view type = part["type"].string().value_or("");
    if (type == "refusal")
      response.refusal += part["refusal"].string().value_or("");
    else if (type == "output_text")
      response.blocks.emplace_back(chat::Text{.text = std::string(part["text"].string().value_or("")),
                                              .citations = read_annotations(part["annotations"], response.dropped),
                                              .logprobs = read_logprobs(part["logprobs"])});
    else
      note_lost(response.dropped, "answer.content." + std::string(type));
  }
}

chat::ToolCall read_call(json::Value item, bool custom) {
  const std::string_view call_id = item["call_id"].string().value_or(item["id"].string().value_or(""));
  const std::string_view input = item[custom ? "input" : "arguments"].string().value_or("");
  std::string arguments = custom ? custom_arguments(input) : std::string(is_blank(input) ? "{}" : input);
  return {.id = std::string(call_id), .name = called_name(item), .arguments = std::move(arguments), .custom = custom};
}

void read_reasoning(json::Value item, chat::ChatResponse& response) {
  chat::Thinking thinking{.text = reasoning_text(item),
                          .signature = std::string(item["encrypted_content"].string().value_or("")),
                          .id = std::string(item["id"].string().value_or(""))};
  thinking.redacted = thinking.text.empty();
  if (!thinking.redacted || !thinking.signature.empty()) response.blocks.emplace_back(std::move(thinking));
}

std::vector<std::string> annotations_of(const chat::Text& text) {
  std::vector<std::string> all;
  for (const chat::Citation& citation : text.citations) all.push_back(annotation(citation, text.text));
  return all;
}

}  // namespace

chat::Usage read_usage(json::Value from) {
  chat::Usage usage;
  if (!from.is_object() || !is_count(from["input_tokens"])) return usage;
  UsageCounts counts(from, usage);
  Tokens fresh = counts.of(from["input_tokens"]);
  Tokens output = counts.of(from["output_tokens"]);
  const json::Value details = from["input_tokens_details"];
  const json::Value made = from["output_tokens_details"];
  usage.cache_read = counts.part(details["cached_tokens"], fresh);
  usage.cache_write_5m = counts.part(details["cache_write_tokens"], fresh);
  // Of the prompt as a whole, cached or not.
  usage.input_audio = std::min(counts.of(details["audio_tokens"]), fresh);
  usage.input_image = std::min(counts.of(details["image_tokens"]), fresh - usage.input_audio);
  usage.input = fresh - usage.input_audio - usage.input_image;
  usage.reasoning = counts.part(made["reasoning_tokens"], output);
  usage.output_audio = counts.part(made["audio_tokens"], output);
  usage.output_image = counts.part(made["image_tokens"], output);
  usage.output = output;
  usage.reported = true;
  return usage;
}

chat::Usage read_response_usage(json::Value response) {
  chat::Usage usage = read_usage(response["usage"]);
  read_service_tier(response["service_tier"], usage);
  return usage;
}

// Only what the web says has an address; the other kinds point into files at the vendor.
std::vector<chat::Citation> read_annotations(json::Value annotations, std::vector<std::string>& dropped) {
  std::vector<chat::Citation> read;
  for (const json::Value& each : annotations.elements()) {
    const std::string_view type = each["type"].string().value_or("");
    if (type != "url_citation") {
      note_lost(dropped, "answer.annotations." + std::string(type));
      continue;
    }
    read.push_back({.url = std::string(each["url"].string().value_or("")),
                    .title = std::string(each["title"].string().value_or("")),
                    .begin = each["start_index"].integer().value_or(-1),
                    .end = each["end_index"].integer().value_or(-1)});
  }
  return read;
}

std::string reasoning_text(json::Value item) {
  std::string summary = joined_parts(item["summary"]);
  return summary.empty() ? joined_parts(item["content"]) : summary;
}

chat::StopReason stop_reason(json::Value response, bool has_calls, bool refused) {
  if (refused) return chat::StopReason::content_filter;
  if (response["status"].string() == "incomplete") {
    const auto reason = response["incomplete_details"]["reason"].string();
    if (reason == "max_output_tokens") return chat::StopReason::max_tokens;
    return reason == "content_filter" ? chat::StopReason::content_filter : chat::StopReason::other;
  }
  return has_calls ? chat::StopReason::tool_use : chat::StopReason::end_turn;
}

std::vector<std::string> states_of(std::string_view text, json::Value response) {
  if (!text.contains("encrypted_content")) return {};
  return strings_of(response["output"], {"encrypted_content"});
}

// Containers that tools have made and files in them, and the items of an answer that is kept.
std::vector<std::string> kept_ids_of(std::string_view text, json::Value response) {
  std::vector<std::string> ids;
  if (text.contains("\"container_id\"")) ids = strings_of(response["output"], {"container_id", "file_id"});
  if (response["store"].boolean() != false)
    for (const json::Value& item : response["output"].elements())
      if (const auto id = item["id"].string(); id && ids.size() < most_strings) ids.emplace_back(*id);
  return ids;
}

bool is_failed(json::Value response) {
  return response["status"].string() == "failed" || response["error"].is_object();
}

chat::ChatResponse read_output(json::Value root) {
  chat::ChatResponse response;
  response.id = root["id"].string().value_or("");
  response.model = root["model"].string().value_or("");
  bool has_calls = false;
  for (const json::Value& item : root["output"].elements()) {
    const std::string_view type = item["type"].string().value_or("");
    if (type == "message") {
      read_message(item, response);
    } else if (type == "function_call" || type == "custom_tool_call") {
      response.blocks.emplace_back(read_call(item, type == "custom_tool_call"));
      has_calls = true;
    } else if (type == "reasoning") {
      read_reasoning(item, response);
    } else {
      note_lost(response.dropped, "answer.output." + std::string(type));
    }
  }
  response.stop = stop_reason(root, has_calls, !response.refusal.empty());
  response.usage = read_response_usage(root);
  response.service_tier = root["service_tier"].string().value_or("");
  return response;
}

Result<chat::ChatResponse> decode_response(const json::Document& parsed) {
  const json::Value root = parsed.root();
  if (is_failed(root)) return std::unexpected(decode_failure(root["error"]));
  if (!root["output"].is_array()) return wrong_shape("a response without an output array");
  const auto status = root["status"].string();
  if (status == "queued" || status == "in_progress" || status == "cancelled")
    return wrong_shape("a response that is not complete");
  for (const json::Value& item : root["output"].elements()) {
    const auto type = item["type"].string();
    if ((type == "function_call" || type == "custom_tool_call") && item["name"].string().value_or("").empty())
      return wrong_shape("a tool call without a name");
  }
  return read_output(root);
}

std::string encode_response(const chat::ChatResponse& response, const StreamOptions& options) {
  const Outcome outcome = outcome_of(response.stop, response.refusal, response.service_tier, response.usage);
  std::vector<std::string> items;
  std::vector<std::string> parts;  // of the message that is being put together
  const auto end_message = [&](std::string_view status) {
    if (!parts.empty()) items.push_back(message_item(item_id("msg_", options, items.size()), status, parts));
    parts.clear();
  };
  ToolsByName tools(options.tools);
  for (const chat::Block& block : response.blocks) {
    if (const auto* text = std::get_if<chat::Text>(&block)) {
      parts.push_back(text_part(text->text, annotations_of(*text), text->logprobs));
      continue;
    }
    end_message("completed");
    const bool last = &block == &response.blocks.back();
    if (const auto* call = std::get_if<chat::ToolCall>(&block)) {
      const CalledTool tool = called_tool(call->name, tools);
      items.push_back(call_item(item_id(tool.custom ? "ctc_" : "fc_", options, items.size()),
                                last ? outcome.status : "completed", call->id, tool,
                                tool.custom ? custom_input(call->arguments) : call->arguments));
    } else if (const auto* thinking = std::get_if<chat::Thinking>(&block)) {
      items.push_back(reasoning_item(item_id("rs_", options, items.size()), thinking->text,
                                     seal_thinking(options.issuer, *thinking)));
    }
  }
  if (!response.refusal.empty()) parts.push_back(refusal_part(response.refusal));
  end_message(outcome.status);
  std::string out;
  json::Writer writer(out);
  write_response(writer, options, outcome, items);
  return out;
}

}  // namespace sluice::dialects::responses
