// A client's request. It is read for a provider of another dialect only, so what runs or lives at Google alone (its own
// tools, caches, files) is refused here by name, and hints without a place in chat/ are kept by name as extras.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>
#include <unordered_map>
#include <unordered_set>

#include "base/ascii.h"
#include "dialects/gemini/message.h"
#include "dialects/gemini/parts.h"
#include "dialects/logprobs.h"
#include "dialects/seal.h"
#include "dialects/shared_parts.h"

namespace sluice::dialects::gemini {
namespace {

constexpr std::array<std::string_view, 7> kinds_of_part = {
    "text", "functionCall", "functionResponse", "inlineData", "fileData", "executableCode", "codeExecutionResult"};
constexpr std::array<std::string_view, 3> schemas_of_answers = {"responseJsonSchema", "_responseJsonSchema",
                                                                "responseSchema"};
constexpr std::array<std::string_view, 2> schemas_of_functions = {"parametersJsonSchema", "parameters"};
constexpr std::string_view elsewhere_hint = "remove it, or ask for a model of Google";

// A signature as the client has it: sealed by Sluice, or Google's own.
chat::Thinking read_signature(std::string_view signature) {
  const auto bytes = from_base64(signature);
  if (bytes && bytes->starts_with(seal_mark)) return open_thinking(*bytes);
  return {.signature = std::string(signature), .redacted = true};
}

class RequestReader : RequestReading {
 public:
  explicit RequestReader(const Message& request) : RequestReading(request.fields()), message_(request) {}

  Result<chat::ChatRequest> read(const RequestTarget& target) {
    request_.model = target.model;
    request_.stream = target.stream;
    CHECK_OK(read_generation_config());
    CHECK_OK(read_system());
    CHECK_OK(read_tools());
    CHECK_OK(read_tool_config());
    CHECK_OK(read_safety());
    if (message_["cachedContent"].exists())
      return bad_field(message_.path("cachedContent"), "this cache lives at Google", std::string(elsewhere_hint));
    CHECK_OK(read_contents());
    TRY(const auto tier, message_.string("serviceTier"));
    request_.service_tier = ascii_lowered(tier.value_or(""));
    note_others(message_,
                {"contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "safetySettings", "model",
                 "serviceTier"},
                "");
    return std::move(request_);
  }

 private:
  struct Call {
    std::string id;
    std::string name;
    bool answered = false;
  };

  // Of members that exclude each other, all but one would be lost.
  static Result<void> refuse_second(const Message& object, std::span<const std::string_view> names,
                                    std::string_view why) {
    std::string_view first;
    for (const std::string_view name : names) {
      if (!object[name].exists()) continue;
      if (!first.empty())
        return bad_field(object.path(name), "there is " + std::string(first) + " already, and " + std::string(why));
      first = name;
    }
    return {};
  }

  void note_others(const Message& object, std::initializer_list<std::string_view> known, std::string_view where) {
    for (const std::string& name : object.others(known)) note_extra(path_of(where, name));
  }

  Result<void> read_generation_config() {
    TRY(const auto config, message_.message("generationConfig"));
    if (!config) return {};
    TRY(request_.max_output_tokens, config->integer("maxOutputTokens", 1, max_tokens_limit));
    TRY(request_.temperature, config->number("temperature", 0, 2));
    TRY(request_.top_p, config->number("topP", 0, 1));
    TRY(const auto top_k, config->number("topK", 0, max_tokens_limit));  // older clients send 40.0
    if (top_k && *top_k >= 1) request_.top_k = static_cast<std::int64_t>(*top_k);
    TRY(request_.frequency_penalty, config->number("frequencyPenalty", -2, 2));
    TRY(request_.presence_penalty, config->number("presencePenalty", -2, 2));
    if (request_.frequency_penalty == 0.0) request_.frequency_penalty.reset();
    if (request_.presence_penalty == 0.0) request_.presence_penalty.reset();
    TRY(request_.seed,
        config->integer("seed", std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()));
    TRY(const std::vector<json::Value> stops, config->array("stopSequences"));
    for (std::size_t i = 0; i < stops.size(); ++i) {
      const auto stop = stops[i].string();
      if (!stop) return bad_field(path_of(config->path("stopSequences"), i), "a string is expected");
      request_.stop.emplace_back(*stop);
    }
    CHECK_OK(refuse_other_contracts(*config));
    TRY(const auto logprobs, config->boolean("responseLogprobs"));
    TRY(const auto others, config->integer("logprobs", 0, most_top_logprobs));
    if (logprobs.value_or(false))
      request_.logprobs = others.value_or(0);
    else if (others)
      note_extra("generationConfig.logprobs");
    CHECK_OK(read_output_form(*config));
    CHECK_OK(read_thinking(*config));
    note_others(*config,
                {"maxOutputTokens", "temperature", "topP", "topK", "frequencyPenalty", "presencePenalty", "seed",
                 "stopSequences", "candidateCount", "responseModalities", "responseLogprobs", "logprobs",
                 "responseMimeType", "responseSchema", "responseJsonSchema", "_responseJsonSchema", "thinkingConfig"},
                "generationConfig");
    return {};
  }

