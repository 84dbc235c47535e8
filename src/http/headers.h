// Header fields in the order they came. Names compare without case; a value never holds CR, LF or NUL.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::http {

struct Field {
  std::string_view name;
  std::string_view value;  // without blanks around it
};

// Owns its fields as the text that goes out: a head is sent, and copied, in one piece. What a look-up gives is good
// until the next change.
class Headers {
 public:
  class Iterator;

  Headers() = default;
  Headers(std::initializer_list<Field> fields) {
    for (const Field& field : fields) add(field.name, field.value);
  }

  // The first value of a name.
  std::optional<std::string_view> get(std::string_view name) const;
  std::size_t count(std::string_view name) const;
  // A field that could break out of its line is left out.
  void add(std::string_view name, std::string_view value);
  void set(std::string_view name, std::string_view value);  // replaces every field of that name by one
  void remove(std::string_view name);
  Iterator begin() const;
  Iterator end() const;
  std::size_t size() const { return places_.size(); }
  // "name: value" and CR LF for each field.
  std::string_view text() const { return text_; }

 private:
  static constexpr std::size_t usual_count = 24;
  static constexpr std::size_t usual_bytes = 750;
  struct Place {
    std::uint32_t begin;
    std::uint32_t name_bytes;
    std::uint32_t value_bytes;
  };
  Field field(const Place& place) const;
  std::string text_;
  std::vector<Place> places_;
};

class Headers::Iterator {
 public:
  using value_type = Field;
  using difference_type = std::ptrdiff_t;
  Iterator() = default;
  Field operator*() const { return headers_->field(headers_->places_[index_]); }
  Iterator& operator++() {
    ++index_;
    return *this;
  }
  Iterator operator++(int) {
    Iterator before = *this;
    ++index_;
    return before;
  }
  friend bool operator==(const Iterator&, const Iterator&) = default;

 private:
  friend class Headers;
  Iterator(const Headers& headers, std::size_t index) : headers_(&headers), index_(index) {}
  const Headers* headers_ = nullptr;
  std::size_t index_ = 0;
};

inline Headers::Iterator Headers::begin() const { return {*this, 0}; }
inline Headers::Iterator Headers::end() const { return {*this, places_.size()}; }

// No CR, LF, NUL or other control character but tab: safe to be written as a header value.
bool is_field_value(std::string_view value);
// Appends "name: value" and CR LF, unless the field could break out of its line.
void append_field(std::string& out, std::string_view name, std::string_view value);

namespace detail {
bool equal_ignoring_case(const char* a, const char* b, std::size_t size);
}
inline bool equal_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  // Nearly all that differ do so in their first letter.
  return a.empty() || (((a[0] ^ b[0]) & ~0x20) == 0 && detail::equal_ignoring_case(a.data(), b.data(), a.size()));
}

}  // namespace sluice::http
