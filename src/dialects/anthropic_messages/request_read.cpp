// A client's request. Fields of Anthropic alone (context_management, ...) are kept by name as
// extras; blocks that cannot be said in chat/ are refused, because an answer that ignores them would be an answer to
// something else.
#include "dialects/anthropic_messages/parts.h"
#include "dialects/fields.h"
#include "dialects/image_url.h"
#include "dialects/seal.h"
#include "dialects/shared_parts.h"
#include "dialects/text_scan.h"

namespace sluice::dialects::anthropic {
namespace {

class RequestReader : RequestReading {
 public:
  using RequestReading::RequestReading;

  Result<chat::ChatRequest> read() {
    CHECK_OK(read_model());
    CHECK_OK(read_settings());
    CHECK_OK(read_system());
    CHECK_OK(read_tools());
    CHECK_OK(read_tool_choice());
    CHECK_OK(check_tool_choice(request_, "tool_choice"));
    CHECK_OK(read_output_config());
    CHECK_OK(read_messages());
    for (const auto& [name, value] : fields_.other_members(
             {"model", "messages", "system", "max_tokens", "stream", "temperature", "top_p", "top_k", "stop_sequences",
              "tools", "tool_choice", "output_config", "thinking", "service_tier", "metadata"}))
      request_.extras.emplace_back(name, value.text());
    return std::move(request_);
  }

 private:
  Result<void> read_settings() {
    TRY(request_.max_output_tokens, fields_.integer("max_tokens", 1, max_tokens_limit));
    TRY(request_.temperature, fields_.number("temperature", 0, 1));
    TRY(request_.top_p, fields_.number("top_p", 0, 1));
    TRY(request_.top_k, fields_.integer("top_k", 0, max_tokens_limit));
    TRY(const std::optional<bool> stream, fields_.boolean("stream"));
    request_.stream = stream.value_or(false);
    TRY(const std::vector<json::Value> stops, fields_.array("stop_sequences"));
    for (std::size_t i = 0; i < stops.size(); ++i) {
      const auto stop = stops[i].string();
      if (!stop) return bad_field(path_of("stop_sequences", i), "a string is expected");
      request_.stop.emplace_back(*stop);
    }
    if (const auto budget = fields_["thinking"]["budget_tokens"].integer();
        budget && request_.max_output_tokens && *budget >= *request_.max_output_tokens)
      return bad_field("thinking.budget_tokens", "it must be less than max_tokens",
                       "raise max_tokens or lower the budget");
    TRY(const auto place, fields_.string("inference_geo"));
    if (place.value_or("global") != "global")
      return bad_field("inference_geo", "this model's provider cannot be told where to work on a request",
                       "ask for a model of Anthropic's, or give the workload `require: { regions: [...] }`");
    CHECK_OK(read_metadata());
    TRY(const auto tier, fields_.string("service_tier"));
    request_.service_tier = tier.value_or("");
    return read_thinking();
  }

  Result<void> read_metadata() {
    if (!fields_["metadata"].exists()) return {};
    TRY(const Fields metadata, Fields::once(fields_["metadata"], "metadata"));
    TRY(const auto user, metadata.string("user_id"));
    request_.user = user.value_or("");
    if (user) note_extra("metadata.user_id");
    note_others(metadata, {"user_id"}, "metadata");
    return {};
  }

  Result<void> read_thinking() {
    if (!fields_["thinking"].exists()) return {};
    TRY(const Fields thinking, Fields::once(fields_["thinking"], "thinking"));
    TRY(const std::string_view type, thinking.required_string("type"));
    note_others(thinking, {"type", "budget_tokens", "display"}, "thinking");
    if (type == "disabled") {
      note_extra("thinking.disabled");  // elsewhere the models that may stop thinking are few
      return {};
    }
    chat::Reasoning& reasoning = request_.reasoning.emplace();
    if (type == "adaptive") {
      reasoning.adaptive = true;
    } else if (type == "enabled") {
      TRY(reasoning.budget, thinking.integer("budget_tokens", 0, max_tokens_limit));
    } else {
      return bad_field("thinking.type", "it must be adaptive, enabled or disabled, not '" + std::string(type) + "'");
    }
    TRY(const auto display, thinking.string("display"));
    if (display) reasoning.visible = *display != "omitted";
    return {};
  }

