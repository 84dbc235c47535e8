#include "dialects/shared_parts.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>

#include "dialects/strict_schema.h"
#include "http/headers.h"

namespace sluice::dialects {
namespace {

// Extras without which the client would get something else than it asked for.
bool changes_the_answer(std::string_view extra) {
  constexpr std::array<std::string_view, 15> names = {
      "top_logprobs",       "n",           "logit_bias", "response_format",
      "modalities",         "audio",       "functions",  "function_call",
      "web_search_options", "mcp_servers", "container",  "previous_response_id",
      "conversation",       "background",  "prompt"};
  return std::ranges::find(names, extra) != names.end();
}

}  // namespace

bool is_vendors_header(std::string_view name, std::string_view prefix) {
  if (!http::equal_ignoring_case(name.substr(0, prefix.size()), prefix)) return false;
  const std::string_view rest = name.substr(prefix.size());
  for (const std::string_view account : {"organization", "organization-id", "project", "workspace", "workspace-id"})
    if (http::equal_ignoring_case(rest, account)) return false;
  return true;
}

Result<void> RequestReading::read_model() {
  TRY(const std::string_view model, fields_.required_string("model"));
  request_.model = model;
  return {};
}

void RequestReading::note_extra(std::string name) {
  if (noted_.insert(name).second) request_.extras.emplace_back(std::move(name), "true");
}

void RequestReading::note_others(const Fields& object, std::initializer_list<std::string_view> known,
                                 std::string_view where) {
  for (const std::string_view name : object.others(known)) note_extra(path_of(where, name));
}

bool RequestReading::knows_call(std::string_view id) const { return call_ids_.contains(id); }

void RequestReading::add_system(std::vector<chat::Text> texts, bool developer) {
  std::erase_if(texts, [](const chat::Text& text) { return text.text.empty(); });
  if (texts.empty()) return;
  if (request_.messages.empty()) {
    std::ranges::move(texts, std::back_inserter(request_.system));
    return;
  }
  chat::Message& message =
      request_.messages.emplace_back(chat::Message{.role = chat::Role::system, .blocks = {}, .developer = developer});
  std::ranges::move(texts, std::back_inserter(message.blocks));
}

void RequestReading::note_if_empty(const Fields& message, std::string_view member) {
  if (first_empty_.empty() && !request_.messages.empty() && request_.messages.back().blocks.empty())
    first_empty_ = message.path(member);
}

Result<void> RequestReading::refuse_if_all_empty() const {
  if (first_empty_.empty()) return {};
  for (const chat::Message& message : request_.messages)
    if (!message.blocks.empty() && message.role != chat::Role::system) return {};
  return bad_field(first_empty_, "it is empty, and no other message says anything", "send some text");
}

ProviderRequest RequestWriting::finished(std::string path, http::Headers headers) {
  json_.end_object();
  out_.path = std::move(path);
  out_.headers = std::move(headers);
  return std::move(out_);
}

bool RequestWriting::is_sent(const chat::Block& block) const {
  if (const auto* text = std::get_if<chat::Text>(&block)) return !is_blank(text->text);
  if (const auto* thinking = std::get_if<chat::Thinking>(&block)) return is_signed_by_it(*thinking);
  return true;
}

void RequestWriting::drop_unsent(const chat::Block& block) {
  const auto* blank = std::get_if<chat::Text>(&block);
  if (!blank)
    drop("messages.content.thinking");
  else if (blank->cache != chat::CacheMark::none)
    drop("messages.content.cache_control");
}

void RequestWriting::drop(std::string name) {
  if (dropped_.insert(name).second) out_.dropped_params.push_back(std::move(name));
}

std::string_view RequestWriting::service_tier(std::string_view standard) {
  std::string_view tier = request_.service_tier;
  if (tier == "default" || tier == "standard" || tier == "standard_only") tier = standard;
  if (tier.empty() || std::ranges::find(options_.service_tiers, tier) != options_.service_tiers.end()) return tier;
  drop("service_tier");
  return {};
}

void RequestWriting::drop_told_of(const chat::Document& document) {
  if (!document.context.empty()) drop("messages.content.context");
  if (document.citations) drop("messages.content.citations");
}

std::string RequestWriting::text_of(const chat::SearchResult& result) {
  if (result.citations) drop("messages.content.citations");
  std::string text = result.title + "\n" + result.source;
  for (const std::string& each : result.texts) text.append("\n\n").append(each);
  return text;
}

std::optional<bool> RequestWriting::strict_of(const chat::OutputSchema& schema) {
  if (!schema.always) return schema.strict;
  const bool strict = is_strict_schema(schema.schema);
  if (!strict) out_.added_params.push_back("response_format.strict=false");
  return strict;
}

void RequestWriting::drop_reasoning() {
  if (request_.reasoning && request_.reasoning->effort) drop("reasoning.effort");
  drop_thinking();
}

void RequestWriting::drop_thinking() {
  if (!request_.reasoning) return;
  if (request_.reasoning->budget) drop("reasoning.budget");
  if (request_.reasoning->adaptive) drop("reasoning");
  const bool says_more = request_.reasoning->effort || request_.reasoning->budget || request_.reasoning->adaptive;
  if (request_.reasoning->visible) drop(says_more ? "reasoning.visible" : "reasoning");
}

bool RequestWriting::takes_sampling() const {
  switch (options_.takes.sampling) {
    case chat::Sampling::taken: return true;
    case chat::Sampling::without_effort: return !thinks(request_, options_.takes);
    case chat::Sampling::refused: return false;
  }
  return true;
}

void RequestWriting::drop_sampling() {
  if (request_.temperature) drop("temperature");
  if (request_.top_p) drop("top_p");
  if (request_.top_k) drop("top_k");
  if (request_.frequency_penalty) drop("frequency_penalty");
  if (request_.presence_penalty) drop("presence_penalty");
}

std::optional<chat::Effort> RequestWriting::known_effort(chat::Effort wanted, chat::Efforts usual) {
  const chat::Efforts& known = options_.takes.efforts.empty() ? usual : options_.takes.efforts;
  const std::optional<chat::Effort> nearest = known.nearest(wanted);
  if (nearest != wanted && request_.reasoning && request_.reasoning->effort == wanted) drop("reasoning.effort");
  return nearest;
}

std::vector<const chat::Text*> RequestWriting::system() const {
  std::vector<const chat::Text*> all;
  all.reserve(request_.system.size() + moved_system_.size());
  for (const chat::Text& text : request_.system) all.push_back(&text);
  all.insert(all.end(), moved_system_.begin(), moved_system_.end());
  return all;
}

bool RequestWriting::has_system() const {
  return std::ranges::any_of(system(), [](const chat::Text* text) { return !is_blank(text->text); });
}

bool RequestWriting::has_marked_system() const {
  return std::ranges::any_of(system(), [](const chat::Text* text) { return text->cache != chat::CacheMark::none; });
}

std::string RequestWriting::system_text() const {
  std::string joined;
  for (const chat::Text* text : system()) {
    if (!joined.empty()) joined += "\n\n";
    joined += text->text;
  }
  return joined;
}

void RequestWriting::move_system() {
  system_moved_ = true;
  for (const chat::Message& message : request_.messages)
    if (message.role == chat::Role::system)
      for (const chat::Block& block : message.blocks) move_to_front(block);
}

void RequestWriting::write_system_message(const chat::Message& message, bool knows_developer) {
  std::string joined;
  for (const chat::Block& block : message.blocks) {
    const auto& text = std::get<chat::Text>(block);
    if (text.cache != chat::CacheMark::none) drop("system.cache_control");
    joined.append(joined.empty() ? "" : "\n\n").append(text.text);
  }
  const bool developer = message.developer && knows_developer;
  json_.begin_object().member("role", developer ? "developer" : "system").member("content", joined).end_object();
}

bool RequestWriting::ends_with_assistant() const {
  const auto last =
      std::find_if(request_.messages.rbegin(), request_.messages.rend(),
                   [&](const chat::Message& message) { return !system_moved_ || message.role != chat::Role::system; });
  return last != request_.messages.rend() && last->role == chat::Role::assistant;
}

void RequestWriting::move_to_front(const chat::Block& text) {
  drop("messages.role");
  moved_system_.push_back(&std::get<chat::Text>(text));
}

std::unexpected<Error> RequestWriting::refuse(std::string name, std::string_view why) {
  return bad_field(std::move(name), why, "remove it, or ask for a model whose provider supports it");
}

Result<void> RequestWriting::drop_or_refuse(const std::string& extra) {
  if (changes_the_answer(extra))
    return refuse(extra, "this provider's API has no such setting, and the answer would not be what it asks for");
  drop(extra);
  return {};
}

Result<json::Document> RequestWriting::object_arguments(const chat::ToolCall& call) {
  auto arguments = json::Document::parse(call.arguments);
  if (arguments && arguments->root().is_object()) return arguments;
  return bad_field(
      "messages.tool_calls.arguments",
      "the arguments of the tool call '" + call.id + "' are not a JSON object, and this provider takes nothing else",
      "repair them, or leave this call and its result out of the conversation");
}

Result<void> RequestWriting::refuse_logprobs_of_thinking() const {
  if (request_.logprobs && !takes_sampling())
    return refuse(*request_.logprobs > 0 ? "top_logprobs" : "logprobs",
                  "this model tells no log probabilities while it thinks");
  return {};
}

Result<void> RequestWriting::refuse_logprobs() const {
  if (request_.logprobs)
    return refuse(*request_.logprobs > 0 ? "top_logprobs" : "logprobs",
                  "this provider's API does not tell log probabilities");
  return {};
}

std::unexpected<Error> RequestWriting::refuse_audio() {
  return bad_field("messages.content.audio", "this provider takes no audio",
                   "send text, or ask for a model that listens");
}

std::unexpected<Error> RequestWriting::refuse_video() {
  return bad_field("messages.content.video", "this provider takes no video",
                   "send images, or ask for a model of Google or Amazon");
}

std::unexpected<Error> RequestWriting::nothing_to_send() {
  return bad_field("messages", "nothing in them can be given to this provider", "send some text");
}

std::unexpected<Error> RequestWriting::refuse_prefill() {
  return bad_field("messages", "the last one is the assistant's, and this model refuses to go on from it",
                   "end with a message of the user, or ask for a model that goes on");
}

std::vector<RequestWriting::Turn> RequestWriting::turns() const {
  std::vector<Turn> turns;
  for (const chat::Message& message : request_.messages) {
    if (system_moved_ && message.role == chat::Role::system) continue;
    if (turns.empty() || turns.back().role != message.role) turns.push_back({.role = message.role, .blocks = {}});
    for (const chat::Block& block : message.blocks) turns.back().blocks.push_back(&block);
  }
  return turns;
}

Result<std::vector<RequestWriting::Turn>> RequestWriting::placed_turns() {
  std::vector<Turn> placed;
  std::vector<const chat::Block*> told;  // by system messages that still look for their place
  const auto follows_user = [&] { return !placed.empty() && placed.back().role == chat::Role::user; };
  for (Turn& turn : turns()) {
    if (std::ranges::none_of(turn.blocks, [&](const auto* block) { return is_sent(*block); })) {
      for (const chat::Block* block : turn.blocks) drop_unsent(*block);
      continue;
    }
    if (turn.role == chat::Role::system) {
      told.insert(told.end(), turn.blocks.begin(), turn.blocks.end());
      continue;
    }
    if (!told.empty() && turn.role == chat::Role::assistant && follows_user())
      placed.push_back({.role = chat::Role::system, .blocks = std::exchange(told, {})});
    else if (!told.empty())
      drop("messages.role");
    if (!placed.empty() && placed.back().role == turn.role)
      placed.back().blocks.insert(placed.back().blocks.end(), turn.blocks.begin(), turn.blocks.end());
    else
      placed.push_back(std::move(turn));
  }
  if (placed.empty()) return nothing_to_send();
  if (!told.empty() && follows_user())
    placed.push_back({.role = chat::Role::system, .blocks = std::exchange(told, {})});
  for (const chat::Block* block : told) move_to_front(*block);
  if (options_.refuses_prefill && placed.back().role == chat::Role::assistant) return refuse_prefill();
  return placed;
}

std::string_view RequestWriting::role_name(chat::Role role) {
  switch (role) {
    case chat::Role::user: return "user";
    case chat::Role::assistant: return "assistant";
    case chat::Role::system: break;
  }
  return "system";
}

void RequestWriting::put_results_first(Turn& turn) {
  std::vector<const chat::Block*> ordered;
  ordered.reserve(turn.blocks.size());
  for (const bool results : {true, false})
    for (const chat::Block* block : turn.blocks)
      if (std::holds_alternative<chat::ToolResult>(*block) == results) ordered.push_back(block);
  turn.blocks = std::move(ordered);
}

bool thinks(const chat::ChatRequest& request, const chat::Takes& takes) {
  std::optional<chat::Effort> effort = takes.unasked;
  if (request.reasoning && (request.reasoning->effort || request.reasoning->budget)) {
    const chat::Effort asked =
        request.reasoning->effort ? *request.reasoning->effort : effort_of_budget(*request.reasoning->budget);
    effort = takes.efforts.empty() ? asked : takes.efforts.nearest(asked);
  }
  return effort != chat::Effort::none;
}

const http::Headers& json_headers() {
  static const http::Headers headers{{"content-type", "application/json"}};
  return headers;
}

Error in_words_of(const Dialect& client, Error error) {
  const std::string own(client.own_name(error.param));
  if (own == error.param) return error;
  if (error.message.starts_with(error.param + ": ")) error.message.replace(0, error.param.size(), own);
  error.param = own;
  return error;
}

void in_words_of(const Dialect& client, const chat::ChatRequest& request, ProviderRequest& sent) {
  std::unordered_set<std::string_view> own;
  for (const auto& [name, value] : request.extras) own.insert(name);
  std::unordered_set<std::string> named;  // two of chat/'s names may be one in the client's words
  std::vector<std::string> dropped;
  for (std::string& name : sent.dropped_params) {
    if (!own.contains(name)) name = client.own_name(name);
    if (named.insert(name).second) dropped.push_back(std::move(name));
  }
  sent.dropped_params = std::move(dropped);
  for (std::string& added : sent.added_params) {
    const std::size_t name = added.find('=');
    added = std::string(client.own_name(std::string_view(added).substr(0, name))) +
            added.substr(std::min(name, added.size()));
  }
}

std::string_view own_name_in(std::span<const OwnName> names, std::string_view name) {
  const auto found = std::ranges::find(names, name, &OwnName::name);
  return found == names.end() ? name : found->own;
}

Result<std::string> object_schema(const Fields& function) {
  TRY(std::string schema, function.object_text("parameters"));
  if (schema.empty() || schema == "{}") return std::string(R"({"type":"object","properties":{}})");
  if (!function["parameters"]["type"].exists()) schema.insert(1, R"("type":"object",)");
  return schema;
}

std::string custom_input(std::string_view arguments) {
  const auto parsed = json::Document::parse(arguments);
  if (!parsed) return std::string(arguments);
  const auto input = parsed->root()["input"].string();
  return std::string(input ? *input : arguments);
}

std::string custom_arguments(std::string_view input) {
  std::string text;
  json::Writer(text).begin_object().member("input", input).end_object();
  return text;
}

Result<void> add_tool(chat::ChatRequest& request, chat::Tool tool) {
  if (request.tools.size() == most_tools)
    return beyond_limit(
        "tools", bad_field("tools", "at most " + std::to_string(most_tools) + " tools can be given to this model",
                           "send those that matter for this request"));
  request.tools.push_back(std::move(tool));
  return {};
}

Result<void> check_tool_choice(const chat::ChatRequest& request, std::string path) {
  using Mode = chat::ToolChoice::Mode;
  const Mode mode = request.tool_choice ? request.tool_choice->mode : Mode::automatic;
  if ((mode != Mode::required && mode != Mode::named) || !request.tools.empty()) return {};
  return bad_field(std::move(path), "a tool must be called, and there is none that can be given to this model",
                   "send tools, or let the model choose");
}

const chat::Tool* ToolsByName::find(std::string_view name) {
  constexpr std::size_t few = 8;
  if (tools_.size() <= few) {
    const auto walked = std::ranges::find(tools_, name, &chat::Tool::name);
    return walked == tools_.end() ? nullptr : &*walked;
  }
  if (table_.empty())
    for (const chat::Tool& tool : tools_) table_.try_emplace(tool.name, &tool);
  const auto found = table_.find(name);
  return found == table_.end() ? nullptr : found->second;
}

void keep_only(const std::unordered_set<std::string_view>& names, std::vector<chat::Tool>& tools) {
  std::erase_if(tools, [&](const chat::Tool& tool) { return !names.contains(tool.name); });
}

namespace {
using Effort = chat::Reasoning::Effort;
// Where the vendors' own tables put them: 1,024 is the least that Anthropic takes, 24,576 the most of Gemini 2.5 Flash.
constexpr std::array<Tokens, 7> effort_budgets = {0, 1'024, 4'096, 8'192, 24'576, 32'768, 65'536};
}  // namespace

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n\f\v") == std::string_view::npos; }

Effort effort_of_budget(Tokens budget) {
  const auto enough = std::ranges::lower_bound(effort_budgets, budget);
  return std::min(static_cast<Effort>(enough - effort_budgets.begin()), Effort::high);
}

Tokens budget_of_effort(Effort effort) { return effort_budgets[static_cast<std::size_t>(effort)]; }

chat::CacheMark cache_mark(json::Value cache_control) {
  if (!cache_control.is_object()) return chat::CacheMark::none;
  return cache_control["ttl"].string() == "1h" ? chat::CacheMark::hour_1 : chat::CacheMark::minutes_5;
}

void write_cache_mark(json::Writer& writer, chat::CacheMark mark) {
  if (mark == chat::CacheMark::none) return;
  writer.key("cache_control").begin_object().member("type", "ephemeral");
  if (mark == chat::CacheMark::hour_1) writer.member("ttl", "1h");
  writer.end_object();
}

Result<RequestOutline> outline_of_messages(const Fields& fields) {
  RequestOutline result;
  TRY(const std::string_view model, fields.required_string("model"));
  result.model = model;
  CHECK_OK(fields.required_objects("messages"));
  TRY(const auto stream, fields.boolean("stream"));
  result.stream = stream.value_or(false);
  TRY(const std::vector<json::Value> tools, fields.array("tools"));
  result.has_tools = !tools.empty();
  return result;
}

void count_images(json::Value messages, std::string_view type, json::Value (*source)(json::Value part),
                  RequestOutline& outline) {
  for (const json::Value& message : messages.elements()) {
    for (const json::Value& part : message["content"].elements()) {
      if (part["type"].string() == type) {
        ++outline.images;
        outline.image_bytes += source(part).string().value_or("").size();
      }
      for (const json::Value& inner : part["content"].elements()) {
        if (inner["type"].string() != type) continue;
        ++outline.images;
        outline.image_bytes += source(inner).string().value_or("").size();
      }
    }
  }
}

}  // namespace sluice::dialects
