#include "converse_request.h"

#include "dialects/shared_parts.h"

namespace sluice::golden {
namespace {

std::string text_at(json::Value value) { return std::string(value.string().value_or("")); }

class Reader {
 public:
  explicit Reader(json::Value root) : root_(root) {}

  chat::ChatRequest read() {
    for (const json::Value& block : root_["system"].elements()) {
      if (const auto text = block["text"].string()) request_.system.push_back({.text = std::string(*text)});
      if (block["cachePoint"].is_object() && !request_.system.empty()) request_.system.back().cache = mark(block);
    }
    for (const json::Value& message : root_["messages"].elements()) read_message(message);
    read_tools();
    read_settings();
    return std::move(request_);
  }

 private:
  static chat::CacheMark mark(json::Value block) {
    return block["cachePoint"]["ttl"].string() == "1h" ? chat::CacheMark::hour_1 : chat::CacheMark::minutes_5;
  }

  void read_message(json::Value message) {
    chat::Message& read = request_.messages.emplace_back();
    if (message["role"].string() == "assistant") read.role = chat::Role::assistant;
    if (message["role"].string() == "system") read.role = chat::Role::system;
    for (const json::Value& block : message["content"].elements()) read_block(block, read.blocks);
  }

  static chat::Image image(json::Value from) {
    return {.media_type = "image/" + text_at(from["format"]), .base64 = text_at(from["source"]["bytes"])};
  }
  static chat::Document document(json::Value from) {
    return {.media_type = text_at(from["format"]),
            .base64 = text_at(from["source"]["bytes"]),
            .text = text_at(from["source"]["text"]),
            .name = text_at(from["name"]),
            .context = text_at(from["context"]),
            .citations = from["citations"]["enabled"].boolean()};
  }
  static chat::SearchResult search_result(json::Value from) {
    chat::SearchResult read{.source = text_at(from["source"]),
                            .title = text_at(from["title"]),
                            .citations = from["citations"]["enabled"].boolean()};
    for (const json::Value& part : from["content"].elements()) read.texts.push_back(text_at(part["text"]));
    return read;
  }

  // A cache point stands behind what it marks.
  static void set_mark(chat::Block& block, chat::CacheMark mark) {
    std::visit(
        [&](auto& one) {
          if constexpr (requires { one.cache; }) one.cache = mark;
        },
        block);
  }

  static void read_block(json::Value block, std::vector<chat::Block>& into) {
    if (const auto text = block["text"].string()) {
      into.emplace_back(chat::Text{.text = std::string(*text)});
    } else if (block["image"].is_object()) {
      into.emplace_back(image(block["image"]));
    } else if (block["document"].is_object()) {
      into.emplace_back(document(block["document"]));
    } else if (block["searchResult"].is_object()) {
      into.emplace_back(search_result(block["searchResult"]));
    } else if (const json::Value audio = block["audio"]; audio.is_object()) {
      into.emplace_back(chat::Audio{text_at(audio["format"]), text_at(audio["source"]["bytes"])});
    } else if (const json::Value video = block["video"]; video.is_object()) {
      into.emplace_back(chat::Video{"video/" + text_at(video["format"]), text_at(video["source"]["bytes"])});
    } else if (const json::Value call = block["toolUse"]; call.is_object()) {
      into.emplace_back(chat::ToolCall{
          .id = text_at(call["toolUseId"]), .name = text_at(call["name"]), .arguments = call["input"].text()});
    } else if (block["toolResult"].is_object()) {
      into.emplace_back(result(block["toolResult"]));
    } else if (const json::Value reasoning = block["reasoningContent"]; reasoning.is_object()) {
      const json::Value shown = reasoning["reasoningText"];
      const bool redacted = reasoning["redactedContent"].is_string();
      into.emplace_back(
          chat::Thinking{.text = text_at(shown["text"]),
                         .signature = redacted ? text_at(reasoning["redactedContent"]) : text_at(shown["signature"]),
                         .redacted = redacted});
    } else if (block["cachePoint"].is_object() && !into.empty()) {
      set_mark(into.back(), mark(block));
    }
  }

  static chat::ToolResult result(json::Value from) {
    chat::ToolResult read{.call_id = text_at(from["toolUseId"]), .is_error = from["status"].string() == "error"};
    for (const json::Value& part : from["content"].elements()) {
      if (part["image"].is_object())
        read.content.emplace_back(image(part["image"]));
      else if (part["document"].is_object())
        read.content.emplace_back(document(part["document"]));
      else if (part["searchResult"].is_object())
        read.content.emplace_back(search_result(part["searchResult"]));
      else
        read.content.emplace_back(chat::Text{.text = text_at(part["text"])});
    }
    return read;
  }

  void read_tools() {
    const json::Value config = root_["toolConfig"];
    for (const json::Value& tool : config["tools"].elements()) {
      const json::Value spec = tool["toolSpec"];
      if (spec.is_object())
        request_.tools.push_back({.name = text_at(spec["name"]),
                                  .description = text_at(spec["description"]),
                                  .parameters = spec["inputSchema"]["json"].text(),
                                  .strict = spec["strict"].boolean()});
      else if (tool["cachePoint"].is_object() && !request_.tools.empty())
        request_.tools.back().cache = mark(tool);
    }
    using Mode = chat::ToolChoice::Mode;
    const json::Value choice = config["toolChoice"];
    if (choice["auto"].exists()) request_.tool_choice = chat::ToolChoice{};
    if (choice["any"].exists()) request_.tool_choice = chat::ToolChoice{.mode = Mode::required};
    if (choice["tool"].exists())
      request_.tool_choice = chat::ToolChoice{.mode = Mode::named, .name = text_at(choice["tool"]["name"])};
  }

  void read_settings() {
    const json::Value config = root_["inferenceConfig"];
    request_.max_output_tokens = config["maxTokens"].integer();
    request_.temperature = config["temperature"].number();
    request_.top_p = config["topP"].number();
    for (const json::Value& stop : config["stopSequences"].elements()) request_.stop.push_back(text_at(stop));
    const json::Value own = root_["additionalModelRequestFields"];
    request_.top_k = own["top_k"].integer();
    chat::Reasoning reasoning{.budget = own["thinking"]["budget_tokens"].integer(),
                              .adaptive = own["thinking"]["type"].string() == "adaptive"};
    const json::Value output = root_["outputConfig"];
    reasoning.effort = chat::effort_from_name(output["effort"].string().value_or(""));
    if (own["thinking"]["type"].string() == "disabled") reasoning.effort = chat::Reasoning::Effort::none;
    if (reasoning.effort || reasoning.budget || reasoning.adaptive) request_.reasoning = reasoning;
    const json::Value schema = output["textFormat"]["structure"]["jsonSchema"];
    if (schema["schema"].is_string())
      request_.output_schema = chat::OutputSchema{text_at(schema["name"]), text_at(schema["schema"]), std::nullopt};
    request_.service_tier = text_at(root_["serviceTier"]["type"]);
    for (const auto& [name, value] : root_["requestMetadata"].members())
      request_.extras.emplace_back("metadata", value.text());
  }

  json::Value root_;
  chat::ChatRequest request_;
};

}  // namespace

chat::ChatRequest read_converse_request(json::Value root) { return Reader(root).read(); }

}  // namespace sluice::golden