  Result<void> read_system() {
    const json::Value system = fields_["system"];
    if (!system.exists()) return {};
    if (const auto text = system.string()) {
      if (!text->empty()) request_.system.push_back({.text = std::string(*text)});
      return {};
    }
    TRY(const std::vector<json::Value> blocks, fields_.array("system"));
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      TRY(const Fields block, Fields::once(blocks[i], path_of("system", i)));
      TRY(chat::Text text, read_text(block));
      note_others(block, {"type", "text", "cache_control"}, "system");
      if (!text.text.empty()) request_.system.push_back(std::move(text));
    }
    return {};
  }

  static Result<chat::Text> read_text(const Fields& block) {
    TRY(const std::string_view type, block.required_string("type"));
    if (type != "text")
      return bad_field(block.path("type"), "only text is possible here, not '" + std::string(type) + "'");
    const auto text = block["text"].string();
    if (!text) return bad_field(block.path("text"), "a string is expected");
    return chat::Text{.text = std::string(*text), .cache = cache_mark(block["cache_control"])};
  }

  Result<void> read_tools() {
    TRY(const std::vector<json::Value> tools, fields_.array("tools"));
    for (std::size_t i = 0; i < tools.size(); ++i) {
      TRY(const Fields tool, Fields::once(tools[i], path_of("tools", i)));
      TRY(const auto type, tool.string("type"));
      if (type && *type != "custom")
        return bad_field(tool.path("type"), "the tool '" + std::string(*type) + "' runs at Anthropic only",
                         "remove it, or ask for a model of Anthropic");
      TRY(const std::string_view name, tool.required_string("name"));
      TRY(const auto description, tool.string("description"));
      TRY(std::string schema, tool.object_text("input_schema"));
      if (schema.empty())
        return bad_field(tool.path("input_schema"), "this field is required", "add a JSON Schema of type object");
      TRY(const auto strict, tool.boolean("strict"));
      CHECK_OK(add_tool(request_, {.name = std::string(name),
                                   .description = std::string(description.value_or("")),
                                   .parameters = std::move(schema),
                                   .strict = strict,
                                   .cache = cache_mark(tool["cache_control"])}));
      note_others(tool, {"type", "name", "description", "input_schema", "strict", "cache_control"}, "tools");
    }
    return {};
  }

  Result<void> read_tool_choice() {
    if (!fields_["tool_choice"].exists()) return {};
    TRY(const Fields choice, Fields::once(fields_["tool_choice"], "tool_choice"));
    TRY(const std::string_view type, choice.required_string("type"));
    using Mode = chat::ToolChoice::Mode;
    chat::ToolChoice result;
    if (type == "auto") {
      result.mode = Mode::automatic;
    } else if (type == "any") {
      result.mode = Mode::required;
    } else if (type == "none") {
      result.mode = Mode::none;
    } else if (type == "tool") {
      result.mode = Mode::named;
      TRY(const std::string_view name, choice.required_string("name"));
      result.name = name;
    } else {
      return bad_field("tool_choice.type", "it must be auto, any, tool or none, not '" + std::string(type) + "'");
    }
    request_.tool_choice = std::move(result);
    TRY(const auto one_at_a_time, choice.boolean("disable_parallel_tool_use"));
    if (one_at_a_time) request_.parallel_tool_calls = !*one_at_a_time;
    note_others(choice, {"type", "name", "disable_parallel_tool_use"}, "tool_choice");
    return {};
  }

  Result<void> read_output_config() {
    if (!fields_["output_config"].exists()) return {};
    TRY(const Fields config, Fields::once(fields_["output_config"], "output_config"));
    note_others(config, {"format", "effort"}, "output_config");
    TRY(const auto effort, config.string("effort"));
    if (effort) {
      if (!request_.reasoning) request_.reasoning.emplace();
      request_.reasoning->effort = chat::effort_from_name(*effort);
      if (!request_.reasoning->effort)
        return bad_field("output_config.effort", "it must be low, medium, high, xhigh or max");
    }
    if (!config["format"].exists()) return {};
    TRY(const Fields format, Fields::once(config["format"], "output_config.format"));
    TRY(const std::string_view type, format.required_string("type"));
    if (type != "json_schema") return bad_field(format.path("type"), "only json_schema is known");
    TRY(std::string schema, format.object_text("schema"));
    if (schema.empty()) return bad_field(format.path("schema"), "this field is required");
    note_others(format, {"type", "schema"}, "output_config.format");
    request_.output_schema = chat::OutputSchema{.schema = std::move(schema), .always = true};
    return {};
  }

