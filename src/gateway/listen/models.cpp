#include "gateway/listen/models.h"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <iterator>

#include "json/json.h"

namespace sluice::gateway {
namespace {

using chat::DialectId;

std::string rfc3339(std::int64_t unix_seconds) {
  const std::time_t time = unix_seconds;
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

void write_model(json::Writer& out, const ListedModel& model, DialectId dialect, std::int64_t created) {
  out.begin_object();
  if (dialect == DialectId::anthropic_messages) {
    out.member("type", "model")
        .member("id", model.id)
        .member("display_name", model.id)
        .member("created_at", rfc3339(created))
        .member("lifecycle", "active");  // what is out of service is not listed
    for (const char* untold : {"capabilities", "line", "max_input_tokens", "max_tokens", "deprecated_at", "retires_at"})
      out.key(untold).null();
  } else if (dialect == DialectId::gemini) {
    out.member("name", "models/" + model.id).member("displayName", model.id).member("version", "");
    out.key("supportedGenerationMethods").begin_array();
    for (const char* method :
         {"generateContent", "streamGenerateContent", "countTokens", "embedContent", "batchEmbedContents"})
      out.string(method);
    out.end_array();
  } else {
    out.member("id", model.id).member("object", "model").member("created", created).member("owned_by", model.owned_by);
  }
  out.end_object();
}

// Of one parameter, decoded; empty when there is none.
std::string query_value(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::string_view one = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), one.size() + 1));
    if (one.starts_with(name) && one.substr(name.size()).starts_with('='))
      return decode_model_id(one.substr(name.size() + 1)).value_or(std::string());
  }
  return {};
}

bool is_offered(const config::Candidate& candidate, catalog::Date today) {
  return candidate.provider->enabled && !(candidate.model && candidate.model->retired(today));
}

}  // namespace

std::optional<std::string> decode_model_id(std::string_view encoded) {
  constexpr std::size_t most_bytes = 8 * 1024;
  if (encoded.size() > most_bytes) return std::nullopt;
  std::string id;
  id.reserve(encoded.size());
  while (!encoded.empty()) {
    char next = encoded.front();
    std::size_t used = 1;
    if (next == '%') {
      if (encoded.size() < 3) return std::nullopt;
      unsigned char byte = 0;
      const auto [end, wrong] = std::from_chars(encoded.data() + 1, encoded.data() + 3, byte, 16);
      if (wrong != std::errc() || end != encoded.data() + 3) return std::nullopt;
      next = static_cast<char>(byte);
      used = 3;
    }
    id.push_back(next);
    encoded.remove_prefix(used);
  }
  return id;
}

std::vector<ListedModel> list_models(const config::Snapshot& snapshot) {
  std::vector<ListedModel> models;
  const catalog::Date today = catalog::today();
  for (const config::Target& route : snapshot.routes()) models.push_back({route.name, "sluice"});
  for (const auto& candidate : snapshot.candidates())
    if (is_offered(*candidate, today)) models.push_back({candidate->name, candidate->provider->id.str()});
  return models;
}

std::optional<ListedModel> find_model(const config::Snapshot& snapshot, std::string_view id) {
  const catalog::Date today = catalog::today();
  if (const config::Target* target = snapshot.find(id)) {
    if (target->kind == config::Target::Kind::route) return ListedModel{target->name, "sluice"};
    for (const config::Candidate* candidate : target->candidates)
      if (is_offered(*candidate, today)) return ListedModel{std::string(id), candidate->provider->id.str()};
    return std::nullopt;
  }
  const config::Candidate outside = snapshot.outside_catalog(id);
  if (!outside.provider || !outside.provider->enabled) return std::nullopt;
  const bool has_catalogue = std::ranges::any_of(snapshot.candidates(), [&](const auto& candidate) {
    return candidate->provider == outside.provider && candidate->model_name.str() != "*";
  });
  if (has_catalogue) return std::nullopt;
  return ListedModel{std::string(id), outside.provider->id.str()};
}

Result<ModelList> page_of(std::vector<ListedModel> all, DialectId dialect, std::string_view query) {
  if (dialect == DialectId::openai_chat) return ModelList{std::move(all)};
  const bool google = dialect == DialectId::gemini;
  const std::string_view size_name = google ? "pageSize" : "limit";
  const std::string_view after_name = google ? "pageToken" : "after_id";
  const std::string size_text = query_value(query, size_name);
  std::size_t size = all.size();
  if (!size_text.empty()) {
    constexpr std::size_t largest = 1'000;  // both APIs' own
    const auto [end, wrong] = std::from_chars(size_text.data(), size_text.data() + size_text.size(), size);
    const bool read = wrong == std::errc() && end == size_text.data() + size_text.size();
    if (!read || (!google && (size == 0 || size > largest)))
      return std::unexpected(Error{.kind = ErrorKind::invalid_request,
                                   .message = std::string(size_name) + ": a number from 1 to 1000 is expected",
                                   .hint = "leave it out for all models",
                                   .param = std::string(size_name)});
    if (size == 0) size = all.size();  // Google's word for "as many as you like"
  }
  std::size_t begin = 0;
  std::size_t end = all.size();
  const std::string before = google ? std::string() : query_value(query, "before_id");
  for (const std::string_view name : {after_name, std::string_view("before_id")}) {
    const std::string id = name == after_name ? query_value(query, name) : before;
    if (id.empty()) continue;
    const auto found = std::ranges::find(all, id, &ListedModel::id);
    if (found == all.end())
      return std::unexpected(Error{.kind = ErrorKind::invalid_request,
                                   .message = std::string(name) + ": there is no such model in the list",
                                   .hint = "use what the page before has given, or begin anew",
                                   .param = std::string(name)});
    const auto at = static_cast<std::size_t>(found - all.begin());
    if (name == after_name)
      begin = at + 1;
    else
      end = at;
  }
  end = std::max(begin, end);
  ModelList list{.has_more = end - begin > size};
  if (list.has_more && !before.empty())
    begin = end - size;
  else if (list.has_more)
    end = begin + size;
  list.models.assign(std::move_iterator(all.begin() + static_cast<std::ptrdiff_t>(begin)),
                     std::move_iterator(all.begin() + static_cast<std::ptrdiff_t>(end)));
  return list;
}

std::string models_page(const ModelList& list, DialectId dialect, std::int64_t created_unix_seconds) {
  const std::vector<ListedModel>& models = list.models;
  std::string page;
  json::Writer out(page);
  out.begin_object();
  if (dialect == DialectId::openai_chat) out.member("object", "list");
  out.key(dialect == DialectId::gemini ? "models" : "data").begin_array();
  for (const ListedModel& model : models) write_model(out, model, dialect, created_unix_seconds);
  out.end_array();
  if (dialect == DialectId::anthropic_messages) {
    out.member("has_more", list.has_more).key("first_id");
    models.empty() ? out.null() : out.string(models.front().id);
    out.key("last_id");
    models.empty() ? out.null() : out.string(models.back().id);
  }
  if (dialect == DialectId::gemini && list.has_more) out.member("nextPageToken", models.back().id);
  out.end_object();
  return page;
}

std::string model_page(const ListedModel& model, DialectId dialect, std::int64_t created_unix_seconds) {
  std::string page;
  json::Writer out(page);
  write_model(out, model, dialect, created_unix_seconds);
  return page;
}

}  // namespace sluice::gateway
