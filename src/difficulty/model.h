// A trained difficulty score: how probable it is that an answer of one candidate fails its checks, from a request's
// features. A logistic regression; `sluice route train` makes it of what has been recorded. Immutable.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "difficulty/features.h"

namespace sluice::difficulty {

inline constexpr std::int64_t model_version = 1;
// 529 numbers of at most 25 characters.
inline constexpr std::size_t most_model_bytes = std::size_t{16} << 10;

struct Model {
  std::string target = {};    // provider/model whose answers it was trained on
  std::int64_t rows = 0;      // trained on
  std::int64_t held_out = 0;  // rows that it was measured on, newer than those
  std::int64_t failed = 0;    // of all
  double auc = 0;             // of the held-out ones
  double bias = 0;
  std::array<double, numbers> number = {};
  std::array<double, buckets> word = {};

  // From 0 (easy) to 1 (hard); calibrated on the recorded outcomes. About a microsecond.
  double score(const Features& features) const;
};

std::string to_json(const Model& model);
// Errors: invalid_request, with what is wrong, for what is too long, of another version, or no model.
Result<Model> read_model(std::string_view text);

}  // namespace sluice::difficulty
