// A request to Anthropic or to a server that speaks its dialect. What would change the output contract is refused by
// name; hints are dropped and reported.
#include <algorithm>

#include "dialects/anthropic_messages/parts.h"
#include "dialects/fields.h"
#include "dialects/shared_parts.h"

namespace sluice::dialects::anthropic {
namespace {

constexpr Tokens least_budget = 1'024;  // the API's own limit

// Where nothing else is said of the model. `none` is another setting.
constexpr chat::Efforts usual_efforts = {chat::Effort::none, chat::Effort::low,   chat::Effort::medium,
                                         chat::Effort::high, chat::Effort::xhigh, chat::Effort::max};

constexpr std::string_view empty_schema = R"({"type":"object","properties":{}})";

class RequestWriter : RequestWriting {
 public:
  using RequestWriting::RequestWriting;

  Result<ProviderRequest> write() {
    CHECK_OK(check());
    json_.begin_object().member("model", options_.model);
    json_.member("max_tokens", request_.max_output_tokens.value_or(options_.default_max_output_tokens));
    if (!request_.max_output_tokens)
      out_.added_params.push_back("max_tokens=" + std::to_string(options_.default_max_output_tokens));
    if (options_.leading_system || !options_.takes.system_within) move_system();
    TRY(std::vector<Turn> placed, placed_turns());
    write_system();
    CHECK_OK(write_turns(std::move(placed), [&](const chat::Block& block) { return write_block(block); }));
    write_tools();
    write_tool_choice();
    write_settings();
    return finished("/messages", request_headers());
  }

 private:
  Result<void> check() {
    if (!request_.max_output_tokens && options_.default_max_output_tokens < 1)
      return bad_field("max_tokens", "this provider requires a limit and no default is known", "send max_tokens");
    if (request_.temperature && *request_.temperature > 1)
      return refuse("temperature",
                    "this provider takes 0 to 1, and another value would change the answers' distribution");
    for (const std::string& stop : request_.stop)
      if (stop.find_first_not_of(" \t\r\n") == std::string::npos)
        return refuse("stop", "this provider takes no stop sequence of whitespace only");
    if (request_.json_object)
      return refuse("response_format", "this provider has no JSON without a schema, only json_schema");
    if (request_.frequency_penalty) drop("frequency_penalty");
    if (request_.presence_penalty) drop("presence_penalty");
    if (request_.seed) drop("seed");
    if (!request_.prompt_cache_key.empty()) drop("prompt_cache_key");
    CHECK_OK(refuse_logprobs());
    for (const auto& [name, value] : request_.extras) CHECK_OK(drop_or_refuse(name));
    return {};
  }

  void write_system() {
    if (!has_system()) return;
    if (!has_marked_system()) {
      json_.member("system", system_text());
      return;
    }
    json_.key("system").begin_array();
    for (const chat::Text* text : system())
      if (!is_blank(text->text)) write_text(*text);
    json_.end_array();
  }

  Result<void> write_block(const chat::Block& block) {
    if (const auto* thinking = std::get_if<chat::Thinking>(&block)) {
      json_.begin_object();
      if (thinking->redacted)
        json_.member("type", "redacted_thinking").member("data", thinking->signature);
      else
        json_.member("type", "thinking").member("thinking", thinking->text).member("signature", thinking->signature);
      json_.end_object();
      return {};
    }
    if (std::holds_alternative<chat::Audio>(block)) return refuse_audio();
    if (std::holds_alternative<chat::Video>(block)) return refuse_video();
    if (const auto* document = std::get_if<chat::Document>(&block)) {
      write_document(*document);
      return {};
    }
    if (const auto* text = std::get_if<chat::Text>(&block)) {
      write_text(*text);
    } else if (const auto* found = std::get_if<chat::SearchResult>(&block)) {
      write_search_result(*found);
    } else if (const auto* image = std::get_if<chat::Image>(&block)) {
      write_image(*image);
    } else if (const auto* result = std::get_if<chat::ToolResult>(&block)) {
      write_result(*result);
    } else if (const auto* call = std::get_if<chat::ToolCall>(&block)) {
      CHECK_OK(object_arguments(*call));
      json_.begin_object().member("type", "tool_use").member("id", call->id).member("name", call->name);
      json_.key("input").raw(call->arguments);
      write_cache_mark(json_, call->cache);
      json_.end_object();
    }
    return {};
  }

  void write_text(const chat::Text& text) {
    json_.begin_object().member("type", "text").member("text", text.text);
    write_cache_mark(json_, text.cache);
    json_.end_object();
  }

  void write_document(const chat::Document& document) {
    json_.begin_object().member("type", "document").key("source").begin_object();
    if (!document.url.empty())
      json_.member("type", "url").member("url", document.url);
    else if (!document.text.empty())
      json_.member("type", "text").member("media_type", "text/plain").member("data", document.text);
    else
      json_.member("type", "base64").member("media_type", document.media_type).member("data", document.base64);
    json_.end_object();
    if (!document.name.empty()) json_.member("title", document.name);
    if (!document.context.empty()) json_.member("context", document.context);
    write_citations_config(document.citations);
    write_cache_mark(json_, document.cache);
    json_.end_object();
  }

  void write_citations_config(std::optional<bool> enabled) {
    if (enabled) json_.key("citations").begin_object().member("enabled", *enabled).end_object();
  }

  void write_search_result(const chat::SearchResult& result) {
    json_.begin_object().member("type", "search_result").member("source", result.source).member("title", result.title);
    json_.key("content").begin_array();
    for (const std::string& text : result.texts)
      json_.begin_object().member("type", "text").member("text", text).end_object();
    json_.end_array();
    write_citations_config(result.citations);
    write_cache_mark(json_, result.cache);
    json_.end_object();
  }

