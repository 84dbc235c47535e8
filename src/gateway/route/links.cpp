#include "gateway/route/links.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/address.h"

namespace sluice::gateway {
namespace {

// The dialects' own, and those that engines have besides (vLLM, SGLang).
constexpr std::array<std::string_view, 7> link_members = {"image_url", "file_url", "audio_url", "video_url",
                                                          "fileUri",   "file_uri", "source"};

bool is_link_member(std::string_view name) {
  if (name.size() < 6 || name.size() > 9) return false;
  return std::ranges::find(link_members, name) != link_members.end();
}

bool is_tool_use(json::Value object) {
  for (const auto& [name, value] : object.members())
    if (name == "type" && value.string().value_or("").ends_with("tool_use")) return true;
  return false;
}

// Members are walked rather than looked up: of two with one name an engine may take the other.
class Walk {
 public:
  void visit_request(json::Value request) {
    for (const auto& [name, value] : request.members()) {
      if (name == "tools") visit_tools(value);
      if (name == "tools" || name == "functions" || name == "metadata") continue;
      visit_member(name, value);
    }
  }
  std::vector<InternalLink> take_found() { return std::move(found_); }

 private:
  void visit_member(std::string_view name, json::Value value) {
    if (is_link_member(name)) {
      note(name, value);
      for (const auto& [inner, link] : value.members())
        if (inner == "url") note(name, link);
    }
    visit(value);
  }
  // An engine that calls tools by itself opens the server that has them.
  void visit_tools(json::Value tools) {
    for (const json::Value& tool : tools.elements())
      for (const auto& [name, value] : tool.members())
        if (name == "server_url") note(name, value);
  }
  // The parser bounds the depth.
  void visit(json::Value value) {
    if (value.is_array())
      for (const json::Value& each : value.elements()) visit(each);
    if (!value.is_object()) return;
    for (const auto& [name, member] : value.members()) {
      if (name == "args" || name == "response" || (name == "input" && is_tool_use(value))) continue;
      visit_member(name, member);
    }
  }
  void note(std::string_view member, json::Value link) {
    const auto text = link.string();
    if (!text) return;
    std::string host = internal_host_of(*text);
    if (host.empty() || std::ranges::find(found_, host, &InternalLink::host) != found_.end()) return;
    found_.push_back({std::string(member), std::move(host)});
  }

  std::vector<InternalLink> found_;
};

}  // namespace

std::vector<InternalLink> internal_links(json::Value body) {
  Walk walk;
  walk.visit_request(body);
  return walk.take_found();
}

std::vector<InternalLink> internal_links_of_batch(std::string_view lines) {
  Walk walk;
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(lines.size(), line.size() + 1));
    const auto parsed = json::Document::parse(line);
    if (!parsed) continue;
    for (const auto& [name, body] : parsed->root().members())
      if (name == "body") walk.visit_request(body);
  }
  return walk.take_found();
}

}  // namespace sluice::gateway
