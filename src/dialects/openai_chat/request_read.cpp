// A client's request. Fields without a place in chat/ are kept by name as extras unless they have their default value;
// the encoding dialect refuses or drops them.
#include <algorithm>
#include <limits>
#include <unordered_set>

#include "dialects/fields.h"
#include "dialects/image_url.h"
#include "dialects/logprobs.h"
#include "dialects/openai_chat/parts.h"
#include "dialects/seal.h"
#include "dialects/shared_parts.h"

namespace sluice::dialects::openai {
namespace {

constexpr std::size_t max_stops = 4;  // the API's own limit

class RequestReader : RequestReading {
 public:
  using RequestReading::RequestReading;

  Result<chat::ChatRequest> read() {
    CHECK_OK(read_model());
    CHECK_OK(read_settings());
    CHECK_OK(read_stop());
    CHECK_OK(read_logprobs());
    CHECK_OK(read_tools());
    CHECK_OK(read_tool_choice());
    CHECK_OK(check_tool_choice(request_, "tool_choice"));
    CHECK_OK(read_response_format());
    CHECK_OK(read_messages());
    for (const auto& [name, value] : fields_.other_members({"model",
                                                            "messages",
                                                            "stream",
                                                            "stream_options",
                                                            "max_tokens",
                                                            "max_completion_tokens",
                                                            "temperature",
                                                            "top_p",
                                                            "top_k",
                                                            "stop",
                                                            "tools",
                                                            "tool_choice",
                                                            "parallel_tool_calls",
                                                            "response_format",
                                                            "frequency_penalty",
                                                            "presence_penalty",
                                                            "seed",
                                                            "reasoning_effort",
                                                            "reasoning",
                                                            "logprobs",
                                                            "top_logprobs",
                                                            "service_tier",
                                                            "prompt_cache_key"}))
      if (!is_default(name, value)) request_.extras.emplace_back(name, value.text());
    return std::move(request_);
  }

 private:
  // Many clients send every field with the value that it has anyway.
  static bool is_default(std::string_view name, json::Value value) {
    if (name == "n") return value.integer() == 1;
    if (name == "store") return value.boolean() == false;
    if (name == "logit_bias" || name == "metadata") return value.is_object() && value.size() == 0;
    if (name == "functions") return value.is_array() && value.size() == 0;
    if (name == "modalities") return value.size() == 1 && value.at(0).string() == "text";
    return false;
  }

  Result<void> read_settings() {
    TRY(request_.max_output_tokens, fields_.integer("max_completion_tokens", 1, max_tokens_limit));
    TRY(const auto old_limit, fields_.integer("max_tokens", 1, max_tokens_limit));
    if (!request_.max_output_tokens)
      request_.max_output_tokens = old_limit;
    else if (old_limit && old_limit != request_.max_output_tokens)
      note_extra("max_tokens");
    TRY(request_.temperature, fields_.number("temperature", 0, 2));
    TRY(request_.top_p, fields_.number("top_p", 0, 1));
    TRY(request_.top_k, fields_.integer("top_k", -1, max_tokens_limit));
    if (request_.top_k && *request_.top_k < 1) request_.top_k.reset();  // vLLM and others: no limit
    TRY(request_.frequency_penalty, fields_.number("frequency_penalty", -2, 2));
    TRY(request_.presence_penalty, fields_.number("presence_penalty", -2, 2));
    if (request_.frequency_penalty == 0.0) request_.frequency_penalty.reset();
    if (request_.presence_penalty == 0.0) request_.presence_penalty.reset();
    TRY(request_.seed,
        fields_.integer("seed", std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()));
    TRY(const auto tier, fields_.string("service_tier"));
    request_.service_tier = tier.value_or("");
    TRY(const auto cache_key, fields_.string("prompt_cache_key"));
    request_.prompt_cache_key = cache_key.value_or("");
    CHECK_OK(read_reasoning());
    TRY(request_.parallel_tool_calls, fields_.boolean("parallel_tool_calls"));
    TRY(const auto stream, fields_.boolean("stream"));
    request_.stream = stream.value_or(false);
    TRY(const auto user, fields_.string("user"));
    request_.user = user.value_or("");
    request_.include_usage = !request_.stream;
    if (!fields_["stream_options"].exists()) return {};
    TRY(const Fields options, Fields::once(fields_["stream_options"], "stream_options"));
    TRY(const auto include, options.boolean("include_usage"));
    request_.include_usage = !request_.stream || include.value_or(false);
    note_others(options, {"include_usage"}, "stream_options");
    return {};
  }

