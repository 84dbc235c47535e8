// A request to Google. What would change the output contract is refused by name; hints are dropped and reported.
#include <algorithm>
#include <array>
#include <limits>
#include <unordered_map>

#include "dialects/fields.h"
#include "dialects/gemini/parts.h"
#include "dialects/schema_references.h"
#include "dialects/shared_parts.h"

namespace sluice::dialects::gemini {
namespace {

constexpr std::size_t max_stops = 5;                           // the API's own limit
constexpr std::int64_t largest_exact = 9'007'199'254'740'992;  // 2^53: numbers are doubles there
constexpr Tokens largest_budget = 24'576;                      // what all of Gemini 2.5 take
constexpr std::string_view empty_schema = R"({"type":"object","properties":{}})";

// An integer that a double does not hold, wherever in the value it stands.
bool has_large_integer(json::Value value) {
  if (value.type() == json::Type::integer) {
    const auto number = value.integer();
    return !number || *number > largest_exact || *number < -largest_exact;
  }
  if (value.type() == json::Type::number)
    return std::abs(value.number().value_or(0)) > static_cast<double>(largest_exact) &&
           value.text().find_first_of(".eE") == std::string::npos;
  if (value.is_array()) return std::ranges::any_of(value.elements(), has_large_integer);
  return std::ranges::any_of(value.members(), [](const auto& member) { return has_large_integer(member.second); });
}

// Where nothing else is said of the model. They always think.
constexpr chat::Efforts usual_levels = {chat::Effort::minimal, chat::Effort::low, chat::Effort::medium,
                                        chat::Effort::high};

// Gemini 1 and 2 know budgets for thinking and check no signatures.
bool is_older_generation(std::string_view model) {
  if (model.starts_with("models/")) model.remove_prefix(std::string_view("models/").size());
  return model.starts_with("gemini-1") || model.starts_with("gemini-2");
}

class RequestWriter : RequestWriting {
 public:
  using RequestWriting::RequestWriting;

  Result<ProviderRequest> write() {
    move_system();
    CHECK_OK(check());
    json_.begin_object();
    if (const std::string system = system_text(); !system.empty()) {
      json_.key("systemInstruction").begin_object().key("parts").begin_array();
      write_text(system);
      json_.end_array().end_object();
    }
    CHECK_OK(write_contents());
    write_tools();
    CHECK_OK(write_generation_config());
    if (!tier_.empty()) json_.member("serviceTier", tier_);
    return finished(path(options_.model, request_.stream), json_headers());
  }

 private:
  // A part with the signature that goes with it.
  struct Part {
    const chat::Block* block = nullptr;  // null: the signature alone
    std::string_view signature;
  };

  Result<void> check() {
    if (request_.stop.size() > max_stops)
      return bad_field("stop", "this provider takes at most 5",
                       "send fewer, or ask for a model whose provider takes more");
    for (const auto& [name, value] : request_.extras) {
      if (name == "n")
        return bad_field(name, "this provider's answers beyond the first candidate cannot be told as choices here",
                         "ask for one answer at a time, or ask for a model of OpenAI's API");
      CHECK_OK(drop_or_refuse(name));
    }
    if (request_.parallel_tool_calls == false) drop("parallel_tool_calls");
    tier_ = service_tier("standard");
    if (!request_.prompt_cache_key.empty()) drop("prompt_cache_key");
    if (has_marked_system()) drop("system.cache_control");
    return {};
  }

  // Prompt caches are automatic here.
  void note_mark(chat::CacheMark mark) {
    if (mark != chat::CacheMark::none) drop("messages.content.cache_control");
  }

  // Runs of one role become one content: the responses to the calls of one turn must stand together and first.
  Result<void> write_contents() {
    json_.key("contents").begin_array();
    bool any = false;
    for (const auto& [role, blocks] : turns()) {
      const bool wrote = role == chat::Role::user ? !blocks.empty() : has_parts(blocks);
      if (!wrote) continue;
      any = true;
      json_.begin_object().member("role", role == chat::Role::user ? "user" : "model").key("parts").begin_array();
      CHECK_OK(role == chat::Role::user ? write_user(blocks) : write_model(blocks));
      json_.end_array().end_object();
    }
    json_.end_array();
    if (!any) return nothing_to_send();
    return {};
  }

