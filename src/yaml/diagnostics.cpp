#include "yaml/diagnostics.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "json/json.h"

namespace sluice::yaml {
namespace {

std::string_view line_of(const std::string& text, std::uint32_t number) {
  std::string_view rest = text;
  for (std::uint32_t i = 1; i < number; ++i) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) return {};
    rest.remove_prefix(end + 1);
  }
  std::string_view line = rest.substr(0, rest.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// The line with the values of secret keys as stars, of the same length so that the caret stays right.
std::string shown(const Source& source, std::string_view line) {
  std::string text(line);
  for (const std::string& key : source.secret_keys)
    for (std::size_t at = text.find(key); at != std::string::npos; at = text.find(key, at + 1)) {
      std::size_t value = at + key.size();
      while (value < text.size() && (text[value] == '"' || text[value] == '\'' || text[value] == ' ')) ++value;
      if (value >= text.size() || text[value] != ':') continue;
      do ++value;
      while (value < text.size() && text[value] == ' ');
      if (text.substr(value, 2) == "${" || text.substr(value, 3) == "\"${") continue;  // a reference is no secret
      const char quote = value < text.size() && (text[value] == '"' || text[value] == '\'') ? text[value++] : '\0';
      const auto ends = [&](char c) { return quote ? c == quote : c == ',' || c == '}'; };
      for (; value < text.size() && !ends(text[value]); ++value) text[value] = '*';
    }
  std::ranges::replace(text, '\t', ' ');
  return text;
}

constexpr std::size_t longest_name = 128;  // a name is mistyped by a few letters; a longer one is pasted

// Both at most longest_name long.
std::size_t distance(std::string_view a, std::string_view b) {
  // Optimal string alignment: Levenshtein's, with swapped neighbours as one step.
  // Row i of the table needs the two before it: three rows that take turns.
  std::array<std::array<std::size_t, longest_name + 1>, 3> rows = {};
  for (std::size_t j = 0; j <= b.size(); ++j) rows[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto& row = rows[i % 3];
    const auto& above = rows[(i + 2) % 3];
    const auto& two_above = rows[(i + 1) % 3];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], two_above[j - 2] + 1);
    }
  }
  return rows[a.size() % 3][b.size()];
}

}  // namespace

// In the order of the text, whatever order it was checked in.
void Diagnostics::add(Diagnostic diagnostic) {
  ++(diagnostic.severity == Severity::error ? errors_ : warnings_);
  if (kept_.size() >= most_kept) return;
  const auto place = [](const Diagnostic& one) {
    return std::tuple(one.source ? std::string_view(one.source->name) : std::string_view(), one.place.line,
                      one.place.column);
  };
  const auto later = std::ranges::upper_bound(kept_, place(diagnostic), {}, place);
  kept_.insert(later, std::move(diagnostic));
}

std::string render(const Diagnostic& diagnostic, bool colour) {
  const bool error = diagnostic.severity == Severity::error;
  const std::string strong = colour ? (error ? "\x1b[1;31m" : "\x1b[1;33m") : "";
  const std::string bold = colour ? "\x1b[1m" : "";
  const std::string plain = colour ? "\x1b[0m" : "";
  std::string out = strong + (error ? "error" : "warning") + plain + bold + ": " + diagnostic.message + plain + "\n";
  if (diagnostic.source) {
    const std::string number = diagnostic.place.line ? std::to_string(diagnostic.place.line) : "";
    const std::string margin(number.size(), ' ');
    out += margin + "--> " + diagnostic.source->name;
    if (diagnostic.place.line) {
      out += ":" + number + ":" + std::to_string(diagnostic.place.column) + "\n";
      const std::string line = shown(*diagnostic.source, line_of(diagnostic.source->text, diagnostic.place.line));
      const std::size_t before =
          std::min<std::size_t>(diagnostic.place.column ? diagnostic.place.column - 1 : 0, line.size());
      const std::size_t under =
          std::clamp<std::size_t>(diagnostic.length, 1, std::max<std::size_t>(line.size() - before, 1));
      out += margin + " |\n" + number + " | " + line + "\n" + margin + " | " + std::string(before, ' ') + strong +
             std::string(under, '^') + plain;
    }
    out += "\n";
    if (!diagnostic.help.empty()) out += margin + " = help: " + diagnostic.help + "\n";
  } else if (!diagnostic.help.empty()) {
    out += " = help: " + diagnostic.help + "\n";
  }
  return out;
}

std::string Diagnostics::render(bool colour) const {
  if (errors_ + warnings_ == 0) return "";
  std::string out;
  for (const Diagnostic& diagnostic : kept_) out += yaml::render(diagnostic, colour) + "\n";
  const auto count = [](std::size_t n, const char* what) {
    return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
  };
  return out + count(errors_, "error") + ", " + count(warnings_, "warning") + "\n";
}

void write_findings(json::Writer& out, const Diagnostics& diagnostics) {
  out.begin_array();
  for (const Diagnostic& finding : diagnostics.all()) {
    out.begin_object().member("severity", finding.severity == Severity::error ? "error" : "warning");
    out.member("file", finding.source ? std::string_view(finding.source->name) : std::string_view());
    out.member("line", static_cast<std::int64_t>(finding.place.line));
    out.member("column", static_cast<std::int64_t>(finding.place.column));
    out.member("message", finding.message).member("help", finding.help).end_object();
  }
  out.end_array();
}

std::string nearest(std::string_view wrong, std::span<const std::string> known) {
  const std::string* best = nullptr;
  std::size_t best_distance = 0;
  for (const std::string& candidate : known) {
    const std::size_t longer = std::max(candidate.size(), wrong.size());
    const std::size_t shorter = std::min(candidate.size(), wrong.size());
    if (longer > longest_name || (longer - shorter) * 3 > longer) continue;
    const std::size_t steps = distance(wrong, candidate);
    if (steps * 3 > longer || (best && steps >= best_distance)) continue;
    best = &candidate;
    best_distance = steps;
  }
  return best ? *best : "";
}

}  // namespace sluice::yaml
