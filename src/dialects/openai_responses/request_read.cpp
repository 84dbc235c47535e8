// A client's request. Items become messages: those of the assistant that follow one another are one message, and so are
// the results of tools. Fields without a place in chat/ are kept by name as extras unless they have their default
// value; the encoding dialect refuses or drops them.
#include <algorithm>

#include "dialects/image_url.h"
#include "dialects/logprobs.h"
#include "dialects/openai_responses/parts.h"
#include "dialects/seal.h"
#include "dialects/shared_parts.h"

namespace sluice::dialects::responses {
namespace {

class RequestReader : RequestReading {
 public:
  using RequestReading::RequestReading;

  Result<chat::ChatRequest> read() {
    CHECK_OK(read_model());
    CHECK_OK(read_settings());
    CHECK_OK(read_reasoning());
    CHECK_OK(read_text());
    CHECK_OK(read_include());
    std::vector<std::string> left_out;
    CHECK_OK(read_tools(fields_, request_, left_out));
    for (std::string& name : left_out) note_extra(std::move(name));
    TRY(const auto instructions, fields_.string("instructions"));
    if (instructions && !instructions->empty()) request_.system.push_back({.text = std::string(*instructions)});
    CHECK_OK(read_input());
    for (const auto& [name, value] :
         fields_.other_members({"model", "input", "instructions", "stream", "stream_options", "max_output_tokens",
                                "temperature", "top_p", "tools", "tool_choice", "parallel_tool_calls", "text",
                                "reasoning", "include", "top_logprobs", "service_tier", "prompt_cache_key"}))
      if (!is_default(name, value)) request_.extras.emplace_back(name, value.text());
    return std::move(request_);
  }

 private:
  // Many clients send every field with the value that it has anyway.
  static bool is_default(std::string_view name, json::Value value) {
    if (name == "store") return true;  // the gateway sees to it
    if (name == "background") return value.boolean() == false;
    if (name == "metadata") return value.is_object() && value.size() == 0;
    if (name == "truncation") return value.string() == "disabled";
    return false;
  }

  Result<void> read_settings() {
    TRY(request_.max_output_tokens, fields_.integer("max_output_tokens", 1, max_tokens_limit));
    TRY(request_.temperature, fields_.number("temperature", 0, 2));
    TRY(request_.top_p, fields_.number("top_p", 0, 1));
    TRY(request_.parallel_tool_calls, fields_.boolean("parallel_tool_calls"));
    TRY(const auto stream, fields_.boolean("stream"));
    request_.stream = stream.value_or(false);
    TRY(const auto tier, fields_.string("service_tier"));
    request_.service_tier = tier.value_or("");
    TRY(const auto cache_key, fields_.string("prompt_cache_key"));
    request_.prompt_cache_key = cache_key.value_or("");
    TRY(const auto user, fields_.string("user"));
    TRY(const auto identifier, fields_.string("safety_identifier"));
    request_.user = identifier.value_or(user.value_or(""));
    if (fields_["stream_options"].exists()) {
      TRY(const Fields options, Fields::once(fields_["stream_options"], "stream_options"));
      if (options["include_obfuscation"].boolean() == true) note_extra("stream_options.include_obfuscation");
      note_others(options, {"include_obfuscation"}, "stream_options");
    }
    return {};
  }

  Result<void> read_reasoning() {
    if (!fields_["reasoning"].exists()) return {};
    TRY(const Fields object, Fields::once(fields_["reasoning"], "reasoning"));
    chat::Reasoning reasoning;
    TRY(const auto effort, object.string("effort"));
    if (effort) {
      reasoning.effort = chat::effort_from_name(*effort);
      if (!reasoning.effort)
        return bad_field("reasoning.effort", "it must be none, minimal, low, medium, high, xhigh or max, not '" +
                                                 std::string(*effort) + "'");
    }
    TRY(const auto summary, object.string("summary"));
    TRY(const auto older_summary, object.string("generate_summary"));
    if (summary || older_summary) reasoning.visible = true;
    note_others(object, {"effort", "summary", "generate_summary"}, "reasoning");
    if (reasoning.effort || reasoning.visible) request_.reasoning = reasoning;
    return {};
  }