  // OpenAI's own field, and OpenRouter's object.
  Result<void> read_reasoning() {
    TRY(auto effort, fields_.string("reasoning_effort"));
    chat::Reasoning reasoning;
    bool said = effort.has_value();
    if (fields_["reasoning"].exists()) {
      TRY(const Fields object, Fields::once(fields_["reasoning"], "reasoning"));
      TRY(const auto inner, object.string("effort"));
      if (!effort) effort = inner;
      TRY(reasoning.budget, object.integer("max_tokens", 0, max_tokens_limit));
      TRY(const auto hidden, object.boolean("exclude"));
      if (hidden) reasoning.visible = !*hidden;
      note_others(object, {"effort", "max_tokens", "exclude"}, "reasoning");
      said = said || effort || reasoning.budget || reasoning.visible;
    }
    if (effort) {
      reasoning.effort = chat::effort_from_name(*effort);
      if (!reasoning.effort)
        return bad_field("reasoning_effort", "it must be none, minimal, low, medium, high, xhigh or max, not '" +
                                                 std::string(*effort) + "'");
    }
    if (said) request_.reasoning = reasoning;
    return {};
  }

  Result<void> read_stop() {
    const json::Value stop = fields_["stop"];
    if (!stop.exists()) return {};
    if (const auto one = stop.string()) {
      request_.stop.emplace_back(*one);
      return {};
    }
    if (!stop.is_array()) return bad_field("stop", "a string or an array of strings is expected");
    for (const json::Value& each : stop.elements()) {
      const auto text = each.string();
      if (!text) return bad_field(path_of("stop", request_.stop.size()), "a string is expected");
      request_.stop.emplace_back(*text);
    }
    if (request_.stop.size() > max_stops)
      return bad_field("stop", "at most 4 stop sequences are possible", "send fewer");
    return {};
  }

  Result<void> read_logprobs() {
    TRY(const auto wanted, fields_.boolean("logprobs"));
    TRY(const auto others, fields_.integer("top_logprobs", 0, most_top_logprobs));
    if (wanted.value_or(false))
      request_.logprobs = others.value_or(0);
    else if (others.value_or(0) > 0)
      return bad_field("top_logprobs", "it needs logprobs", "send logprobs: true as well");
    return {};
  }

  Result<void> read_tools() {
    TRY(const std::vector<json::Value> tools, fields_.array("tools"));
    for (std::size_t i = 0; i < tools.size(); ++i) {
      TRY(const Fields tool, Fields::once(tools[i], path_of("tools", i)));
      TRY(const std::string_view type, tool.required_string("type"));
      if (type == "custom") {
        CHECK_OK(read_custom_tool(tool));
        continue;
      }
      if (type != "function")
        return bad_field(tool.path("type"), "a tool of type '" + std::string(type) + "' cannot be given to this model",
                         "describe it as a function");
      TRY(const Fields function, Fields::once(tool["function"], tool.path("function")));
      TRY(const std::string_view name, function.required_string("name"));
      TRY(const auto description, function.string("description"));
      TRY(std::string parameters, object_schema(function));
      TRY(const auto strict, function.boolean("strict"));
      CHECK_OK(add_tool(request_, {.name = std::string(name),
                                   .description = std::string(description.value_or("")),
                                   .parameters = std::move(parameters),
                                   .strict = strict,
                                   .cache = cache_mark(tool["cache_control"])}));
      note_others(tool, {"type", "function", "cache_control"}, "tools");
      note_others(function, {"name", "description", "parameters", "strict"}, "tools.function");
    }
    return {};
  }

