// What is wrong with a text that a person wrote, said so that the person can mend it: file:line:column, the line
// itself, a caret, the message and a hint. All errors of a text are collected and told at once. Knows nothing of YAML.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::json {
class Writer;
}

namespace sluice::yaml {

// A text with its name. `secret_keys` are the keys whose values must never be shown ("api_key"): a quoted line has
// stars in their place.
struct Source {
  std::string name;  // as the person calls it: "sluice.yaml"
  std::string text;
  std::vector<std::string> secret_keys = {};
};

// Counts from 1; 0 when the finding belongs to the text as a whole. A column is a byte's.
struct Place {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  friend bool operator==(const Place&, const Place&) = default;
};

enum class Severity : std::uint8_t { error, warning };

struct Diagnostic {
  Severity severity = Severity::error;
  std::shared_ptr<const Source> source;
  Place place;
  std::size_t length = 1;  // bytes under the caret
  std::string message;     // what was wrong
  std::string help = {};   // what to do; may be empty
};

// Collects findings, at most `most_kept` of them: a text with more errors than that is the wrong file.
class Diagnostics {
 public:
  static constexpr std::size_t most_kept = 100;

  void add(Diagnostic diagnostic);
  std::span<const Diagnostic> all() const { return kept_; }
  std::size_t errors() const { return errors_; }  // also those beyond most_kept
  bool ok() const { return errors_ == 0; }

  // Every finding like rustc prints it, then one line with the counts; "" when there is none. `colour` adds ANSI codes.
  std::string render(bool colour = false) const;

 private:
  std::vector<Diagnostic> kept_;
  std::size_t errors_ = 0;
  std::size_t warnings_ = 0;
};

// "error: message" with its place, line, caret and help.
std::string render(const Diagnostic& diagnostic, bool colour = false);

// For machines: an array of objects with severity, file, line, column, message and help.
void write_findings(json::Writer& out, const Diagnostics& diagnostics);

// The name in `known` that differs least from `wrong` (insertions, deletions, replacements and swaps of neighbours),
// when it is near enough to be meant: at most a third of its letters differ. Empty otherwise.
std::string nearest(std::string_view wrong, std::span<const std::string> known);

}  // namespace sluice::yaml