  Result<void> read_text() {
    if (!fields_["text"].exists()) return {};
    TRY(const Fields text, Fields::once(fields_["text"], "text"));
    TRY(const auto verbosity, text.string("verbosity"));
    if (verbosity && *verbosity != "medium") request_.extras.emplace_back("text.verbosity", text["verbosity"].text());
    note_others(text, {"format", "verbosity"}, "text");
    if (!text["format"].exists()) return {};
    TRY(const Fields format, Fields::once(text["format"], "text.format"));
    TRY(const std::string_view type, format.required_string("type"));
    if (type == "text") return {};
    if (type == "json_object") {
      request_.json_object = true;
      return {};
    }
    if (type != "json_schema")
      return bad_field("text.format.type",
                       "it must be text, json_object or json_schema, not '" + std::string(type) + "'");
    TRY(const auto name, format.string("name"));
    TRY(std::string schema, format.object_text("schema"));
    if (schema.empty())
      return bad_field("text.format.schema", "this field is required", "add the JSON Schema of the answer");
    TRY(const auto strict, format.boolean("strict"));
    request_.output_schema = chat::OutputSchema{std::string(name.value_or("")), std::move(schema), strict};
    note_others(format, {"type", "name", "schema", "strict"}, "text.format");
    return {};
  }

  // The state of reasoning always goes with an answer here.
  Result<void> read_include() {
    TRY(const std::vector<json::Value> include, fields_.array("include"));
    for (std::size_t i = 0; i < include.size(); ++i) {
      const auto what = include[i].string();
      if (!what) return bad_field(path_of("include", i), "a string is expected");
      if (*what == "message.output_text.logprobs")
        request_.logprobs = 0;
      else if (*what != "reasoning.encrypted_content")
        note_extra("include." + std::string(*what));
    }
    TRY(const auto others, fields_.integer("top_logprobs", 0, most_top_logprobs));
    if (others && (*others > 0 || request_.logprobs)) request_.logprobs = *others;
    return {};
  }

  // What the vendor keeps may hold the conversation; the provider's dialect then refuses by name.
  bool has_kept_state() const {
    return std::ranges::any_of(
        std::initializer_list<std::string_view>{"previous_response_id", "conversation", "prompt"},
        [&](std::string_view name) { return fields_[name].exists(); });
  }

  Result<void> read_input() {
    const json::Value input = fields_["input"];
    if (!input.exists() && has_kept_state()) return {};
    if (const auto text = input.string()) {
      if (text->empty()) return bad_field("input", "it is empty", "send some text");
      add(chat::Role::user).blocks.emplace_back(chat::Text{std::string(*text)});
      return {};
    }
    if (input.exists() && !input.is_array()) return bad_field("input", "a string or an array of items is expected");
    TRY(const std::vector<json::Value> items, fields_.required_array("input"));
    for (std::size_t i = 0; i < items.size(); ++i) {
      TRY(const Fields item, Fields::once(items[i], path_of("input", i)));
      CHECK_OK(read_item(item));
    }
    if (has_kept_state()) return {};
    if (request_.messages.empty()) return bad_field("input", "there is no message of a user", "add one with role user");
    return refuse_if_all_empty();
  }

  chat::Message& add(chat::Role role) {
    request_.messages.push_back({.role = role});
    results_last_ = false;
    return request_.messages.back();
  }

  // The message that the assistant's next item belongs to. The results of its calls follow them at once, so a system
  // message that stands between calls comes behind all of them, and is named.
  chat::Message& turn_of_assistant() {
    const auto last = std::ranges::find_if(request_.messages.rbegin(), request_.messages.rend(),
                                           [](const auto& message) { return message.role != chat::Role::system; });
    if (last == request_.messages.rend() || last->role != chat::Role::assistant) return add(chat::Role::assistant);
    if (last == request_.messages.rbegin()) return *last;
    const auto is_call = [](const chat::Block& block) { return std::holds_alternative<chat::ToolCall>(block); };
    if (std::ranges::none_of(last->blocks, is_call)) return add(chat::Role::assistant);
    note_extra("input.role");
    return *last;
  }

  chat::Message& results() {
    if (!request_.messages.empty() && results_last_) return request_.messages.back();
    chat::Message& message = add(chat::Role::user);
    results_last_ = true;
    return message;
  }

