// How `chat` and `run` reach a model. The interface keeps the verbs apart from the network, so that they can be tested
// without a server; HttpTransport (http_transport.h) is the real one.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "chat/chat.h"

namespace sluice::cli {

// What the server says about an answer in its x-sluice-* headers; empty where it said nothing.
struct AnswerFacts {
  std::string request_id;
  std::string provider;
  std::string model;
  std::string ground;
  std::string attempts;
  std::string cost_usd;  // exact decimal, or "unpriced"; empty when it was not known when the headers were sent
  std::string dropped_params;
};

struct Answer {
  std::string text;
  chat::StopReason stop = chat::StopReason::end_turn;
  chat::Usage usage;
  AnswerFacts facts;
};

using OnText = std::function<void(std::string_view)>;

class ChatTransport {
 public:
  virtual ~ChatTransport() = default;
  // Asks and waits for the whole answer. With request.stream `on_text` is given its text piece by piece as it comes.
  // Errors: the server's message; code not_serving_code when nobody answers there, interrupted_code after ctrl-C.
  virtual Result<Answer> ask(const chat::ChatRequest& request, const OnText& on_text) = 0;
};

}  // namespace sluice::cli
