// The answer to "which models are there?", in the caller's dialect: the routes by name and every model of an enabled
// provider as provider/model.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chat/dialect_id.h"
#include "config/snapshot.h"

namespace sluice::gateway {

struct ListedModel {
  std::string id;        // "auto", "groq/llama-4-scout"
  std::string owned_by;  // the provider's id; "sluice" for a route
};

// A model's name as it stands in a path: "groq%2Fllama-4-scout". Empty when a % is not followed by two hexadecimal
// digits, or the text is longer than any path may be.
std::optional<std::string> decode_model_id(std::string_view encoded);

std::vector<ListedModel> list_models(const config::Snapshot& snapshot);

// A model that can be asked for by this name: what is listed, a model's own name at an enabled provider, and any name
// at a provider whose models nobody has listed. At a provider with a catalogue, what is not in it is unknown.
std::optional<ListedModel> find_model(const config::Snapshot& snapshot, std::string_view id);

// `created_unix_seconds` is the same for all: no catalogue knows when a model was made.
std::string models_page(const std::vector<ListedModel>& models, chat::DialectId dialect,
                        std::int64_t created_unix_seconds);
std::string model_page(const ListedModel& model, chat::DialectId dialect, std::int64_t created_unix_seconds);

}  // namespace sluice::gateway
