#include "dialects/text_scan.h"

namespace sluice::dialects {

// The quote that ends the string whose text begins at `from`: the first one with an even number of backslashes before
// it.
std::size_t MemberScan::closing_quote(std::size_t from) const {
  for (std::size_t quote = json_.find('"', from); quote != std::string_view::npos; quote = json_.find('"', quote + 1)) {
    std::size_t text_end = quote;
    while (text_end > from && json_[text_end - 1] == '\\') --text_end;
    if ((quote - text_end) % 2 == 0) return quote;
  }
  return std::string_view::npos;
}

std::size_t MemberScan::past_blanks(std::size_t from) const {
  while (from < json_.size() &&
         (json_[from] == ' ' || json_[from] == '\t' || json_[from] == '\r' || json_[from] == '\n'))
    ++from;
  return from;
}

bool MemberScan::next() {
  for (;;) {
    const std::size_t open = json_.find('"', at_);
    const std::size_t close = open == std::string_view::npos ? open : closing_quote(open + 1);
    if (close == std::string_view::npos) return false;
    at_ = past_blanks(close + 1);
    if (at_ >= json_.size() || json_[at_] != ':') continue;  // a string in an array
    name_ = json_.substr(open + 1, close - open - 1);
    at_ = past_blanks(at_ + 1);
    first_ = at_ < json_.size() ? json_[at_] : '\0';
    string_ = {};
    if (first_ != '"') return true;
    const std::size_t end = closing_quote(at_ + 1);
    if (end == std::string_view::npos) return false;
    string_ = json_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return true;
  }
}

}  // namespace sluice::dialects
