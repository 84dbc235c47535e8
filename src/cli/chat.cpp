// `sluice chat [MODEL]`: a conversation in the terminal. Ctrl-C ends an answer, not the conversation.
#include "cli/connection.h"
#include "cli/conversation.h"
#include "cli/verbs.h"

namespace sluice::cli {
namespace {

struct ChatFlags {
  std::string model = "auto";
  std::string model_flag;
  std::string system;
  ConnectionFlags connection;
};

Result<int> chat_verb(const ChatFlags& flags, Invocation& invocation) {
  TRY(Connection connection, Connection::open(flags.connection, invocation));
  invocation.console.catch_interrupts();
  const Ask ask = [&connection](const chat::ChatRequest& request, const OnText& on_text) {
    return connection.ask(request, on_text);
  };
  Conversation conversation(ask,
                            {.model = flags.model_flag.empty() ? flags.model : flags.model_flag,
                             .system = flags.system,
                             .json = invocation.json()},
                            invocation.console);
  return conversation.run();
}

}  // namespace

void add_chat(CLI::App& root, Invocation& invocation) {
  CLI::App& verb = add_verb(root, invocation, {"chat", "Talk to a model in the terminal", "sluice chat auto"});
  auto flags = std::make_shared<ChatFlags>();
  verb.add_option("model", flags->model, "A model's name, provider/model, or auto (the default)")->type_name("MODEL");
  verb.add_option("-m,--model", flags->model_flag, "The same as a flag")->type_name("MODEL");
  verb.add_option("--system", flags->system, "System prompt")->type_name("TEXT");
  add_connection_flags(verb, flags->connection);
  on_selected(verb, invocation, flags, chat_verb);
}

}  // namespace sluice::cli
