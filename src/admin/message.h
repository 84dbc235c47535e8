// A request of the administration's API and its answer as plain values: they go from a reactor to the administration's
// thread and back, so they own what they hold.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "http/headers.h"

namespace sluice::admin {

struct Request {
  std::string method;  // "GET", ...
  std::string path;    // of the target, as it was sent
  std::string query;   // after '?', as it was sent
  http::Headers headers;
  std::string body;

  std::optional<std::string_view> header(std::string_view name) const { return headers.get(name); }
};

struct Answer {
  int status = 200;
  http::Headers headers;
  std::string body;
};

}  // namespace sluice::admin
