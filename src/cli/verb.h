// What the verbs share: the flags that each of them takes, how it is declared, and how it hands over what it will do.
// Parsing only fills values; the chosen verb runs afterwards, so that a wrong flag never leaves half a job done.
#pragma once

#include <CLI/App.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cli/console.h"
#include "cli/exit_code.h"

namespace sluice::cli {

// One command line: what was asked for, and the outside that it runs in.
struct Invocation {
  explicit Invocation(Console& where) : console(where) {}
  Console& console;
  std::string data_dir;                 // --data, else default_data_dir()
  std::string output = "table";         // -o: "table" or "json"
  std::function<Result<int>()> action;  // what the chosen verb does; its value is the exit code

  bool json() const { return output == "json"; }
};

// SLUICE_DATA, else $XDG_DATA_HOME/sluice, else ~/.local/share/sluice; "sluice-data" when there is no home either.
std::string default_data_dir(const Console& console);

struct VerbText {
  std::string name;
  std::string description;
  std::string example;  // one or more command lines, without indentation
};

// Declares a verb that can be run: with --data and -o, and its example under --help.
CLI::App& add_verb(CLI::App& parent, Invocation& invocation, const VerbText& text);

// Declares a group of verbs such as `keys`.
CLI::App& add_group(CLI::App& parent, const VerbText& text);

// The option takes one of these words; said in the help, checked, and offered by the shell completions.
CLI::Option* one_of(CLI::Option* option, std::vector<std::string> words);

// The option takes a whole number within the range. `without` says what happens when it is left out; may be empty.
CLI::Option* whole_number(CLI::Option* option, std::int64_t min, std::int64_t max, std::string without = {});

constexpr std::int64_t most_tokens = 1'000'000'000;  // of one request; far beyond any model

// Value names that the shell completions understand; the words of one_of are the third kind.
constexpr const char* file_value = "FILE";
constexpr const char* directory_value = "DIR";

// Lets `run` do the work when the verb is chosen. `flags` holds the values that the verb's options write to; it is
// shared so that it lives as long as either may need it.
template <class Flags>
void on_selected(CLI::App& verb, Invocation& invocation, std::shared_ptr<Flags> flags,
                 Result<int> (*run)(const Flags&, Invocation&)) {
  verb.callback(
      [&invocation, flags, run] { invocation.action = [&invocation, flags, run] { return run(*flags, invocation); }; });
}

}  // namespace sluice::cli
