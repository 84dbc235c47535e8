#include "http/headers.h"

#include <algorithm>

namespace sluice::http {
namespace {
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

bool is_field_value(std::string_view value) {
  // Every byte, without a branch, so that the compiler makes vector code of it.
  unsigned control = 0;
  for (const char c : value) control |= (static_cast<unsigned char>(c) < 0x20) & (c != '\t');
  for (const char c : value) control |= c == 0x7f;
  return control == 0;
}

std::optional<std::string_view> Headers::get(std::string_view name) const {
  for (const Field& field : fields_)
    if (equal_ignoring_case(field.name, name)) return field.value;
  return std::nullopt;
}

std::size_t Headers::count(std::string_view name) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(fields_, [&](const Field& field) { return equal_ignoring_case(field.name, name); }));
}

void Headers::set(std::string_view name, std::string value) {
  remove(name);
  add(std::string(name), std::move(value));
}

void Headers::remove(std::string_view name) {
  std::erase_if(fields_, [&](const Field& field) { return equal_ignoring_case(field.name, name); });
}

}  // namespace sluice::http
