// A request to OpenAI or to a server that speaks its newer API. Nothing is kept there: the whole conversation goes with
// every request, and so does the state of the model's reasoning.
#include <algorithm>
#include <array>

#include "dialects/image_url.h"
#include "dialects/openai_responses/parts.h"
#include "dialects/shared_parts.h"

namespace sluice::dialects::responses {
namespace {

constexpr std::array<std::string_view, 6> tiers = {"auto", "default", "flex", "scale", "priority", "fast"};
constexpr Tokens least_output = 16;  // the API's own limit

bool is_verbosity(std::string_view name) { return name == "verbosity" || name == "text.verbosity"; }

class RequestWriter : RequestWriting {
 public:
  RequestWriter(const chat::ChatRequest& request, const EncodeOptions& options)
      : RequestWriting(request, options), tools_(request.tools) {}

  Result<ProviderRequest> write() {
    if (options_.leading_system) move_system();
    CHECK_OK(check());
    json_.begin_object().member("model", options_.model);
    if (const std::string system = system_text(); !system.empty()) json_.member("instructions", system);
    CHECK_OK(write_input());
    write_tools();
    write_settings();
    return finished("/responses", json_headers());
  }

 private:
  Result<void> check() {
    if (request_.max_output_tokens && *request_.max_output_tokens < least_output)
      return bad_field("max_tokens",
                       "this provider takes no limit below " + std::to_string(least_output) +
                           ", and the answer could be longer than it allows",
                       "raise it, or ask for a model whose provider takes it");
    if (!request_.stop.empty()) return refuse("stop", "this provider's API has no stop sequences");
    for (const auto& [name, value] : request_.extras)
      if (!is_verbosity(name)) CHECK_OK(drop_or_refuse(name));
    CHECK_OK(refuse_logprobs_of_thinking());
    if (request_.top_k) drop("top_k");
    if (request_.frequency_penalty) drop("frequency_penalty");
    if (request_.presence_penalty) drop("presence_penalty");
    if (request_.seed) drop("seed");
    if (has_marked_system()) drop("system.cache_control");
    if (ends_with_assistant())
      return bad_field("messages", "the last one is the assistant's, and this provider would not continue it",
                       "end with a message of the user, or ask for a model of Anthropic");
    return {};
  }

  Result<void> write_input() {
    json_.key("input").begin_array();
    const std::size_t before = out_.body.size();
    for (const chat::Message& message : request_.messages) {
      if (message.role == chat::Role::assistant) {
        write_assistant(message);
      } else if (message.role == chat::Role::user) {
        CHECK_OK(write_user(message));
      } else if (!system_moved_) {
        write_system_message(message, true);
      }
    }
    if (out_.body.size() == before) return nothing_to_send();
    json_.end_array();
    return {};
  }

  // Prompt caches are automatic here, and the marks that newer models know are an error for the others.
  void note_mark(chat::CacheMark mark) {
    if (mark != chat::CacheMark::none) drop("messages.content.cache_control");
  }

  // Outputs of tools are items of their own and follow their calls, so they go before the user's words.
  Result<void> write_user(const chat::Message& message) {
    std::vector<const chat::Block*> rest;
    for (const chat::Block& block : message.blocks) {
      if (const auto* result = std::get_if<chat::ToolResult>(&block)) {
        CHECK_OK(write_result(*result));
      } else {
        rest.push_back(&block);
      }
    }
    if (rest.empty()) return {};
    json_.begin_object().member("role", "user").key("content");
    if (rest.size() == 1 && std::holds_alternative<chat::Text>(*rest[0])) {
      const auto& text = std::get<chat::Text>(*rest[0]);
      note_mark(text.cache);
      json_.string(text.text).end_object();
      return {};
    }
    json_.begin_array();
    for (const chat::Block* block : rest) CHECK_OK(write_part(*block));
    json_.end_array().end_object();
    return {};
  }

  Result<void> write_part(const chat::Block& block) {
    if (std::holds_alternative<chat::Audio>(block)) return refuse_audio();
    if (std::holds_alternative<chat::Video>(block)) return refuse_video();
    if (const auto* text = std::get_if<chat::Text>(&block)) {
      note_mark(text->cache);
      json_.begin_object().member("type", "input_text").member("text", text->text).end_object();
    } else if (const auto* image = std::get_if<chat::Image>(&block)) {
      note_mark(image->cache);
      json_.begin_object().member("type", "input_image").member("image_url", image_to_url(*image));
      json_.member("detail", image->detail.empty() ? std::string_view("auto") : std::string_view(image->detail));
      json_.end_object();
    } else if (const auto* document = std::get_if<chat::Document>(&block)) {
      note_mark(document->cache);
      write_document(*document);
    } else if (const auto* found = std::get_if<chat::SearchResult>(&block)) {
      note_mark(found->cache);
      json_.begin_object().member("type", "input_text").member("text", text_of(*found)).end_object();
    }
    return {};
  }