  Result<void> read_custom_tool(const Fields& tool) {
    TRY(const Fields custom, Fields::once(tool["custom"], tool.path("custom")));
    TRY(const std::string_view name, custom.required_string("name"));
    TRY(const auto description, custom.string("description"));
    CHECK_OK(add_tool(request_, {.name = std::string(name),
                                 .description = std::string(description.value_or("")),
                                 .parameters = std::string(custom_tool_schema),
                                 .custom = true}));
    if (custom["format"]["type"].string().value_or("text") != "text")
      request_.tools.back().custom_format = custom["format"].text();
    request_.tools.back().cache = cache_mark(tool["cache_control"]);
    note_others(tool, {"type", "custom", "cache_control"}, "tools");
    note_others(custom, {"name", "description", "format"}, "tools.custom");
    return {};
  }

  Result<void> read_tool_choice() {
    const json::Value value = fields_["tool_choice"];
    if (!value.exists()) return {};
    using Mode = chat::ToolChoice::Mode;
    if (const auto word = value.string()) {
      request_.tool_choice = tool_choice_of_word(*word);
      if (!request_.tool_choice)
        return bad_field("tool_choice",
                         "it must be auto, none, required or a named function, not '" + std::string(*word) + "'");
      return {};
    }
    TRY(const Fields choice, Fields::once(value, "tool_choice"));
    TRY(const std::string_view type, choice.required_string("type"));
    note_others(choice, {"type", type}, "tool_choice");
    if (type == "allowed_tools") {
      TRY(const Fields allowed, Fields::once(choice["allowed_tools"], "tool_choice.allowed_tools"));
      return allow_only(
          allowed, [](const Fields& tool) { return tool[tool["type"].string().value_or("")]["name"]; }, request_);
    }
    if (type == "custom") {
      TRY(const Fields custom, Fields::once(choice["custom"], "tool_choice.custom"));
      TRY(const std::string_view name, custom.required_string("name"));
      request_.tool_choice = chat::ToolChoice{.mode = Mode::named, .name = std::string(name)};
      return {};
    }
    if (type != "function")
      return bad_field("tool_choice.type", "'" + std::string(type) + "' cannot be carried to this model",
                       "name one function, or use required");
    TRY(const Fields function, Fields::once(choice["function"], "tool_choice.function"));
    note_others(function, {"name"}, "tool_choice.function");
    TRY(const std::string_view name, function.required_string("name"));
    request_.tool_choice = chat::ToolChoice{.mode = Mode::named, .name = std::string(name)};
    return {};
  }

  Result<void> read_response_format() {
    if (!fields_["response_format"].exists()) return {};
    TRY(const Fields format, Fields::once(fields_["response_format"], "response_format"));
    TRY(const std::string_view type, format.required_string("type"));
    note_others(format, {"type", type}, "response_format");
    if (type == "text") return {};
    if (type == "json_object") {
      request_.json_object = true;
      return {};
    }
    if (type != "json_schema") {  // what other vendors have
      request_.extras.emplace_back("response_format", fields_["response_format"].text());
      return {};
    }
    TRY(const Fields named, Fields::once(format["json_schema"], "response_format.json_schema"));
    TRY(const auto name, named.string("name"));
    TRY(std::string schema, named.object_text("schema"));
    if (schema.empty())
      return bad_field(named.path("schema"), "this field is required", "add the JSON Schema of the answer");
    TRY(const auto strict, named.boolean("strict"));
    note_others(named, {"name", "schema", "strict"}, "response_format.json_schema");
    request_.output_schema = chat::OutputSchema{std::string(name.value_or("")), std::move(schema), strict};
    return {};
  }

  Result<void> read_messages() {
    TRY(const std::vector<json::Value> messages, fields_.required_array("messages"));
    for (std::size_t i = 0; i < messages.size(); ++i) {
      TRY(const Fields message, Fields::once(messages[i], path_of("messages", i)));
      TRY(const std::string_view role, message.required_string("role"));
      CHECK_OK(read_message(role, message));
      note_if_empty(message);
    }
    if (request_.messages.empty())
      return bad_field("messages", "there is no message of a user", "add one with role user");
    return refuse_if_all_empty();
  }

