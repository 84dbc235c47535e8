#include "http/trace_context.h"

#include <algorithm>
#include <string_view>

namespace sluice::http {
namespace {

constexpr std::size_t version_0_size = 55;        // 00-<32>-<16>-<2>
constexpr std::size_t longest_traceparent = 512;  // of a later version, which may say more behind these
constexpr std::size_t longest_tracestate = 512;
constexpr std::size_t most_members = 32;
constexpr std::size_t longest_key = 256;
constexpr std::size_t longest_value = 256;

bool is_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}
bool is_zero(std::string_view text) { return text.find_first_not_of('0') == std::string_view::npos; }

bool is_traceparent(std::string_view text) {
  if (text.size() < version_0_size || text.size() > longest_traceparent) return false;
  const std::string_view version = text.substr(0, 2);
  const std::string_view trace = text.substr(3, 32);
  const std::string_view parent = text.substr(36, 16);
  if (text[2] != '-' || text[35] != '-' || text[52] != '-') return false;
  if (!is_hex(version) || !is_hex(trace) || !is_hex(parent) || !is_hex(text.substr(53, 2))) return false;
  if (version == "ff" || is_zero(trace) || is_zero(parent)) return false;
  return text.size() == version_0_size || (version != "00" && text[version_0_size] == '-');
}

std::string_view without_blanks(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

bool is_key(std::string_view key) {
  if (key.empty() || key.size() > longest_key) return false;
  const auto is_small = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (!is_small(key[0]) && !is_digit(key[0])) return false;
  return std::ranges::all_of(key, [&](char c) {
    return is_small(c) || is_digit(c) || std::string_view("_-*/@").find(c) != std::string_view::npos;
  });
}

bool is_value(std::string_view value) {
  return !value.empty() && value.size() <= longest_value &&
         std::ranges::all_of(value, [](char c) { return c >= ' ' && c <= '~' && c != ',' && c != '='; });
}

bool is_tracestate(std::string_view text) {
  if (text.empty() || text.size() > longest_tracestate) return false;
  std::size_t members = 0;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string_view member = without_blanks(text.substr(begin, end - begin));
    begin = end + 1;
    if (member.empty()) continue;  // allowed, and counts as none
    const std::size_t equals = member.find('=');
    if (equals == std::string_view::npos || !is_key(member.substr(0, equals)) || !is_value(member.substr(equals + 1)))
      return false;
    if (++members > most_members) return false;
  }
  return members > 0;
}

}  // namespace

TraceContext trace_context(std::span<const Field> fields) {
  TraceContext context;
  std::size_t parents = 0;
  std::string state;  // several fields are one list
  for (const Field& field : fields) {
    if (equal_ignoring_case(field.name, "traceparent")) {
      if (++parents > 1 || !is_traceparent(field.value)) return {};
      context.traceparent = field.value;
    } else if (equal_ignoring_case(field.name, "tracestate")) {
      state.append(state.empty() ? "" : ",").append(field.value);
    }
  }
  if (parents == 1 && is_tracestate(state)) context.tracestate = std::move(state);
  return context;
}

}  // namespace sluice::http
