// The answer to "which models are there?", in the caller's dialect: the routes by name and every model of an enabled
// provider as provider/model, with what the catalogue knows of it. A provider's `*` stands for models that nobody has
// listed, and is none itself.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "chat/dialect_id.h"
#include "config/snapshot.h"

namespace sluice::gateway {

struct ListedModel {
  std::string id;        // "auto", "groq/gpt-oss-120b"
  std::string owned_by;  // the provider's id; "sluice" for a route
  // Borrowed from the Snapshot that it was listed from; null: of a route, and of a model that nobody has listed.
  const catalog::Model* facts = nullptr;
  // What is not known of a model is not ruled out.
  bool generates = true;
  bool embeds = false;
  bool of_anthropic = false;  // Anthropic itself offers it, with all that its API has
};

// A model's name as it stands in a path: "groq%2Fgpt-oss-120b". Empty when a % is not followed by two hexadecimal
// digits, or the text is longer than any path may be.
std::optional<std::string> decode_model_id(std::string_view encoded);

std::vector<ListedModel> list_models(const config::Snapshot& snapshot);

// A model that can be asked for by this name: what is listed, a model's own name at an enabled provider, and any name
// at a provider whose models nobody has listed. At a provider with a catalogue, what is not in it is unknown.
std::optional<ListedModel> find_model(const config::Snapshot& snapshot, std::string_view id);

// What of all models a request wants on one page.
struct ModelList {
  std::vector<ListedModel> models;
  bool has_more = false;  // behind them; before them where the request goes backwards
};
// As the query says: Anthropic's `limit`, `after_id` and `before_id`, Google's `pageSize` and `pageToken`, which is the
// last page's last name here. Without a size all that is left; OpenAI's API has one page. Errors: invalid_request for
// what is no size and for a name that is not listed.
Result<ModelList> page_of(std::vector<ListedModel> all, chat::DialectId dialect, std::string_view query);

// `created_unix_seconds` is what a model is said to have been made at whose release the catalogue does not know.
std::string models_page(const ModelList& list, chat::DialectId dialect, std::int64_t created_unix_seconds);
std::string model_page(const ListedModel& model, chat::DialectId dialect, std::int64_t created_unix_seconds);

}  // namespace sluice::gateway
