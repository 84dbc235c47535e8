// Google's cached contents and batches: what they and their models are called here, at Google AI, and at Google Cloud;
// and its files.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "json/json.h"

namespace sluice::dialects {

inline constexpr std::string_view caches = "/cachedContents";
inline constexpr std::string_view google_files = "/files";
inline constexpr std::string_view google_batches = "/batches";
inline constexpr std::string_view tuned_models = "/tunedModels";
inline constexpr std::string_view google_operations = "operations";  // the member of a list of batches

// The id in a cache's name: "cachedContents/ID", also behind an account ("projects/p/locations/l/cachedContents/ID").
// All of what is no such name.
std::string_view cache_id(std::string_view name);
// The id in a file's URI as Google gives it ("https://generativelanguage.googleapis.com/v1beta/files/ID"), or in its
// name. Empty for other URIs: what is on the web, at YouTube, in a bucket.
std::string_view google_file_id(std::string_view uri);
// The model in a name such as "models/MODEL" or "projects/p/locations/l/publishers/google/models/MODEL".
std::string_view plain_model(std::string_view name);
// Where the body of a new batch names models beside its path: of the batch, and of each of its requests. In their
// order; `body` must have passed json::Document::parse. Errors: invalid_request for a member that is there twice.
Result<std::vector<json::Span>> models_in_batch(std::string_view body);
// The model as Google wants it named in a body. `account`: BodyEdit's.
std::string model_at_google(std::string_view model, std::string_view account);

}  // namespace sluice::dialects
