#include "dialects/tool_names.h"

#include <algorithm>
#include <span>
#include <unordered_set>

#include "base/crypto.h"

namespace sluice::dialects {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_allowed(const ToolNameRule& rule, char c) {
  return is_letter(c) || is_digit(c) || rule.others.find(c) != std::string_view::npos;
}
bool may_begin(const ToolNameRule& rule, char c) { return !rule.begins_with_letter || is_letter(c) || c == '_'; }

// "_" and so much of a digest: two names of one request meet by chance once in billions.
constexpr std::size_t digest_bytes = 4;

// What can stay of the name, for the model reads it, and a digest of all of it. `round` is another one each time.
std::string allowed_name(const ToolNameRule& rule, const std::string& name, std::size_t round) {
  const crypto::Sha256 digest = crypto::sha256(round == 0 ? name : name + "\n" + std::to_string(round));
  const std::string mark = "_" + crypto::hex(std::span(digest).first(digest_bytes));
  std::string kept = may_begin(rule, name.empty() ? '_' : name.front()) ? "" : "_";
  kept += name;
  kept.resize(std::min(kept.size(), rule.longest - mark.size()));
  for (char& c : kept)
    if (!is_allowed(rule, c)) c = '_';
  return kept + mark;
}

template <typename Request, typename Visit>
void each_name(Request& request, const Visit& visit) {
  for (auto& tool : request.tools) visit(tool.name);
  if (request.tool_choice && request.tool_choice->mode == chat::ToolChoice::Mode::named)
    visit(request.tool_choice->name);
  for (auto& message : request.messages)
    for (auto& block : message.blocks)
      if (auto* call = std::get_if<chat::ToolCall>(&block)) visit(call->name);
}

}  // namespace

bool allows(const ToolNameRule& rule, std::string_view name) {
  return !name.empty() && name.size() <= rule.longest && may_begin(rule, name.front()) &&
         std::ranges::all_of(name, [&](char c) { return is_allowed(rule, c); });
}

ToolNames::ToolNames(const chat::ChatRequest& request, const ToolNameRule& rule) {
  std::vector<const std::string*> forbidden;
  each_name(request, [&](const std::string& name) {
    if (!allows(rule, name)) forbidden.push_back(&name);
  });
  if (forbidden.empty()) return;
  std::unordered_set<std::string_view> taken;
  each_name(request, [&](const std::string& name) { taken.insert(name); });
  for (const std::string* name : forbidden) {
    if (theirs_.contains(*name)) continue;
    std::size_t round = 0;
    std::string other = allowed_name(rule, *name, round);
    while (taken.contains(other) || ours_.contains(other)) other = allowed_name(rule, *name, ++round);
    ours_.emplace(other, *name);
    theirs_.emplace(*name, std::move(other));
  }
}

chat::ChatRequest ToolNames::renamed(chat::ChatRequest request) const {
  each_name(request, [&](std::string& name) {
    if (const auto found = theirs_.find(name); found != theirs_.end()) name = found->second;
  });
  return request;
}

Result<ProviderRequest> ToolNames::encode(const Dialect& provider, const chat::ChatRequest& request,
                                          const EncodeOptions& options) const {
  if (empty()) return provider.encode_request(request, options);
  Result<ProviderRequest> sent = provider.encode_request(renamed(request), options);
  if (!sent) return sent;
  constexpr std::string_view tool = "tools=";
  for (std::string& added : sent->added_params) {
    if (!added.starts_with(tool)) continue;
    std::string name = added.substr(tool.size());
    restore(name);
    added = std::string(tool) + name;
  }
  return sent;
}

void ToolNames::restore(std::string& name) const {
  if (const auto found = ours_.find(name); found != ours_.end()) name = found->second;
}

void ToolNames::restore(chat::ChatResponse& response) const {
  if (empty()) return;
  for (chat::Block& block : response.blocks)
    if (auto* call = std::get_if<chat::ToolCall>(&block)) restore(call->name);
}

void ToolNames::restore(chat::ChatEvent& event) const {
  if (empty()) return;
  if (auto* block = std::get_if<chat::BlockStart>(&event)) restore(block->tool_name);
}

}  // namespace sluice::dialects