  Result<void> read_messages() {
    TRY(const std::vector<json::Value> messages, fields_.required_array("messages"));
    for (std::size_t i = 0; i < messages.size(); ++i) {
      TRY(const Fields message, Fields::once(messages[i], path_of("messages", i)));
      TRY(const std::string_view role, message.required_string("role"));
      note_others(message, {"role", "content"}, "messages");
      if (role == "system") {
        CHECK_OK(read_system_message(message));
        continue;
      }
      chat::Message read;
      if (role == "assistant")
        read.role = chat::Role::assistant;
      else if (role != "user")
        return bad_field(message.path("role"), "it must be user, assistant or system, not '" + std::string(role) + "'");
      CHECK_OK(read_content(message, read));
      request_.messages.push_back(std::move(read));
      note_if_empty(message);
    }
    if (request_.messages.empty())
      return bad_field("messages", "there is no message of a user", "add one with role user");
    return refuse_if_all_empty();
  }

  Result<void> read_system_message(const Fields& message) {
    chat::Message read;
    CHECK_OK(read_content(message, read));
    std::vector<chat::Text> texts;
    for (chat::Block& block : read.blocks) {
      auto* text = std::get_if<chat::Text>(&block);
      if (!text) return bad_field(message.path("content"), "a system message can hold text only");
      texts.push_back(std::move(*text));
    }
    add_system(std::move(texts));
    return {};
  }

  Result<void> read_content(const Fields& message, chat::Message& into) {
    if (const auto text = message["content"].string()) {
      if (!text->empty()) into.blocks.emplace_back(chat::Text{std::string(*text)});
      return {};
    }
    if (!message["content"].is_array())
      return bad_field(message.path("content"), "a string or an array of blocks is expected");
    TRY(const std::vector<json::Value> blocks, message.array("content"));
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      TRY(const Fields block, Fields::once(blocks[i], path_of(message.path("content"), i)));
      CHECK_OK(read_block(block, into));
    }
    return {};
  }

  Result<void> read_block(const Fields& block, chat::Message& into) {
    TRY(const std::string_view type, block.required_string("type"));
    const bool assistant = into.role == chat::Role::assistant;
    if (type == "text") {
      TRY(chat::Text text, read_text(block));
      note_others(block, {"type", "text", "cache_control"}, "messages.content");
      if (!text.text.empty()) into.blocks.emplace_back(std::move(text));
      return {};
    }
    if (type == "image" && !assistant) {
      TRY(chat::Image image, read_image(block));
      into.blocks.emplace_back(std::move(image));
      return {};
    }
    if (type == "document" && !assistant) {
      TRY(chat::Document document, read_document(block));
      into.blocks.emplace_back(std::move(document));
      return {};
    }
    if (type == "search_result" && !assistant) {
      TRY(chat::SearchResult result, read_search_result(block));
      into.blocks.emplace_back(std::move(result));
      return {};
    }
    if (type == "tool_use" && assistant) return read_tool_use(block, into);
    if (type == "tool_result" && !assistant) return read_tool_result(block, into);
    if (type == "thinking" && assistant) {
      chat::Thinking thinking = open_thinking(block["signature"].string().value_or(""));
      thinking.text = block["thinking"].string().value_or("");
      note_others(block, {"type", "thinking", "signature"}, "messages.content");
      into.blocks.emplace_back(std::move(thinking));
      return {};
    }
    if (type == "redacted_thinking" && assistant) {
      chat::Thinking thinking = open_thinking(block["data"].string().value_or(""));
      if (thinking.issuer.empty()) thinking.redacted = true;
      note_others(block, {"type", "data"}, "messages.content");
      into.blocks.emplace_back(std::move(thinking));
      return {};
    }
    return bad_field(block.path("type"), "a block of type '" + std::string(type) + "' cannot be given to this model",
                     "send text, images, documents, tool calls and tool results, or ask for a model of Anthropic");
  }

