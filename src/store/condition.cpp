#include "store/condition.h"

namespace sluice::store {

Condition& Condition::add(FixedSql sql, std::initializer_list<Value> values) {
  if (!text_.empty()) text_ += " AND ";
  text_ += '(';
  for (const char c : sql.text()) {
    text_ += c;
    if (c == '?') text_ += std::to_string(next_++);
  }
  text_ += ')';
  values_.insert(values_.end(), values.begin(), values.end());
  return *this;
}

void Condition::bind(Statement& statement) const {
  for (const Value& value : values_) {
    if (const auto* number = std::get_if<std::int64_t>(&value))
      statement.bind(*number);
    else if (const auto* text = std::get_if<std::string>(&value))
      statement.bind(std::string_view(*text));
    else
      statement.bind_blob(std::get<crypto::Sha256>(value));
  }
}

}  // namespace sluice::store
