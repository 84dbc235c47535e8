#include "dialects/seal.h"

#include <algorithm>
#include <charconv>

#include "dialects/text_scan.h"

namespace sluice::dialects {

bool has_seal(std::string_view text) { return has_word(text, seal_mark, seal_mark.size() - 1); }

std::string seal(std::string_view issuer, std::string_view state) {
  std::string text(seal_mark);
  text.append(std::to_string(issuer.size())).append(":").append(issuer).append(state);
  return text;
}

std::optional<Sealed> open_seal(std::string_view text) {
  if (!text.starts_with(seal_mark)) return std::nullopt;
  text.remove_prefix(seal_mark.size());
  std::size_t length = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (fault != std::errc() || end == text.data() + text.size() || *end != ':') return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
  if (length > text.size()) return std::nullopt;
  return Sealed{text.substr(0, length), text.substr(length)};
}

// The kind, the item's id up to a line end, the signature.
std::string seal_thinking(std::string_view issuer, const chat::Thinking& thinking) {
  return seal(issuer, (thinking.redacted ? "r" : "s") + thinking.id + "\n" + thinking.signature);
}

chat::Thinking open_thinking(std::string_view sealed) {
  chat::Thinking thinking;
  const auto opened = open_seal(sealed);
  if (!opened) {
    thinking.signature = sealed;
    return thinking;
  }
  thinking.issuer = opened->issuer;
  const std::size_t line_end = opened->state.find('\n');
  if (line_end == std::string_view::npos) return thinking;
  thinking.redacted = opened->state.starts_with('r');
  thinking.id = opened->state.substr(std::min<std::size_t>(1, line_end), line_end - std::min<std::size_t>(1, line_end));
  thinking.signature = opened->state.substr(line_end + 1);
  return thinking;
}

}  // namespace sluice::dialects
