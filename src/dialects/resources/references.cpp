#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "dialects/fields.h"
#include "dialects/resources/caches.h"
#include "dialects/resources/resources.h"
#include "dialects/text_scan.h"

namespace sluice::dialects {
namespace {

constexpr std::string_view item_reference = "item_reference";
constexpr std::array<std::string_view, 1> in_chat = {"file_id"};
constexpr std::array<std::string_view, 2> in_messages = {"file_id", "container"};
constexpr std::string_view file_search_stores = "fileSearchStores";  // their names begin with it
constexpr std::array<std::string_view, 5> in_gemini = {"cachedContent", "cached_content", "fileUri", "file_uri",
                                                       file_search_stores};
constexpr std::array<std::string_view, 7> in_gemini_resources = {
    "cachedContent", "cached_content", "fileUri", "file_uri", file_search_stores, "fileName", "file_name"};
constexpr std::array<std::string_view, 8> in_responses = {
    "file_id",   "file_ids",     "vector_store_id", "vector_store_ids",
    "container", "container_id", "conversation",    "previous_response_id"};
constexpr std::array<std::string_view, 13> in_resources = {
    "file_id",       "file_ids",     "vector_store_id", "vector_store_ids",     "container",
    "container_id",  "conversation", "input_file_id",   "previous_response_id", "batch_id",
    "training_file", "upload_id",    "validation_file"};

std::span<const std::string_view> members_of(DialectId dialect) {
  switch (dialect) {
    case DialectId::openai_chat:
    case DialectId::openai_image_edits: return in_chat;
    case DialectId::openai_responses:
    case DialectId::openai_compact:
    case DialectId::openai_input_tokens: return in_responses;
    case DialectId::anthropic_messages:
    case DialectId::anthropic_count_tokens: return in_messages;
    case DialectId::openai_resources:
    case DialectId::anthropic_resources: return in_resources;
    case DialectId::gemini:
    case DialectId::gemini_count_tokens:
    case DialectId::gemini_embed:
    case DialectId::gemini_batch_embed: return in_gemini;
    case DialectId::gemini_resources: return in_gemini_resources;
    default: return {};
  }
}

// A quick look at the bytes. A name may be written with escapes, and those of ASCII all begin alike.
bool may_name(std::string_view body, std::span<const std::string_view> members) {
  return has_word(body, "\\u00", 0) || std::ranges::any_of(members, [&](std::string_view member) {
           const std::size_t underscore = member.find('_');
           return has_word(body, member, underscore == std::string_view::npos ? 0 : underscore);
         });
}

// Nothing, in any of the ways to write it.
bool is_empty(json::Value value) {
  if (const auto text = value.string()) return text->empty();
  return !value.exists() || value.is_null() || (value.is_array() && value.size() == 0);
}

// What a provider that made it would fill in from what it keeps; what Sluice keeps has been put in its place before,
// and what Sluice has written itself is nobody's. Without a type and a content an item is a reference, too. Of a member
// that is there twice either may be what the provider reads.
bool refers_to_item(json::Value item) {
  constexpr std::string_view own_mark = "_req_";  // of ids that are made here
  bool has_type = false;
  bool is_reasoning = false;
  bool is_image = false;
  bool is_named = false;
  bool is_ours = false;
  bool is_of_others = false;
  std::optional<bool> content;  // whether there is one, and something in it; likewise the next two
  std::optional<bool> encrypted;
  std::optional<bool> result;
  const auto note = [](std::optional<bool>& filled, json::Value value) {
    filled = filled.value_or(true) && !is_empty(value);
  };
  for (const auto& [name, value] : item.members()) {
    const std::string_view text = value.string().value_or("");
    if (name == "type" && value.is_string()) {
      if (text == item_reference) return true;
      has_type = true;
      is_reasoning = is_reasoning || text == "reasoning";
      is_image = is_image || text == "image_generation_call";
    } else if (name == "id" && value.is_string()) {
      is_named = true;
      (text.contains(own_mark) ? is_ours : is_of_others) = true;
    } else if (name == "content") {
      note(content, value);
    } else if (name == "encrypted_content") {
      note(encrypted, value);
    } else if (name == "result") {
      note(result, value);
    }
  }
  if (!has_type) return is_named && !content.value_or(false);
  if (is_ours && !is_of_others) return false;
  return (is_reasoning && !encrypted.value_or(false)) || (is_image && !result.value_or(false));
}

// What a request names, each thing once.
class Found {
 public:
  explicit Found(bool is_batch = false) : is_batch_(is_batch) {}
  // invalid_request for `member` when there are more than any request, or batch, needs.
  Result<void> add(std::string_view member, std::string_view id) {
    if (!ids_.emplace(id).second) return {};
    if (all_.size() == (is_batch_ ? most_batch_references : most_references)) return too_many(member);
    all_.push_back({std::string(member), std::string(id)});
    return {};
  }
  std::vector<Reference> take() { return std::move(all_); }

