// A cheap look at JSON text without parsing it, for lane 1, which sees every event of every stream: one pass over the
// members of all objects in it, whatever their depth. Text inside strings is never taken for a member. What is not JSON
// gives members that mean nothing, or none.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "json/quotes.h"

namespace sluice::dialects {

// Whether the text has the word, whose character at `rare` stands seldom in texts: that one is looked for.
bool has_word(std::string_view text, std::string_view word, std::size_t rare);

class MemberScan {
 public:
  explicit MemberScan(std::string_view json) : json_(json), quotes_(json) {}
  // Goes on to the next member; false at the end.
  bool next();
  std::string_view name() const { return name_; }    // as it stands between its quotes
  char value_begins_with() const { return first_; }  // '"', '{', 'n' of null, ...; '\0' when there is no value
  std::string_view string() const {
    return string_;
  }  // a string's bytes between its quotes, escapes as they stand; else empty

 private:
  std::size_t past_blanks(std::size_t from) const;

  std::string_view json_;
  json::Quotes quotes_;
  std::size_t at_ = 0;
  std::string_view name_;
  std::string_view string_;
  char first_ = '\0';
};

// The text with the first null or string that is the value of a member of this name replaced by `value`; as it was when
// there is none.
std::string with_string_member(std::string text, std::string_view name, std::string_view value);

}  // namespace sluice::dialects