  static Result<void> refuse_other_contracts(const Message& config) {
    TRY(const auto candidates, config.integer("candidateCount", 1, 8));
    if (candidates.value_or(1) > 1)
      return bad_field(config.path("candidateCount"),
                       "this model's answers beyond the first cannot be told as candidates here",
                       "ask for one, or for a model of Google");
    TRY(const std::vector<json::Value> modalities, config.array("responseModalities"));
    for (std::size_t i = 0; i < modalities.size(); ++i)
      if (modalities[i].string() != "TEXT" && modalities[i].string() != "MODALITY_UNSPECIFIED")
        return bad_field(path_of(config.path("responseModalities"), i), "this model answers in text only",
                         "ask for TEXT, or for a model of Google");
    for (const std::string_view name : {"speechConfig", "imageConfig"})
      if (config[name].exists())
        return bad_field(config.path(name), "this model answers in text only", std::string(elsewhere_hint));
    return {};
  }

  Result<void> read_output_form(const Message& config) {
    TRY(const auto type, config.string("responseMimeType"));
    if (type && *type != "application/json" && *type != "text/plain" && !type->empty())
      return bad_field(config.path("responseMimeType"), "it must be text/plain or application/json for this model",
                       std::string(elsewhere_hint));
    CHECK_OK(refuse_second(config, schemas_of_answers, "only one schema is possible"));
    std::string schema;
    for (const std::string_view name : {"responseJsonSchema", "_responseJsonSchema"}) {
      if (!schema.empty()) continue;
      TRY(schema, config.object_text(name));
    }
    if (schema.empty() && config["responseSchema"].exists()) {
      if (!config["responseSchema"].is_object())
        return bad_field(config.path("responseSchema"), "an object is expected");
      schema = json_schema(config["responseSchema"], true);
    }
    if (!schema.empty())
      request_.output_schema = chat::OutputSchema{.schema = std::move(schema), .always = true};
    else
      request_.json_object = type == "application/json";
    return {};
  }

  Result<void> read_thinking(const Message& config) {
    TRY(const auto thinking, config.message("thinkingConfig"));
    if (!thinking) return {};
    chat::Reasoning& reasoning = request_.reasoning.emplace();
    TRY(reasoning.visible, thinking->boolean("includeThoughts"));
    TRY(const auto budget, thinking->integer("thinkingBudget", -1, max_tokens_limit));
    TRY(const auto level, thinking->string("thinkingLevel"));
    if (budget == -1)
      reasoning.adaptive = true;
    else if (budget == 0)
      reasoning.effort = chat::Reasoning::Effort::none;
    else
      reasoning.budget = budget;
    if (level && *level != "THINKING_LEVEL_UNSPECIFIED") {
      reasoning.effort = chat::effort_from_name(ascii_lowered(*level));
      if (!reasoning.effort)
        return bad_field(thinking->path("thinkingLevel"),
                         "it must be MINIMAL, LOW, MEDIUM or HIGH, not '" + std::string(*level) + "'");
    }
    note_others(*thinking, {"includeThoughts", "thinkingBudget", "thinkingLevel"}, "generationConfig.thinkingConfig");
    return {};
  }