 private:
  std::unexpected<Error> too_many(std::string_view member) const {
    if (is_batch_)
      return beyond_limit("batch_references",
                          bad_field("file", "the batch names more than 50000 kept things", "send it in two"));
    return beyond_limit("references",
                        bad_field(std::string(member), "the request names more than 1000 kept things", "name fewer"));
  }

  bool is_batch_;
  std::vector<Reference> all_;
  std::unordered_set<std::string> ids_;  // of these: a body has room for millions of the same few
};

// Looks at a request but not at what is the client's own data in it: its labels, the schemas of its tools and answers,
// and what its tools were called with. These are known by their places, so that nothing can call itself such.
class Walk {
 public:
  Walk(std::span<const std::string_view> members, bool tool_input) : members_(members), tool_input_(tool_input) {}
  // Of the requests of a batch, which may name more than one request.
  static Walk of_batch() {
    Walk walk(in_resources, false);
    walk.found_ = Found(true);
    return walk;
  }

  // The fine-tuned ones among those that a request names, if it names several.
  Result<void> visit_models(json::Value request) {
    for (const auto& [name, value] : request.members()) {
      const std::string_view model = name == model_member ? fine_tuned_name(value.string().value_or("")) : "";
      if (!model.empty()) CHECK_OK(found_.add(name, model));
    }
    return {};
  }

  Result<void> visit_request(json::Value request) {
    for (const auto& [name, value] : request.members()) {
      if (name == "metadata") continue;
      const bool tools = name == "tools" || name == "functions";
      const bool format =
          name == "text" || name == "response_format" || name == "output_config" || name == "output_format";
      passed_over_ = tools ? Passed::parameters : format ? Passed::schema : Passed::nothing;
      if (is_named(name)) CHECK_OK(take(name, value));
      CHECK_OK(name == "requests" ? visit_batch(value) : visit(value));
    }
    passed_over_ = Passed::nothing;
    return {};
  }
  // `member` is where they stand.
  Result<void> visit_items(json::Value items, std::string_view member = "input") {
    for (const json::Value& item : items.elements())
      if (refers_to_item(item))
        for (const auto& [name, value] : item.members())
          if (name == "id") CHECK_OK(note(member, value.string().value_or("")));
    return {};
  }
  // Spoken answers.
  Result<void> visit_messages(json::Value messages) {
    for (const json::Value& message : messages.elements())
      for (const auto& [name, value] : message.members())
        if (name == "audio") CHECK_OK(take(name, value));
    return {};
  }
  std::vector<Reference> take_found() { return found_.take(); }

 private:
  enum class Passed : std::uint8_t { nothing, parameters, schema };