  Result<void> read_item(const Fields& item) {
    TRY(const auto given, item.string("type"));
    const std::string_view type = given.value_or(item["role"].exists() ? "message" : "item_reference");
    if (type == "message") return read_message(item);
    if (type == "function_call" || type == "custom_tool_call") return read_call(item, type == "custom_tool_call");
    if (type == "function_call_output" || type == "custom_tool_call_output") return read_result(item);
    if (type == "reasoning") return read_reasoning_item(item);
    if (type == "web_search_call") {  // what it found is in the text that follows
      note_extra("input.web_search_call");
      return {};
    }
    return bad_field(item.path("type"), "an item of type '" + std::string(type) + "' cannot be given to this model",
                     type == "item_reference" ? "send the item itself" : "leave it out, or ask for a model of OpenAI");
  }

  Result<void> read_message(const Fields& item) {
    TRY(const std::string_view role, item.required_string("role"));
    note_others(item, {"type", "role", "content", "id", "status"}, "input");
    if (role == "system" || role == "developer") return read_system(item);
    if (role != "user" && role != "assistant")
      return bad_field(item.path("role"),
                       "it must be user, assistant, system or developer, not '" + std::string(role) + "'");
    TRY(std::vector<chat::Block> parts, read_parts(item, "content"));
    chat::Message& message = role == "user" ? add(chat::Role::user) : turn_of_assistant();
    std::ranges::move(parts, std::back_inserter(message.blocks));
    note_if_empty(item);
    return {};
  }

  Result<void> read_system(const Fields& item) {
    TRY(const std::vector<chat::Block> parts, read_parts(item, "content"));
    chat::Text text;
    for (const chat::Block& part : parts) {
      const auto* piece = std::get_if<chat::Text>(&part);
      if (!piece) return bad_field(item.path("content"), "a system message can hold text only");
      text.text += piece->text;
      if (piece->cache != chat::CacheMark::none) text.cache = piece->cache;
    }
    results_last_ = false;
    add_system({std::move(text)}, item["role"].string() == "developer");
    return {};
  }

  // Code of the model's at the vendor, and not the model itself.
  void note_caller(const Fields& item) {
    if (item["caller"]["type"].string().value_or("direct") != "direct") note_extra("input.caller");
  }

  Result<void> read_call(const Fields& item, bool custom) {
    TRY(const std::string_view call_id, item.required_string("call_id"));
    CHECK_OK(item.required_string("name"));
    CHECK_OK(item.string("namespace"));
    TRY(const auto input, item.string(custom ? "input" : "arguments"));
    note_call(call_id);
    chat::ToolCall call{.id = std::string(call_id), .name = called_name(item.object()), .custom = custom};
    if (custom)
      call.arguments = custom_arguments(input.value_or(""));
    else if (!input || input->find_first_not_of(" \t\r\n") == std::string_view::npos)
      call.arguments = "{}";
    else
      call.arguments = *input;
    turn_of_assistant().blocks.emplace_back(std::move(call));
    note_caller(item);
    note_others(item, {"type", "id", "call_id", "name", "namespace", "arguments", "input", "status", "caller"},
                "input");
    return {};
  }

  Result<void> read_result(const Fields& item) {
    TRY(const std::string_view call_id, item.required_string("call_id"));
    if (!knows_call(call_id) && !has_kept_state())
      return bad_field(item.path("call_id"), "no earlier item has a call with the id '" + std::string(call_id) + "'",
                       "send the call before its output");
    TRY(std::vector<chat::Block> parts, read_parts(item, "output"));
    chat::ToolResult result{.call_id = std::string(call_id)};
    for (chat::Block& part : parts) {
      if (auto* text = std::get_if<chat::Text>(&part)) result.content.emplace_back(std::move(*text));
      if (auto* image = std::get_if<chat::Image>(&part)) result.content.emplace_back(std::move(*image));
      if (auto* document = std::get_if<chat::Document>(&part)) result.content.emplace_back(std::move(*document));
    }
    results().blocks.emplace_back(std::move(result));
    note_caller(item);
    note_others(item, {"type", "id", "call_id", "output", "name", "namespace", "status", "caller"}, "input");
    return {};
  }

  Result<void> read_reasoning_item(const Fields& item) {
    TRY(const auto state, item.string("encrypted_content"));
    chat::Thinking thinking = open_thinking(state.value_or(""));
    thinking.text = reasoning_text(item.object());
    if (thinking.issuer.empty()) {
      thinking.id = item["id"].string().value_or("");
      thinking.redacted = thinking.text.empty();
    }
    turn_of_assistant().blocks.emplace_back(std::move(thinking));
    note_others(item, {"type", "id", "summary", "content", "encrypted_content", "status"}, "input");
    return {};
  }

