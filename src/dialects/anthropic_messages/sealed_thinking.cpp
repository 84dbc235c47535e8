#include "dialects/anthropic_messages/sealed_thinking.h"

#include <algorithm>
#include <vector>

#include "dialects/cut.h"
#include "dialects/seal.h"
#include "json/json.h"

namespace sluice::dialects::anthropic {
namespace {

bool may_be_foreign(std::string_view text, const BodyEdit& edit) {
  return has_seal(text) || (edit.is_foreign && text.contains("thinking"));
}

bool is_foreign(std::string_view block, const BodyEdit& edit) {
  if (!may_be_foreign(block, edit)) return false;
  const auto parsed = json::Document::parse(block);
  if (!parsed) return false;
  const json::Value root = parsed->root();
  const bool redacted = root["type"].string() == "redacted_thinking";
  if (!redacted && root["type"].string() != "thinking") return false;
  const std::string_view state = root[redacted ? "data" : "signature"].string().value_or("");
  return state.starts_with(seal_mark) || (edit.is_foreign && !state.empty() && edit.is_foreign(state));
}

// False when nothing is left of the message: content must not be empty, so the message goes too.
bool cut_blocks(std::string_view message, std::size_t offset, const BodyEdit& edit, std::vector<json::Span>& cuts) {
  const auto content = json::find_members(message, {"content"});
  if (!content || !content->front()) return true;
  const std::vector<json::Span> blocks = json::find_elements(at(message, *content->front()));
  const std::size_t begin = content->front()->begin;
  std::vector<bool> kept;
  for (const json::Span& block : blocks) kept.push_back(!is_foreign(at(message.substr(begin), block), edit));
  if (!blocks.empty() && std::ranges::none_of(kept, std::identity())) return false;
  cut_elements(blocks, kept, offset + begin, cuts);
  return true;
}

}  // namespace

bool may_have_foreign_thinking(std::string_view body, const BodyEdit& edit) { return may_be_foreign(body, edit); }

std::string without_foreign_thinking(std::string body, const BodyEdit& edit) {
  const auto found = json::find_members(body, {"messages"});
  if (!found || !found->front()) return body;
  const std::size_t offset = found->front()->begin;
  const std::string_view messages = at(body, *found->front());
  const std::vector<json::Span> elements = json::find_elements(messages);
  std::vector<bool> kept;
  std::vector<json::Span> cuts;
  for (const json::Span& element : elements) {
    const std::string_view message = at(messages, element);
    kept.push_back(!may_be_foreign(message, edit) || cut_blocks(message, offset + element.begin, edit, cuts));
  }
  cut_elements(elements, kept, offset, cuts);
  if (!cuts.empty() && edit.dropped_params) edit.dropped_params->emplace_back("messages.content.thinking");
  return without(body, std::move(cuts));
}

}  // namespace sluice::dialects::anthropic
