// The table of all routes, and the schemas of their answers.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "admin/route.h"

namespace sluice::admin {

std::span<const Route> routes();

struct Schema {
  const char* name;
  std::span<const Field> fields;
};
std::span<const Schema> schemas();

struct Found {
  const Route* route = nullptr;  // null: nothing is there
  std::string id;                // for {id}
  std::string allow;             // where there is something, but not for this method: the methods that there are
};
// Ours, or one of LiteLLM's.
bool is_native(std::string_view path);
// What tools for LiteLLM ask; litellm_api.cpp. Their shapes are not in our OpenAPI file.
std::span<const Route> litellm_routes();

// `path` as it was sent.
Found find_route(std::span<const Route> among, std::string_view method, std::string_view path);
Found find_route(std::string_view method, std::string_view path);

// The OpenAPI 3.1 file.
std::string openapi();

}  // namespace sluice::admin
