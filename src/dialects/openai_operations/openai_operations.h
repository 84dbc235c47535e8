// OpenAI's other calls with a model and a bill: embeddings, legacy completions, moderations. They go to providers that
// know them, unchanged but for the model's name; no other dialect has the same, so nothing is translated.
// Source: OpenAI's OpenAPI document 2.3.0.
#pragma once

#include <memory>

#include "dialects/dialect.h"

namespace sluice::dialects {

std::unique_ptr<Dialect> make_openai_embeddings();
std::unique_ptr<Dialect> make_openai_completions();
std::unique_ptr<Dialect> make_openai_moderations();

}  // namespace sluice::dialects
