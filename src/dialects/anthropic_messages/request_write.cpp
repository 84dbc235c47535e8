// A request to Anthropic or to a server that speaks its dialect. What would change the output contract is refused by
// name; hints are dropped and reported.
#include <algorithm>
#include <array>

#include "dialects/anthropic_messages/parts.h"
#include "dialects/fields.h"
#include "dialects/shared_parts.h"

namespace sluice::dialects::anthropic {
namespace {

// Extras of another dialect without which the client would get something else than it asked for.
constexpr std::array<std::string_view, 10> contract_fields = {
    "logprobs",   "top_logprobs", "n",         "logit_bias",    "response_format",
    "modalities", "audio",        "functions", "function_call", "web_search_options"};

constexpr std::string_view empty_schema = R"({"type":"object","properties":{}})";

class RequestWriter : RequestWriting {
 public:
  RequestWriter(const chat::ChatRequest& request, const EncodeOptions& options) : RequestWriting(request, options) {}

  Result<ProviderRequest> write() {
    CHECK_OK(check());
    json_.begin_object().member("model", options_.model);
    json_.member("max_tokens", request_.max_output_tokens.value_or(options_.default_max_output_tokens));
    if (!request_.max_output_tokens)
      out_.added_params.push_back("max_tokens=" + std::to_string(options_.default_max_output_tokens));
    write_system();
    CHECK_OK(write_messages());
    write_tools();
    write_tool_choice();
    write_settings();
    json_.end_object();
    out_.path = "/messages";
    out_.headers = request_headers();
    return std::move(out_);
  }

 private:
  static std::unexpected<Error> refuse(std::string name, std::string_view why) {
    return bad_field(std::move(name), why, "remove it, or ask for a model whose provider supports it");
  }
  Result<void> check() {
    if (!request_.max_output_tokens && options_.default_max_output_tokens < 1)
      return bad_field("max_tokens", "this provider requires a limit and no default is known", "send max_tokens");
    if (request_.temperature && *request_.temperature > 1)
      return refuse("temperature",
                    "this provider takes 0 to 1, and another value would change the answers' distribution");
    for (const std::string& stop : request_.stop)
      if (stop.find_first_not_of(" \t\r\n") == std::string::npos)
        return refuse("stop", "this provider takes no stop sequence of whitespace only");
    for (const auto& [name, value] : request_.extras) {
      if (std::find(contract_fields.begin(), contract_fields.end(), name) != contract_fields.end())
        return refuse(name, "this provider's API has no such setting, and the answer would not be what it asks for");
      drop(name);
    }
    return {};
  }

  void write_system() {
    if (!request_.system.empty()) json_.member("system", system_text());
  }

  // Runs of one role become one message: the tool results of one turn must stand together and first.
  Result<void> write_messages() {
    json_.key("messages").begin_array();
    bool any = false;
    for (std::size_t i = 0; i < request_.messages.size();) {
      const chat::Role role = request_.messages[i].role;
      std::vector<const chat::Block*> results;
      std::vector<const chat::Block*> others;
      for (; i < request_.messages.size() && request_.messages[i].role == role; ++i)
        for (const chat::Block& block : request_.messages[i].blocks)
          (std::holds_alternative<chat::ToolResult>(block) ? results : others).push_back(&block);
      results.insert(results.end(), others.begin(), others.end());
      if (std::none_of(results.begin(), results.end(), [](const auto* block) { return is_sent(*block); })) continue;
      any = true;
      json_.begin_object().member("role", role == chat::Role::user ? "user" : "assistant").key("content").begin_array();
      for (const chat::Block* block : results) CHECK_OK(write_block(*block));
      json_.end_array().end_object();
    }
    json_.end_array();
    if (!any) return bad_field("messages", "nothing in them can be given to this provider", "send some text");
    return {};
  }

  // Thinking in a translated conversation was signed for somebody else, or by nobody; empty text is an error there.
  static bool is_sent(const chat::Block& block) {
    if (const auto* text = std::get_if<chat::Text>(&block)) return !text->text.empty();
    return !std::holds_alternative<chat::Thinking>(block);
  }