  bool is_named(std::string_view name) const { return std::ranges::find(members_, name) != members_.end(); }
  bool is_own_data(std::string_view name, json::Value object) const {
    if (passed_over_ == Passed::parameters && (name == "parameters" || name == "input_schema")) return true;
    if (passed_over_ == Passed::schema && name == "schema") return true;
    return tool_input_ && name == "input" && object["type"].string().value_or("").ends_with("tool_use");
  }
  // Anthropic's: each is a request of its own.
  Result<void> visit_batch(json::Value requests) {
    for (const json::Value& one : requests.elements())
      for (const auto& [name, value] : one.members()) CHECK_OK(name == "params" ? visit_request(value) : visit(value));
    return {};
  }
  Result<void> visit(json::Value value) {
    for (const json::Value& each : value.elements()) CHECK_OK(visit(each));
    for (const auto& [name, member] : value.members()) {
      if (is_own_data(name, value)) continue;
      if (is_named(name)) CHECK_OK(take(name, member));
      CHECK_OK(visit(member));
    }
    return {};
  }
  // An id, several, or {"id":...}. A new container is described by an object without an id.
  Result<void> take(std::string_view name, json::Value value) {
    if (const auto id = value.string()) return note(name, *id);
    for (const json::Value& each : value.elements())
      if (const auto id = each.string()) CHECK_OK(note(name, *id));
    for (const auto& [inner, id] : value.members())
      if (inner == "id") CHECK_OK(note(name, id.string().value_or("")));
    return {};
  }

  Result<void> note(std::string_view name, std::string_view id) {
    if (id.empty() || (id == "auto" && name == "container")) return {};
    return found_.add(name, id);
  }

  std::span<const std::string_view> members_;
  bool tool_input_;                       // Anthropic's API, whose calls of tools have objects as input
  Passed passed_over_ = Passed::nothing;  // in the member of the request that is looked at
  Found found_;
};

bool is_google(DialectId dialect) {
  switch (dialect) {
    case DialectId::gemini:
    case DialectId::gemini_count_tokens:
    case DialectId::gemini_embed:
    case DialectId::gemini_batch_embed:
    case DialectId::gemini_resources: return true;
    default: return false;
  }
}

// Google's API has one place for a cache and a few for files; all else in a body may be the client's own data. Members
// may be written in both ways, and repeated. What does not look like a name here is nobody's.
class GoogleWalk {
 public:
  explicit GoogleWalk(bool is_batch = false) : found_(is_batch) {}

  Result<std::vector<Reference>> references(json::Value request) {
    CHECK_OK(visit_request(request));
    for (const auto& [name, value] : request.members()) {
      if (name == "generateContentRequest" || name == "generate_content_request") CHECK_OK(visit_request(value));
      if (name == "requests")
        for (const json::Value& each : value.elements()) CHECK_OK(visit_request(each));
      if (name == "batch") CHECK_OK(visit_batch(value));
    }
    return found_.take();
  }
  // A line of a file of requests; the request may stand in it without a key of its own.
  Result<void> visit_line(json::Value line) {
    names_cache_ = false;
    CHECK_OK(visit_request(line));
    return visit_request_of(line);
  }
  std::vector<Reference> take_found() { return found_.take(); }

