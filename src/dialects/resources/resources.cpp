#include "dialects/resources/resources.h"

#include <algorithm>
#include <ranges>

#include "dialects/anthropic_messages/anthropic_messages.h"
#include "dialects/form_data.h"
#include "dialects/gemini/gemini.h"
#include "dialects/openai_chat/openai_chat.h"
#include "dialects/resources/caches.h"
#include "dialects/shared_parts.h"
#include "dialects/side_call.h"
#include "dialects/text_scan.h"

namespace sluice::dialects {
namespace {

struct Collection {
  std::string_view path;
  bool create;       // POST to it makes a thing
  bool list;         // GET of it lists things
  bool posts_cost;   // the provider bills what POST does, for things that are there too
  bool create_cost;  // the provider bills what is made
};
// Conversations, containers and files are not billed by the call, or for their time alone.
constexpr Collection openai_collections[] = {
    {"/files", true, true, false, false},
    {"/uploads", true, false, false, false},
    {"/batches", true, true, false, true},
    {"/vector_stores", true, true, true, true},
    {"/containers", true, true, false, true},
    {"/fine_tuning/jobs", true, true, false, true},
    {"/conversations", true, false, false, false},
    {"/responses", false, false, false, false},
    {"/chat/completions", false, true, false, false},
};
constexpr Collection anthropic_collections[] = {
    {"/files", true, true, false, false},
    {"/messages/batches", true, true, false, true},
};

constexpr std::size_t most_segments = 6;  // /vector_stores/ID/file_batches/ID/files

bool is_segment(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == ':' || c == '-';
  };
  return !text.empty() && text != "." && text != ".." && std::ranges::all_of(text, fits);
}

bool are_segments(std::string_view path) {
  for (std::size_t n = 0; !path.empty(); ++n) {
    if (n == most_segments || path.front() != '/') return false;
    path.remove_prefix(1);
    const std::string_view segment = path.substr(0, path.find('/'));
    if (!is_segment(segment)) return false;
    path.remove_prefix(segment.size());
  }
  return true;
}

template <std::size_t N>
std::optional<ResourceCall> find_call(const Collection (&collections)[N], std::string_view method,
                                      std::string_view path) {
  if (method != "GET" && method != "POST" && method != "DELETE") return std::nullopt;
  for (const Collection& collection : collections) {
    if (!path.starts_with(collection.path)) continue;
    const std::string_view rest = path.substr(collection.path.size());
    if (rest.empty()) {
      const bool known = method == "POST" ? collection.create : method == "GET" && collection.list;
      if (!known) return std::nullopt;
    } else if (rest.front() != '/' || !are_segments(rest)) {
      continue;
    }
    const std::string_view id = rest.empty() ? rest : rest.substr(1, rest.find('/', 1) - 1);
    return ResourceCall{.method = std::string(method),
                        .path = std::string(path),
                        .collection = collection.path,
                        .id = std::string(id),
                        .is_free = method != "POST" || !(id.empty() ? collection.create_cost : collection.posts_cost)};
  }
  return std::nullopt;
}

class Resources : public SideCall {
 public:
  Resources(DialectId id, std::unique_ptr<Dialect> api) : SideCall(std::move(api)), id_(id) {}

  DialectId id() const override { return id_; }
  bool opaque() const override { return true; }
  std::string path(std::string_view /*model*/, bool /*stream*/) const override { return {}; }  // the client's own

  // There is no model; the collection stands in its place in the records.
  Result<RequestOutline> outline(std::string_view /*body*/, const json::Document& /*parsed*/,
                                 const RequestTarget& target) const override {
    RequestOutline result{.model = std::string(target.resource->collection.substr(1)), .max_output_tokens = 0};
    if (is_form(target.content_type)) result.form_type = target.content_type;
    return result;
  }
  std::string edit(std::string_view body, const RequestOutline&, const BodyEdit&) const override {
    return std::string(body);
  }
  // {"custom_id":...,"result":{"type":"succeeded","message":{...}}}: Anthropic's batches.
  std::vector<std::string> read_kept_ids_of_line(std::string_view line) const override {
    if (!has_word(line, "\"container\"", 3) && !has_word(line, "\"file_id\"", 5)) return {};
    const auto parsed = json::Document::parse(line);
    if (!parsed) return {};
    const std::string message = parsed->root()["result"]["message"].text();
    const auto answer = json::Document::parse(message);
    return answer ? api().read_kept_ids(message, *answer) : std::vector<std::string>();
  }
  // What an answer tells of usage has been billed with what was made then.
  chat::Usage read_usage(const json::Document& /*parsed*/) const override { return {.reported = true}; }
  std::string read_response_model(const json::Document& /*parsed*/) const override { return {}; }
  std::unique_ptr<StreamWatcher> watch_stream(bool /*hide_usage_event*/) const override {
    return std::make_unique<PassingBy>();
  }

