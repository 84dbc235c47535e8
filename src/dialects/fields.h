// Reads the typed members of a request's object. A value of the wrong type is an error that names the field by its path
// ("messages[2].content[0].type") and says what was expected. null counts as absent, as both vendors treat it.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "json/json.h"

namespace sluice::dialects {

std::string path_of(std::string_view parent, std::string_view member);
std::string path_of(std::string_view parent, std::size_t index);

// invalid_request with param = path; message is "path: what".
std::unexpected<Error> bad_field(std::string path, std::string_view what, std::string hint = {});
// The same error, with the name of the bound that was met (telemetry/limit_table.h) as its code.
std::unexpected<Error> beyond_limit(const char* limit, std::unexpected<Error> error);

class Fields {
 public:
  // invalid_request when `object` is none. `path` is empty for the request itself.
  static Result<Fields> of(json::Value object, std::string path);
  // The same of what is told anew: invalid_request for a member that is there twice, for one of the two would be lost.
  static Result<Fields> once(json::Value object, std::string path);

  json::Value object() const { return object_; }
  json::Value operator[](std::string_view name) const { return present(name); }
  std::string path(std::string_view name) const { return path_of(path_, name); }

  Result<std::optional<bool>> boolean(std::string_view name) const;
  Result<std::optional<std::int64_t>> integer(std::string_view name, std::int64_t min, std::int64_t max) const;
  Result<std::optional<double>> number(std::string_view name, double min, double max) const;
  Result<std::optional<std::string_view>> string(std::string_view name) const;
  Result<std::string_view> required_string(std::string_view name) const;         // and not empty
  Result<std::vector<json::Value>> array(std::string_view name) const;           // empty when absent
  Result<std::vector<json::Value>> required_array(std::string_view name) const;  // and not empty
  Result<void> required_objects(std::string_view name) const;                    // an array of them, not empty
  // The text of an object; empty when absent.
  Result<std::string> object_text(std::string_view name) const;

  // Names of members that are not in `known` and not null.
  std::vector<std::pair<std::string_view, json::Value>> other_members(
      std::initializer_list<std::string_view> known) const;
  std::vector<std::string_view> others(std::initializer_list<std::string_view> known) const;

 private:
  Fields(json::Value object, std::string path) : object_(object), path_(std::move(path)) {}
  json::Value present(std::string_view name) const;
  std::unexpected<Error> wrong_type(std::string_view name, std::string_view expected) const;

  json::Value object_;
  std::string path_;
};

}  // namespace sluice::dialects