 private:
  Result<void> visit_request_of(json::Value object) {
    for (const auto& [name, request] : object.members())
      if (name == "request") {
        names_cache_ = false;
        CHECK_OK(visit_request(request));
      }
    return {};
  }
  // Its requests stand in it, or in a file.
  Result<void> visit_batch(json::Value batch) {
    for (const auto& [name, input] : batch.members()) {
      if (name != "inputConfig" && name != "input_config") continue;
      for (const auto& [member, value] : input.members()) {
        if (member == "fileName" || member == "file_name") CHECK_OK(add_input_file(member, value));
        if (member != "requests") continue;
        for (const auto& [inner, requests] : value.members())
          if (inner == "requests")
            for (const json::Value& each : requests.elements()) CHECK_OK(visit_request_of(each));
      }
    }
    return {};
  }
  Result<void> add_input_file(std::string_view member, json::Value value) {
    const std::string id(google_file_id(value.string().value_or("")));
    if (id.empty()) return {};
    CHECK_OK(found_.add(member, id));
    return found_.add(member, std::string(looked_at) + id);
  }
  Result<void> visit_request(json::Value request) {
    for (const auto& [name, value] : request.members()) {
      if (name == in_gemini[0] || name == in_gemini[1]) CHECK_OK(add_cache(name, value));
      if (name == "content" || name == "contents" || name == "systemInstruction" || name == "system_instruction")
        CHECK_OK(visit_contents(value));
      if (name == "tools") CHECK_OK(visit_tools(value));
    }
    return {};
  }
  // Nobody makes stores of files through Sluice, so each is unknown: its name stays whole, which is nothing's id here.
  Result<void> visit_tools(json::Value value) {
    for (const json::Value& each : value.elements()) CHECK_OK(visit_tools(each));
    for (const auto& [name, tool] : value.members()) {
      if (name != "fileSearch" && name != "file_search") continue;
      for (const auto& [member, stores] : tool.members()) {
        if (const auto store = stores.string(); store && store->starts_with(file_search_stores))
          CHECK_OK(found_.add(member, *store));
        for (const json::Value& store : stores.elements()) CHECK_OK(found_.add(member, store.string().value_or("")));
      }
    }
    return {};
  }
  // One, or several; the API takes an object for a list of one.
  Result<void> visit_contents(json::Value value) {
    for (const json::Value& each : value.elements()) CHECK_OK(visit_contents(each));
    for (const auto& [name, parts] : value.members())
      if (name == "parts") CHECK_OK(visit_parts(parts));
    return {};
  }
  Result<void> visit_parts(json::Value value) {
    for (const json::Value& each : value.elements()) CHECK_OK(visit_parts(each));
    for (const auto& [name, part] : value.members()) {
      if (name == "fileData" || name == "file_data") CHECK_OK(add_file(part));
      if (name == "functionResponse" || name == "function_response") CHECK_OK(visit_contents(part));
    }
    return {};
  }
  Result<void> add_file(json::Value file) {
    for (const auto& [name, value] : file.members()) {
      if (name != in_gemini[2] && name != in_gemini[3]) continue;
      const std::string uri(value.string().value_or(""));
      const std::string_view id = google_file_id(uri);
      if (!id.empty()) CHECK_OK(found_.add(name, id));
    }
    return {};
  }
  Result<void> add_cache(std::string_view name, json::Value value) {
    constexpr std::string_view prefix = "cachedContents/";
    std::string_view id = value.string().value_or("");
    if (id.empty()) return {};
    if (names_cache_) return bad_field(std::string(name), "the request names two caches", "name one");
    names_cache_ = true;
    if (id.size() > prefix.size() && id.starts_with(prefix)) id.remove_prefix(prefix.size());
    return found_.add(name, id);
  }

