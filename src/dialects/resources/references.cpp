#include <algorithm>
#include <array>

#include "dialects/fields.h"
#include "dialects/resources/caches.h"
#include "dialects/resources/resources.h"
#include "dialects/text_scan.h"

namespace sluice::dialects {
namespace {

constexpr std::string_view item_reference = "item_reference";
constexpr std::array<std::string_view, 1> in_chat = {"file_id"};
constexpr std::array<std::string_view, 2> in_messages = {"file_id", "container"};
constexpr std::array<std::string_view, 2> in_gemini = {"cachedContent", "cached_content"};
constexpr std::array<std::string_view, 8> in_responses = {
    "file_id",   "file_ids",     "vector_store_id", "vector_store_ids",
    "container", "container_id", "conversation",    "previous_response_id"};
constexpr std::array<std::string_view, 13> in_resources = {
    "file_id",       "file_ids",     "vector_store_id", "vector_store_ids",     "container",
    "container_id",  "conversation", "input_file_id",   "previous_response_id", "batch_id",
    "training_file", "upload_id",    "validation_file"};

std::span<const std::string_view> members_of(DialectId dialect) {
  switch (dialect) {
    case DialectId::openai_chat: return in_chat;
    case DialectId::openai_responses:
    case DialectId::openai_compact:
    case DialectId::openai_input_tokens: return in_responses;
    case DialectId::anthropic_messages:
    case DialectId::anthropic_count_tokens: return in_messages;
    case DialectId::openai_resources:
    case DialectId::anthropic_resources: return in_resources;
    case DialectId::gemini:
    case DialectId::gemini_count_tokens: return in_gemini;
    default: return {};
  }
}

// A quick look at the bytes. A name may be written with escapes, and those of ASCII all begin alike.
bool may_name(std::string_view body, std::span<const std::string_view> members) {
  return has_word(body, "\\u00", 0) || has_word(body, item_reference, 4) ||
         std::ranges::any_of(members, [&](std::string_view member) {
           const std::size_t underscore = member.find('_');
           return has_word(body, member, underscore == std::string_view::npos ? 0 : underscore);
         });
}

// An item of an answer that the vendor keeps; those that Sluice keeps have been put in their places before.
bool refers_to_item(json::Value item) {
  // Without a type and a role an item is a reference, too.
  if (!item["type"].exists()) return item["id"].is_string() && item.size() == 1;
  return item["type"].string() == item_reference;
}

// The client's own data: descriptions of tools, what they were called with, labels.
bool is_own_data(std::string_view member, json::Value object, bool tool_input) {
  if (member == "parameters" || member == "input_schema" || member == "schema" || member == "metadata") return true;
  return tool_input && member == "input" && object["type"].string().value_or("").ends_with("tool_use");
}

class Walk {
 public:
  Walk(std::span<const std::string_view> members, bool tool_input) : members_(members), tool_input_(tool_input) {}

  Result<void> visit(json::Value value) {
    ++depth_;
    for (const json::Value& each : value.elements()) CHECK_OK(visit(each));
    for (const auto& [name, member] : value.members()) {
      if (is_own_data(name, value, depth_ > 1 && tool_input_)) continue;
      if (std::ranges::find(members_, name) != members_.end()) CHECK_OK(take(name, member));
      CHECK_OK(visit(member));
    }
    --depth_;
    return {};
  }
  Result<void> visit_items(json::Value input) {
    for (const json::Value& item : input.elements())
      if (refers_to_item(item)) CHECK_OK(note("input", item["id"].string().value_or("")));
    return {};
  }
  std::vector<Reference> take_found() { return std::move(found_); }

 private:
  // An id, several, or {"id":...}. A new container is described by an object without an id.
  Result<void> take(std::string_view name, json::Value value) {
    if (value.is_object()) value = value["id"];
    if (const auto id = value.string()) return note(name, *id);
    for (const json::Value& each : value.elements())
      if (const auto id = each.string()) CHECK_OK(note(name, *id));
    return {};
  }

  Result<void> note(std::string_view name, std::string_view id) {
    if (id.empty() || (id == "auto" && name == "container")) return {};
    const bool known = std::ranges::find(found_, id, &Reference::id) != found_.end();
    if (known) return {};
    if (found_.size() == most_references)
      return bad_field(std::string(name), "the request names more than 1000 kept things", "name fewer");
    found_.push_back({std::string(name), std::string(id)});
    return {};
  }

  std::span<const std::string_view> members_;
  bool tool_input_;  // Anthropic's API, whose calls of tools have objects as input
  int depth_ = 0;
  std::vector<Reference> found_;
};

// Google's API has one place for it, and all else in a body may be the client's own data. What does not look like a
// name here is nobody's.
Result<void> add_caches(json::Value request, std::vector<Reference>& found) {
  constexpr std::string_view prefix = "cachedContents/";
  for (const auto& [name, value] : request.members()) {
    if (std::ranges::find(in_gemini, name) == in_gemini.end()) continue;
    std::string_view id = value.string().value_or("");
    if (id.empty()) continue;
    if (!found.empty()) return bad_field(std::string(name), "the request names two caches", "name one");
    if (id.size() > prefix.size() && id.starts_with(prefix)) id.remove_prefix(prefix.size());
    found.push_back({std::string(name), std::string(id)});
  }
  return {};
}

Result<std::vector<Reference>> caches_of(json::Value request) {
  std::vector<Reference> found;
  CHECK_OK(add_caches(request, found));
  for (const std::string_view whole : {"generateContentRequest", "generate_content_request"})
    CHECK_OK(add_caches(request[whole], found));
  return found;
}

}  // namespace

Result<std::vector<Reference>> references(DialectId dialect, std::string_view body, const json::Document& parsed) {
  const std::span<const std::string_view> members = members_of(dialect);
  if (members.empty() || !may_name(body, members)) return std::vector<Reference>();
  if (dialect == DialectId::gemini || dialect == DialectId::gemini_count_tokens) return caches_of(parsed.root());
  Walk walk(members, dialect == DialectId::anthropic_messages || dialect == DialectId::anthropic_count_tokens ||
                         dialect == DialectId::anthropic_resources);
  CHECK_OK(walk.visit(parsed.root()));
  if (dialect == DialectId::openai_responses || dialect == DialectId::openai_input_tokens ||
      dialect == DialectId::openai_compact)
    CHECK_OK(walk.visit_items(parsed.root()["input"]));
  return walk.take_found();
}

std::vector<std::string> kept_by_call(const ResourceCall& call, json::Value answer) {
  std::vector<std::string> ids;
  const auto note = [&](json::Value id) {
    if (const auto text = id.string(); text && !text->empty()) ids.emplace_back(*text);
  };
  if (call.collection == caches) {
    const std::string_view id = cache_id(answer["name"].string().value_or(""));
    if (!id.empty() && (call.is_create() || call.method == "PATCH")) ids.emplace_back(id);
    return ids;
  }
  if (call.is_create()) note(answer["id"]);
  // The items of a conversation, which a request may refer to.
  if (call.method == "POST" && call.path.ends_with("/items"))
    for (const json::Value& item : answer["data"].elements()) note(item["id"]);
  // What a batch, a job or an upload has made is its owner's.
  if (!call.is_list()) {
    note(answer["output_file_id"]);
    note(answer["error_file_id"]);
    note(answer["file"]["id"]);
    for (const json::Value& file : answer["result_files"].elements()) note(file);
  }
  return ids;
}

}  // namespace sluice::dialects
