#include "gateway/listen/models.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <iterator>
#include <utility>

#include "base/percent.h"
#include "base/query.h"
#include "base/utc.h"
#include "json/json.h"

namespace sluice::gateway {
namespace {

using chat::DialectId;

std::string rfc3339(std::int64_t unix_seconds) { return utc_text(unix_seconds * 1'000'000); }

std::int64_t unix_seconds(catalog::Date day) { return std::chrono::sys_seconds(day).time_since_epoch().count(); }

const std::string& display_name(const ListedModel& model) {
  return model.facts && !model.facts->display_name.empty() ? model.facts->display_name : model.id;
}

// The day from which on it is refused, once that is announced.
std::optional<catalog::Date> stops(const ListedModel& model) {
  const bool known = model.facts && model.facts->retires && !model.facts->retires->earliest;
  return known ? std::optional(model.facts->retires->day) : std::nullopt;
}

Tokens context_of(const ListedModel& model) { return model.facts ? model.facts->context : 0; }
Tokens output_of(const ListedModel& model) { return model.facts ? model.facts->max_output : 0; }

void write_count_or_null(json::Writer& out, std::string_view name, Tokens count) {
  out.key(name);
  count > 0 ? out.integer(count) : out.null();
}

// The line of Claude that it belongs to; empty: none.
std::string_view line_of(const ListedModel& model) {
  if (!model.facts || model.facts->developer != "Anthropic") return {};
  for (const std::string_view line : {"haiku", "sonnet", "opus", "fable", "mythos"})
    if (model.facts->id.contains(line)) return line;
  return {};
}

// A client's request of this API goes to it as it is, or is translated; so what stands for itself with Anthropic alone
// (batches, tools of the vendor's, ...) is a capability there and nowhere else.
void write_capabilities(json::Writer& out, const ListedModel& model) {
  const catalog::Model& facts = *model.facts;
  const chat::Takes& takes = facts.takes;
  const bool claude = facts.developer == "Anthropic";
  const bool own = model.of_anthropic;
  const auto say = [&](std::string_view name, bool supported) {
    out.key(name).begin_object().member("supported", supported).end_object();
  };
  using chat::Effort;
  const bool effort = facts.reasoning && takes.efforts != chat::Efforts{Effort::none};
  // What is not known of a model is not ruled out: the nearest is taken in its place.
  const auto knows = [&](Effort one) { return effort && (takes.efforts.empty() || takes.efforts.contains(one)); };
  out.begin_object();
  say("batch", own);
  say("citations", claude);
  say("code_execution", own);
  out.key("context_management").begin_object().member("supported", own);
  for (const char* strategy : {"clear_thinking_20251015", "clear_tool_uses_20250919", "compact_20260112"})
    out.key(strategy).null();  // which of them a model has is not known
  out.end_object().key("effort").begin_object().member("supported", effort);
  for (const Effort one : {Effort::low, Effort::medium, Effort::high, Effort::xhigh, Effort::max})
    say(chat::name(one), knows(one));
  out.end_object();
  say("image_input", facts.images);
  say("pdf_input", facts.pdf);
  out.key("server_tools").begin_object().member("supported", own);
  say("code_execution", own);
  say("web_search", own);
  out.end_object();
  say("structured_outputs", facts.structured_output);
  out.key("thinking").begin_object().member("supported", facts.reasoning).key("types").begin_object();
  say("adaptive", facts.reasoning && (!claude || takes.efforts.contains(Effort::max)));
  say("between_tools", false);
  say("disabled", !facts.reasoning || takes.efforts.empty() || takes.efforts.contains(Effort::none));
  say("enabled", facts.reasoning && (!claude || takes.sampling == chat::Sampling::taken));
  out.end_object().end_object().end_object();
}

void write_for_anthropic(json::Writer& out, const ListedModel& model, std::int64_t created) {
  const std::optional<catalog::Date> day = stops(model);
  out.member("type", "model")
      .member("id", model.id)
      .member("display_name", display_name(model))
      .member("created_at", rfc3339(created))
      .member("lifecycle", day ? "deprecated" : "active");  // what is out of service is not listed
  write_count_or_null(out, "max_input_tokens", context_of(model));
  write_count_or_null(out, "max_tokens", output_of(model));
  out.key("retires_at");
  day ? out.string(rfc3339(unix_seconds(*day))) : out.null();
  out.key("capabilities");
  if (model.facts)
    write_capabilities(out, model);
  else
    out.null();
  out.key("line");
  const std::string_view line = line_of(model);
  line.empty() ? out.null() : out.string(line);
  out.key("deprecated_at").null();  // the catalogue has the day of the end alone
}

void write_for_google(json::Writer& out, const ListedModel& model) {
  out.member("name", "models/" + model.id).member("baseModelId", model.id).member("version", "");
  out.member("displayName", display_name(model));
  if (const Tokens limit = context_of(model); limit > 0) out.member("inputTokenLimit", limit);
  if (const Tokens limit = output_of(model); limit > 0) out.member("outputTokenLimit", limit);
  out.key("supportedGenerationMethods").begin_array();
  if (model.generates)
    for (const char* method : {"generateContent", "streamGenerateContent", "countTokens"}) out.string(method);
  if (model.embeds)
    for (const char* method : {"embedContent", "batchEmbedContents"}) out.string(method);
  out.end_array();
  if (model.facts && model.facts->reasoning) out.member("thinking", true);
}

void write_for_openai(json::Writer& out, const ListedModel& model, std::int64_t created) {
  out.member("id", model.id).member("object", "model").member("created", created).member("owned_by", model.owned_by);
  if (const std::optional<catalog::Date> day = stops(model)) out.member("shutdown_date", catalog::date_text(*day));
}

void write_model(json::Writer& out, const ListedModel& model, DialectId dialect, std::int64_t created) {
  if (const auto released = catalog::parse_date(model.facts ? model.facts->released : ""))
    created = unix_seconds(*released);
  out.begin_object();
  if (dialect == DialectId::anthropic_messages)
    write_for_anthropic(out, model, created);
  else if (dialect == DialectId::gemini)
    write_for_google(out, model);
  else
    write_for_openai(out, model, created);
  out.end_object();
}

std::string decoded_value(std::string_view query, std::string_view name) {
  return decode_model_id(query_value(query, name)).value_or(std::string());
}

bool is_every_model(std::string_view name) { return name == "*" || name.ends_with("/*"); }

bool is_offered(const config::Candidate& candidate, catalog::Date today) {
  return candidate.provider->enabled && !is_every_model(candidate.model_name.str()) &&
         !(candidate.model && candidate.model->retired(today));
}

// Adds what the candidate can be asked for. Of a model that the configuration names alone, nobody knows what it is for.
void note_calls(ListedModel& listed, const catalog::Provider& provider, const catalog::Model* model) {
  const bool known = model && model->source != "configuration";
  const bool has_embeddings =
      provider.speaks(DialectId::gemini_embed) || chat::translates(provider.dialect, DialectId::gemini_embed);
  listed.generates = listed.generates || !known || model->kind == catalog::ModelKind::chat;
  listed.of_anthropic = model && model->developer == "Anthropic" && !provider.quirks.vertex &&
                        provider.speaks(DialectId::anthropic_resources);
  listed.embeds = listed.embeds || (has_embeddings && (!known || model->kind == catalog::ModelKind::embedding));
}

ListedModel listed(std::string id, const config::Candidate& candidate) {
  ListedModel one{
      .id = std::move(id), .owned_by = candidate.provider->id.str(), .facts = candidate.model, .generates = false};
  note_calls(one, *candidate.provider, candidate.model);
  return one;
}

ListedModel listed(const config::Target& route) {
  ListedModel one{.id = route.name, .owned_by = "sluice", .generates = false};
  for (const config::Candidate* candidate : route.candidates) note_calls(one, *candidate->provider, candidate->model);
  return one;
}

}  // namespace

std::optional<std::string> decode_model_id(std::string_view encoded) {
  constexpr std::size_t most_bytes = 8 * 1024;
  if (encoded.size() > most_bytes) return std::nullopt;
  return percent_decoded(encoded, false);
}

std::vector<ListedModel> list_models(const config::Snapshot& snapshot) {
  std::vector<ListedModel> models;
  const catalog::Date today = catalog::today();
  for (const config::Target& route : snapshot.routes()) models.push_back(listed(route));
  for (const auto& candidate : snapshot.candidates())
    if (is_offered(*candidate, today)) models.push_back(listed(candidate->name, *candidate));
  return models;
}

std::optional<ListedModel> find_model(const config::Snapshot& snapshot, std::string_view id) {
  const catalog::Date today = catalog::today();
  if (const config::Target* target = snapshot.find(id)) {
    if (target->kind == config::Target::Kind::route) return listed(*target);
    for (const config::Candidate* candidate : target->candidates)
      if (is_offered(*candidate, today)) return listed(std::string(id), *candidate);
    return std::nullopt;
  }
  if (is_every_model(id)) return std::nullopt;
  const config::Candidate outside = snapshot.outside_catalog(id);
  if (!outside.provider || !outside.provider->enabled) return std::nullopt;
  const bool has_catalogue = std::ranges::any_of(snapshot.candidates(), [&](const auto& candidate) {
    return candidate->provider == outside.provider && !is_every_model(candidate->model_name.str());
  });
  if (has_catalogue) return std::nullopt;
  return listed(std::string(id), outside);
}

Result<ModelList> page_of(std::vector<ListedModel> all, DialectId dialect, std::string_view query) {
  if (dialect == DialectId::openai_chat) return ModelList{std::move(all)};
  const bool google = dialect == DialectId::gemini;
  const std::string_view size_name = google ? "pageSize" : "limit";
  const std::string_view after_name = google ? "pageToken" : "after_id";
  const std::string size_text = decoded_value(query, size_name);
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
  const std::string before = google ? std::string() : decoded_value(query, "before_id");
  for (const std::string_view name : {after_name, std::string_view("before_id")}) {
    const std::string id = name == after_name ? decoded_value(query, name) : before;
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