  Result<void> read_message(std::string_view role, const Fields& message) {
    if (role == "system" || role == "developer") return read_system(message);
    if (role == "user") return read_user(message);
    if (role == "assistant") return read_assistant(message);
    if (role == "tool") return read_tool_result(message);
    return bad_field(message.path("role"),
                     "it must be system, developer, user, assistant or tool, not '" + std::string(role) + "'");
  }

  Result<void> read_system(const Fields& message) {
    TRY(const auto parts, read_parts(message));
    chat::Text text;
    for (const auto& part : parts) {
      const auto* piece = std::get_if<chat::Text>(&part);
      if (!piece) return bad_field(message.path("content"), "a system message can hold text only");
      text.text += piece->text;
      if (piece->cache != chat::CacheMark::none) text.cache = piece->cache;
    }
    add_system({std::move(text)}, message["role"].string() == "developer");
    note_others(message, {"role", "content"}, "messages");
    return {};
  }

  Result<void> read_user(const Fields& message) {
    TRY(auto parts, read_parts(message));
    chat::Message read{.role = chat::Role::user};
    for (auto& part : parts) std::visit([&](auto& block) { read.blocks.emplace_back(std::move(block)); }, part);
    request_.messages.push_back(std::move(read));
    note_others(message, {"role", "content"}, "messages");
    return {};
  }

  Result<void> read_assistant(const Fields& message) {
    if (message["function_call"].exists())
      return bad_field(message.path("function_call"), "this older form of a tool call cannot be carried to this model",
                       "send tool_calls");
    chat::Message read{.role = chat::Role::assistant};
    read_reasoning_of(message, read);
    if (message["content"].exists()) {
      TRY(auto parts, read_parts(message, &read));
      for (auto& part : parts) std::visit([&](auto& block) { read.blocks.emplace_back(std::move(block)); }, part);
    }
    if (const auto refusal = message["refusal"].string(); refusal && !refusal->empty())
      read.blocks.emplace_back(chat::Text{std::string(*refusal)});
    TRY(const std::vector<json::Value> calls, message.array("tool_calls"));
    for (std::size_t i = 0; i < calls.size(); ++i) {
      TRY(const Fields call, Fields::once(calls[i], path_of(message.path("tool_calls"), i)));
      TRY(chat::ToolCall one, read_tool_call(call));
      read.blocks.emplace_back(std::move(one));
    }
    if (message["annotations"].size() > 0) note_extra("messages.annotations");
    if (message["audio"].exists())
      return bad_field(message.path("audio"), "this sound is kept by the provider that made it",
                       "send its transcript as content");
    request_.messages.push_back(std::move(read));
    note_others(message,
                {"role", "content", "tool_calls", "refusal", "reasoning_content", "reasoning", "reasoning_details",
                 "annotations", "audio"},
                "messages");
    return {};
  }

  // The details have the state besides the text, so they come first.
  void read_reasoning_of(const Fields& message, chat::Message& into) {
    for (const json::Value& detail : message["reasoning_details"].elements()) {
      const std::string_view type = detail["type"].string().value_or("");
      const bool encrypted = type == "reasoning.encrypted";
      if (!encrypted && type != "reasoning.text") {
        note_extra("messages.reasoning_details");
        continue;
      }
      chat::Thinking thinking = open_thinking(detail[encrypted ? "data" : "signature"].string().value_or(""));
      thinking.text = detail["text"].string().value_or("");
      into.blocks.emplace_back(std::move(thinking));
    }
    if (!into.blocks.empty()) return;
    if (const std::string_view reasoning = reasoning_of(message.object()); !reasoning.empty())
      into.blocks.emplace_back(chat::Thinking{std::string(reasoning), ""});
  }