  void write_document(const chat::Document& document) {
    drop_told_of(document);
    json_.begin_object();
    if (!document.text.empty()) {
      json_.member("type", "input_text");
      json_.member("text", document.name.empty() ? document.text : document.name + "\n\n" + document.text);
    } else if (!document.url.empty()) {
      json_.member("type", "input_file").member("file_url", document.url);
      if (!document.name.empty()) json_.member("filename", document.name);
    } else {
      json_.member("type", "input_file");
      json_.member("filename", document.name.empty() ? "document.pdf" : std::string_view(document.name));
      json_.member("file_data", "data:" + document.media_type + ";base64," + document.base64);
    }
    json_.end_object();
  }

  Result<void> write_result(const chat::ToolResult& result) {
    note_mark(result.cache);
    const bool custom = custom_calls_.contains(result.call_id);
    json_.begin_object().member("type", custom ? "custom_tool_call_output" : "function_call_output");
    json_.member("call_id", result.call_id).key("output");
    const std::string_view mark = result.is_error ? "Error: " : "";  // there is no other place for it
    const bool only_text =
        std::ranges::all_of(result.content, [](const auto& part) { return std::holds_alternative<chat::Text>(part); });
    if (only_text) {
      std::string text(mark);
      for (const auto& part : result.content) {
        note_mark(std::get<chat::Text>(part).cache);
        text += std::get<chat::Text>(part).text;
      }
      json_.string(text).end_object();
      return {};
    }
    json_.begin_array();
    if (result.is_error) json_.begin_object().member("type", "input_text").member("text", mark).end_object();
    for (const auto& part : result.content)
      CHECK_OK(write_part(std::visit([](const auto& block) { return chat::Block(block); }, part)));
    json_.end_array().end_object();
    return {};
  }

  // Reasoning goes before what it led to; without that, the API refuses it.
  void write_assistant(const chat::Message& message) {
    const std::vector<chat::Block>& blocks = message.blocks;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      if (std::holds_alternative<chat::Text>(blocks[i])) {
        std::string text;
        for (; i < blocks.size() && std::holds_alternative<chat::Text>(blocks[i]); ++i) {
          note_mark(std::get<chat::Text>(blocks[i]).cache);
          text += std::get<chat::Text>(blocks[i]).text;
        }
        --i;
        if (text.empty()) continue;
        json_.begin_object().member("role", "assistant").member("content", text).end_object();
      } else if (const auto* call = std::get_if<chat::ToolCall>(&blocks[i])) {
        note_mark(call->cache);
        write_call(*call);
      } else if (const auto* thinking = std::get_if<chat::Thinking>(&blocks[i])) {
        if (is_signed_by_it(*thinking) && leads_to_something(blocks, i))
          write_reasoning_item(*thinking);
        else
          drop("messages.content.thinking");
      } else {
        drop("messages.content.media");  // an answer of this API has none
      }
    }
  }

  static bool leads_to_something(const std::vector<chat::Block>& blocks, std::size_t place) {
    return std::any_of(blocks.begin() + static_cast<std::ptrdiff_t>(place), blocks.end(), [](const chat::Block& block) {
      if (const auto* text = std::get_if<chat::Text>(&block)) return !text->text.empty();
      return std::holds_alternative<chat::ToolCall>(block);
    });
  }

  void write_call(const chat::ToolCall& call) {
    const chat::Tool* tool = tools_.find(call.name);
    const bool custom = call.custom || (tool && tool->custom);
    json_.begin_object().member("type", custom ? "custom_tool_call" : "function_call").member("call_id", call.id);
    json_.member("name", call.name);
    if (custom) {
      custom_calls_.insert(call.id);
      json_.member("input", custom_input(call.arguments));
    } else {
      json_.member("arguments", call.arguments);
    }
    json_.end_object();
  }

  void write_reasoning_item(const chat::Thinking& thinking) {
    json_.begin_object().member("type", "reasoning");
    if (!thinking.id.empty()) json_.member("id", thinking.id);
    json_.key("summary").begin_array();
    if (!thinking.text.empty())
      json_.begin_object().member("type", "summary_text").member("text", thinking.text).end_object();
    json_.end_array().member("encrypted_content", thinking.signature).end_object();
  }

  void write_tools() {
    if (request_.tools.empty()) return;
    json_.key("tools").begin_array();
    for (const chat::Tool& tool : request_.tools) {
      if (tool.cache != chat::CacheMark::none) drop("tools.cache_control");
      json_.begin_object().member("type", tool.custom ? "custom" : "function").member("name", tool.name);
      if (!tool.description.empty()) json_.member("description", tool.description);
      if (tool.custom) {
        write_custom_format(tool);
      } else {
        json_.key("parameters");
        json_.raw(tool.parameters.empty() ? R"({"type":"object","properties":{}})" : std::string_view(tool.parameters));
        json_.member("strict", tool.strict.value_or(false));  // left out, the API would make the schema a strict one
      }
      json_.end_object();
    }
    json_.end_array();
    if (request_.tool_choice) write_tool_choice(*request_.tool_choice);
    if (request_.parallel_tool_calls) json_.member("parallel_tool_calls", *request_.parallel_tool_calls);
  }

