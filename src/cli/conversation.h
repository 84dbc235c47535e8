// The loop of `sluice chat`: reads a line, obeys it or asks with all that was said before, shows the answer as it
// comes.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/chat_transport.h"
#include "cli/console.h"

namespace sluice::cli {

using Ask = std::function<Result<Answer>(const chat::ChatRequest&, const OnText&)>;

struct ConversationOptions {
  std::string model;
  std::string system;
  bool json = false;  // one JSON object per answer in place of the streamed text
};

class Conversation {
 public:
  // `console` must outlive it.
  Conversation(Ask ask, ConversationOptions options, Console& console)
      : ask_(std::move(ask)), options_(std::move(options)), console_(console) {}

  // Until /quit or the input's end. A failed question is told and taken back; the conversation goes on. When nobody
  // sits at the terminal, the first failure ends it and is the result.
  Result<int> run();

 private:
  enum class Next { go_on, leave };
  Next obey(const std::string& command);
  Result<void> answer(const std::string& line);
  chat::ChatRequest request() const;
  bool read_line(std::string& line);

  Ask ask_;
  ConversationOptions options_;
  Console& console_;
  std::vector<chat::Message> said_;
};

}  // namespace sluice::cli
