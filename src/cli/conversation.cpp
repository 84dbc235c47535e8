#include "cli/conversation.h"

#include <istream>
#include <ostream>

#include "cli/answer_text.h"
#include "cli/exit_code.h"

namespace sluice::cli {
namespace {

constexpr const char* help_text =
    "/model NAME  ask another model from here on (without a name: say which one it is)\n"
    "/clear       forget what was said\n"
    "/help        this\n"
    "/quit        leave; so does ctrl-D. Ctrl-C ends an answer that is being written\n";

chat::Message message(chat::Role role, std::string text) {
  return {.role = role, .blocks = {chat::Text{std::move(text)}}};
}

std::string trimmed(std::string text) {
  text.erase(text.find_last_not_of(" \t\r") + 1);
  text.erase(0, std::min(text.find_first_not_of(" \t"), text.size()));
  return text;
}

}  // namespace

Result<int> Conversation::run() {
  if (console_.in_is_terminal && !options_.json)
    console_.out << styled("Talking to " + printable_line(options_.model) + ". /help shows what else you can type.",
                           Style::dim, console_.colour())
                 << '\n';
  std::string line;
  while (read_line(line)) {
    if (line.empty()) continue;
    if (line.starts_with('/')) {
      if (obey(line) == Next::leave) return exit_ok;
      continue;
    }
    if (Result<void> answered = answer(line); !answered && !console_.in_is_terminal)
      return std::unexpected(std::move(answered).error());
  }
  if (console_.in_is_terminal) console_.out << '\n';
  return exit_ok;
}

bool Conversation::read_line(std::string& line) {
  while (true) {
    if (console_.in_is_terminal) console_.out << styled("> ", Style::bold, console_.colour()) << std::flush;
    if (std::getline(console_.in, line)) {
      line = trimmed(std::move(line));
      return true;
    }
    // Ctrl-C at the prompt throws away the line that was begun; the terminal has done so already.
    if (!console_.interrupted.exchange(false)) return false;
    console_.in.clear();
    console_.out << "\n" << styled("/quit or ctrl-D leaves", Style::dim, console_.colour()) << '\n';
  }
}

Conversation::Next Conversation::obey(const std::string& command) {
  const std::size_t space = command.find(' ');
  const std::string name = command.substr(0, space);
  const std::string argument = space == std::string::npos ? "" : trimmed(command.substr(space));
  if (name == "/quit" || name == "/exit" || name == "/bye") return Next::leave;
  if (name == "/clear") {
    said_.clear();
    console_.err << "forgotten\n";
  } else if (name == "/model") {
    if (!argument.empty()) options_.model = argument;
    console_.err << "the model is " << printable_line(options_.model) << '\n';
  } else {
    if (name != "/help") console_.err << "there is no " << printable_line(name) << "; there are:\n";
    console_.err << help_text;
  }
  return Next::go_on;
}

chat::ChatRequest Conversation::request() const {
  chat::ChatRequest request;
  request.model = options_.model;
  if (!options_.system.empty()) request.system.push_back({.text = options_.system});
  request.messages = said_;
  request.stream = !options_.json;
  return request;
}

Result<void> Conversation::answer(const std::string& line) {
  said_.push_back(message(chat::Role::user, line));
  console_.interrupted = false;
  std::string text;
  const Result<Answer> answer = ask_(request(), [&](std::string_view piece) {
    text += piece;
    console_.out << (console_.out_is_terminal ? printable(piece) : std::string(piece)) << std::flush;
  });
  console_.interrupted = false;
  if (!options_.json && !(text.empty() && !answer)) console_.out << '\n';
  if (!answer) {
    const bool cut_by_person = answer.error().code == interrupted_code;
    // What was said before ctrl-C counts as said; a question without an answer is taken back.
    if (cut_by_person && !text.empty())
      said_.push_back(message(chat::Role::assistant, text));
    else
      said_.pop_back();
    if (cut_by_person) return {};
    if (console_.in_is_terminal)
      console_.err << styled(printable(answer.error().message), Style::red, console_.colour()) << '\n';
    return std::unexpected(answer.error());
  }
  said_.push_back(message(chat::Role::assistant, answer->text));
  if (options_.json)
    console_.out << answer_json(*answer) << std::endl;
  else if (const std::string facts = facts_line(*answer); !facts.empty())
    console_.err << styled(facts, Style::dim, console_.colour()) << '\n';
  return {};
}

}  // namespace sluice::cli
