// Header fields in the order they came. Names compare without case; a value never holds CR, LF or NUL.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::http {

struct Field {
  std::string name;
  std::string value;
};

class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<Field> fields) : fields_(fields) {}

  // The first value of a name.
  std::optional<std::string_view> get(std::string_view name) const;
  std::size_t count(std::string_view name) const;
  void add(std::string name, std::string value) {
    if (fields_.empty()) fields_.reserve(usual_count);
    fields_.push_back({std::move(name), std::move(value)});
  }
  void set(std::string_view name, std::string value);  // replaces every field of that name by one
  void remove(std::string_view name);
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }
  std::size_t size() const { return fields_.size(); }

 private:
  static constexpr std::size_t usual_count = 24;
  std::vector<Field> fields_;
};

bool equal_ignoring_case(std::string_view a, std::string_view b);
// No CR, LF, NUL or other control character but tab: safe to be written as a header value.
bool is_field_value(std::string_view value);

}  // namespace sluice::http
