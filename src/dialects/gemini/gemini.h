// Google's Gemini API, generateContent and streamGenerateContent, both sides. Source: the protocol buffers
// google/ai/generativelanguage/v1beta in their JSON form, and the vendor's SDK where they lag behind it.
#pragma once

#include <memory>

#include "dialects/dialect.h"

namespace sluice::dialects {

std::unique_ptr<Dialect> make_gemini();
std::unique_ptr<Dialect> make_gemini_count_tokens();
std::unique_ptr<Dialect> make_gemini_embed();
std::unique_ptr<Dialect> make_gemini_batch_embed();

// "models/gemini-3-pro": what the API calls a model's resource.
std::string gemini_resource_name(std::string_view model);
// "/models/gemini-3-pro:countTokens": where a method of a model is.
std::string gemini_path(std::string_view model, std::string_view method);

}  // namespace sluice::dialects