  // Chat Completions has the grammar's members one level deeper.
  void write_custom_format(const chat::Tool& tool) {
    if (tool.custom_format.empty()) return;
    const auto parsed = json::Document::parse(tool.custom_format);
    if (!parsed) return;
    const json::Value format = parsed->root();
    const json::Value grammar = format["grammar"].is_object() ? format["grammar"] : format;
    json_.key("format").begin_object().member("type", "grammar");
    json_.member("syntax", grammar["syntax"].string().value_or(""));
    json_.member("definition", grammar["definition"].string().value_or("")).end_object();
  }

  void write_tool_choice(const chat::ToolChoice& choice) {
    using Mode = chat::ToolChoice::Mode;
    switch (choice.mode) {
      case Mode::automatic: json_.member("tool_choice", "auto"); return;
      case Mode::none: json_.member("tool_choice", "none"); return;
      case Mode::required: json_.member("tool_choice", "required"); return;
      case Mode::named: {
        const chat::Tool* tool = tools_.find(choice.name);
        json_.key("tool_choice").begin_object().member("type", tool && tool->custom ? "custom" : "function");
        json_.member("name", choice.name).end_object();
        return;
      }
    }
  }

  void write_settings() {
    write_limit();
    write_sampling();
    write_reasoning();
    write_text();
    const std::string_view tier = request_.service_tier == "standard_only" ? std::string_view("default")
                                                                           : std::string_view(request_.service_tier);
    if (std::ranges::find(tiers, tier) != tiers.end())
      json_.member("service_tier", tier);
    else if (!tier.empty())
      drop("service_tier");
    if (!request_.prompt_cache_key.empty()) json_.member("prompt_cache_key", request_.prompt_cache_key);
    json_.member("store", false);
    write_include();
    if (request_.stream) json_.member("stream", true);
  }

  void write_include() {
    if (request_.logprobs.value_or(0) > 0) json_.member("top_logprobs", *request_.logprobs);
    if (!options_.reasoning && !request_.logprobs) return;
    json_.key("include").begin_array();
    if (options_.reasoning) json_.string("reasoning.encrypted_content");
    if (request_.logprobs) json_.string("message.output_text.logprobs");
    json_.end_array();
  }

  void write_limit() {
    if (request_.max_output_tokens) json_.member("max_output_tokens", *request_.max_output_tokens);
  }

  void write_sampling() {
    if (!takes_sampling()) return drop_sampling();
    if (request_.temperature) json_.key("temperature").number(*request_.temperature);
    if (request_.top_p) json_.key("top_p").number(*request_.top_p);
  }

  // A budget or the model's own choice are asked for by clients that show what they get.
  void write_reasoning() {
    if (!request_.reasoning) return;
    const chat::Reasoning& reasoning = *request_.reasoning;
    if (!options_.reasoning) return drop_reasoning();
    const bool shown = reasoning.visible.value_or(reasoning.budget || reasoning.adaptive);
    if (reasoning.budget) drop("reasoning.budget");  // an effort is not the same
    std::optional<chat::Effort> effort;
    if (reasoning.effort || reasoning.budget)
      effort =
          known_effort(reasoning.effort ? *reasoning.effort : effort_of_budget(*reasoning.budget), chat::all_efforts);
    const bool summary = shown && effort != chat::Effort::none;
    if (!effort && !summary) return;
    json_.key("reasoning").begin_object();
    if (effort) json_.member("effort", name(*effort));
    if (summary) json_.member("summary", "auto");
    json_.end_object();
  }

  void write_text() {
    const auto verbosity =
        std::ranges::find_if(request_.extras, [](const auto& extra) { return is_verbosity(extra.first); });
    const bool is_verbose = verbosity != request_.extras.end();
    if (!is_verbose && !request_.json_object && !request_.output_schema) return;
    json_.key("text").begin_object();
    if (request_.json_object) {
      json_.key("format").begin_object().member("type", "json_object").end_object();
    } else if (request_.output_schema) {
      const chat::OutputSchema& schema = *request_.output_schema;
      json_.key("format").begin_object().member("type", "json_schema");
      json_.member("name", schema.name.empty() ? std::string_view("answer") : std::string_view(schema.name));
      json_.key("schema").raw(schema.schema);
      if (const auto strict = strict_of(schema)) json_.member("strict", *strict);
      json_.end_object();
    }
    if (is_verbose) json_.key("verbosity").raw(verbosity->second);
    json_.end_object();
  }

  ToolsByName tools_;
  std::unordered_set<std::string_view> custom_calls_;  // their ids, so far
};

}  // namespace

Result<ProviderRequest> encode_request(const chat::ChatRequest& request, const EncodeOptions& options) {
  return RequestWriter(request, options).write();
}

}  // namespace sluice::dialects::responses
