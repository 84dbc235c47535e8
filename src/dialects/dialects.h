// The list of all dialects: a new wire format is one folder and one line here.
#pragma once

#include <cstdlib>
#include <memory>
#include <vector>

#include "dialects/dialect.h"

namespace sluice::dialects {

class Dialects {
 public:
  explicit Dialects(std::vector<std::unique_ptr<Dialect>> all) : all_(std::move(all)) {}
  // Every DialectId has one: the composition root puts them all in.
  const Dialect& get(DialectId id) const {
    for (const auto& dialect : all_)
      if (dialect->id() == id) return *dialect;
    std::abort();
  }

 private:
  std::vector<std::unique_ptr<Dialect>> all_;
};

}  // namespace sluice::dialects
