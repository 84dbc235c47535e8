// Whatever is taken for a form: its fields lie in it, one behind the other, and it stays the same form when one of them
// gets other content.
#include <cstdlib>

#include "dialects/form_data.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::dialects;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string_view type = input.substr(0, input.find('\0'));
  const std::string body(input.substr(std::min(type.size() + 1, input.size())));
  const auto fields = read_form(body, type);
  if (!fields) return 0;
  std::size_t at = 0;
  for (const FormField& field : *fields) {
    if (field.name.empty() || field.value.begin < at || field.value.end < field.value.begin) std::abort();
    at = field.value.end;
  }
  if (at > body.size()) std::abort();
  if (!fields->empty()) {
    std::string edited = body;
    edited.replace(fields->front().value.begin, fields->front().value.end - fields->front().value.begin, "x");
    const auto again = read_form(edited, type);
    if (!again || again->size() != fields->size()) std::abort();
  }
  if (body.starts_with("--")) {
    const auto longer = read_form(form_field(type, "model", "m") + body, type);
    if (fields->size() < 512 && (!longer || longer->size() != fields->size() + 1)) std::abort();
  }
  return 0;
}
