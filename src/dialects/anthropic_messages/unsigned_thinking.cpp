#include "dialects/anthropic_messages/unsigned_thinking.h"

#include <algorithm>

#include "json/json.h"

namespace sluice::dialects::anthropic {
namespace {

bool is_marked(const json::Value& block) {
  return block["type"].string() == "thinking" && block["signature"].string() == unsigned_mark;
}

// A message that had nothing else is left out: content must not be empty.
void write_message(json::Writer& writer, json::Value message) {
  const std::vector<json::Value> blocks = message["content"].elements();
  if (!blocks.empty() && std::all_of(blocks.begin(), blocks.end(), is_marked)) return;
  if (std::none_of(blocks.begin(), blocks.end(), is_marked)) {
    writer.raw(message.text());
    return;
  }
  writer.begin_object();
  for (const auto& [name, value] : message.members()) {
    writer.key(name);
    if (name != "content") {
      writer.raw(value.text());
      continue;
    }
    writer.begin_array();
    for (const json::Value& block : blocks)
      if (!is_marked(block)) writer.raw(block.text());
    writer.end_array();
  }
  writer.end_object();
}

}  // namespace

std::string without_unsigned_thinking(std::string body) {
  if (body.find(unsigned_mark) == std::string::npos) return body;
  const auto parsed = json::Document::parse(body);
  const auto spans = json::find_members(body, {"messages"});
  if (!parsed || !spans || !spans->front()) return body;
  std::string messages;
  json::Writer writer(messages);
  writer.begin_array();
  for (const json::Value& message : parsed->root()["messages"].elements()) write_message(writer, message);
  writer.end_array();
  return body.replace((*spans)[0]->begin, (*spans)[0]->end - (*spans)[0]->begin, messages);
}

}  // namespace sluice::dialects::anthropic