  // A string, or an array of parts.
  Result<std::vector<chat::Block>> read_parts(const Fields& item, std::string_view member) {
    std::vector<chat::Block> parts;
    if (const auto text = item[member].string()) {
      if (!text->empty()) parts.emplace_back(chat::Text{std::string(*text)});
      return parts;
    }
    if (!item[member].is_array()) return bad_field(item.path(member), "a string or an array of parts is expected");
    TRY(const std::vector<json::Value> elements, item.array(member));
    for (std::size_t i = 0; i < elements.size(); ++i) {
      TRY(const Fields part, Fields::once(elements[i], path_of(item.path(member), i)));
      CHECK_OK(read_part(part, parts));
    }
    return parts;
  }

  Result<void> read_part(const Fields& part, std::vector<chat::Block>& parts) {
    TRY(const std::string_view type, part.required_string("type"));
    if (type == "input_text" || type == "output_text" || type == "refusal" || type == "text") {
      const std::string_view member = type == "refusal" ? "refusal" : "text";
      const auto text = part[member].string();
      if (!text) return bad_field(part.path(member), "a string is expected");
      if (!text->empty()) parts.emplace_back(chat::Text{.text = std::string(*text), .cache = mark_of(part)});
      note_others(part, {"type", member, "annotations", "logprobs", "prompt_cache_breakpoint"}, "input.content");
      for (const char* told : {"annotations", "logprobs"})  // an answer has the members, most often without any
        if (part[told].size() > 0) note_extra(path_of("input.content", told));
      return {};
    }
    if (type == "input_image") {
      if (part["file_id"].exists()) return kept_at_vendor(part, "image_url");
      TRY(const std::string_view url, part.required_string("image_url"));
      TRY(chat::Image image, image_from_url(url, part.path("image_url")));
      image.detail = part["detail"].string().value_or("");
      image.cache = mark_of(part);
      parts.emplace_back(std::move(image));
      note_others(part, {"type", "image_url", "detail", "prompt_cache_breakpoint"}, "input.content");
      return {};
    }
    if (type == "input_file") {
      TRY(chat::Document document, read_file(part));
      document.cache = mark_of(part);
      parts.emplace_back(std::move(document));
      note_others(part, {"type", "filename", "file_url", "file_data", "prompt_cache_breakpoint"}, "input.content");
      return {};
    }
    return bad_field(part.path("type"), "a part of type '" + std::string(type) + "' cannot be given to this model",
                     "send text, images and files");
  }

  static chat::CacheMark mark_of(const Fields& part) {
    return part["prompt_cache_breakpoint"].is_object() ? chat::CacheMark::minutes_5 : chat::CacheMark::none;
  }

  static std::unexpected<Error> kept_at_vendor(const Fields& part, std::string_view instead) {
    return bad_field(part.path("file_id"), "this file lives at the vendor that it was uploaded to",
                     "send it as " + std::string(instead));
  }

  static Result<chat::Document> read_file(const Fields& file) {
    if (file["file_id"].exists()) return kept_at_vendor(file, "file_data or file_url");
    TRY(const auto name, file.string("filename"));
    chat::Document document{.name = std::string(name.value_or(""))};
    TRY(const auto url, file.string("file_url"));
    if (url) {
      if (file["file_data"].exists())
        return bad_field(file.path("file_data"), "there is file_url already, and a file is one of them");
      if (!url->starts_with("https://") && !url->starts_with("http://"))
        return bad_field(file.path("file_url"), "an https: URL is expected");
      document.url = *url;
      return document;
    }
    TRY(const std::string_view data, file.required_string("file_data"));
    constexpr std::string_view base64 = ";base64,";
    const std::size_t comma = data.find(base64);
    if (!data.starts_with("data:")) {  // base64 alone, which the API takes too
      document.media_type = "application/pdf";
      document.base64 = data;
      return document;
    }
    if (comma == std::string_view::npos)
      return bad_field(file.path("file_data"), "a data: URL with base64 is expected",
                       "send data:application/pdf;base64,...");
    document.media_type = data.substr(5, comma - 5);
    document.base64 = data.substr(comma + base64.size());
    return document;
  }

  bool results_last_ = false;  // the last message holds results of tools and takes more
};

}  // namespace

Result<chat::ChatRequest> decode_request(const json::Document& parsed) {
  TRY(const Fields fields, Fields::once(parsed.root(), ""));
  return RequestReader(fields).read();
}

}  // namespace sluice::dialects::responses
