// How sensitive a request's data is. A key has a class, a request's header may name a stricter one; where they differ
// the stricter one counts. Declared from the least to the most sensitive, so that `<` means "less sensitive".
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice {

enum class DataClass : std::uint8_t {
  public_data,  // anybody may see it
  internal,     // the organisation's own; may go to the providers that it has configured. The default.
  restricted,   // must not leave the engines that the organisation runs itself
};

constexpr std::string_view name(DataClass data_class) {
  switch (data_class) {
    case DataClass::public_data: return "public";
    case DataClass::internal: return "internal";
    case DataClass::restricted: return "restricted";
  }
  return "unknown";
}

// "public", "internal" or "restricted", exactly; empty for anything else.
constexpr std::optional<DataClass> data_class_from_name(std::string_view text) {
  for (DataClass data_class : {DataClass::public_data, DataClass::internal, DataClass::restricted})
    if (name(data_class) == text) return data_class;
  return std::nullopt;
}

constexpr DataClass stricter(DataClass a, DataClass b) { return a < b ? b : a; }

}  // namespace sluice
