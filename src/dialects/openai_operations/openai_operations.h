// OpenAI's other calls with a model and a bill: embeddings, legacy completions, moderations, sound, images; and rerank,
// as Cohere, Jina and vLLM have it. They go to providers that know them, unchanged but for the model's name; embeddings
// are translated for Gemini, the others have no counterpart.
// Source: OpenAI's OpenAPI document 2.3.0; docs.cohere.com/reference/rerank (v2) and api.jina.ai/redoc.
#pragma once

#include <memory>

#include "dialects/dialect.h"

namespace sluice::dialects {

std::unique_ptr<Dialect> make_openai_embeddings();
std::unique_ptr<Dialect> make_openai_completions();
std::unique_ptr<Dialect> make_openai_moderations();
std::unique_ptr<Dialect> make_openai_speech();
std::unique_ptr<Dialect> make_openai_transcriptions();
std::unique_ptr<Dialect> make_openai_translations();
std::unique_ptr<Dialect> make_openai_images();
std::unique_ptr<Dialect> make_openai_image_edits();
std::unique_ptr<Dialect> make_openai_image_variations();
std::unique_ptr<Dialect> make_rerank();

}  // namespace sluice::dialects