  void write_image(const chat::Image& image) {
    json_.begin_object().member("type", "image").key("source").begin_object();
    if (!image.url.empty())
      json_.member("type", "url").member("url", image.url);
    else
      json_.member("type", "base64").member("media_type", image.media_type).member("data", image.base64);
    json_.end_object();
    if (!image.detail.empty() && image.detail != "auto") drop("messages.content.image_url.detail");
    write_cache_mark(json_, image.cache);
    json_.end_object();
  }

  void write_result(const chat::ToolResult& result) {
    json_.begin_object().member("type", "tool_result").member("tool_use_id", result.call_id);
    json_.key("content").begin_array();
    for (const auto& part : result.content) {
      if (const auto* image = std::get_if<chat::Image>(&part))
        write_image(*image);
      else if (const auto* document = std::get_if<chat::Document>(&part))
        write_document(*document);
      else if (const auto* found = std::get_if<chat::SearchResult>(&part))
        write_search_result(*found);
      else if (const auto& text = std::get<chat::Text>(part); !is_blank(text.text))
        write_text(text);
    }
    json_.end_array();
    if (result.is_error) json_.member("is_error", true);
    write_cache_mark(json_, result.cache);
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
      if (!tool.custom_format.empty()) drop("tools.custom.format");
      write_cache_mark(json_, tool.cache);
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

  // An effort is a setting of its own here; thinking begins where the client wants to see it, or gave a budget for it.
  void write_reasoning() {
    std::optional<chat::Effort> effort;
    if (request_.reasoning && options_.reasoning) {
      const chat::Reasoning& reasoning = *request_.reasoning;
      if (reasoning.effort)
        effort = known_effort(*reasoning.effort, usual_efforts);
      else if (reasoning.budget && samples_by_itself_)
        effort = known_effort(effort_of_budget(*reasoning.budget), usual_efforts);
      if (effort == chat::Effort::none) {
        effort.reset();
        json_.key("thinking").begin_object().member("type", "disabled").end_object();
      } else {
        write_thinking(reasoning);
      }
    } else if (request_.reasoning) {
      drop_reasoning();
    }
    if (!effort && !request_.output_schema) return;
    json_.key("output_config").begin_object();
    if (effort) json_.member("effort", name(*effort));
    if (request_.output_schema)
      json_.key("format")
          .begin_object()
          .member("type", "json_schema")
          .key("schema")
          .raw(request_.output_schema->schema)
          .end_object();
    json_.end_object();
  }

  void write_thinking(const chat::Reasoning& reasoning) {
    if (!reasoning.budget && !reasoning.adaptive && reasoning.visible != true) return;
    // With thinking the API takes no other temperature than 1, no top_k and no forced tool; the models that sample by
    // themselves get none of these, and give themselves a budget.
    using Mode = chat::ToolChoice::Mode;
    const bool forced = request_.tool_choice &&
                        (request_.tool_choice->mode == Mode::required || request_.tool_choice->mode == Mode::named);
    const bool sampling = request_.top_k || request_.temperature.value_or(1) != 1;
    if (forced || (sampling && !samples_by_itself_)) return drop_thinking();
    const Tokens limit = request_.max_output_tokens.value_or(options_.default_max_output_tokens);
    if (reasoning.budget && !samples_by_itself_ && limit <= least_budget) return drop_thinking();
    json_.key("thinking").begin_object();
    if (reasoning.budget && samples_by_itself_) {
      drop("reasoning.budget");
      json_.member("type", "adaptive");
    } else if (reasoning.budget) {
      const Tokens budget = std::clamp(*reasoning.budget, least_budget, limit - 1);
      if (budget != *reasoning.budget) out_.added_params.push_back("reasoning.budget=" + std::to_string(budget));
      json_.member("type", "enabled").member("budget_tokens", budget);
    } else {
      json_.member("type", "adaptive");
    }
    if (reasoning.visible) json_.member("display", *reasoning.visible ? "summarized" : "omitted");
    json_.end_object();
  }

  void write_tier() {
    const std::string& tier = request_.service_tier;
    if (tier.empty()) return;
    if (tier == "auto")
      json_.member("service_tier", "auto");
    else if (tier == "default" || tier == "standard")
      json_.member("service_tier", "standard_only");
    else
      drop("service_tier");
  }

  void write_sampling() {
    if (samples_by_itself_) return drop_sampling();
    if (request_.temperature) json_.key("temperature").number(*request_.temperature);
    if (request_.top_p) json_.key("top_p").number(*request_.top_p);
    if (request_.top_k) json_.member("top_k", *request_.top_k);
  }

  void write_settings() {
    write_sampling();
    if (!request_.stop.empty()) {
      json_.key("stop_sequences").begin_array();
      for (const std::string& stop : request_.stop) json_.string(stop);
      json_.end_array();
    }
    write_reasoning();
    write_tier();
    if (request_.stream) json_.member("stream", true);
  }

  const bool samples_by_itself_ = !takes_sampling();
};

}  // namespace

const http::Headers& request_headers() {
  static const http::Headers headers{{"content-type", "application/json"}, {"anthropic-version", "2023-06-01"}};
  return headers;
}

Result<ProviderRequest> encode_request(const chat::ChatRequest& request, const EncodeOptions& options) {
  return RequestWriter(request, options).write();
}

}  // namespace sluice::dialects::anthropic
