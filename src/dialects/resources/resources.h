// Calls about what a provider keeps for its clients. Sources: OpenAI's OpenAPI document 2.3.0; Anthropic's API
// reference (Files, Message Batches); Google's API references (Gemini API: files, cachedContents, batches, tunedModels;
// Vertex AI: cachedContents).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dialects/dialect.h"

namespace sluice::dialects {

std::unique_ptr<Dialect> make_openai_resources();
std::unique_ptr<Dialect> make_anthropic_resources();
std::unique_ptr<Dialect> make_gemini_resources();

// The call of a path below /v1 ("/files/file-1"), as it stands in the request; empty when it is none. What is not made
// of letters, digits and . _ : - is no part of such a path.
std::optional<ResourceCall> openai_resource_call(std::string_view method, std::string_view path);
std::optional<ResourceCall> anthropic_resource_call(std::string_view method, std::string_view path);
std::optional<ResourceCall> gemini_resource_call(std::string_view method, std::string_view path);
// The same of a path below /upload/v1beta.
std::optional<ResourceCall> gemini_upload_call(std::string_view method, std::string_view path);
// The POST of a model's method that makes a batch: "batchGenerateContent"; empty for other methods.
std::optional<ResourceCall> gemini_batch_call(std::string_view model_method);
// Where the call goes below the provider's base URL. `model` is the provider's name for it, where the call is a
// model's.
std::string path_of(const ResourceCall& call, std::string_view model);

// How an API lists what it keeps.
struct ListForm {
  std::string_view items = "data";             // the member of an answer that holds them
  std::string_view id = "id";                  // an item's member; of a name with slashes the last part counts
  std::string_view size = "limit";             // query parameters: of a page's size,
  std::string_view after = "after";            // of the id behind which the next page goes on,
  std::string_view cursor = "page";            // and of a cursor, for lists that give one
  std::string_view next_cursor = "next_page";  // the member with the cursor of the next page
  bool by_cursor = false;                      // all lists go on by cursors; a member without a value is left out
};
ListForm list_form(DialectId dialect, const ResourceCall& call);

// A kept thing that a request names.
struct Reference {
  std::string member;  // that names it: "file_id"
  std::string id;
};
inline constexpr std::size_t most_references = 1'000;         // of one request
inline constexpr std::size_t most_batch_references = 50'000;  // of all of a batch: OpenAI takes as many requests

// What a request's body names, in the members by which the dialect's API names kept things. What is the client's own
// data, such as the input of a tool, is passed over. invalid_request for more than most_references.
Result<std::vector<Reference>> references(DialectId dialect, std::string_view body, const json::Document& parsed);

// The same of a file of requests for a batch, a JSON object in each line: {"custom_id":...,"url":"/v1/responses",
// "body":{...}}. Errors: invalid_request for a line that is none, and for more than most_batch_references.
Result<std::vector<Reference>> references_of_batch(std::string_view lines);

// The same of a file of requests for Google's batches: {"key":...,"request":{"contents":[...]}}.
Result<std::vector<Reference>> references_of_google_batch(std::string_view lines);
// In front of a file's id: an id that is its owner's, too, once all that the file's requests name is known to be.
inline constexpr std::string_view looked_at = "requests-in:";

// What a provider keeps from now on because of a call about resources: the ids that its answer names.
std::vector<std::string> kept_by_call(const ResourceCall& call, json::Value answer);

// A model that a vendor's fine-tuning has made, by its name: OpenAI's and Mistral's begin with "ft:". Without the
// provider in front; empty for other names.
std::string_view fine_tuned_name(std::string_view model);
// The Reference::member of such a name: it is its maker's, or nobody's here.
inline constexpr std::string_view model_member = "model";
// Those that the owner's jobs have made, as an answer about them tells.
std::vector<std::string> models_made(const ResourceCall& call, json::Value answer);
// When it forgets them by itself, in microseconds since 1970, where the answer says so (Google's caches and files).
std::optional<std::int64_t> kept_until_us(const ResourceCall& call, json::Value answer);

// The answer as it is, but with the results of Anthropic's batches to be had here: where it names a URL at the provider
// for them, clients would go there with the key that they have for Sluice. What is left of it is the path.
std::string with_results_here(DialectId dialect, std::string answer);

// The answer as it is, but with Google's caches (other answers stay as they are) and their models named as clients here
// name them: "cachedContents/ID" without the account that Google Cloud puts in front, and "models/PROVIDER/MODEL",
// which is a model's name here.
std::string with_names_here(const ResourceCall& call, std::string_view provider, std::string answer);

}  // namespace sluice::dialects