  bool has_parts(const std::vector<const chat::Block*>& blocks) {
    bool any = false;
    for (const chat::Block* block : blocks) {
      const auto* thinking = std::get_if<chat::Thinking>(block);
      if (thinking && !is_signed_by_it(*thinking)) drop("messages.content.thinking");
      any = any || !thinking || is_signed_by_it(*thinking);
    }
    return any;
  }

  Result<void> write_user(const std::vector<const chat::Block*>& blocks) {
    std::vector<chat::Block> attached;  // to results, which hold JSON only
    for (const chat::Block* block : blocks)
      if (const auto* result = std::get_if<chat::ToolResult>(block)) CHECK_OK(write_result(*result, attached));
    for (const chat::Block& block : attached) CHECK_OK(write_media(block));
    for (const chat::Block* block : blocks) {
      if (const auto* text = std::get_if<chat::Text>(block)) {
        note_mark(text->cache);
        write_text(text->text);
      } else if (!std::holds_alternative<chat::ToolResult>(*block)) {
        CHECK_OK(write_media(*block));
      }
    }
    return {};
  }

  void write_text(std::string_view text) { json_.begin_object().member("text", text).end_object(); }

  void write_inline(std::string_view type, std::string_view base64) {
    json_.begin_object().key("inlineData").begin_object();
    json_.member("mimeType", type).member("data", base64).end_object().end_object();
  }

  static std::unexpected<Error> refuse_url(const std::string& what) {
    return bad_field("messages.content." + what + ".url",
                     "this provider fetches no " + what + " from a URL, and neither does Sluice", "send it as base64");
  }

  Result<void> write_media(const chat::Block& block) {
    if (const auto* image = std::get_if<chat::Image>(&block)) {
      note_mark(image->cache);
      if (!image->detail.empty() && image->detail != "auto") drop("messages.content.image_url.detail");
      if (!image->url.empty()) return refuse_url("image");
      write_inline(image->media_type, image->base64);
    } else if (const auto* audio = std::get_if<chat::Audio>(&block)) {
      write_inline("audio/" + audio->format, audio->base64);
    } else if (const auto* video = std::get_if<chat::Video>(&block)) {
      write_inline(video->media_type, video->base64);
    } else if (const auto* document = std::get_if<chat::Document>(&block)) {
      note_mark(document->cache);
      drop_told_of(*document);
      if (!document->url.empty()) return refuse_url("document");
      if (!document->text.empty()) {
        write_text(document->name.empty() ? document->text : document->name + "\n\n" + document->text);
      } else {
        if (!document->name.empty()) drop("messages.content.document.name");
        write_inline(document->media_type, document->base64);
      }
    } else if (const auto* found = std::get_if<chat::SearchResult>(&block)) {
      note_mark(found->cache);
      write_text(text_of(*found));
    }
    return {};
  }

  // A response is an object here. One that has integers too large for a double goes as text, which keeps them.
  Result<void> write_result(const chat::ToolResult& result, std::vector<chat::Block>& attached) {
    note_mark(result.cache);
    std::string text;
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
      const bool image = std::holds_alternative<chat::Image>(part);
      if (!text.empty()) text += '\n';
      text += image ? "[image: see below]" : "[document: see below]";
      std::visit([&](const auto& block) { attached.emplace_back(block); }, part);
    }
    const chat::ToolCall* call = find_call(result.call_id);
    if (call == nullptr)
      return bad_field("messages", "no earlier message has a tool call with the id '" + result.call_id + "'");
    json_.begin_object().key("functionResponse").begin_object();
    json_.member("id", result.call_id).member("name", call->name).key("response");
    const auto parsed = json::Document::parse(text);
    const bool exact = parsed && !has_large_integer(parsed->root());
    if (exact && parsed->root().is_object() && !result.is_error) {
      json_.raw(parsed->root().text());
    } else {
      json_.begin_object().key(result.is_error ? "error" : "result");
      if (exact && parsed->root().is_array())
        json_.raw(parsed->root().text());
      else
        json_.string(text);
      json_.end_object();
    }
    json_.end_object().end_object();
    return {};
  }

