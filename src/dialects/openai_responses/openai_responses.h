// OpenAI's Responses API, both sides. Source: OpenAI's OpenAPI document 2.3.0.
#pragma once

#include <memory>

#include "dialects/dialect.h"

namespace sluice::dialects {

std::unique_ptr<Dialect> make_openai_responses();
std::unique_ptr<Dialect> make_openai_input_tokens();
std::unique_ptr<Dialect> make_openai_compact();

}  // namespace sluice::dialects
