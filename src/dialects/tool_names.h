// Names of tools that a provider's API does not take. Such a name is another one on the way out, in definitions, the
// choice and past calls, and the client's own again in what comes back. The other one depends on the name alone, so
// that the next turn has it too and the provider's prompt cache is met.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "chat/chat.h"
#include "dialects/dialect.h"

namespace sluice::dialects {

class ToolNames {
 public:
  ToolNames() = default;  // every name stays
  ToolNames(const chat::ChatRequest& request, const ToolNameRule& rule);

  bool empty() const { return theirs_.empty(); }
  // What the provider is sent, with its names; the report on it has the client's.
  Result<ProviderRequest> encode(const Dialect& provider, const chat::ChatRequest& request,
                                 const EncodeOptions& options) const;
  // The same request with the provider's names.
  chat::ChatRequest renamed(chat::ChatRequest request) const;
  // An answer and an event of a stream, with the client's names again.
  void restore(chat::ChatResponse& response) const;
  void restore(chat::ChatEvent& event) const;

 private:
  void restore(std::string& name) const;

  std::unordered_map<std::string, std::string> theirs_;  // by the client's name
  std::unordered_map<std::string, std::string> ours_;    // by the provider's
};

bool allows(const ToolNameRule& rule, std::string_view name);

}  // namespace sluice::dialects
