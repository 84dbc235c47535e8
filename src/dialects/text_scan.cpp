#include "dialects/text_scan.h"

#include "json/json.h"

namespace sluice::dialects {

bool has_word(std::string_view text, std::string_view word, std::size_t rare) {
  const std::size_t behind = word.size() - rare;
  for (std::size_t at = text.find(word[rare], rare); at != std::string_view::npos; at = text.find(word[rare], at + 1))
    if (text.size() - at >= behind && text.substr(at - rare, word.size()) == word) return true;
  return false;
}

std::size_t MemberScan::past_blanks(std::size_t from) const {
  while (from < json_.size() &&
         (json_[from] == ' ' || json_[from] == '\t' || json_[from] == '\r' || json_[from] == '\n'))
    ++from;
  return from;
}

bool MemberScan::next() {
  for (;;) {
    const std::size_t open = quotes_.next(at_);
    const std::size_t close = open < json_.size() ? quotes_.closing(open + 1) : open;
    if (close == json_.size()) return false;
    at_ = past_blanks(close + 1);
    if (at_ >= json_.size() || json_[at_] != ':') continue;  // a string in an array
    name_ = json_.substr(open + 1, close - open - 1);
    at_ = past_blanks(at_ + 1);
    first_ = at_ < json_.size() ? json_[at_] : '\0';
    string_ = {};
    if (first_ != '"') return true;
    const std::size_t end = quotes_.closing(at_ + 1);
    if (end == json_.size()) return false;
    string_ = json_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return true;
  }
}

std::string with_string_member(std::string text, std::string_view name, std::string_view value) {
  for (MemberScan scan(text); scan.next();) {
    const char first = scan.value_begins_with();
    if (scan.name() != name || (first != 'n' && first != '"')) continue;
    const std::size_t behind_name = static_cast<std::size_t>(scan.name().data() - text.data()) + name.size() + 1;
    const std::size_t begin = text.find_first_of("n\"", behind_name);
    const std::size_t size = first == 'n' ? std::string_view("null").size() : scan.string().size() + 2;
    std::string quoted;
    json::append_quoted(quoted, value);
    return text.replace(begin, size, quoted);
  }
  return text;
}

}  // namespace sluice::dialects
