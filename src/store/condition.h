// What a question asks of rows, put together of conditions that all must hold. The texts are constants of the program;
// whatever is compared with them is bound.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/crypto.h"
#include "store/database.h"

namespace sluice::store {

// SQL that stands in the program's text: nothing else becomes one.
class FixedSql {
 public:
  consteval FixedSql(const char* sql) : text_(sql) {}  // NOLINT(google-explicit-constructor): a literal is one
  std::string_view text() const { return text_; }

 private:
  std::string_view text_;
};

class Condition {
 public:
  using Value = std::variant<std::int64_t, std::string, crypto::Sha256>;

  // Its values are bound behind `bound_before` others of the same statement.
  explicit Condition(int bound_before = 0) : next_(bound_before + 1) {}

  // Each `?` stands for the next of `values`; there are as many of both.
  Condition& add(FixedSql sql, std::initializer_list<Value> values = {});

  std::string text() const { return text_.empty() ? "1 = 1" : text_; }
  // The number under which the next value is bound: for what comes behind this.
  int next() const { return next_; }
  // Borrows from this until the statement's last step.
  void bind(Statement& statement) const;

 private:
  std::string text_;
  std::vector<Value> values_;
  int next_;
};

}  // namespace sluice::store
