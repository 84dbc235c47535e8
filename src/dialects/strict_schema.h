// Which JSON Schemas OpenAI takes for `strict` structured output: a part of the language, in which every object is
// closed and has all of its properties. It refuses others, and so the promise cannot be asked for with them.
#pragma once

#include <string_view>

namespace sluice::dialects {

// Of the rules at https://platform.openai.com/docs/guides/structured-outputs#supported-schemas those that can be seen
// in the schema itself. False also for what is no JSON.
bool is_strict_schema(std::string_view schema);

}  // namespace sluice::dialects
