// What a recorded answer of a provider costs, line by line: its usage is read as the gateway reads it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "catalog/price_book.h"
#include "dialects/dialect.h"

namespace sluice::prices {

// The dialect of that name; null when it is none whose answers tell usage.
std::unique_ptr<dialects::Dialect> make_dialect(chat::DialectId id);

struct RecordedAnswer {
  chat::Usage usage;
  std::string model;  // that the answer says has answered; may be empty
  bool stream = false;
};

// `text`: the JSON of a whole answer, or the events of a stream as they came. Errors: invalid_request when it is
// neither, or tells no usage.
Result<RecordedAnswer> read_answer(const dialects::Dialect& dialect, std::string_view text);

// An answer's bill. Without a fact: unpriced.
struct Bill {
  const catalog::PriceFact* fact = nullptr;  // borrowed from the book
  bool other_tier = false;  // the service tier has no price of its own, so the standard one's was taken
  std::vector<catalog::CostLine> lines;
  std::optional<Money> total;
};
Bill bill(const catalog::Quote& quote, chat::ServiceTier tier, const catalog::Quantities& used);

}  // namespace sluice::prices
