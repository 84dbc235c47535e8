#include "dialects/anthropic_messages/sealed_thinking.h"

#include <algorithm>
#include <vector>

#include "dialects/seal.h"
#include "json/json.h"

namespace sluice::dialects::anthropic {
namespace {

std::string_view at(std::string_view text, json::Span span) { return text.substr(span.begin, span.end - span.begin); }

bool is_sealed(std::string_view block) {
  if (block.find(seal_mark) == std::string_view::npos) return false;
  const auto parsed = json::Document::parse(block);
  if (!parsed) return false;
  const json::Value root = parsed->root();
  const bool redacted = root["type"].string() == "redacted_thinking";
  if (!redacted && root["type"].string() != "thinking") return false;
  return root[redacted ? "data" : "signature"].string().value_or("").starts_with(seal_mark);
}

// Cuts the elements that are not kept out of an array, each with one of its commas. `offset` is where the array begins
// in the body.
void cut(const std::vector<json::Span>& elements, const std::vector<bool>& kept, std::size_t offset,
         std::vector<json::Span>& cuts) {
  const auto last_kept = std::ranges::find(kept.rbegin(), kept.rend(), true);
  const auto kept_count = static_cast<std::size_t>(kept.rend() - last_kept);  // up to the last one that stays
  for (std::size_t i = 0; i < kept_count; ++i)
    if (!kept[i]) cuts.push_back({offset + elements[i].begin, offset + elements[i + 1].begin});
  if (kept_count == elements.size()) return;
  const std::size_t from = kept_count == 0 ? elements.front().begin : elements[kept_count - 1].end;
  cuts.push_back({offset + from, offset + elements.back().end});
}

// False when nothing is left of the message: content must not be empty, so the message goes too.
bool cut_blocks(std::string_view message, std::size_t offset, std::vector<json::Span>& cuts) {
  const auto content = json::find_members(message, {"content"});
  if (!content || !content->front()) return true;
  const std::vector<json::Span> blocks = json::find_elements(at(message, *content->front()));
  const std::size_t begin = content->front()->begin;
  std::vector<bool> kept;
  for (const json::Span& block : blocks) kept.push_back(!is_sealed(at(message.substr(begin), block)));
  if (!blocks.empty() && std::ranges::none_of(kept, std::identity())) return false;
  cut(blocks, kept, offset + begin, cuts);
  return true;
}

}  // namespace

std::string without_sealed_thinking(std::string body) {
  if (body.find(seal_mark) == std::string::npos) return body;
  const auto found = json::find_members(body, {"messages"});
  if (!found || !found->front()) return body;
  const std::size_t offset = found->front()->begin;
  const std::string_view messages = at(body, *found->front());
  const std::vector<json::Span> elements = json::find_elements(messages);
  std::vector<bool> kept;
  std::vector<json::Span> cuts;
  for (const json::Span& element : elements) {
    const std::string_view message = at(messages, element);
    kept.push_back(message.find(seal_mark) == std::string_view::npos ||
                   cut_blocks(message, offset + element.begin, cuts));
  }
  cut(elements, kept, offset, cuts);
  std::ranges::sort(cuts, {}, &json::Span::begin);
  std::string out;
  out.reserve(body.size());
  std::size_t copied = 0;
  for (const json::Span& gone : cuts) {
    out.append(body, copied, gone.begin - copied);
    copied = gone.end;
  }
  return out.append(body, copied);
}

}  // namespace sluice::dialects::anthropic