  Result<chat::Document> read_document(const Fields& block) {
    TRY(const Fields source, Fields::once(block["source"], block.path("source")));
    TRY(const std::string_view type, source.required_string("type"));
    note_others(block, {"type", "source", "title", "cache_control", "context", "citations"}, "messages.content");
    note_others(source, {"type", "data", "media_type", "url", "content"}, "messages.content.source");
    TRY(const auto context, block.string("context"));
    chat::Document document{.name = std::string(block["title"].string().value_or("")),
                            .cache = cache_mark(block["cache_control"]),
                            .context = std::string(context.value_or(""))};
    TRY(document.citations, read_citations_config(block));
    if (type == "base64" || type == "text") {
      TRY(const std::string_view data, source.required_string("data"));
      TRY(const auto media_type, source.string("media_type"));
      document.media_type = media_type.value_or(type == "text" ? "text/plain" : "application/pdf");
      (type == "text" ? document.text : document.base64) = data;
    } else if (type == "url") {
      TRY(const std::string_view url, source.required_string("url"));
      if (!url.starts_with("https://") && !url.starts_with("http://"))
        return bad_field(source.path("url"), "an https: URL is expected");
      document.url = url;
    } else if (type == "content") {
      TRY(document.text, read_document_text(source));
      document.media_type = "text/plain";
    } else {
      return bad_field(source.path("type"),
                       "a document of type '" + std::string(type) + "' cannot be given to this model",
                       "send it as base64, text or url");
    }
    return document;
  }

  Result<std::optional<bool>> read_citations_config(const Fields& block) {
    if (!block["citations"].exists()) return std::optional<bool>();
    TRY(const Fields config, Fields::once(block["citations"], block.path("citations")));
    note_others(config, {"enabled"}, "messages.content.citations");
    return config.boolean("enabled");
  }

  Result<chat::SearchResult> read_search_result(const Fields& block) {
    TRY(const std::string_view source, block.required_string("source"));
    TRY(const std::string_view title, block.required_string("title"));
    chat::SearchResult result{
        .source = std::string(source), .title = std::string(title), .cache = cache_mark(block["cache_control"])};
    TRY(const std::vector<json::Value> parts, block.array("content"));
    for (std::size_t i = 0; i < parts.size(); ++i) {
      TRY(const Fields part, Fields::once(parts[i], path_of(block.path("content"), i)));
      TRY(chat::Text text, read_text(part));
      note_others(part, {"type", "text"}, "messages.content.content");
      if (!text.text.empty()) result.texts.push_back(std::move(text.text));
    }
    TRY(result.citations, read_citations_config(block));
    note_others(block, {"type", "source", "title", "content", "citations", "cache_control"}, "messages.content");
    return result;
  }