  Found found_;
  bool names_cache_ = false;
};

}  // namespace

Result<std::vector<Reference>> references(DialectId dialect, std::string_view body, const json::Document& parsed) {
  const std::span<const std::string_view> members = members_of(dialect);
  if (members.empty()) return std::vector<Reference>();
  const bool items = dialect == DialectId::openai_responses || dialect == DialectId::openai_input_tokens ||
                     dialect == DialectId::openai_compact;
  const bool chat = dialect == DialectId::openai_chat;
  const bool kept = dialect == DialectId::openai_resources;
  const bool kept_by_google = dialect == DialectId::gemini_resources;
  const bool named = may_name(body, members);
  if (!named && !items && !chat && !kept) return std::vector<Reference>();
  if (is_google(dialect))
    return GoogleWalk(kept_by_google && parsed.root()["batch"].exists()).references(parsed.root());
  Walk walk(members, dialect == DialectId::anthropic_messages || dialect == DialectId::anthropic_count_tokens ||
                         dialect == DialectId::anthropic_resources);
  if (named) CHECK_OK(walk.visit_request(parsed.root()));
  if (items) CHECK_OK(walk.visit_items(parsed.root()["input"]));
  if (chat) CHECK_OK(walk.visit_messages(parsed.root()["messages"]));
  if (kept)  // those of a conversation
    for (const auto& [name, value] : parsed.root().members())
      if (name == "items") CHECK_OK(walk.visit_items(value, name));
  return walk.take_found();
}

Result<std::vector<Reference>> references_of_batch(std::string_view lines) {
  Walk walk = Walk::of_batch();
  for (std::size_t number = 1; !lines.empty(); ++number) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(lines.size(), line.size() + 1));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const auto parsed = json::Document::parse(line);
    if (!parsed || !parsed->root().is_object())
      return bad_field("file", "line " + std::to_string(number) + " of the batch is not a JSON object",
                       "write each request in a line of its own, as UTF-8 without a byte order mark");
    // Whatever API the request is for, and if its body is there twice.
    for (const auto& [name, body] : parsed->root().members()) {
      if (name != "body") continue;
      CHECK_OK(walk.visit_models(body));
      CHECK_OK(walk.visit_request(body));
      for (const auto& [member, value] : body.members()) {
        if (member == "input") CHECK_OK(walk.visit_items(value));
        if (member == "messages") CHECK_OK(walk.visit_messages(value));
      }
    }
  }
  return walk.take_found();
}

Result<std::vector<Reference>> references_of_google_batch(std::string_view lines) {
  GoogleWalk walk(true);
  for (std::size_t number = 1; !lines.empty(); ++number) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(lines.size(), line.size() + 1));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const auto parsed = json::Document::parse(line);
    if (!parsed || !parsed->root().is_object())
      return bad_field("file", "line " + std::to_string(number) + " of the batch is not a JSON object",
                       "write each request in a line of its own, as UTF-8 without a byte order mark");
    CHECK_OK(walk.visit_line(parsed->root()));
  }
  return walk.take_found();
}

std::string_view fine_tuned_name(std::string_view model) {
  constexpr std::string_view mark = "ft:";
  if (model.starts_with(mark)) return model;
  const std::size_t slash = model.find('/');
  if (slash == std::string_view::npos || !model.substr(slash + 1).starts_with(mark)) return {};
  return model.substr(slash + 1);
}

std::vector<std::string> models_made(const ResourceCall& call, json::Value answer) {
  std::vector<std::string> models;
  if (call.collection != "/fine_tuning/jobs") return models;
  const auto note = [&](json::Value job) {
    for (const char* member : {"fine_tuned_model", "fine_tuned_model_checkpoint"})
      if (const auto model = job[member].string(); model && !model->empty()) models.emplace_back(*model);
  };
  note(answer);
  for (const json::Value& job : answer["data"].elements()) note(job);
  return models;
}

namespace {

// A batch of Google's, and the file of its results.
void keep_batch(const ResourceCall& call, json::Value answer, std::vector<std::string>& ids) {
  const auto note_result = [&](json::Value file) {
    const std::string_view id = google_file_id(file.string().value_or(""));
    if (!id.empty()) ids.emplace_back(id);
  };
  const auto note_results = [&](json::Value batch) {
    note_result(batch["metadata"]["output"]["responsesFile"]);
    note_result(batch["response"]["responsesFile"]);
  };
  if (call.is_create()) {
    const std::string_view name = answer["name"].string().value_or("");
    if (const std::string_view id = name.substr(name.rfind('/') + 1); !id.empty()) ids.emplace_back(id);
  }
  note_results(answer);
  for (const json::Value& batch : answer[google_operations].elements()) note_results(batch);
}

}  // namespace

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
  if (call.is_upload) {  // the last piece's answer; those before it name nothing
    const std::string_view id = google_file_id(answer["file"]["name"].string().value_or(""));
    if (!id.empty()) ids.emplace_back(id);
    return ids;
  }
  if (call.is_google) {
    if (call.collection == google_batches) keep_batch(call, answer, ids);
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
