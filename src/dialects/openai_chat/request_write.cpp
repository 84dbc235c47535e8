// A request to OpenAI or to one of the many servers that speak its dialect. It uses the fields that all of them know.
#include <algorithm>
#include <iterator>
#include <span>
#include <vector>

#include "dialects/fields.h"
#include "dialects/image_url.h"
#include "dialects/openai_chat/parts.h"
#include "dialects/shared_parts.h"

namespace sluice::dialects::openai {
namespace {

constexpr std::size_t max_stops = 4;  // more are an error at OpenAI and are ignored in silence elsewhere

class RequestWriter : RequestWriting {
 public:
  using RequestWriting::RequestWriting;

  Result<ProviderRequest> write() {
    if (options_.leading_system) move_system();
    CHECK_OK(check());
    json_.begin_object().member("model", options_.model);
    CHECK_OK(write_messages());
    write_tools();
    write_settings();
    return finished("/chat/completions", json_headers());
  }

 private:
  Result<void> check() {
    if (request_.stop.size() > max_stops)
      return bad_field("stop", "this provider takes at most 4",
                       "send fewer, or ask for a model whose provider takes more");
    for (const auto& [name, value] : request_.extras) CHECK_OK(drop_or_refuse(name));
    CHECK_OK(refuse_logprobs_of_thinking());
    if (request_.top_k) drop("top_k");
    tier_ = service_tier("default");
    if (!request_.prompt_cache_key.empty()) drop("prompt_cache_key");
    if (has_marked_system()) drop("system.cache_control");
    if (ends_with_assistant() && !options_.continues_prefill)
      return bad_field("messages", "the last one is the assistant's, and this provider would not continue it",
                       "end with a message of the user, or ask for a model of Anthropic");
    return {};
  }

  Result<void> write_messages() {
    json_.key("messages").begin_array();
    if (const std::string system = system_text(); !system.empty())
      json_.begin_object().member("role", "system").member("content", system).end_object();
    const auto is_assistants = [](const chat::Message& message) { return message.role == chat::Role::assistant; };
    for (auto at = request_.messages.begin(); at != request_.messages.end();) {
      const auto answer = std::find_if(at, request_.messages.end(), is_assistants);
      CHECK_OK(write_between({at, answer}));
      if (answer != request_.messages.end()) write_assistant(*answer);
      at = answer == request_.messages.end() ? answer : std::next(answer);
    }
    json_.end_array();
    return {};
  }

  // What stands between two messages of the assistant. Tool results are messages of their own here and must follow the
  // calls at once, so they go before the user's words; a system message that stood before one comes later, which is
  // named.
  Result<void> write_between(std::span<const chat::Message> messages) {
    std::vector<std::vector<chat::Block>> attached(messages.size());  // to results, whose messages cannot hold them
    bool told = false;
    for (std::size_t i = 0; i < messages.size(); ++i) {
      told = told || (messages[i].role == chat::Role::system && !system_moved_);
      for (const chat::Block& block : messages[i].blocks) {
        const auto* result = std::get_if<chat::ToolResult>(&block);
        if (!result) continue;
        if (told) drop("messages.role");
        write_tool_result(*result, attached[i]);
      }
    }
    for (std::size_t i = 0; i < messages.size(); ++i) {
      if (messages[i].role == chat::Role::user) {
        CHECK_OK(write_user(messages[i], attached[i]));
      } else if (!system_moved_) {
        write_system_message(messages[i], options_.developer_role);
      }
    }
    return {};
  }

  // But for tool results, which are written.
  Result<void> write_user(const chat::Message& message, std::span<const chat::Block> attached) {
    std::vector<const chat::Block*> rest;
    for (const chat::Block& block : message.blocks)
      if (!std::holds_alternative<chat::ToolResult>(block)) rest.push_back(&block);
    if (rest.empty() && attached.empty()) return {};
    json_.begin_object().member("role", "user").key("content");
    if (attached.empty() && rest.size() == 1 && std::holds_alternative<chat::Text>(*rest[0])) {
      const auto& text = std::get<chat::Text>(*rest[0]);
      note_mark(text.cache);
      json_.string(text.text).end_object();
      return {};
    }
    json_.begin_array();
    for (const chat::Block& block : attached) CHECK_OK(write_part(block));
    for (const chat::Block* block : rest) CHECK_OK(write_part(*block));
    json_.end_array().end_object();
    return {};
  }

