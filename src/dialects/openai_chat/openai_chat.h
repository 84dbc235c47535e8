// OpenAI's Chat Completions API, both sides; as a provider's dialect also that of nearly all hosted and self-hosted
// engines, whose known deviations are read too. Source: OpenAI's OpenAPI document 2.3.0.
#pragma once

#include <memory>

#include "dialects/dialect.h"

namespace sluice::dialects {

std::unique_ptr<Dialect> make_openai_chat();

}  // namespace sluice::dialects