  Result<chat::ToolCall> read_tool_call(const Fields& call) {
    TRY(const std::string_view id, call.required_string("id"));
    if (call["type"].string() == "custom") {
      TRY(const Fields custom, Fields::once(call["custom"], call.path("custom")));
      TRY(const std::string_view name, custom.required_string("name"));
      TRY(const auto input, custom.string("input"));
      note_others(call, {"id", "type", "custom", "index"}, "messages.tool_calls");
      note_others(custom, {"name", "input"}, "messages.tool_calls.custom");
      note_call(id);
      return chat::ToolCall{.id = std::string(id),
                            .name = std::string(name),
                            .arguments = custom_arguments(input.value_or("")),
                            .custom = true};
    }
    if (const auto type = call["type"].string(); type && *type != "function")
      return bad_field(call.path("type"),
                       "a tool call of type '" + std::string(*type) + "' cannot be given to this model");
    note_others(call, {"id", "type", "function", "index"}, "messages.tool_calls");
    TRY(const Fields function, Fields::once(call["function"], call.path("function")));
    TRY(const std::string_view name, function.required_string("name"));
    TRY(const auto arguments, function.string("arguments"));
    note_others(function, {"name", "arguments"}, "messages.tool_calls.function");
    note_call(id);
    const bool none = !arguments || arguments->find_first_not_of(" \t\r\n") == std::string_view::npos;
    return chat::ToolCall{std::string(id), std::string(name), none ? "{}" : std::string(*arguments)};
  }

  Result<void> read_tool_result(const Fields& message) {
    TRY(const std::string_view id, message.required_string("tool_call_id"));
    if (!knows_call(id))
      return bad_field(message.path("tool_call_id"),
                       "no earlier message has a tool call with the id '" + std::string(id) + "'",
                       "send the assistant's message with that tool call before its result");
    chat::ToolResult result{.call_id = std::string(id)};
    TRY(auto parts, read_parts(message));
    for (auto& part : parts) {
      if (std::holds_alternative<chat::Audio>(part))
        return bad_field(message.path("content"), "a tool's result cannot hold audio", "send text");
      if (auto* text = std::get_if<chat::Text>(&part)) result.content.emplace_back(std::move(*text));
      if (auto* image = std::get_if<chat::Image>(&part)) result.content.emplace_back(std::move(*image));
      if (auto* document = std::get_if<chat::Document>(&part)) result.content.emplace_back(std::move(*document));
    }
    chat::Message read{.role = chat::Role::user};
    read.blocks.emplace_back(std::move(result));
    request_.messages.push_back(std::move(read));
    note_others(message, {"role", "content", "tool_call_id", "name"}, "messages");
    return {};
  }

  using Parts = std::vector<std::variant<chat::Text, chat::Image, chat::Audio, chat::Document>>;

  // With an assistant's message its reasoning may stand among the parts (Mistral), and goes to `thinking`.
  Result<Parts> read_parts(const Fields& message, chat::Message* thinking = nullptr) {
    Parts parts;
    if (const auto text = message["content"].string()) {
      if (!text->empty()) parts.emplace_back(chat::Text{std::string(*text)});
      return parts;
    }
    if (!message["content"].is_array())
      return bad_field(message.path("content"), "a string or an array of parts is expected");
    TRY(const std::vector<json::Value> elements, message.array("content"));
    for (std::size_t i = 0; i < elements.size(); ++i) {
      TRY(const Fields part, Fields::once(elements[i], path_of(message.path("content"), i)));
      TRY(const std::string_view type, part.required_string("type"));
      if (type == "thinking" && thinking) {
        thinking->blocks.emplace_back(chat::Thinking{.text = thinking_text(part.object()), .signature = ""});
        note_others(part, {"type", "thinking", "closed"}, "messages.content");
      } else if (type == "text" || type == "refusal") {
        const auto text = part[type].string();
        if (!text) return bad_field(part.path(type), "a string is expected");
        if (!text->empty()) parts.emplace_back(chat::Text{.text = std::string(*text), .cache = mark_of(part)});
        note_others_of_part(part, type);
      } else if (type == "image_url") {
        TRY(const Fields image, Fields::once(part["image_url"], part.path("image_url")));
        TRY(const std::string_view url, image.required_string("url"));
        TRY(chat::Image read, image_from_url(url, image.path("url")));
        read.detail = image["detail"].string().value_or("");
        read.cache = mark_of(part);
        parts.emplace_back(std::move(read));
        note_others_of_part(part, type);
        note_others(image, {"url", "detail"}, "messages.content.image_url");
      } else if (type == "input_audio") {
        TRY(const Fields audio, Fields::once(part["input_audio"], part.path("input_audio")));
        TRY(const std::string_view data, audio.required_string("data"));
        TRY(const std::string_view format, audio.required_string("format"));
        parts.emplace_back(chat::Audio{.format = std::string(format), .base64 = std::string(data)});
        note_others(part, {"type", type}, "messages.content");
        note_others(audio, {"data", "format"}, "messages.content.input_audio");
      } else if (type == "file") {
        TRY(const Fields file, Fields::once(part["file"], part.path("file")));
        TRY(chat::Document document, read_file(file));
        document.cache = mark_of(part);
        parts.emplace_back(std::move(document));
        note_others_of_part(part, type);
        note_others(file, {"file_data", "filename"}, "messages.content.file");
      } else {
        return bad_field(part.path("type"), "a part of type '" + std::string(type) + "' cannot be given to this model",
                         "send text, images, audio and files");
      }
    }
    return parts;
  }

