// One route of the API: its path, what it takes and gives, who may take it, and the function that answers. The router,
// the OpenAPI file and the generated tests all walk the table of routes (routes.h).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "admin/actor.h"
#include "admin/fields.h"
#include "admin/permissions.h"
#include "config/snapshot.h"
#include "store/store.h"

namespace sluice::admin {

// How a target of routes fares.
struct TargetHealth {
  std::string target;  // "provider/model"
  std::string state;   // "well", "open", ...
  std::int64_t again_in_ms = 0;
  std::int64_t calls = 0;
  std::int64_t failures = 0;
};

// What the API sees of the server that it is a part of. Each is called on the administration's thread.
struct Surroundings {
  std::function<std::shared_ptr<const config::Snapshot>()> snapshot;
  std::function<std::string()> readiness_problem;  // empty: ready
  std::function<std::vector<TargetHealth>()> targets;
  std::function<Result<void>()> keys_changed;  // this server learns it before the answer goes out
};

struct Call {
  const Actor& actor;
  std::string id;  // what stands in the path for {id}, decoded
  Input query;
  Input body;
  std::string_view raw;  // of a route that takes a document instead
  store::Store& store;
  const Surroundings& around;
  std::int64_t now_us = 0;
  std::optional<std::string> if_match;  // the header: the tag of what the caller has seen
  std::string etag;                     // of what the answer shows; empty: it has none
  std::string dropped;                  // names of what was given and means nothing here, for x-sluice-dropped-params
};

using Handle = Result<std::string> (*)(Call& call);

struct Route {
  const char* method;
  const char* path;  // "/admin/v1/keys/{id}"
  Resource resource;
  Verb verb;
  const char* summary;
  std::span<const Field> query;
  std::span<const Field> body;
  const char* answer;  // a schema's name
  int status;          // when it has gone well
  Handle handle;
  bool changes_keys = false;       // running servers hear of it at once
  const char* document = nullptr;  // the body is no JSON of ours but this: "a catalogue of prices"
};

// A page: {"data":[...],"next":"..."}; `next` is null at the end. `limit` and `cursor` of the query.
inline constexpr Field page_fields[] = {
    {"limit", "integer", "Most items of the page: 1 to 500, 100 unless told"},
    {"cursor", "string", "The `next` of the page before"},
};
constexpr std::size_t usual_page = 100;
Result<std::size_t> page_limit(const Input& query);

}  // namespace sluice::admin

#include "admin/page.h"
