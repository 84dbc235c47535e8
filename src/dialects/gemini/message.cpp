#include "dialects/gemini/message.h"

#include <algorithm>
#include <charconv>

namespace sluice::dialects::gemini {

std::string snake_case(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c >= 'A' && c <= 'Z')
      out.append(1, '_').append(1, static_cast<char>(c - 'A' + 'a'));
    else
      out += c;
  }
  return out;
}

std::string camel_case(std::string_view name) {
  std::string out;
  bool upper = false;
  for (const char c : name) {
    if (c == '_' && !out.empty()) {
      upper = true;
      continue;
    }
    out += upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    upper = false;
  }
  return out;
}

Result<Message> Message::of(json::Value object, std::string path) {
  TRY(const Fields fields, Fields::of(object, std::move(path)));
  return Message(fields);
}

std::string Message::spelling(std::string_view name) const {
  if (fields_[name].exists()) return std::string(name);
  std::string snake = snake_case(name);
  return fields_[snake].exists() ? snake : std::string(name);
}

Result<std::optional<std::int64_t>> Message::integer(std::string_view name, std::int64_t min, std::int64_t max) const {
  const auto text = (*this)[name].string();
  if (!text) return fields_.integer(spelling(name), min, max);
  std::int64_t value = 0;
  const auto [end, fault] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (fault != std::errc() || end != text->data() + text->size() || value < min || value > max)
    return bad_field(path(name), "an integer between " + std::to_string(min) + " and " + std::to_string(max) +
                                     " is expected, not '" + std::string(*text) + "'");
  return std::optional(value);
}

Result<std::optional<Message>> Message::message(std::string_view name) const {
  const json::Value value = (*this)[name];
  if (!value.exists()) return std::nullopt;
  TRY(Message found, of(value, path(name)));
  return std::optional(std::move(found));
}

std::vector<std::string> Message::others(std::initializer_list<std::string_view> known) const {
  std::vector<std::string> names;
  for (const std::string_view name : fields_.others({})) {
    std::string camel = camel_case(name);
    if (std::ranges::find(known, camel) == known.end()) names.push_back(std::move(camel));
  }
  return names;
}

namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// 0 to 63; -1 for what is in neither alphabet.
int digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+' || c == '-') return 62;
  if (c == '/' || c == '_') return 63;
  return -1;
}

std::string_view without_padding(std::string_view text) {
  for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  return text;
}

}  // namespace

std::string to_base64(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = group << 8U | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k) out += i + k <= bytes.size() ? alphabet[(group >> (18U - 6U * k)) & 63U] : '=';
  }
  return out;
}

std::optional<std::string> from_base64(std::string_view text) {
  text = without_padding(text);
  if (text.size() % 4 == 1) return std::nullopt;
  std::string out;
  out.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t group = 0;
  unsigned bits = 0;
  for (const char c : text) {
    const int value = digit(c);
    if (value < 0) return std::nullopt;
    group = group << 6U | static_cast<std::uint32_t>(value);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out += static_cast<char>(static_cast<unsigned char>(group >> bits));
  }
  return out;
}

std::string standard_base64(std::string_view text) {
  const std::string_view digits = without_padding(text);
  std::string out;
  out.reserve(digits.size() + 3);
  for (const char c : digits) out += c == '-' ? '+' : c == '_' ? '/' : c;
  while (out.size() % 4 != 0) out += '=';
  return out;
}

}  // namespace sluice::dialects::gemini
