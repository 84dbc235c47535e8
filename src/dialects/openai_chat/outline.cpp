// Lane 1: the few facts of a request, and the two changes that are made to its bytes.
#include <algorithm>

#include "dialects/cut.h"
#include "dialects/fields.h"
#include "dialects/openai_chat/parts.h"
#include "dialects/seal.h"
#include "dialects/shared_parts.h"
#include "dialects/text_scan.h"

namespace sluice::dialects::openai {
namespace {

constexpr std::int64_t max_choices = 128;  // the API's own limit on n

// The change that sets the usage flag within the client's stream_options; every other byte of them stays. outline() has
// refused options that give the flag twice.
BodyChange with_usage(std::string_view body, json::Span options) {
  const std::string_view text = body.substr(options.begin, options.end - options.begin);
  if (text.front() != '{') return {options, R"({"include_usage":true})"};  // null
  const auto flag = json::find_members(text, {"include_usage"});
  if (flag && flag->front())
    return {{options.begin + flag->front()->begin, options.begin + flag->front()->end}, "true"};
  const bool empty = text.find_first_not_of(" \t\r\n", 1) == text.size() - 1;
  return {{options.begin + 1, options.begin + 1}, empty ? R"("include_usage":true)" : R"("include_usage":true,)"};
}

bool may_be_foreign(std::string_view text, const BodyEdit& edit) {
  return has_seal(text) || (edit.is_foreign && text.contains("reasoning"));
}

bool is_foreign(std::string_view detail, const BodyEdit& edit) {
  if (!may_be_foreign(detail, edit)) return false;
  const auto parsed = json::Document::parse(detail);
  if (!parsed) return false;
  for (const char* member : {"data", "signature"}) {
    const std::string_view state = parsed->root()[member].string().value_or("");
    if (state.starts_with(seal_mark) || (edit.is_foreign && !state.empty() && edit.is_foreign(state))) return true;
  }
  return false;
}

// What Sluice has sealed of another provider's reasoning, or knows to be another vendor's, is not for this one: those
// elements of reasoning_details go.
std::string without_foreign_details(std::string body, const BodyEdit& edit) {
  const auto found = json::find_members(body, {"messages"});
  if (!found || !found->front()) return body;
  const std::size_t offset = found->front()->begin;
  const std::string_view messages = at(body, *found->front());
  std::vector<json::Span> cuts;
  for (const json::Span& place : json::find_elements(messages)) {
    const std::string_view message = at(messages, place);
    if (!may_be_foreign(message, edit)) continue;
    const auto details = json::find_members(message, {"reasoning_details"});
    if (!details || !details->front()) continue;
    const std::string_view array = at(message, *details->front());
    const std::vector<json::Span> elements = json::find_elements(array);
    std::vector<bool> kept;
    for (const json::Span& element : elements) kept.push_back(!is_foreign(at(array, element), edit));
    cut_elements(elements, kept, offset + place.begin + details->front()->begin, cuts);
  }
  if (!cuts.empty() && edit.dropped_params) edit.dropped_params->emplace_back("messages.reasoning_details");
  return without(body, std::move(cuts));
}

}  // namespace

Result<RequestOutline> outline(std::string_view body, const json::Document& parsed) {
  TRY(const Fields fields, Fields::of(parsed.root(), ""));
  TRY(RequestOutline result, outline_of_messages(fields));
  TRY(const auto limit, fields.integer("max_completion_tokens", 0, max_tokens_limit));
  TRY(const auto old_limit, fields.integer("max_tokens", 0, max_tokens_limit));
  // A provider goes by the one that it knows, so what is reserved is the larger.
  result.max_output_tokens = limit && old_limit ? std::max(*limit, *old_limit) : limit ? limit : old_limit;
  TRY(const auto choices, fields.integer("n", 1, max_choices));
  result.choices = choices.value_or(1);
  if (has_word(body, "\"image_url\"", 6))
    count_images(fields["messages"], "image_url", [](json::Value part) { return part["image_url"]["url"]; }, result);
  if (fields["stream_options"].exists()) {
    TRY(const Fields options, Fields::of(fields["stream_options"], "stream_options"));
    TRY(const auto include, options.boolean("include_usage"));
    result.wants_stream_usage = include.value_or(false);
  }
  TRY(const auto spans, json::find_members(body, {"model", "stream_options", "messages", "stream", "max_tokens",
                                                  "max_completion_tokens", "n", "tools"}));
  result.model_begin = spans[0]->begin;
  result.model_end = spans[0]->end;
  result.stream_options = spans[1];
  if (const auto options = result.stream_options)
    CHECK_OK(json::find_members(body.substr(options->begin, options->end - options->begin), {"include_usage"}));
  return result;
}

std::string edit(std::string_view body, const RequestOutline& outline, const BodyEdit& edit) {
  std::vector<BodyChange> changes(1);
  changes[0].place = {outline.model_begin, outline.model_end};
  json::append_quoted(changes[0].text, edit.model);
  if (edit.ask_for_stream_usage && outline.stream && !outline.wants_stream_usage) {
    if (const auto options = outline.stream_options)
      changes.push_back(with_usage(body, *options));
    else
      changes[0].text += R"(,"stream_options":{"include_usage":true})";
  }
  if (changes.size() == 2 && changes[1].place.begin < changes[0].place.begin) std::swap(changes[0], changes[1]);
  if (may_be_foreign(body, edit)) return without_foreign_details(with_changes(body, changes), edit);
  return with_changes(body, changes, edit.kept);
}

}  // namespace sluice::dialects::openai