  // Prompt caches are automatic at most of those who speak this dialect, and the others' marks differ.
  void note_mark(chat::CacheMark mark) {
    if (mark != chat::CacheMark::none) drop("messages.content.cache_control");
  }

  Result<void> write_part(const chat::Block& block) {
    if (const auto* text = std::get_if<chat::Text>(&block)) {
      note_mark(text->cache);
      json_.begin_object().member("type", "text").member("text", text->text).end_object();
    } else if (const auto* image = std::get_if<chat::Image>(&block)) {
      note_mark(image->cache);
      json_.begin_object().member("type", "image_url").key("image_url").begin_object();
      json_.member("url", image_to_url(*image));
      if (!image->detail.empty()) json_.member("detail", image->detail);
      json_.end_object().end_object();
    } else if (const auto* audio = std::get_if<chat::Audio>(&block)) {
      json_.begin_object().member("type", "input_audio").key("input_audio").begin_object();
      json_.member("data", audio->base64).member("format", audio->format).end_object().end_object();
    } else if (const auto* document = std::get_if<chat::Document>(&block)) {
      note_mark(document->cache);
      return write_document(*document);
    } else if (const auto* found = std::get_if<chat::SearchResult>(&block)) {
      note_mark(found->cache);
      json_.begin_object().member("type", "text").member("text", text_of(*found)).end_object();
    } else if (std::holds_alternative<chat::Video>(block)) {
      return refuse_video();
    }
    return {};
  }

  Result<void> write_document(const chat::Document& document) {
    drop_told_of(document);
    if (!document.url.empty())
      return bad_field("messages.content.document.url", "this provider does not fetch documents from a URL",
                       "send the document as base64");
    json_.begin_object();
    if (!document.text.empty()) {
      json_.member("type", "text");
      json_.member("text", document.name.empty() ? document.text : document.name + "\n\n" + document.text);
    } else {
      json_.member("type", "file").key("file").begin_object();
      json_.member("filename", document.name.empty() ? "document.pdf" : std::string_view(document.name));
      json_.member("file_data", "data:" + document.media_type + ";base64," + document.base64).end_object();
    }
    json_.end_object();
    return {};
  }

  void write_tool_result(const chat::ToolResult& result, std::vector<chat::Block>& attached) {
    note_mark(result.cache);
    std::string text = result.is_error ? "Error: " : "";  // there is no other place for it
    for (const auto& part : result.content) {
      if (const auto* piece = std::get_if<chat::Text>(&part)) {
        note_mark(piece->cache);
        text += piece->text;
        continue;
      }
      if (const auto* found = std::get_if<chat::SearchResult>(&part)) {
        note_mark(found->cache);
        text.append(text.empty() ? "" : "\n\n").append(text_of(*found));
        continue;
      }
      if (!text.empty()) text += '\n';
      const bool image = std::holds_alternative<chat::Image>(part);
      text += image ? "[image: see the next message]" : "[document: see the next message]";
      std::visit([&](const auto& block) { attached.emplace_back(block); }, part);
    }
    json_.begin_object()
        .member("role", "tool")
        .member("tool_call_id", result.call_id)
        .member("content", text)
        .end_object();
  }

  struct Called {
    const chat::ToolCall* call;
    std::string extra;  // JSON of its extra_content
  };
  // What this provider gave with an earlier answer, as JSON.
  struct State {
    std::string details;  // elements of reasoning_details
    std::string extra;    // the message's extra_content
  };

