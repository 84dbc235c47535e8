// A request to Bedrock. What would change the output contract is refused by name; hints are dropped and reported, and
// so is what only other families of models take.
#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/crypto.h"
#include "base/percent.h"
#include "dialects/bedrock_converse/parts.h"
#include "dialects/fields.h"
#include "dialects/schema_references.h"
#include "dialects/shared_parts.h"

namespace sluice::dialects::bedrock {
namespace {

constexpr Tokens least_budget = 1'024;  // of Claude
constexpr std::size_t longest_name = 64;
constexpr std::size_t longest_document_name = 200;
constexpr std::size_t most_metadata = 16;
constexpr std::size_t longest_metadata = 256;
constexpr std::string_view empty_schema = R"({"type":"object","properties":{}})";

using Format = std::pair<std::string_view, std::string_view>;  // media type, the API's word
constexpr std::array<Format, 5> image_formats = {{{"image/png", "png"},
                                                  {"image/jpeg", "jpeg"},
                                                  {"image/jpg", "jpeg"},
                                                  {"image/gif", "gif"},
                                                  {"image/webp", "webp"}}};
constexpr std::array<Format, 9> document_formats = {
    {{"application/pdf", "pdf"},
     {"text/csv", "csv"},
     {"application/msword", "doc"},
     {"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"},
     {"application/vnd.ms-excel", "xls"},
     {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"},
     {"text/html", "html"},
     {"text/plain", "txt"},
     {"text/markdown", "md"}}};
constexpr std::array<Format, 11> video_formats = {{{"video/mp4", "mp4"},
                                                   {"video/quicktime", "mov"},
                                                   {"video/mov", "mov"},
                                                   {"video/webm", "webm"},
                                                   {"video/x-matroska", "mkv"},
                                                   {"video/x-flv", "flv"},
                                                   {"video/mpeg", "mpeg"},
                                                   {"video/mpg", "mpg"},
                                                   {"video/x-ms-wmv", "wmv"},
                                                   {"video/wmv", "wmv"},
                                                   {"video/3gpp", "three_gp"}}};
constexpr std::array<std::string_view, 15> audio_formats = {"mp3", "opus",  "wav", "aac",  "flac", "mp4", "ogg", "mkv",
                                                            "mka", "x-aac", "m4a", "mpeg", "mpga", "pcm", "webm"};

std::optional<std::string_view> format_of(std::span<const Format> formats, std::string_view media_type) {
  media_type = media_type.substr(0, media_type.find(';'));
  const auto found = std::ranges::find(formats, media_type, &Format::first);
  return found == formats.end() ? std::nullopt : std::optional(found->second);
}

bool is_letter_or_digit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Letters, digits, hyphens, brackets and single spaces are all that the API takes.
std::string document_name(std::string_view name) {
  std::string out;
  for (const char c : name.substr(0, longest_document_name - 10)) {
    const bool kept = is_letter_or_digit(c) || std::string_view("-()[]").contains(c);
    const char next = kept ? c : c == ' ' ? ' ' : '-';
    if (next == ' ' && (out.empty() || out.back() == ' ')) continue;
    out.push_back(next);
  }
  while (out.ends_with(' ')) out.pop_back();
  return out.empty() ? "document" : out;
}

// Where nothing else is said of the model. `none` is another setting.
constexpr chat::Efforts usual_efforts = {chat::Effort::none, chat::Effort::low,   chat::Effort::medium,
                                         chat::Effort::high, chat::Effort::xhigh, chat::Effort::max};

class RequestWriter : RequestWriting {
 public:
  RequestWriter(const chat::ChatRequest& request, const EncodeOptions& options)
      : RequestWriting(request, options),
        claude_(options.model.contains("anthropic.") || options.model.contains("claude")),
        nova_(options.model.contains("amazon.nova")),
        samples_by_itself_(!takes_sampling()) {}

  Result<ProviderRequest> write() {
    CHECK_OK(check());
    if (options_.leading_system || !options_.takes.system_within) move_system();
    TRY(std::vector<Turn> placed, placed_turns());
    json_.begin_object();
    CHECK_OK(write_turns(std::move(placed), [&](const chat::Block& block) { return write_block(block); }));
    write_system();
    write_settings();
    read_effort();
    CHECK_OK(write_tools());
    write_own_fields();
    CHECK_OK(write_output());
    write_tier();
    write_metadata();
    return finished(path(options_.model, request_.stream), json_headers());
  }

 private:
  Result<void> check() {
    if (request_.temperature && *request_.temperature > 1)
      return refuse("temperature",
                    "this provider takes 0 to 1, and another value would change the answers' distribution");
    if (std::ranges::any_of(request_.stop, &std::string::empty))
      return refuse("stop", "this provider takes no empty stop sequence");
    if (request_.json_object)
      return refuse("response_format", "this provider has no JSON without a schema, only json_schema");
    if (request_.frequency_penalty) drop("frequency_penalty");
    if (request_.presence_penalty) drop("presence_penalty");
    if (request_.seed) drop("seed");
    if (request_.top_k && !claude_) drop("top_k");
    if (!request_.prompt_cache_key.empty()) drop("prompt_cache_key");
    if (request_.parallel_tool_calls == false && !request_.tools.empty()) drop("parallel_tool_calls");
    CHECK_OK(refuse_logprobs());
    for (const auto& [name, value] : request_.extras)
      if (name != "metadata") CHECK_OK(drop_or_refuse(name));
    return {};
  }

  // --- cache points: blocks of their own behind what is to be kept

  void write_cache_point(chat::CacheMark mark, bool in_tools = false) {
    if (mark == chat::CacheMark::none) return;
    if (!claude_ && (!nova_ || in_tools)) return drop("cache_control");
    const bool hour = mark == chat::CacheMark::hour_1;
    if (hour && !claude_) drop("cache_control.ttl");
    json_.begin_object().key("cachePoint").begin_object().member("type", "default");
    if (hour && claude_) json_.member("ttl", "1h");
    json_.end_object().end_object();
  }

  void write_system() {
    if (!has_system()) return;
    json_.key("system").begin_array();
    for (const chat::Text* text : system()) {
      if (!is_blank(text->text)) write_text(text->text);
      write_cache_point(text->cache);
    }
    json_.end_array();
  }

  // --- messages

  Result<void> write_block(const chat::Block& block) {
    if (const auto* text = std::get_if<chat::Text>(&block)) {
      write_text(text->text);
      write_cache_point(text->cache);
    } else if (const auto* image = std::get_if<chat::Image>(&block)) {
      CHECK_OK(write_image(*image));
      write_cache_point(image->cache);
    } else if (const auto* audio = std::get_if<chat::Audio>(&block)) {
      return write_audio(*audio);
    } else if (const auto* video = std::get_if<chat::Video>(&block)) {
      return write_video(*video);
    } else if (const auto* document = std::get_if<chat::Document>(&block)) {
      CHECK_OK(write_document(*document));
      write_cache_point(document->cache);
    } else if (const auto* found = std::get_if<chat::SearchResult>(&block)) {
      write_search_result(*found);
      write_cache_point(found->cache);
    } else if (const auto* call = std::get_if<chat::ToolCall>(&block)) {
      CHECK_OK(write_call(*call));
      write_cache_point(call->cache);
    } else if (const auto* result = std::get_if<chat::ToolResult>(&block)) {
      return write_result(*result);
    } else if (const auto* thinking = std::get_if<chat::Thinking>(&block)) {
      write_thinking(*thinking);
    }
    return {};
  }

  void write_text(std::string_view text) { json_.begin_object().member("text", text).end_object(); }

  void write_source(std::string_view bytes) { json_.key("source").begin_object().member("bytes", bytes).end_object(); }

  Result<void> write_image(const chat::Image& image) {
    if (!image.url.empty())
      return bad_field("messages.content.image.url", "this provider takes no image by its address",
                       "send the image itself, as base64");
    const auto format = format_of(image_formats, image.media_type);
    if (!format)
      return bad_field("messages.content.image", "this provider takes no image of the type '" + image.media_type + "'",
                       "send png, jpeg, gif or webp");
    if (!image.detail.empty() && image.detail != "auto") drop("messages.content.image_url.detail");
    json_.begin_object().key("image").begin_object().member("format", *format);
    write_source(image.base64);
    json_.end_object().end_object();
    return {};
  }

  Result<void> write_audio(const chat::Audio& audio) {
    if (std::ranges::find(audio_formats, audio.format) == audio_formats.end())
      return bad_field("messages.content.audio", "this provider takes no audio of the format '" + audio.format + "'",
                       "send wav or mp3");
    json_.begin_object().key("audio").begin_object().member("format", audio.format);
    write_source(audio.base64);
    json_.end_object().end_object();
    return {};
  }

  Result<void> write_video(const chat::Video& video) {
    const auto format = format_of(video_formats, video.media_type);
    if (!format)
      return bad_field("messages.content.video", "this provider takes no video of the type '" + video.media_type + "'",
                       "send mp4, mov, webm, mkv, flv, mpeg, wmv or 3gpp");
    json_.begin_object().key("video").begin_object().member("format", *format);
    write_source(video.base64);
    json_.end_object().end_object();
    return {};
  }

  Result<void> write_document(const chat::Document& document) {
    if (!document.url.empty())
      return bad_field("messages.content.document.url", "this provider takes no document by its address",
                       "send the document itself, as base64");
    const bool is_text = document.base64.empty();
    const auto format = is_text && document.media_type.empty() ? std::optional<std::string_view>("txt")
                                                               : format_of(document_formats, document.media_type);
    if (!format)
      return bad_field("messages.content.document",
                       "this provider takes no document of the type '" + document.media_type + "'",
                       "send pdf, csv, doc, docx, xls, xlsx, html, txt or md");
    json_.begin_object().key("document").begin_object().member("format", *format);
    json_.member("name", unique_name(document_name(document.name)));
    if (claude_ && !document.context.empty()) json_.member("context", document.context);
    if (claude_)
      write_citations_config(document.citations);
    else
      drop_told_of(document);
    if (is_text)
      json_.key("source").begin_object().member("text", document.text).end_object();
    else
      write_source(document.base64);
    json_.end_object().end_object();
    return {};
  }

  void write_citations_config(std::optional<bool> enabled) {
    if (enabled) json_.key("citations").begin_object().member("enabled", *enabled).end_object();
  }

  // The models of other families know no search results.
  void write_search_result(const chat::SearchResult& result) {
    if (!claude_) return write_text(text_of(result));
    json_.begin_object().key("searchResult").begin_object();
    json_.member("source", result.source).member("title", result.title).key("content").begin_array();
    for (const std::string& text : result.texts) write_text(text);
    json_.end_array();
    write_citations_config(result.citations);
    json_.end_object().end_object();
  }

  std::string unique_name(std::string name) {
    const std::string base = name;
    int& number = document_names_.try_emplace(base, 0).first->second;
    while (++number > 1 && document_names_.contains(name = base + "-" + std::to_string(number))) {
    }
    if (number > 1) document_names_.emplace(name, 1);
    return name;
  }

  Result<void> write_call(const chat::ToolCall& call) {
    CHECK_OK(object_arguments(call));
    if (is_called_.insert(call.name).second) called_.push_back(call.name);
    json_.begin_object().key("toolUse").begin_object().member("toolUseId", tool_use_id(call.id));
    json_.member("name", call.name).key("input").raw(call.arguments).end_object().end_object();
    return {};
  }

  Result<void> write_result(const chat::ToolResult& result) {
    chat::CacheMark mark = result.cache;  // a mark inside has no place but behind the result
    json_.begin_object().key("toolResult").begin_object().member("toolUseId", tool_use_id(result.call_id));
    json_.key("content").begin_array();
    for (const auto& part : result.content) {
      if (const auto* image = std::get_if<chat::Image>(&part)) {
        CHECK_OK(write_image(*image));
      } else if (const auto* document = std::get_if<chat::Document>(&part)) {
        CHECK_OK(write_document(*document));
      } else if (const auto* found = std::get_if<chat::SearchResult>(&part)) {
        write_search_result(*found);
      } else if (const auto& text = std::get<chat::Text>(part); !is_blank(text.text)) {
        write_text(text.text);
      }
      mark = std::max(mark, std::visit([](const auto& one) { return one.cache; }, part));
    }
    json_.end_array();
    if (result.is_error && (claude_ || nova_))
      json_.member("status", "error");
    else if (result.is_error)
      drop("messages.content.is_error");
    json_.end_object().end_object();
    write_cache_point(mark);
    return {};
  }

  void write_thinking(const chat::Thinking& thinking) {
    json_.begin_object().key("reasoningContent").begin_object();
    if (thinking.redacted) {
      json_.member("redactedContent", thinking.signature);
    } else {
      json_.key("reasoningText").begin_object().member("text", thinking.text);
      json_.member("signature", thinking.signature).end_object();
    }
    json_.end_object().end_object();
  }

  // --- tools

  Result<void> write_tools() {
    using Mode = chat::ToolChoice::Mode;
    const bool forbidden = request_.tool_choice && request_.tool_choice->mode == Mode::none;
    if (forbidden && called_.empty()) return {};
    if (forbidden && !request_.tools.empty()) drop("tool_choice");  // what was called must stay declared
    std::vector<std::string> missing;
    ToolsByName tools(request_.tools);
    for (const std::string& name : called_)
      if (!tools.find(name)) missing.push_back(name);
    if (request_.tools.empty() && missing.empty()) return {};

    json_.key("toolConfig").begin_object().key("tools").begin_array();
    for (const chat::Tool& tool : request_.tools) {
      if (!tool.custom_format.empty()) drop("tools.custom.format");
      write_tool(tool);
      write_cache_point(tool.cache, true);
    }
    for (const std::string& name : missing) {
      write_tool({.name = name});
      out_.added_params.push_back("tools=" + name);
    }
    json_.end_array();
    if (request_.tool_choice && !forbidden && !request_.tools.empty()) {
      json_.key("toolChoice").begin_object();
      switch (request_.tool_choice->mode) {
        case Mode::none:
        case Mode::automatic: json_.key("auto").begin_object().end_object(); break;
        case Mode::required: json_.key("any").begin_object().end_object(); break;
        case Mode::named:
          json_.key("tool").begin_object().member("name", request_.tool_choice->name).end_object();
          break;
      }
      json_.end_object();
    }
    json_.end_object();
    return {};
  }

  void write_tool(const chat::Tool& tool) {
    json_.begin_object().key("toolSpec").begin_object().member("name", tool.name);
    if (!tool.description.empty()) json_.member("description", tool.description);
    json_.key("inputSchema").begin_object().key("json");
    json_.raw(tool.parameters.empty() ? empty_schema : std::string_view(tool.parameters)).end_object();
    if (tool.strict == true) json_.member("strict", true);
    json_.end_object().end_object();
  }

  // --- settings

  void write_settings() {
    if (samples_by_itself_) drop_sampling();
    const bool sampling = !samples_by_itself_ && (request_.temperature || request_.top_p);
    if (!request_.max_output_tokens && !sampling && request_.stop.empty()) return;
    json_.key("inferenceConfig").begin_object();
    if (request_.max_output_tokens) json_.member("maxTokens", *request_.max_output_tokens);
    if (sampling && request_.temperature) json_.key("temperature").number(*request_.temperature);
    if (sampling && request_.top_p) json_.key("topP").number(*request_.top_p);
    if (!request_.stop.empty()) {
      json_.key("stopSequences").begin_array();
      for (const std::string& stop : request_.stop) json_.string(stop);
      json_.end_array();
    }
    json_.end_object();
  }

  // What only Claude takes, in its own words.
  void write_own_fields() {
    if (request_.reasoning && !options_.reasoning) drop_reasoning();
    const bool thinks = request_.reasoning && options_.reasoning && claude_ && has_thinking(*request_.reasoning);
    const bool top_k = request_.top_k && claude_ && !samples_by_itself_;
    if (top_k || thinks) {
      json_.key("additionalModelRequestFields").begin_object();
      if (top_k) json_.member("top_k", *request_.top_k);
      if (thinks) write_thinking_field(*request_.reasoning);
      json_.end_object();
    }
    if (claude_ && !request_.stop.empty())  // which one it was
      json_.key("additionalModelResponseFieldPaths")
          .begin_array()
          .string(request_.stream ? "/delta/stop_sequence" : "/stop_sequence")
          .end_array();
  }

  // With thinking Claude takes no other temperature than 1, no top_k and no forced tool; the models that sample by
  // themselves get none of these, and give themselves a budget.
  bool has_thinking(const chat::Reasoning& reasoning) {
    if (effort_ == chat::Effort::none) return true;
    if (!reasoning.budget && !reasoning.adaptive && reasoning.visible != true) return false;
    using Mode = chat::ToolChoice::Mode;
    const bool forced = request_.tool_choice &&
                        (request_.tool_choice->mode == Mode::required || request_.tool_choice->mode == Mode::named);
    if (samples_by_itself_ && !forced) return true;
    const bool no_room = reasoning.budget && request_.max_output_tokens.value_or(least_budget + 1) <= least_budget;
    if (!forced && !request_.top_k && request_.temperature.value_or(1) == 1 && !no_room) return true;
    drop_thinking();
    return false;
  }

  void write_thinking_field(const chat::Reasoning& reasoning) {
    json_.key("thinking").begin_object();
    if (effort_ == chat::Effort::none) {
      json_.member("type", "disabled").end_object();
      return;
    }
    if (reasoning.budget && samples_by_itself_) {
      drop("reasoning.budget");
      json_.member("type", "adaptive");
    } else if (reasoning.budget) {
      const Tokens most = request_.max_output_tokens ? *request_.max_output_tokens - 1 : *reasoning.budget;
      const Tokens budget = std::max(std::min(*reasoning.budget, most), least_budget);
      if (budget != *reasoning.budget) out_.added_params.push_back("reasoning.budget=" + std::to_string(budget));
      json_.member("type", "enabled").member("budget_tokens", budget);
    } else {
      json_.member("type", "adaptive");
    }
    if (reasoning.visible) json_.member("display", *reasoning.visible ? "summarized" : "omitted");
    json_.end_object();
  }

  // The effort as the API has it, for every model that thinks: low to max. Claude takes a budget beside it, the others
  // the effort that comes nearest to one.
  void read_effort() {
    if (!request_.reasoning || !options_.reasoning) return;
    std::optional<chat::Effort> wanted = request_.reasoning->effort;
    if (!wanted && (!claude_ || samples_by_itself_) && request_.reasoning->budget)
      wanted = effort_of_budget(*request_.reasoning->budget);
    if (wanted) effort_ = known_effort(*wanted, usual_efforts);
  }

  Result<void> write_output() {
    if (!claude_ && request_.reasoning && options_.reasoning) {
      drop_thinking();                                              // an effort is not the same as a budget
      if (effort_ == chat::Effort::none) drop("reasoning.effort");  // its thinking cannot be switched off
    }
    const bool has_effort = effort_ && *effort_ != chat::Effort::none;
    if (!has_effort && !request_.output_schema) return {};
    json_.key("outputConfig").begin_object();
    if (request_.output_schema) {
      json_.key("textFormat").begin_object().member("type", "json_schema");
      json_.key("structure").begin_object().key("jsonSchema").begin_object();
      TRY(const std::string schema, without_references(request_.output_schema->schema, "response_format.schema"));
      json_.member("schema", schema);
      if (!request_.output_schema->name.empty()) json_.member("name", request_.output_schema->name);
      json_.end_object().end_object().end_object();
    }
    if (has_effort) json_.member("effort", name(*effort_));
    json_.end_object();
    return {};
  }

  void write_tier() {
    std::string_view tier = request_.service_tier;
    if (tier.empty() || tier == "auto") return;
    if (tier == "standard" || tier == "standard_only") tier = "default";
    if (tier != "default" && tier != "priority" && tier != "flex" && tier != "reserved") return drop("service_tier");
    json_.key("serviceTier").begin_object().member("type", tier).end_object();
  }

  static bool is_metadata(std::string_view text) {
    return text.size() <= longest_metadata && std::ranges::all_of(text, [](char c) {
             return is_letter_or_digit(c) || std::string_view(" \t\r\n\f\v:_@$#=/+,-.").contains(c);
           });
  }

  // For filters of the account's own logs. A user's id is no matter of another vendor's, so its digest stands for it,
  // and it is named.
  void write_metadata() {
    std::vector<std::pair<std::string, std::string>> entries;
    const auto metadata = std::ranges::find(request_.extras, "metadata", &std::pair<std::string, std::string>::first);
    if (metadata != request_.extras.end()) {
      const auto parsed = json::Document::parse(metadata->second);
      const json::Value root = parsed ? parsed->root() : json::Value();
      for (const auto& [name, value] : root.members()) {
        const auto text = value.string();
        const auto earlier = std::ranges::find(entries, name, &std::pair<std::string, std::string>::first);
        if (earlier != entries.end()) entries.erase(earlier);  // the last of a name counts, as in most readers of JSON
        if (entries.size() < most_metadata && !name.empty() && text && is_metadata(name) && is_metadata(*text))
          entries.emplace_back(name, *text);
        else
          drop("metadata");
      }
      if (!root.is_object()) drop("metadata");
    }
    if (!request_.user.empty()) {
      drop("user");
      const bool is_taken = std::ranges::any_of(entries, [](const auto& entry) { return entry.first == "user_id"; });
      if (!is_taken && entries.size() < most_metadata)
        entries.emplace_back("user_id", crypto::hex(crypto::sha256(request_.user)));
    }
    if (entries.empty()) return;
    json_.key("requestMetadata").begin_object();
    for (const auto& [name, value] : entries) json_.member(name, value);
    json_.end_object();
  }

  const bool claude_;
  const bool nova_;
  const bool samples_by_itself_;
  std::optional<chat::Effort> effort_;                   // that the model is told; `none`: it is told not to think
  std::unordered_map<std::string, int> document_names_;  // how often each has been asked for
  std::vector<std::string> called_;                      // names of the tools that the conversation has called
  std::unordered_set<std::string> is_called_;            // the same, to be looked up
};

}  // namespace

std::string path(std::string_view model, bool stream) {
  return "/model/" + percent_encoded(model) + (stream ? "/converse-stream" : "/converse");
}

std::string tool_use_id(std::string_view id) {
  const bool fits = !id.empty() && id.size() <= longest_name && std::ranges::all_of(id, [](char c) {
    return is_letter_or_digit(c) || c == '_' || c == '-' || c == '.' || c == ':';
  });
  return fits ? std::string(id) : "call_" + crypto::hex(crypto::sha256(id)).substr(0, 40);
}

Result<ProviderRequest> encode_request(const chat::ChatRequest& request, const EncodeOptions& options) {
  return RequestWriter(request, options).write();
}

}  // namespace sluice::dialects::bedrock
