// Whether a whole answer can be used, by what anybody can check: it says something, it was not cut, not refused, and is
// of the form that the request has asked for. For cascades, which ask a dearer model otherwise. It judges no content.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "chat/dialect_id.h"
#include "config/workload.h"
#include "json/json.h"

namespace sluice::gateway {

// What there is of an answer, whatever its dialect.
struct AnswerText {
  std::string text;         // what the user reads
  bool calls_tool = false;  // then an empty text is as it should be
  bool cut = false;         // by the limit on its length
  bool refused = false;     // the provider says so: a refusal, or its filter
};
AnswerText read_answer(chat::DialectId dialect, json::Value answer);

// Whether the value is as the JSON Schema says, by the keywords that structured outputs have: type, enum, const,
// properties, required, additionalProperties, items, minItems, maxItems, anyOf, allOf, minimum, maximum, minLength,
// maxLength, $ref within the schema. Others are taken for kept, and so is what is left after a million steps. Empty: it
// is; else where and why not: "$.age is no integer".
std::string schema_fault(json::Value schema, json::Value value);

// Why the answer fails the first of `checks`, as a word of config::all_checks; empty: it passes. `request` is the
// client's body, of the same dialect as the answer.
std::optional<config::Check> failed_check(const config::Cascade& cascade, chat::DialectId dialect, json::Value request,
                                          std::string_view answer);
// The same of what has been read of a stream.
std::optional<config::Check> failed_check(const config::Cascade& cascade, chat::DialectId dialect, json::Value request,
                                          const AnswerText& answer);

}  // namespace sluice::gateway
