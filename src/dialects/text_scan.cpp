#include "dialects/text_scan.h"

namespace sluice::dialects {
namespace {

std::size_t past_whitespace(std::string_view text, std::size_t at) {
  while (at < text.size() && (text[at] == ' ' || text[at] == '\t' || text[at] == '\r' || text[at] == '\n')) ++at;
  return at;
}

}  // namespace

std::string_view after_key(std::string_view json, std::string_view quoted_name) {
  for (std::size_t at = json.find(quoted_name); at != std::string_view::npos; at = json.find(quoted_name, at + 1)) {
    const std::size_t colon = past_whitespace(json, at + quoted_name.size());
    if (colon < json.size() && json[colon] == ':') return json.substr(past_whitespace(json, colon + 1));
  }
  return {};
}

std::size_t string_member_bytes(std::string_view json, std::string_view quoted_name) {
  const std::string_view value = after_key(json, quoted_name);
  if (value.empty() || value[0] != '"') return 0;
  for (std::size_t quote = value.find('"', 1); quote != std::string_view::npos; quote = value.find('"', quote + 1)) {
    std::size_t backslashes = 0;
    while (value[quote - backslashes - 1] == '\\') ++backslashes;
    if (backslashes % 2 == 0) return quote - 1;
  }
  return 0;
}

}  // namespace sluice::dialects