  const chat::ToolCall* find_call(std::string_view id) {
    if (calls_.empty())
      for (const chat::Message& message : request_.messages)
        for (const chat::Block& block : message.blocks)
          if (const auto* call = std::get_if<chat::ToolCall>(&block)) calls_.try_emplace(call->id, call);
    const auto found = calls_.find(id);
    return found == calls_.end() ? nullptr : found->second;
  }

  // A signature belongs to the part behind it. The model checks it on the first call of each step; a client that keeps
  // the state of all blocks in one place (OpenAI's) gives it back before the text.
  std::vector<Part> with_signatures(const std::vector<const chat::Block*>& blocks) {
    std::vector<Part> parts;
    std::string_view waiting;
    Part* first_call = nullptr;
    Part* signed_text = nullptr;  // the last one before that call
    parts.reserve(2 * blocks.size() + 1);
    for (const chat::Block* block : blocks) {
      if (const auto* thinking = std::get_if<chat::Thinking>(block)) {
        if (!is_signed_by_it(*thinking)) continue;
        if (!waiting.empty()) parts.push_back({.signature = waiting});
        waiting = thinking->signature;
        continue;
      }
      const auto* text = std::get_if<chat::Text>(block);
      if (text && text->text.empty()) continue;
      parts.push_back({block, std::exchange(waiting, {})});
      Part& part = parts.back();
      if (std::holds_alternative<chat::ToolCall>(*block) && first_call == nullptr) first_call = &part;
      if (text && first_call == nullptr && !part.signature.empty()) signed_text = &part;
    }
    if (!waiting.empty()) parts.push_back({.signature = waiting});
    if (first_call == nullptr || !first_call->signature.empty()) return parts;
    if (signed_text != nullptr)
      first_call->signature = std::exchange(signed_text->signature, {});
    else if (options_.reasoning && !is_older_generation(options_.model))
      first_call->signature = skip_signature;  // in all turns, so that what a prompt cache knows stays the same
    return parts;
  }

  Result<void> write_model(const std::vector<const chat::Block*>& blocks) {
    for (const Part& part : with_signatures(blocks)) {
      const auto* call = part.block ? std::get_if<chat::ToolCall>(part.block) : nullptr;
      const auto* text = part.block ? std::get_if<chat::Text>(part.block) : nullptr;
      if (part.block && !call && !text)
        return bad_field("messages", "this provider takes the assistant's text and tool calls only");
      json_.begin_object();
      if (call) {
        CHECK_OK(write_call(*call));
      } else {
        if (text) note_mark(text->cache);
        json_.member("text", text ? std::string_view(text->text) : "");
      }
      if (!part.signature.empty()) json_.member("thoughtSignature", part.signature);
      json_.end_object();
    }
    return {};
  }

  Result<void> write_call(const chat::ToolCall& call) {
    note_mark(call.cache);
    TRY(const json::Document arguments, object_arguments(call));
    if (has_large_integer(arguments.root()))
      return bad_field("messages.tool_calls.arguments",
                       "the arguments of the tool call '" + call.id +
                           "' have an integer above 2^53, which this provider would change",
                       "let the tool take it as a string");
    json_.key("functionCall").begin_object().member("id", call.id).member("name", call.name);
    json_.key("args").raw(call.arguments).end_object();
    return {};
  }

  void write_tools() {
    if (request_.tools.empty()) return;
    json_.key("tools").begin_array().begin_object().key("functionDeclarations").begin_array();
    for (const chat::Tool& tool : request_.tools) {
      json_.begin_object().member("name", tool.name);
      if (!tool.description.empty()) json_.member("description", tool.description);
      json_.key("parametersJsonSchema").raw(tool.parameters.empty() ? empty_schema : std::string_view(tool.parameters));
      if (tool.strict.value_or(false)) drop("tools.strict");
      if (!tool.custom_format.empty()) drop("tools.custom.format");
      if (tool.cache != chat::CacheMark::none) drop("tools.cache_control");
      json_.end_object();
    }
    json_.end_array().end_object().end_array();
    if (request_.tool_choice) write_tool_choice(*request_.tool_choice);
  }

