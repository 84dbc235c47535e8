// What a verb may see of the outside: three streams, the environment and whether a person sits at the terminal. Verbs
// use this and nothing else, so that a test can stand in for the terminal.
#pragma once

#include <atomic>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::cli {

struct Console {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  std::function<std::optional<std::string>(std::string_view)> env;
  bool in_is_terminal = false;
  bool out_is_terminal = false;
  std::atomic<bool>& interrupted;  // set by ctrl-C once interrupts are caught; who waits looks at it and resets it
  std::function<void()> start_catching = {};

  // From here on ctrl-C no longer ends the process but sets `interrupted` and ends a system call that waits.
  void catch_interrupts() const {
    if (start_catching) start_catching();
  }
  // A variable's value; empty text counts as unset.
  std::optional<std::string> variable(std::string_view name) const;
  // Colours only for a person, and not for one who said NO_COLOR (no-color.org) or has TERM=dumb.
  bool colour() const;
};

enum class Style { bold, dim, red, green, yellow };

// The text between ANSI codes when `on`; the text alone otherwise.
std::string styled(std::string_view text, Style style, bool on);

// Text of a model or a provider made safe for a terminal: control characters (C0 but newline and tab, DEL, C1) and
// bytes that are not UTF-8 become U+FFFD, a carriage return goes. So nothing that a model writes can move the cursor,
// change the title or fill the clipboard.
std::string printable(std::string_view text);

// The same on one line: newlines and tabs become spaces.
std::string printable_line(std::string_view text);

// Characters of UTF-8 text, which is columns for all but East Asian and combining characters.
std::size_t display_width(std::string_view text);

}  // namespace sluice::cli