  Result<void> read_system() {
    if (const auto text = message_["systemInstruction"].string()) {  // the SDKs' short form
      if (!text->empty()) request_.system.push_back({.text = std::string(*text)});
      return {};
    }
    TRY(const auto system, message_.message("systemInstruction"));
    if (!system) return {};
    TRY(const std::vector<json::Value> parts, system->messages("parts"));
    for (std::size_t i = 0; i < parts.size(); ++i) {
      TRY(const Message part, Message::once(parts[i], path_of(system->path("parts"), i)));
      const auto text = part["text"].string();
      if (!text) return bad_field(part.path("text"), "only text is possible here");
      if (!text->empty()) request_.system.push_back({.text = std::string(*text)});
      CHECK_OK(refuse_second(part, kinds_of_part, "a part is one of them"));
      note_others(part, {"text"}, "systemInstruction.parts");
    }
    note_others(*system, {"role", "parts"}, "systemInstruction");
    return {};
  }

  Result<void> read_tools() {
    TRY(const std::vector<json::Value> tools, message_.messages("tools"));
    for (std::size_t i = 0; i < tools.size(); ++i) {
      TRY(const Message tool, Message::once(tools[i], path_of(message_.path("tools"), i)));
      if (const auto hosted = tool.others({"functionDeclarations"}); !hosted.empty())
        return bad_field(tool.path(hosted.front()), "the tool '" + hosted.front() + "' runs at Google only",
                         std::string(elsewhere_hint));
      TRY(const std::vector<json::Value> functions, tool.messages("functionDeclarations"));
      for (std::size_t k = 0; k < functions.size(); ++k) {
        TRY(const Message function, Message::once(functions[k], path_of(tool.path("functionDeclarations"), k)));
        CHECK_OK(read_function(function));
      }
    }
    return {};
  }

  Result<void> read_function(const Message& function) {
    TRY(const std::string_view name, function.required_string("name"));
    TRY(const auto description, function.string("description"));
    CHECK_OK(refuse_second(function, schemas_of_functions, "only one schema is possible"));
    TRY(std::string schema, function.object_text("parametersJsonSchema"));
    if (schema.empty()) {
      TRY(const std::string subset, function.object_text("parameters"));
      if (!subset.empty()) schema = json_schema(function["parameters"], false);
    }
    if (schema.empty() || schema == "{}")
      schema = R"({"type":"object","properties":{}})";
    else if (const auto parsed = json::Document::parse(schema); parsed && !parsed->root()["type"].exists())
      schema.insert(1, R"("type":"object",)");
    CHECK_OK(add_tool(request_, {.name = std::string(name),
                                 .description = std::string(description.value_or("")),
                                 .parameters = std::move(schema)}));
    note_others(function, {"name", "description", "parameters", "parametersJsonSchema"}, "tools.functionDeclarations");
    return {};
  }

  Result<void> read_tool_config() {
    TRY(const auto config, message_.message("toolConfig"));
    if (!config) return {};
    note_others(*config, {"functionCallingConfig"}, "toolConfig");
    TRY(const auto calling, config->message("functionCallingConfig"));
    if (!calling) return {};
    TRY(const auto mode, calling->string("mode"));
    TRY(const std::vector<json::Value> names, calling->array("allowedFunctionNames"));
    note_others(*calling, {"mode", "allowedFunctionNames"}, "toolConfig.functionCallingConfig");
    using Mode = chat::ToolChoice::Mode;
    const std::string_view word = mode.value_or("AUTO");
    chat::ToolChoice choice;
    if (word == "ANY")
      choice.mode = Mode::required;
    else if (word == "NONE")
      choice.mode = Mode::none;
    else if (word == "VALIDATED")
      note_extra("toolConfig.functionCallingConfig.mode");
    else if (word != "AUTO" && word != "MODE_UNSPECIFIED")
      return bad_field(calling->path("mode"),
                       "it must be AUTO, ANY, NONE or VALIDATED, not '" + std::string(word) + "'");
    const bool is_named = names.size() == 1 && choice.mode == Mode::required;
    if (!names.empty()) CHECK_OK(allow_only(names, is_named, calling->path("allowedFunctionNames")));
    if (is_named) choice = {.mode = Mode::named, .name = std::string(names[0].string().value_or(""))};
    if (mode) request_.tool_choice = std::move(choice);
    return check_tool_choice(request_, calling->path("mode"));
  }