  Result<std::string> read_document_text(const Fields& source) {
    if (const auto text = source["content"].string()) return std::string(*text);
    TRY(const std::vector<json::Value> parts, source.array("content"));
    std::string joined;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      TRY(const Fields part, Fields::once(parts[i], path_of(source.path("content"), i)));
      TRY(const chat::Text text, read_text(part));
      note_others(part, {"type", "text"}, "messages.content.source.content");
      joined.append(joined.empty() ? "" : "\n").append(text.text);
    }
    return joined;
  }

  Result<chat::Image> read_image(const Fields& block) {
    TRY(const Fields source, Fields::once(block["source"], block.path("source")));
    TRY(const std::string_view type, source.required_string("type"));
    note_others(block, {"type", "source", "cache_control"}, "messages.content");
    note_others(source, {"type", "data", "media_type", "url"}, "messages.content.source");
    if (type == "url") {
      TRY(const std::string_view url, source.required_string("url"));
      TRY(chat::Image image, image_from_url(url, source.path("url")));
      image.cache = cache_mark(block["cache_control"]);
      return image;
    }
    if (type != "base64")
      return bad_field(source.path("type"), "an image must come as base64 or url, not as '" + std::string(type) + "'");
    TRY(const std::string_view media_type, source.required_string("media_type"));
    TRY(const std::string_view data, source.required_string("data"));
    return chat::Image{.media_type = std::string(media_type),
                       .base64 = std::string(data),
                       .cache = cache_mark(block["cache_control"])};
  }

  Result<void> read_tool_use(const Fields& block, chat::Message& into) {
    TRY(const std::string_view id, block.required_string("id"));
    TRY(const std::string_view name, block.required_string("name"));
    TRY(std::string input, block.object_text("input"));
    if (input.empty()) input = "{}";
    note_others(block, {"type", "id", "name", "input", "caller", "cache_control"}, "messages.content");
    if (block["caller"]["type"].string().value_or("direct") != "direct") note_extra("messages.content.caller");
    note_call(id);
    into.blocks.emplace_back(chat::ToolCall{.id = std::string(id),
                                            .name = std::string(name),
                                            .arguments = std::move(input),
                                            .cache = cache_mark(block["cache_control"])});
    return {};
  }

  Result<void> read_tool_result(const Fields& block, chat::Message& into) {
    TRY(const std::string_view id, block.required_string("tool_use_id"));
    if (!knows_call(id))
      return bad_field(block.path("tool_use_id"), "no earlier tool_use block has the id '" + std::string(id) + "'",
                       "send the assistant's message with that tool_use before its result");
    chat::ToolResult result{.call_id = std::string(id)};
    TRY(const auto is_error, block.boolean("is_error"));
    result.is_error = is_error.value_or(false);
    note_others(block, {"type", "tool_use_id", "content", "is_error", "cache_control"}, "messages.content");
    result.cache = cache_mark(block["cache_control"]);
    if (const auto text = block["content"].string()) {
      result.content.emplace_back(chat::Text{.text = std::string(*text)});
    } else {
      TRY(const std::vector<json::Value> parts, block.array("content"));
      for (std::size_t i = 0; i < parts.size(); ++i) {
        TRY(const Fields part, Fields::once(parts[i], path_of(block.path("content"), i)));
        if (part["type"].string() == "image") {
          TRY(chat::Image image, read_image(part));
          result.content.emplace_back(std::move(image));
        } else if (part["type"].string() == "document") {
          TRY(chat::Document document, read_document(part));
          result.content.emplace_back(std::move(document));
        } else if (part["type"].string() == "search_result") {
          TRY(chat::SearchResult found, read_search_result(part));
          result.content.emplace_back(std::move(found));
        } else {
          TRY(chat::Text read, read_text(part));
          note_others(part, {"type", "text", "cache_control"}, "messages.content.content");
          result.content.emplace_back(std::move(read));
        }
      }
    }
    into.blocks.emplace_back(std::move(result));
    return {};
  }
};

}  // namespace

Result<RequestOutline> outline(std::string_view body, const json::Document& parsed) {
  TRY(RequestOutline result, outline_of_prompt(body, parsed));
  if (!result.max_output_tokens)
    return bad_field("max_tokens", "this field is required",
                     "say how many tokens the answer may have, for example 1024");
  return result;
}

Result<RequestOutline> outline_of_prompt(std::string_view body, const json::Document& parsed) {
  TRY(const Fields fields, Fields::of(parsed.root(), ""));
  TRY(RequestOutline result, outline_of_messages(fields));
  result.wants_stream_usage = true;
  TRY(result.max_output_tokens, fields.integer("max_tokens", 1, max_tokens_limit));
  if (has_word(body, "\"image\"", 4))
    count_images(fields["messages"], "image", [](json::Value part) { return part["source"]["data"]; }, result);
  TRY(const auto spans, json::find_members(body, {"model", "messages", "stream", "max_tokens", "system", "tools"}));
  result.model_begin = spans[0]->begin;
  result.model_end = spans[0]->end;
  return result;
}

Result<chat::ChatRequest> decode_request(const json::Document& parsed) {
  TRY(const Fields fields, Fields::once(parsed.root(), ""));
  return RequestReader(fields).read();
}

}  // namespace sluice::dialects::anthropic