  // False: it is not what state_block() makes. A client has had it, so it may be anything.
  static bool take_state(const chat::Thinking& thinking, State& state, std::string& call_extra) {
    const auto parsed = json::Document::parse(thinking.signature);
    if (!parsed) return false;
    const json::Value root = parsed->root();
    if (thinking.id == details_state) {
      for (const json::Value& detail : root.elements())
        if (detail.is_object()) state.details.append(state.details.empty() ? "" : ",").append(detail.text());
      return root.is_array();
    }
    if (!root.is_object() || (thinking.id != message_state && thinking.id != call_state)) return false;
    (thinking.id == message_state ? state.extra : call_extra) = root.text();
    return true;
  }

  void write_assistant(const chat::Message& message) {
    std::string text;
    std::string reasoning;     // of this very model: some go on from it (DeepSeek, Kimi, GLM, Mistral)
    bool in_content = false;   // where the model has it
    bool text_before = false;  // the previous block was text
    std::string call_extra;    // of the next call
    State state;
    std::vector<Called> calls;
    for (const chat::Block& block : message.blocks) {
      const auto* piece = std::get_if<chat::Text>(&block);
      if (piece) {
        note_mark(piece->cache);
        if (!text.empty() && !text_before) text += "\n\n";
        text += piece->text;
      } else if (const auto* call = std::get_if<chat::ToolCall>(&block)) {
        calls.push_back({call, std::exchange(call_extra, {})});
        note_mark(call->cache);
      } else if (const auto* thinking = std::get_if<chat::Thinking>(&block)) {
        if (is_own(*thinking) && thinking->signature.empty()) {
          reasoning += thinking->text;
          in_content = thinking->id == thinking_in_content;
        } else if (!is_own(*thinking) || !take_state(*thinking, state, call_extra)) {
          drop("messages.content.thinking");
        }
      } else {
        drop("messages.content.media");  // an answer of this API has none
      }
      text_before = piece != nullptr;
    }
    if (text.empty() && calls.empty()) {
      if (!reasoning.empty() || !state.details.empty() || !state.extra.empty()) drop("messages.content.thinking");
      return;
    }
    json_.begin_object().member("role", "assistant").key("content");
    if (in_content && !reasoning.empty())
      write_thinking_and_text(reasoning, text);
    else if (text.empty())
      json_.null();
    else
      json_.string(text);
    if (!state.details.empty())  // they have the text, too
      json_.key("reasoning_details").raw("[" + state.details + "]");
    else if (!reasoning.empty() && !in_content)
      json_.member("reasoning_content", reasoning);
    if (!state.extra.empty()) json_.key("extra_content").raw(state.extra);
    if (!calls.empty()) {
      json_.key("tool_calls").begin_array();
      for (const auto& [call, extra] : calls) {
        json_.begin_object().member("id", call->id).member("type", "function").key("function").begin_object();
        json_.member("name", call->name).member("arguments", call->arguments).end_object();
        if (!extra.empty()) json_.key("extra_content").raw(extra);
        json_.end_object();
      }
      json_.end_array();
    }
    json_.end_object();
  }

  void write_thinking_and_text(std::string_view thinking, std::string_view text) {
    json_.begin_array().begin_object().member("type", "thinking").key("thinking").begin_array();
    json_.begin_object().member("type", "text").member("text", thinking).end_object().end_array().end_object();
    if (!text.empty()) json_.begin_object().member("type", "text").member("text", text).end_object();
    json_.end_array();
  }

  void write_tools() {
    if (request_.tools.empty()) return;
    json_.key("tools").begin_array();
    for (const chat::Tool& tool : request_.tools) {
      json_.begin_object().member("type", "function").key("function").begin_object().member("name", tool.name);
      if (!tool.description.empty()) json_.member("description", tool.description);
      json_.key("parameters").raw(tool.parameters);
      if (!tool.custom_format.empty()) drop("tools.custom.format");
      if (tool.cache != chat::CacheMark::none) drop("tools.cache_control");
      if (tool.strict) json_.member("strict", *tool.strict);
      json_.end_object().end_object();
    }
    json_.end_array();
    if (request_.tool_choice) write_tool_choice(*request_.tool_choice);
    if (request_.parallel_tool_calls) json_.member("parallel_tool_calls", *request_.parallel_tool_calls);
  }