  void write_tool_choice(const chat::ToolChoice& choice) {
    using Mode = chat::ToolChoice::Mode;
    json_.key("toolConfig").begin_object().key("functionCallingConfig").begin_object();
    switch (choice.mode) {
      case Mode::automatic: json_.member("mode", "AUTO"); break;
      case Mode::none: json_.member("mode", "NONE"); break;
      case Mode::required: json_.member("mode", "ANY"); break;
      case Mode::named:
        json_.member("mode", "ANY").key("allowedFunctionNames").begin_array().string(choice.name).end_array();
        break;
    }
    json_.end_object().end_object();
  }

  void write_sampling() {
    if (!takes_sampling()) return drop_sampling();
    if (request_.temperature) json_.key("temperature").number(*request_.temperature);
    if (request_.top_p) json_.key("topP").number(*request_.top_p);
    if (request_.top_k) json_.member("topK", *request_.top_k);
    if (request_.frequency_penalty) json_.key("frequencyPenalty").number(*request_.frequency_penalty);
    if (request_.presence_penalty) json_.key("presencePenalty").number(*request_.presence_penalty);
  }

  Result<void> write_generation_config() {
    json_.key("generationConfig").begin_object();
    if (request_.max_output_tokens) json_.member("maxOutputTokens", *request_.max_output_tokens);
    write_sampling();
    if (request_.seed) {
      using Limits = std::numeric_limits<std::int32_t>;
      if (*request_.seed < Limits::min() || *request_.seed > Limits::max())
        drop("seed");
      else
        json_.member("seed", *request_.seed);
    }
    if (!request_.stop.empty()) {
      json_.key("stopSequences").begin_array();
      for (const std::string& stop : request_.stop) json_.string(stop);
      json_.end_array();
    }
    if (request_.logprobs) json_.member("responseLogprobs", true);
    if (request_.logprobs.value_or(0) > 0) json_.member("logprobs", *request_.logprobs);
    if (request_.json_object || request_.output_schema) json_.member("responseMimeType", "application/json");
    if (request_.output_schema) {
      TRY(const std::string schema, without_references(request_.output_schema->schema, "response_format.schema"));
      json_.key("responseJsonSchema").raw(schema);
    }
    write_thinking();
    json_.end_object();
    return {};
  }

  // An effort is a level for Gemini 3 and later, and a budget before.
  void write_thinking() {
    if (!request_.reasoning) return;
    if (!options_.reasoning) return drop_reasoning();
    const chat::Reasoning& reasoning = *request_.reasoning;
    const bool older = is_older_generation(options_.model);
    using chat::Effort;
    json_.key("thinkingConfig").begin_object();
    if (reasoning.visible.value_or(reasoning.budget || reasoning.adaptive)) json_.member("includeThoughts", true);
    if (reasoning.effort && !older) {
      write_level(*reasoning.effort);
      if (reasoning.budget) drop("reasoning.budget");
    } else if (reasoning.budget || reasoning.effort) {
      const Tokens budget =
          std::min(reasoning.budget ? *reasoning.budget : budget_of_effort(*reasoning.effort), largest_budget);
      if (reasoning.budget && budget != *reasoning.budget)
        out_.added_params.push_back("reasoning.budget=" + std::to_string(budget));
      json_.member("thinkingBudget", budget);
      if (reasoning.budget && reasoning.effort && *reasoning.effort != Effort::none) drop("reasoning.effort");
    } else if (reasoning.adaptive && older) {
      json_.member("thinkingBudget", -1);
    }
    json_.end_object();
  }

  void write_level(chat::Effort wanted) {
    constexpr std::array<std::string_view, 7> levels = {"", "MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH", "MAX"};
    const std::optional<chat::Effort> known = known_effort(wanted, usual_levels);
    if (known && *known != chat::Effort::none) json_.member("thinkingLevel", levels[static_cast<std::size_t>(*known)]);
  }

  std::string_view tier_;                                              // in the provider's words
  std::unordered_map<std::string_view, const chat::ToolCall*> calls_;  // of all messages, by id; borrows
};

}  // namespace

Result<ProviderRequest> encode_request(const chat::ChatRequest& request, const EncodeOptions& options) {
  return RequestWriter(request, options).write();
}

}  // namespace sluice::dialects::gemini
