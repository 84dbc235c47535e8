// The questions of `sluice plan init`: the six criteria by which a placement is decided (use case, scale, team, cost
// structure, compliance, integration), each with a default and the reason why it is asked; and the plan file that the
// answers make.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice::plan {

struct Question {
  enum class Kind : std::uint8_t { text, word, yes_no, quantity };
  std::string_view id;  // in an answers file
  std::string_view criterion;
  std::string_view asks;
  std::string_view because;
  Kind kind;
  std::string_view otherwise;   // the answer of an empty line
  std::string_view words = {};  // of a word: separated by blanks
  double least = 0;             // of a quantity
  double most = 0;
  std::string_view only_with = {};  // asked when that one's answer is not empty
};

std::span<const Question> questions();
const Question* find_question(std::string_view id);

using Answers = std::map<std::string, std::string, std::less<>>;

// The answer as it is kept: trimmed, and the default of an empty one. Errors: what it cannot be, and what it may be.
Result<std::string> check_answer(const Question& question, std::string_view text);
// Whether the question is asked after these answers.
bool is_asked(const Question& question, const Answers& answers);

// The text of a plan file. Answers that are missing count by their defaults; those that are there have passed
// check_answer().
std::string plan_of_answers(const Answers& answers);

}  // namespace sluice::plan
