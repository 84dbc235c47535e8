// Lane 1: the few facts of a request, and the changes that are made to its bytes.
#include "dialects/cut.h"
#include "dialects/openai_responses/parts.h"
#include "dialects/seal.h"
#include "dialects/shared_parts.h"
#include "dialects/text_scan.h"

namespace sluice::dialects::responses {
namespace {

void count_images_in(json::Value parts, RequestOutline& outline) {
  for (const json::Value& part : parts.elements()) {
    if (part["type"].string() != "input_image") continue;
    ++outline.images;
    outline.image_bytes += part["image_url"].string().value_or("").size();
  }
}

// Only strings and arrays of items are known; what is missing may be in what the vendor keeps.
Result<void> check_input(const Fields& fields) {
  const json::Value input = fields["input"];
  if (!input.exists() || input.is_string()) return {};
  return fields.required_objects("input");
}

bool may_be_foreign(std::string_view text, const BodyEdit& edit) {
  return has_seal(text) || (edit.is_foreign && text.contains("encrypted_content"));
}

bool is_foreign(std::string_view item, const BodyEdit& edit) {
  if (!may_be_foreign(item, edit)) return false;
  const auto parsed = json::Document::parse(item);
  if (!parsed || parsed->root()["type"].string() != "reasoning") return false;
  const std::string_view state = parsed->root()["encrypted_content"].string().value_or("");
  return state.starts_with(seal_mark) || (edit.is_foreign && !state.empty() && edit.is_foreign(state));
}

// The API takes the model of a prompt template, which its vendor keeps: here nobody could say where such a request may
// go and what it costs.
Result<void> check_model(const Fields& fields) {
  if (fields["model"].exists()) return {};
  return bad_field(
      "model",
      fields["prompt"].exists() ? "this field is required, with a prompt template too" : "this field is required",
      "name the model that is to answer, such as openai/gpt-5.4 or auto; GET /v1/models lists them");
}

// Every byte outside of the input stays; within it only the items go that are sealed or known to be foreign.
std::string without_foreign_reasoning(std::string body, const BodyEdit& edit) {
  const auto found = json::find_members(body, {"input"});
  if (!found || !found->front()) return body;
  const json::Span place = *found->front();
  const std::string_view input = at(body, place);
  const std::vector<json::Span> items = json::find_elements(input);
  std::string kept;
  bool any_foreign = false;
  for (const json::Span& item : items) {
    if (is_foreign(at(input, item), edit))
      any_foreign = true;
    else
      kept.append(kept.empty() ? "" : ",").append(at(input, item));
  }
  if (!any_foreign) return body;
  if (edit.dropped_params) edit.dropped_params->emplace_back("input.reasoning");
  return body.substr(0, place.begin) + "[" + kept + "]" + body.substr(place.end);
}

}  // namespace

Result<RequestOutline> outline(std::string_view body, const json::Document& parsed) {
  TRY(const Fields fields, Fields::of(parsed.root(), ""));
  RequestOutline result;
  CHECK_OK(check_model(fields));
  TRY(const std::string_view model, fields.required_string("model"));
  result.model = model;
  CHECK_OK(check_input(fields));
  TRY(const auto previous, fields.string("previous_response_id"));
  if (previous && previous->empty())
    return bad_field("previous_response_id", "it must not be empty", "send the id of a response, or leave it out");
  TRY(const auto stream, fields.boolean("stream"));
  result.stream = stream.value_or(false);
  result.wants_stream_usage = true;
  TRY(result.max_output_tokens, fields.integer("max_output_tokens", 1, max_tokens_limit));
  TRY(const std::vector<json::Value> tools, fields.array("tools"));
  result.has_tools = !tools.empty();
  if (has_word(body, "\"input_image\"", 6)) {
    for (const json::Value& item : fields["input"].elements()) {
      count_images_in(item["content"], result);
      count_images_in(item["output"], result);
    }
  }
  TRY(const auto spans, json::find_members(body, {"model", "input", "stream", "max_output_tokens", "instructions",
                                                  "tools", "previous_response_id"}));
  result.model_begin = spans[0]->begin;
  result.model_end = spans[0]->end;
  return result;
}

std::string edit(std::string_view body, const RequestOutline& outline, const BodyEdit& edit) {
  BodyChange model{.place = {outline.model_begin, outline.model_end}, .text = {}};
  json::append_quoted(model.text, edit.model);
  if (may_be_foreign(body, edit)) return without_foreign_reasoning(with_changes(body, {&model, 1}), edit);
  return with_changes(body, {&model, 1}, edit.kept);
}

}  // namespace sluice::dialects::responses
