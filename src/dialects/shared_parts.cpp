#include "dialects/shared_parts.h"

#include <algorithm>

namespace sluice::dialects {

void RequestReading::note_extra(std::string name) {
  if (std::ranges::find(request_.extras, name, &std::pair<std::string, std::string>::first) == request_.extras.end())
    request_.extras.emplace_back(std::move(name), "true");
}

void RequestReading::note_others(const Fields& object, std::initializer_list<std::string_view> known,
                                 std::string_view where) {
  for (const std::string_view name : object.others(known)) note_extra(path_of(where, name));
}

bool RequestReading::knows_call(std::string_view id) const {
  return std::ranges::find(call_ids_, id) != call_ids_.end();
}

void RequestReading::note_if_empty(const Fields& message) {
  if (first_empty_.empty() && !request_.messages.empty() && request_.messages.back().blocks.empty())
    first_empty_ = message.path("content");
}

Result<void> RequestReading::refuse_if_all_empty() const {
  if (first_empty_.empty()) return {};
  for (const chat::Message& message : request_.messages)
    if (!message.blocks.empty()) return {};
  return bad_field(first_empty_, "it is empty, and no other message says anything", "send some text");
}

void RequestWriting::drop(std::string name) {
  if (std::ranges::find(out_.dropped_params, name) == out_.dropped_params.end())
    out_.dropped_params.push_back(std::move(name));
}

std::string RequestWriting::system_text() const {
  std::string joined;
  for (const std::string& text : request_.system) {
    if (!joined.empty()) joined += "\n\n";
    joined += text;
  }
  return joined;
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