 private:
  // A response whose stream is read on stands at its end, with what it has used.
  class PassingBy : public Watching {
   public:
    PassingBy() { usage_.reported = complete_ = true; }
    Relay see(std::string_view event, std::string_view data) override {
      output_bytes_ = 1;  // it goes on
      constexpr std::string_view ends[] = {"response.completed", "response.incomplete", "response.failed"};
      if (std::ranges::find(ends, event) == std::end(ends)) return Relay::forward;
      if (const auto parsed = json::Document::parse(data)) whole_ = parsed->root()["response"].text();
      return Relay::forward;
    }
    std::string_view end_marker() const override { return {}; }
    std::string whole() const override { return whole_; }

   private:
    std::string whole_;
  };

  DialectId id_;
};

// Whoever has the model of a cache keeps it; only its making names one. A file is sent in one or more pieces, each with
// fields that say which.
class GeminiResources : public Resources {
 public:
  GeminiResources() : Resources(DialectId::gemini_resources, make_gemini()) {}

  Result<RequestOutline> outline(std::string_view body, const json::Document& parsed,
                                 const RequestTarget& target) const override {
    TRY(RequestOutline result, Resources::outline(body, parsed, target));
    if (!target.resource->method_of_model.empty()) return outline_of_batch(body, target, std::move(result));
    if (!target.resource->is_create() || target.resource->collection != caches) return result;
    TRY(const auto spans, json::find_members(body, {"model"}));
    const auto model = parsed.root()["model"].string();
    if (!spans.front() || !model || model->empty())
      return bad_field("model", "a cache is made for a model", R"(send {"model": "models/MODEL", "contents": [...]})");
    result.model = plain_model(*model);
    result.model_begin = spans.front()->begin;
    result.model_end = spans.front()->end;
    return result;
  }
  bool forwards_header(std::string_view name) const override {
    constexpr std::string_view upload = "x-goog-upload-";
    return name.size() > upload.size() && http::equal_ignoring_case(name.substr(0, upload.size()), upload);
  }
  std::string edit(std::string_view body, const RequestOutline& outline, const BodyEdit& edit) const override {
    std::vector<json::Span> places;
    if (outline.model_end != 0) places = {{outline.model_begin, outline.model_end}};
    if (outline.names_models) places = models_in_batch(body).value_or(places);
    std::string out;
    std::size_t copied = 0;
    for (const json::Span& place : places) {
      out.append(body.substr(copied, place.begin - copied));
      json::append_quoted(out, model_at_google(edit.model, edit.account));
      copied = place.end;
    }
    return out.append(body.substr(copied));
  }

 private:
  // The path names the model; whatever the body names must be the same one.
  static Result<RequestOutline> outline_of_batch(std::string_view body, const RequestTarget& target,
                                                 RequestOutline result) {
    result.model = plain_model(target.model);
    TRY(const std::vector<json::Span> named, models_in_batch(body));
    for (const json::Span& place : named) {
      const auto text =
          json::Document::parse("[" + std::string(body.substr(place.begin, place.end - place.begin)) + "]");
      const std::string_view name = text ? plain_model(text->root().at(0).string().value_or("")) : std::string_view();
      const bool same = name == result.model || (!name.empty() && result.model.ends_with("/" + std::string(name)));
      if (!same)
        return bad_field("batch.inputConfig.requests", "one of them names another model than the batch is for",
                         "leave `model` out of the requests: the path names it");
    }
    result.names_models = !named.empty();
    return result;
  }
};

}  // namespace

std::unique_ptr<Dialect> make_openai_resources() {
  return std::make_unique<Resources>(DialectId::openai_resources, make_openai_chat());
}
std::unique_ptr<Dialect> make_anthropic_resources() {
  return std::make_unique<Resources>(DialectId::anthropic_resources, make_anthropic_messages());
}

std::unique_ptr<Dialect> make_gemini_resources() { return std::make_unique<GeminiResources>(); }

std::optional<ResourceCall> openai_resource_call(std::string_view method, std::string_view path) {
  return find_call(openai_collections, method, path);
}
std::optional<ResourceCall> anthropic_resource_call(std::string_view method, std::string_view path) {
  return find_call(anthropic_collections, method, path);
}