  // A model that may call some of its functions only is given no others, but where it must call that very one.
  Result<void> allow_only(const std::vector<json::Value>& names, bool is_named, const std::string& path) {
    std::unordered_set<std::string_view> allowed;
    ToolsByName tools(request_.tools);
    for (std::size_t i = 0; i < names.size(); ++i) {
      const auto name = names[i].string();
      if (!name || tools.find(*name) == nullptr)
        return bad_field(path_of(path, i), "there is no function of this name in the tools");
      allowed.insert(*name);
    }
    if (!is_named) keep_only(allowed, request_.tools);
    return {};
  }

  // No other provider filters by such thresholds. Whoever wants less filtering than the default loses nothing.
  Result<void> read_safety() {
    TRY(const std::vector<json::Value> settings, message_.messages("safetySettings"));
    for (std::size_t i = 0; i < settings.size(); ++i) {
      TRY(const Message setting, Message::once(settings[i], path_of(message_.path("safetySettings"), i)));
      TRY(const auto threshold, setting.string("threshold"));
      const std::string_view word = threshold.value_or("");
      if (word == "BLOCK_LOW_AND_ABOVE" || word == "BLOCK_MEDIUM_AND_ABOVE" || word == "BLOCK_ONLY_HIGH")
        return bad_field(setting.path("threshold"), "this model has no filter that could be set so",
                         std::string(elsewhere_hint));
      note_extra("safetySettings");
    }
    return {};
  }

  Result<void> read_contents() {
    TRY(const std::vector<json::Value> contents, message_.required_messages("contents"));
    for (content_ = 0; content_ < contents.size(); ++content_) {
      TRY(const Message content, Message::once(contents[content_], path_of(message_.path("contents"), content_)));
      TRY(const auto role, content.string("role"));
      chat::Message read;
      if (role == "model")
        read.role = chat::Role::assistant;
      else if (role && !role->empty() && *role != "user" && *role != "function")
        return bad_field(content.path("role"), "it must be user or model, not '" + std::string(*role) + "'");
      TRY(const std::vector<json::Value> parts, content.messages("parts"));
      for (std::size_t i = 0; i < parts.size(); ++i) {
        TRY(const Message part, Message::once(parts[i], path_of(content.path("parts"), i)));
        CHECK_OK(read_part(part, read));
      }
      note_others(content, {"role", "parts"}, "contents");
      request_.messages.push_back(std::move(read));
      note_if_empty(content.fields(), "parts");
    }
    return refuse_if_all_empty();
  }

  Result<void> read_part(const Message& part, chat::Message& into) {
    const bool model = into.role == chat::Role::assistant;
    CHECK_OK(refuse_second(part, kinds_of_part, "a part is one of them"));
    note_others(part,
                {"text", "thought", "thoughtSignature", "inlineData", "fileData", "functionCall", "functionResponse",
                 "executableCode", "codeExecutionResult"},
                "contents.parts");
    TRY(const auto text, part.string("text"));
    TRY(const auto thought, part.boolean("thought"));
    TRY(const auto signature, part.string("thoughtSignature"));
    if (!(model && text) && thought.value_or(false)) note_extra("contents.parts.thought");
    if (!model && !signature.value_or("").empty()) note_extra("contents.parts.thoughtSignature");
    if (model && text && thought.value_or(false)) {
      add_thought(*text, signature.value_or(""), into);
      return {};
    }
    if (model && signature && !signature->empty()) into.blocks.emplace_back(read_signature(*signature));
    if (text) {
      if (!text->empty()) into.blocks.emplace_back(chat::Text{std::string(*text)});
      return {};
    }
    if (part["functionCall"].exists() && model) return read_call(part, into);
    if (part["functionResponse"].exists() && !model) return read_response(part, into);
    if (part["inlineData"].exists() && !model) return read_inline(part, into);
    if (part["fileData"].exists() && !model) return read_file(part, into);
    for (const std::string_view name : kinds_of_part)
      if (part[name].exists())
        return bad_field(part.path(name),
                         model ? "this cannot be given to this model as its own words" : "a user cannot say this",
                         "send text, media and functionResponse as the user, text and functionCall as the model");
    return {};
  }

