// `sluice run MODEL "prompt"`: one question, one answer, made for pipes. The text streams to stdout as it comes;
// everything else goes to stderr.
#include <fmt/format.h>

#include <istream>
#include <iterator>
#include <ostream>

#include "cli/answer_text.h"
#include "cli/connection.h"
#include "cli/verbs.h"

namespace sluice::cli {
namespace {

constexpr std::size_t most_prompt_bytes = 16 << 20;  // more than any model's context

struct RunFlags {
  std::string model;
  std::vector<std::string> words;
  std::string system;
  std::int64_t max_tokens = 0;  // 0 = not given
  bool json = false;
  ConnectionFlags connection;
};

Result<std::string> read_pipe(std::istream& in) {
  std::string text;
  for (std::istreambuf_iterator<char> at(in), end; at != end; ++at) {
    if (text.size() == most_prompt_bytes)
      return usage_error(fmt::format("the prompt on standard input is larger than {} MiB", most_prompt_bytes >> 20),
                         "send a part of it");
    text += *at;
  }
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return text;
}

// The argument, what comes through a pipe, or both: first the instruction, then what it is about.
Result<std::string> read_prompt(const RunFlags& flags, Console& console) {
  std::string prompt;
  for (const std::string& word : flags.words) prompt += (prompt.empty() ? "" : " ") + word;
  if (!console.in_is_terminal) {
    TRY(const std::string piped, read_pipe(console.in));
    if (!piped.empty()) prompt += (prompt.empty() ? "" : "\n\n") + piped;
  }
  if (prompt.empty())
    return usage_error("run needs a prompt",
                       "sluice run auto \"Name three rivers.\", or pipe it in: cat letter | sluice run auto");
  return prompt;
}

Result<int> run_prompt(const RunFlags& flags, Invocation& invocation) {
  Console& console = invocation.console;
  const bool as_json = flags.json || invocation.json();
  chat::ChatRequest request;
  request.model = flags.model;
  TRY(std::string prompt, read_prompt(flags, console));
  request.messages.push_back({.role = chat::Role::user, .blocks = {chat::Text{std::move(prompt)}}});
  if (!flags.system.empty()) request.system.push_back({.text = flags.system});
  if (flags.max_tokens > 0) request.max_output_tokens = flags.max_tokens;
  request.stream = !as_json;

  TRY(Connection connection, Connection::open(flags.connection, invocation));
  console.catch_interrupts();
  // A pipe gets the model's bytes as they are; a terminal gets them made safe.
  const auto show = [&console](std::string_view text) {
    console.out << (console.out_is_terminal ? printable(text) : std::string(text)) << std::flush;
  };
  const Result<Answer> answer = connection.ask(request, show);
  if (!as_json && (answer || console.out_is_terminal)) console.out << '\n';
  if (!answer) return std::unexpected(answer.error());
  if (as_json)
    console.out << answer_json(*answer) << '\n';
  else if (console.out_is_terminal)
    console.err << styled(facts_line(*answer), Style::dim, console.colour()) << '\n';
  return exit_ok;
}

}  // namespace

void add_run(CLI::App& root, Invocation& invocation) {
  CLI::App& verb = add_verb(root, invocation,
                            {"run", "Ask once: the answer goes to standard output",
                             "sluice run auto \"Name three rivers.\"\n"
                             "git diff | sluice run auto \"Write a commit message for this change.\""});
  auto flags = std::make_shared<RunFlags>();
  verb.add_option("model", flags->model, "A model's name, provider/model, or auto")->type_name("MODEL")->required();
  verb.add_option("prompt", flags->words, "The prompt; what is piped in comes after it")->type_name("PROMPT");
  verb.add_option("--system", flags->system, "System prompt")->type_name("TEXT");
  whole_number(verb.add_option("--max-tokens", flags->max_tokens, "Most tokens to answer with"), 1, most_tokens,
               "leave it out for the model's own limit");
  verb.add_flag("--json", flags->json, "One JSON object with text, usage, ground and cost; the same as -o json");
  add_connection_flags(verb, flags->connection);
  on_selected(verb, invocation, flags, run_prompt);
}

}  // namespace sluice::cli
