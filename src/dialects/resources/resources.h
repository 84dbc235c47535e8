// Calls about what a provider keeps for its clients. Sources: OpenAI's OpenAPI document 2.3.0; Anthropic's API
// reference (Files, Message Batches).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dialects/dialect.h"

namespace sluice::dialects {

std::unique_ptr<Dialect> make_openai_resources();
std::unique_ptr<Dialect> make_anthropic_resources();

// The call of a path below /v1 ("/files/file-1"), as it stands in the request; empty when it is none. What is not made
// of letters, digits and . _ : - is no part of such a path.
std::optional<ResourceCall> openai_resource_call(std::string_view method, std::string_view path);
std::optional<ResourceCall> anthropic_resource_call(std::string_view method, std::string_view path);

// The query parameter with which the pages of a list go on behind an id; the one for lists that give a cursor.
std::string_view page_parameter(DialectId dialect);
constexpr std::string_view cursor_parameter = "page";

// A kept thing that a request names.
struct Reference {
  std::string member;  // that names it: "file_id"
  std::string id;
};
inline constexpr std::size_t most_references = 1'000;  // of one request

// What a request's body names, in the members by which the dialect's API names kept things. What is the client's own
// data, such as the input of a tool, is passed over. invalid_request for more than most_references.
Result<std::vector<Reference>> references(DialectId dialect, std::string_view body, const json::Document& parsed);

// What a provider keeps from now on because of a call about resources: the ids that its answer names.
std::vector<std::string> kept_by_call(const ResourceCall& call, json::Value answer);

// The answer as it is, but with the results of Anthropic's batches to be had here: where it names a URL at the provider
// for them, clients would go there with the key that they have for Sluice. What is left of it is the path.
std::string with_results_here(DialectId dialect, std::string answer);

}  // namespace sluice::dialects