  // A stream's thoughts come back in as many parts as they were sent in; the last of them has the signature.
  static void add_thought(std::string_view text, std::string_view signature, chat::Message& into) {
    auto* open = into.blocks.empty() ? nullptr : std::get_if<chat::Thinking>(&into.blocks.back());
    if (!open || open->redacted || open->text.empty() || !open->signature.empty() || !open->issuer.empty()) {
      into.blocks.emplace_back(chat::Thinking{});
      open = &std::get<chat::Thinking>(into.blocks.back());
    }
    std::string all = std::move(open->text);
    all += text;
    if (!signature.empty()) *open = read_signature(signature);
    open->text = std::move(all);
    if (!open->text.empty()) open->redacted = false;
    if (open->text.empty() && open->signature.empty()) into.blocks.pop_back();
  }

  Result<void> read_call(const Message& part, chat::Message& into) {
    TRY(const Message call, Message::once(part["functionCall"], part.path("functionCall")));
    TRY(const std::string_view name, call.required_string("name"));
    TRY(const auto id, call.string("id"));
    TRY(std::string arguments, call.object_text("args"));
    note_others(call, {"id", "name", "args"}, "contents.parts.functionCall");
    // The same for the same place in the conversation, so that a prompt cache finds it again.
    Call known{.id = std::string(id.value_or("")), .name = std::string(name)};
    if (known.id.empty()) known.id = "call_" + std::to_string(content_) + "_" + std::to_string(into.blocks.size());
    into.blocks.emplace_back(chat::ToolCall{
        .id = known.id, .name = known.name, .arguments = arguments.empty() ? "{}" : std::move(arguments)});
    calls_.push_back(std::move(known));
    call_of_id_.try_emplace(calls_.back().id, calls_.size() - 1);
    calls_of_name_[calls_.back().name].places.push_back(calls_.size() - 1);
    return {};
  }

  Call* call_of(std::string_view id) {
    const auto found = call_of_id_.find(std::string(id));
    return found == call_of_id_.end() ? nullptr : &calls_[found->second];
  }

  Call* first_waiting(std::string_view name) {
    const auto found = calls_of_name_.find(std::string(name));
    if (found == calls_of_name_.end()) return nullptr;
    auto& [places, next] = found->second;
    while (next < places.size() && calls_[places[next]].answered) ++next;
    return next < places.size() ? &calls_[places[next]] : nullptr;
  }

  // By its id, else the first call of this name that has no answer yet.
  Result<void> read_response(const Message& part, chat::Message& into) {
    TRY(const Message response, Message::once(part["functionResponse"], part.path("functionResponse")));
    TRY(const std::string_view name, response.required_string("name"));
    TRY(const auto id, response.string("id"));
    const bool by_id = id && !id->empty();
    Call* call = by_id ? call_of(*id) : first_waiting(name);
    if (!call)
      return bad_field(response.path(by_id ? "id" : "name"),
                       by_id ? "no earlier functionCall has the id '" + std::string(*id) + "'"
                             : "no earlier functionCall of '" + std::string(name) + "' waits for a response",
                       "send the model's content with that functionCall before its response");
    call->answered = true;
    chat::ToolResult result{.call_id = call->id};
    if (!response["response"].is_object()) return bad_field(response.path("response"), "an object is expected");
    result.content.emplace_back(chat::Text{result_text(response["response"], result.is_error)});
    TRY(const std::vector<json::Value> parts, response.messages("parts"));
    for (std::size_t i = 0; i < parts.size(); ++i) {
      TRY(const Message one, Message::once(parts[i], path_of(response.path("parts"), i)));
      chat::Message holder;
      CHECK_OK(read_inline(one, holder));
      note_others(one, {"inlineData"}, "contents.parts.functionResponse.parts");
      for (chat::Block& block : holder.blocks) {
        if (auto* image = std::get_if<chat::Image>(&block))
          result.content.emplace_back(std::move(*image));
        else if (auto* document = std::get_if<chat::Document>(&block))
          result.content.emplace_back(std::move(*document));
        else
          return bad_field(one.path("inlineData"), "a function's response cannot hold sound or video", "send text");
      }
    }
    note_others(response, {"id", "name", "response", "parts"}, "contents.parts.functionResponse");
    into.blocks.emplace_back(std::move(result));
    return {};
  }