  // What the part says itself is in the member of its type's name.
  void note_others_of_part(const Fields& part, std::string_view type) {
    note_others(part, {"type", type, "cache_control", "prompt_cache_breakpoint"}, "messages.content");
  }

  // OpenAI's own mark has no lifetime; other vendors' has.
  static chat::CacheMark mark_of(const Fields& part) {
    if (part["prompt_cache_breakpoint"].is_object()) return chat::CacheMark::minutes_5;
    return cache_mark(part["cache_control"]);
  }

  static Result<chat::Document> read_file(const Fields& file) {
    if (file["file_id"].exists())
      return bad_field(file.path("file_id"), "this file lives at the vendor that it was uploaded to",
                       "send it as file_data");
    TRY(const std::string_view data, file.required_string("file_data"));
    TRY(const auto name, file.string("filename"));
    constexpr std::string_view base64 = ";base64,";
    const std::size_t comma = data.find(base64);
    if (!data.starts_with("data:"))  // base64 alone, which the API takes too
      return chat::Document{
          .media_type = "application/pdf", .base64 = std::string(data), .name = std::string(name.value_or(""))};
    if (comma == std::string_view::npos)
      return bad_field(file.path("file_data"), "a data: URL with base64 is expected",
                       "send data:application/pdf;base64,...");
    return chat::Document{.media_type = std::string(data.substr(5, comma - 5)),
                          .base64 = std::string(data.substr(comma + base64.size())),
                          .name = std::string(name.value_or(""))};
  }
};

}  // namespace

std::optional<chat::ToolChoice> tool_choice_of_word(std::string_view word) {
  using Mode = chat::ToolChoice::Mode;
  if (word == "auto") return chat::ToolChoice{};
  if (word == "none") return chat::ToolChoice{.mode = Mode::none};
  if (word == "required") return chat::ToolChoice{.mode = Mode::required};
  return {};
}

Result<void> allow_only(const Fields& choice, json::Value (*name_of)(const Fields& tool), chat::ChatRequest& request) {
  TRY(const std::string_view mode, choice.required_string("mode"));
  if (mode != "auto" && mode != "required")
    return bad_field(choice.path("mode"), "it must be auto or required, not '" + std::string(mode) + "'");
  TRY(const std::vector<json::Value> tools, choice.required_array("tools"));
  std::unordered_set<std::string_view> allowed;
  ToolsByName by_name(request.tools);
  for (std::size_t i = 0; i < tools.size(); ++i) {
    TRY(const Fields tool, Fields::once(tools[i], path_of(choice.path("tools"), i)));
    const auto name = name_of(tool).string();
    if (!name || by_name.find(*name) == nullptr)
      return bad_field(path_of(choice.path("tools"), i), "there is no tool of this name in the tools");
    allowed.insert(*name);
  }
  keep_only(allowed, request.tools);
  using Mode = chat::ToolChoice::Mode;
  request.tool_choice = chat::ToolChoice{.mode = mode == "required" ? Mode::required : Mode::automatic};
  return {};
}

Result<chat::ChatRequest> decode_request(const json::Document& parsed) {
  TRY(const Fields fields, Fields::once(parsed.root(), ""));
  return RequestReader(fields).read();
}

}  // namespace sluice::dialects::openai