  void write_tool_choice(const chat::ToolChoice& choice) {
    using Mode = chat::ToolChoice::Mode;
    switch (choice.mode) {
      case Mode::automatic: json_.member("tool_choice", "auto"); return;
      case Mode::none: json_.member("tool_choice", "none"); return;
      case Mode::required: json_.member("tool_choice", "required"); return;
      case Mode::named:
        json_.key("tool_choice").begin_object().member("type", "function").key("function").begin_object();
        json_.member("name", choice.name).end_object().end_object();
        return;
    }
  }

  void write_reasoning() {
    if (tools_stop_thinking()) {
      drop_reasoning();
      out_.added_params.push_back("reasoning.effort=none");
      json_.member("reasoning_effort", "none");
      return;
    }
    if (!request_.reasoning) return;
    const chat::Reasoning& reasoning = *request_.reasoning;
    if (!options_.reasoning || (!reasoning.effort && !reasoning.budget)) return drop_reasoning();
    if (reasoning.visible) drop("reasoning.visible");  // each of those who speak this dialect does as it does
    if (reasoning.budget) drop("reasoning.budget");    // an effort is not the same
    const auto effort =
        known_effort(reasoning.effort.value_or(effort_of_budget(reasoning.budget.value_or(0))), chat::all_efforts);
    if (effort) json_.member("reasoning_effort", name(*effort));
  }

  // The tools matter more than the thinking.
  bool tools_stop_thinking() const {
    return options_.tools_without_effort && !request_.tools.empty() && thinks(request_, options_.takes) &&
           options_.takes.efforts.contains(chat::Effort::none);
  }

  void write_sampling() {
    if (!takes_sampling()) return drop_sampling();
    if (request_.temperature) json_.key("temperature").number(*request_.temperature);
    if (request_.top_p) json_.key("top_p").number(*request_.top_p);
    if (request_.frequency_penalty) json_.key("frequency_penalty").number(*request_.frequency_penalty);
    if (request_.presence_penalty) json_.key("presence_penalty").number(*request_.presence_penalty);
  }

  void write_settings() {
    if (request_.max_output_tokens)
      json_.member(options_.max_completion_tokens ? "max_completion_tokens" : "max_tokens",
                   *request_.max_output_tokens);
    write_sampling();
    if (request_.seed) json_.member("seed", *request_.seed);
    if (request_.logprobs) json_.member("logprobs", true);
    if (request_.logprobs.value_or(0) > 0) json_.member("top_logprobs", *request_.logprobs);
    write_reasoning();
    if (!tier_.empty()) json_.member("service_tier", tier_);
    if (request_.json_object) json_.key("response_format").begin_object().member("type", "json_object").end_object();
    if (!request_.stop.empty()) {
      json_.key("stop").begin_array();
      for (const std::string& stop : request_.stop) json_.string(stop);
      json_.end_array();
    }
    if (request_.output_schema) {
      const chat::OutputSchema& schema = *request_.output_schema;
      json_.key("response_format").begin_object().member("type", "json_schema").key("json_schema").begin_object();
      json_.member("name", schema.name.empty() ? std::string_view("answer") : std::string_view(schema.name))
          .key("schema")
          .raw(schema.schema);
      if (const auto strict = strict_of(schema)) json_.member("strict", *strict);
      json_.end_object().end_object();
    }
    if (!request_.stream) return;
    json_.member("stream", true);
    if (options_.ask_for_stream_usage)
      json_.key("stream_options").begin_object().member("include_usage", true).end_object();
  }

  std::string_view tier_;  // in the provider's words
};

}  // namespace

Result<ProviderRequest> encode_request(const chat::ChatRequest& request, const EncodeOptions& options) {
  return RequestWriter(request, options).write();
}

}  // namespace sluice::dialects::openai