  // The API's own words: `output` holds the result and `error` an error; without them all of it is the result. `result`
  // is what Sluice and many clients say.
  static std::string result_text(json::Value response, bool& is_error) {
    if (response.size() != 1) return response.text();
    for (const std::string_view name : {"output", "result", "error"}) {
      const json::Value value = response[name];
      if (!value.exists()) continue;
      is_error = name == "error";
      return value.is_string() ? std::string(*value.string()) : value.text();
    }
    return response.text();
  }

  Result<void> read_inline(const Message& part, chat::Message& into) {
    TRY(const Message blob, Message::once(part["inlineData"], part.path("inlineData")));
    TRY(const std::string_view type, blob.required_string("mimeType"));
    TRY(const std::string_view data, blob.required_string("data"));
    TRY(const auto name, blob.string("displayName"));
    if (!type.starts_with("text/") && type != "application/pdf" && !name.value_or("").empty())
      note_extra("contents.parts.inlineData.displayName");
    note_others(blob, {"mimeType", "data", "displayName"}, "contents.parts.inlineData");
    if (type.starts_with("image/")) {
      into.blocks.emplace_back(chat::Image{.media_type = std::string(type), .base64 = standard_base64(data)});
    } else if (type.starts_with("audio/")) {
      into.blocks.emplace_back(chat::Audio{.format = audio_format(type), .base64 = standard_base64(data)});
    } else if (type.starts_with("video/")) {
      into.blocks.emplace_back(chat::Video{.media_type = std::string(type), .base64 = standard_base64(data)});
    } else if (type == "application/pdf") {
      into.blocks.emplace_back(chat::Document{
          .media_type = std::string(type), .base64 = standard_base64(data), .name = std::string(name.value_or(""))});
    } else if (type.starts_with("text/")) {
      auto text = from_base64(data);
      if (!text) return bad_field(blob.path("data"), "base64 is expected");
      into.blocks.emplace_back(chat::Document{
          .media_type = std::string(type), .text = *std::move(text), .name = std::string(name.value_or(""))});
    } else {
      return bad_field(blob.path("mimeType"), "'" + std::string(type) + "' cannot be given to this model",
                       "send image/*, audio/*, video/*, application/pdf or text/plain, or ask for a model of Google");
    }
    return {};
  }

  static std::string audio_format(std::string_view type) {
    std::string format(type.substr(std::string_view("audio/").size()));
    format.resize(std::min(format.find(';'), format.size()));
    if (format.starts_with("x-")) format.erase(0, 2);
    if (format == "mpeg") return "mp3";
    return format == "wave" ? "wav" : format;
  }

  Result<void> read_file(const Message& part, chat::Message& into) {
    TRY(const Message file, Message::once(part["fileData"], part.path("fileData")));
    TRY(const std::string_view uri, file.required_string("fileUri"));
    TRY(const auto type, file.string("mimeType"));
    TRY(const auto name, file.string("displayName"));
    note_others(file, {"mimeType", "fileUri", "displayName"}, "contents.parts.fileData");
    if (!uri.starts_with("https://") || uri.starts_with("https://generativelanguage.googleapis.com/"))
      return bad_field(file.path("fileUri"), "this file lives at Google", "send it as inlineData");
    if (type.value_or("").starts_with("image/")) {
      if (!name.value_or("").empty()) note_extra("contents.parts.fileData.displayName");
      into.blocks.emplace_back(chat::Image{.media_type = "", .base64 = "", .url = std::string(uri)});
      return {};
    }
    if (type == "application/pdf") {
      into.blocks.emplace_back(chat::Document{.url = std::string(uri), .name = std::string(name.value_or(""))});
      return {};
    }
    return bad_field(file.path("mimeType"), "only an image or a PDF can be given to this model by its address",
                     "send it as inlineData, or ask for a model of Google");
  }

  const Message& message_;
  std::vector<Call> calls_;
  std::unordered_map<std::string, std::size_t> call_of_id_;  // the first with it: its place in calls_
  struct OfName {
    std::vector<std::size_t> places;  // in calls_
    std::size_t next = 0;             // of these, the first that may wait for its response
  };
  std::unordered_map<std::string, OfName> calls_of_name_;
  std::size_t content_ = 0;  // that is being read
};

}  // namespace

Result<chat::ChatRequest> decode_request(const json::Document& parsed, const RequestTarget& target) {
  TRY(const Message request, Message::once(parsed.root(), ""));
  return RequestReader(request).read(target);
}

}  // namespace sluice::dialects::gemini