namespace {

// Files come in by uploads alone. Their bytes are given of those that a model has made.
std::optional<ResourceCall> gemini_file_call(std::string_view method, std::string_view path) {
  constexpr std::string_view download = ":download";
  std::string_view id = path.substr(google_files.size());
  if (!id.empty()) id.remove_prefix(1);
  const bool gives_bytes = method == "GET" && id.ends_with(download);
  if (gives_bytes) id.remove_suffix(download.size());
  if (path.size() > google_files.size() && (!is_segment(id) || id.contains(':'))) return std::nullopt;
  if (method != "GET" && (method != "DELETE" || id.empty())) return std::nullopt;
  return ResourceCall{.method = std::string(method),
                      .path = std::string(path),
                      .collection = google_files,
                      .id = std::string(id),
                      .gives_bytes = gives_bytes,
                      .is_google = true};
}

// A batch is made by a method of its model.
std::optional<ResourceCall> google_batches_call(std::string_view method, std::string_view path) {
  constexpr std::string_view cancel = ":cancel";
  std::string_view id = path.substr(google_batches.size());
  if (!id.empty()) id.remove_prefix(1);
  const bool cancels = method == "POST" && id.ends_with(cancel);
  if (cancels) id.remove_suffix(cancel.size());
  if (path.size() > google_batches.size() && (!is_segment(id) || id.contains(':'))) return std::nullopt;
  if (method != "GET" && !cancels && (method != "DELETE" || id.empty())) return std::nullopt;
  return ResourceCall{.method = std::string(method),
                      .path = std::string(path),
                      .collection = google_batches,
                      .id = std::string(id),
                      .is_google = true};
}

// Google makes no new ones by this API, so those that are there are the account's. They can be looked at and asked.
std::optional<ResourceCall> tuned_models_call(std::string_view method, std::string_view path) {
  std::string_view id = path.substr(tuned_models.size());
  if (!id.empty()) id.remove_prefix(1);
  if (path.size() > tuned_models.size() && (!is_segment(id) || id.contains(':'))) return std::nullopt;
  if (method != "GET") return std::nullopt;
  return ResourceCall{.method = std::string(method),
                      .path = std::string(path),
                      .collection = tuned_models,
                      .id = std::string(id),
                      .is_google = true,
                      .is_shared = true};
}

bool is_below(std::string_view path, std::string_view collection) {
  return path.starts_with(collection) && (path.size() == collection.size() || path[collection.size()] == '/');
}

}  // namespace

// Storage is billed by the hour, and making it by the token; so is a longer life.
std::optional<ResourceCall> gemini_resource_call(std::string_view method, std::string_view path) {
  if (is_below(path, google_files)) return gemini_file_call(method, path);
  if (is_below(path, google_batches)) return google_batches_call(method, path);
  if (is_below(path, tuned_models)) return tuned_models_call(method, path);
  if (!path.starts_with(caches)) return std::nullopt;
  const std::string_view rest = path.substr(caches.size());
  if (!rest.empty() && (rest.front() != '/' || !is_segment(rest.substr(1)))) return std::nullopt;
  const bool known = method == "GET" || (rest.empty() ? method == "POST" : method == "PATCH" || method == "DELETE");
  if (!known) return std::nullopt;
  return ResourceCall{.method = std::string(method),
                      .path = std::string(path),
                      .collection = caches,
                      .id = std::string(rest.empty() ? rest : rest.substr(1)),
                      .is_free = method == "GET" || method == "DELETE",
                      .is_google = true};
}

std::optional<ResourceCall> gemini_batch_call(std::string_view model_method) {
  for (const std::string_view known : {"batchGenerateContent", "asyncBatchEmbedContent"})
    if (model_method == known)
      return ResourceCall{.method = "POST",
                          .path = {},
                          .collection = google_batches,
                          .id = {},
                          .is_free = false,
                          .is_google = true,
                          .method_of_model = known};
  return std::nullopt;
}

std::string path_of(const ResourceCall& call, std::string_view model) {
  return call.method_of_model.empty() ? call.path : gemini_path(model, call.method_of_model);
}

std::optional<ResourceCall> gemini_upload_call(std::string_view method, std::string_view path) {
  if (path != google_files || (method != "POST" && method != "PUT")) return std::nullopt;
  return ResourceCall{.method = std::string(method),
                      .path = std::string(path),
                      .collection = google_files,
                      .id = {},
                      .is_upload = true,
                      .is_google = true};
}

std::string with_results_here(DialectId dialect, std::string answer) {
  constexpr std::string_view member = "results_url";
  constexpr std::string_view path = "/v1/messages/batches/";
  if (dialect != DialectId::anthropic_resources || !answer.contains(member) || !json::Document::parse(answer))
    return answer;
  std::vector<json::Span> urls;
  const auto note = [&](json::Span object) {
    const std::string_view text = std::string_view(answer).substr(object.begin, object.end - object.begin);
    const auto found = json::find_members(text, {member});
    if (found && found->front())
      urls.push_back({object.begin + found->front()->begin, object.begin + found->front()->end});
  };
  note({0, answer.size()});
  if (const auto list = json::find_members(answer, {"data"}); list && list->front()) {
    const json::Span data = *list->front();
    for (const json::Span& item :
         json::find_elements(std::string_view(answer).substr(data.begin, data.end - data.begin)))
      note({data.begin + item.begin, data.begin + item.end});
  }
  for (const json::Span& url : urls | std::views::reverse) {
    const std::string_view text = std::string_view(answer).substr(url.begin, url.end - url.begin);
    if (const std::size_t at = text.find(path); text.starts_with("\"http") && at != std::string_view::npos)
      answer.erase(url.begin + 1, at - 1);
  }
  return answer;
}

ListForm list_form(DialectId dialect, const ResourceCall& call) {
  if (dialect == DialectId::anthropic_resources) return {.after = "after_id"};
  if (dialect == DialectId::gemini_resources)
    return {.items = call.collection == google_batches ? google_operations : call.collection.substr(1),
            .id = "name",
            .size = "pageSize",
            .cursor = "pageToken",
            .next_cursor = "nextPageToken",
            .by_cursor = true};
  return {};
}

}  // namespace sluice::dialects
