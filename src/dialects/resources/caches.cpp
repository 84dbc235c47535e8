#include "dialects/resources/caches.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <ranges>
#include <vector>

#include "dialects/fields.h"
#include "dialects/gemini/gemini.h"
#include "dialects/resources/resources.h"

namespace sluice::dialects {
namespace {

// "2026-11-27T23:05:00.123456Z", as Google writes times; a fraction of a second is left out.
std::optional<std::int64_t> unix_us(std::string_view time) {
  constexpr std::size_t seconds_end = 19;
  if (time.size() < seconds_end + 1 || !time.ends_with('Z')) return std::nullopt;
  const auto number = [&](std::size_t at, std::size_t digits) {
    int value = -1;
    const char* const end = time.data() + at + digits;
    return std::from_chars(time.data() + at, end, value).ptr == end ? value : -1;
  };
  const int hours = number(11, 2);
  const int minutes = number(14, 2);
  const int seconds = number(17, 2);
  const std::chrono::year_month_day day{std::chrono::year(number(0, 4)),
                                        std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                        std::chrono::day(static_cast<unsigned>(number(8, 2)))};
  if (!day.ok() || hours < 0 || minutes < 0 || seconds < 0) return std::nullopt;
  const auto at = std::chrono::sys_days(day) + std::chrono::hours(hours) + std::chrono::minutes(minutes) +
                  std::chrono::seconds(seconds);
  return std::chrono::microseconds(at.time_since_epoch()).count();
}

struct Change {
  json::Span place;
  std::string value;  // without quotes
};

// The place of a member, by any of its names, in the object that stands at `object` in the text.
Result<std::optional<json::Span>> place_of(std::string_view text, std::optional<json::Span> object,
                                           const std::vector<std::string_view>& names) {
  if (!object || text[object->begin] != '{') return std::nullopt;
  TRY(const auto found, json::find_members(text.substr(object->begin, object->end - object->begin), names));
  std::optional<json::Span> place;
  for (const std::optional<json::Span>& one : found) {
    if (!one) continue;
    if (place) return bad_field(std::string(names.front()), "it is there under two names", "name it once");
    place = json::Span{object->begin + one->begin, object->begin + one->end};
  }
  return place;
}

std::string model_here(std::string_view provider, std::string_view name) {
  return "models/" + std::string(provider) + "/" + std::string(plain_model(name));
}

// Of one batch's object, whose facts are in its metadata.
void name_batch_here(std::string_view answer, json::Span batch, std::string_view provider,
                     std::vector<Change>& changes) {
  const auto metadata = place_of(answer, batch, {"metadata"});
  if (!metadata) return;
  const auto model = place_of(answer, *metadata, {"model"});
  if (!model || !*model || answer[(*model)->begin] != '"') return;
  const json::Span text{(*model)->begin + 1, (*model)->end - 1};
  changes.push_back({text, model_here(provider, answer.substr(text.begin, text.end - text.begin))});
}

// Of one cache's object, which begins at `offset` in the answer.
void name_here(std::string_view object, std::size_t offset, std::string_view provider, std::vector<Change>& changes) {
  const auto found = json::find_members(object, {"name", "model"});
  if (!found) return;
  for (const bool is_model : {false, true}) {
    const std::optional<json::Span>& span = (*found)[is_model ? 1 : 0];
    if (!span || object[span->begin] != '"') continue;
    const std::string_view text = object.substr(span->begin + 1, span->end - span->begin - 2);
    std::string value =
        is_model ? model_here(provider, text) : std::string(caches.substr(1)) + "/" + std::string(cache_id(text));
    changes.push_back({{offset + span->begin + 1, offset + span->end - 1}, std::move(value)});
  }
}

}  // namespace

std::string_view cache_id(std::string_view name) {
  const std::string_view marked = caches;
  if (name.starts_with(marked.substr(1)) && name.substr(marked.size() - 1).starts_with('/'))
    return name.substr(marked.size());
  const std::size_t at = name.rfind("/cachedContents/");
  return at == std::string_view::npos ? name : name.substr(at + marked.size() + 1);
}

// Of URIs that lead to Google's own API whatever follows is a file's id, so that no way to write one is missed. On
// other hosts, which may stand for Google's, only what looks like one of its files.
std::string_view google_file_id(std::string_view uri) {
  if (uri.starts_with("gs://")) return {};
  uri = uri.substr(0, uri.find_first_of("?#"));
  std::string lower(uri);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  const std::size_t scheme = lower.find("://");
  const std::string_view host = scheme == std::string::npos ? std::string_view()
                                                            : std::string_view(lower).substr(
                                                                  scheme + 3, lower.find('/', scheme + 3) - scheme - 3);
  const bool names_api = host.contains("generativelanguage.") || scheme == std::string::npos;
  const auto is_place = [&](std::string_view version) {
    const std::size_t at = lower.rfind(std::string(version) + "/files/");
    return at != std::string::npos && !std::string_view(lower).substr(at + version.size() + 7).contains('/');
  };
  if (!names_api && !std::ranges::any_of(std::array<std::string_view, 2>{"/v1beta", "/v1alpha"}, is_place)) return {};
  while (uri.ends_with('/')) uri.remove_suffix(1);
  std::string_view id = uri.substr(uri.rfind('/') + 1);
  return id.substr(0, id.find(':'));
}

std::string_view plain_model(std::string_view name) {
  constexpr std::string_view prefix = "models/";
  if (name.starts_with(prefix)) return name.substr(prefix.size());
  const std::size_t at = name.rfind("/publishers/google/models/");
  return at == std::string_view::npos ? name : name.substr(name.find(prefix, at) + prefix.size());
}

Result<std::vector<json::Span>> models_in_batch(std::string_view body) {
  std::vector<json::Span> places;
  const auto note = [&](std::optional<json::Span> object) -> Result<void> {
    TRY(const auto model, place_of(body, object, {"model"}));
    if (model) places.push_back(*model);
    return {};
  };
  TRY(const auto batch, place_of(body, json::Span{body.find('{'), body.size()}, {"batch"}));
  CHECK_OK(note(batch));
  TRY(const auto input, place_of(body, batch, {"inputConfig", "input_config"}));
  TRY(const auto inlined, place_of(body, input, {"requests"}));
  TRY(const auto requests, place_of(body, inlined, {"requests"}));
  if (requests)
    for (const json::Span& one : json::find_elements(body.substr(requests->begin, requests->end - requests->begin))) {
      const json::Span item{requests->begin + one.begin, requests->begin + one.end};
      TRY(const auto request, place_of(body, item, {"request"}));
      CHECK_OK(note(request));
    }
  std::ranges::sort(places, {}, &json::Span::begin);
  return places;
}

std::string model_at_google(std::string_view model, std::string_view account) {
  const std::string name = gemini_resource_name(model);
  return account.empty() ? name : std::string(account) + "/publishers/google/" + name;
}

std::optional<std::int64_t> kept_until_us(const ResourceCall& call, json::Value answer) {
  // A client that has just been told of a cache's end may still ask for it.
  constexpr std::int64_t grace_us = 3'600'000'000;
  std::string_view time;
  if (call.collection == caches)
    time = answer["expireTime"].string().value_or("");
  else if (call.is_upload)
    time = answer["file"]["expirationTime"].string().value_or("");
  const auto until = unix_us(time);
  return until ? std::optional(*until + grace_us) : std::nullopt;
}

std::string with_names_here(const ResourceCall& call, std::string_view provider, std::string answer) {
  const bool is_batch = call.collection == google_batches && call.is_google;
  if ((call.collection != caches && !is_batch) || !json::Document::parse(answer)) return answer;
  std::vector<Change> changes;
  const std::string_view text = answer;
  const auto name_one = [&](json::Span one) {
    if (is_batch)
      name_batch_here(text, one, provider, changes);
    else
      name_here(text.substr(one.begin, one.end - one.begin), one.begin, provider, changes);
  };
  const auto list = json::find_members(text, {is_batch ? google_operations : caches.substr(1)});
  if (list && list->front()) {
    const json::Span items = *list->front();
    for (const json::Span& item : json::find_elements(text.substr(items.begin, items.end - items.begin)))
      name_one({items.begin + item.begin, items.begin + item.end});
  } else {
    name_one({text.find('{') == std::string_view::npos ? 0 : text.find('{'), text.size()});
  }
  std::ranges::sort(changes, {}, [](const Change& change) { return change.place.begin; });
  for (const Change& change : changes | std::views::reverse)
    answer.replace(change.place.begin, change.place.end - change.place.begin, change.value);
  return answer;
}

}  // namespace sluice::dialects