  Result<void> write_block(const chat::Block& block) {
    if (std::holds_alternative<chat::Thinking>(block)) drop("messages.content.thinking");
    if (!is_sent(block)) return {};
    if (const auto* text = std::get_if<chat::Text>(&block)) {
      write_text(*text);
    } else if (const auto* image = std::get_if<chat::Image>(&block)) {
      write_image(*image);
    } else if (const auto* result = std::get_if<chat::ToolResult>(&block)) {
      write_result(*result);
    } else if (const auto* call = std::get_if<chat::ToolCall>(&block)) {
      const auto arguments = json::Document::parse(call->arguments);
      if (!arguments || !arguments->root().is_object())
        return bad_field("messages",
                         "the arguments of the tool call '" + call->id +
                             "' are not a JSON object, and this provider takes nothing else",
                         "repair them, or leave this call and its result out of the conversation");
      json_.begin_object().member("type", "tool_use").member("id", call->id).member("name", call->name);
      json_.key("input").raw(call->arguments).end_object();
    }
    return {};
  }

  void write_text(const chat::Text& text) {
    json_.begin_object().member("type", "text").member("text", text.text).end_object();
  }

  void write_image(const chat::Image& image) {
    json_.begin_object().member("type", "image").key("source").begin_object();
    if (!image.url.empty())
      json_.member("type", "url").member("url", image.url);
    else
      json_.member("type", "base64").member("media_type", image.media_type).member("data", image.base64);
    json_.end_object().end_object();
  }

  void write_result(const chat::ToolResult& result) {
    json_.begin_object().member("type", "tool_result").member("tool_use_id", result.call_id);
    json_.key("content").begin_array();
    for (const auto& part : result.content) {
      if (const auto* image = std::get_if<chat::Image>(&part))
        write_image(*image);
      else if (const auto& text = std::get<chat::Text>(part); !text.text.empty())
        write_text(text);
    }
    json_.end_array();
    if (result.is_error) json_.member("is_error", true);
    json_.end_object();
  }

  void write_tools() {
    if (request_.tools.empty()) return;
    json_.key("tools").begin_array();
    for (const chat::Tool& tool : request_.tools) {
      json_.begin_object().member("name", tool.name);
      if (!tool.description.empty()) json_.member("description", tool.description);
      json_.key("input_schema").raw(tool.parameters.empty() ? empty_schema : std::string_view(tool.parameters));
      if (tool.strict) json_.member("strict", *tool.strict);
      json_.end_object();
    }
    json_.end_array();
  }

  void write_tool_choice() {
    if (request_.tools.empty() || (!request_.tool_choice && !request_.parallel_tool_calls)) return;
    using Mode = chat::ToolChoice::Mode;
    const chat::ToolChoice choice = request_.tool_choice.value_or(chat::ToolChoice{});
    json_.key("tool_choice").begin_object();
    switch (choice.mode) {
      case Mode::automatic: json_.member("type", "auto"); break;
      case Mode::none: json_.member("type", "none"); break;
      case Mode::required: json_.member("type", "any"); break;
      case Mode::named: json_.member("type", "tool").member("name", choice.name); break;
    }
    if (request_.parallel_tool_calls && choice.mode != Mode::none)
      json_.member("disable_parallel_tool_use", !*request_.parallel_tool_calls);
    json_.end_object();
  }

  void write_settings() {
    if (request_.temperature) json_.key("temperature").number(*request_.temperature);
    if (request_.top_p) json_.key("top_p").number(*request_.top_p);
    if (request_.top_k) json_.member("top_k", *request_.top_k);
    if (!request_.stop.empty()) {
      json_.key("stop_sequences").begin_array();
      for (const std::string& stop : request_.stop) json_.string(stop);
      json_.end_array();
    }
    if (request_.output_schema) {
      json_.key("output_config").begin_object().key("format").begin_object().member("type", "json_schema");
      json_.key("schema").raw(request_.output_schema->schema).end_object().end_object();
    }
    if (request_.stream) json_.member("stream", true);
  }
};

}  // namespace

http::Headers request_headers() { return {{"content-type", "application/json"}, {"anthropic-version", "2023-06-01"}}; }

Result<ProviderRequest> encode_request(const chat::ChatRequest& request, const EncodeOptions& options) {
  return RequestWriter(request, options).write();
}

}  // namespace sluice::dialects::anthropic
