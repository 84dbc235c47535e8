// Configurations in the store, for all processes that share it: each push is a new generation, the newest counts, and
// an older one comes back by being pushed again. What a text says is config's to judge; here it is bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/database.h"

namespace sluice::store {

constexpr std::size_t most_generations = 100;  // kept; of older ones the record of acts has number and digest

struct ConfigGeneration {
  std::int64_t number = 0;  // from 1, rising
  std::string text;         // empty in lists
  std::string sha256;       // of the text, hexadecimal
  std::int64_t made_at_us = 0;
  std::string made_by;  // a name, or the operating system's user id
  std::string said;     // what whoever pushed it has said of it
};

// Running servers are told. Errors: unavailable.
Result<ConfigGeneration> push_configuration(Database& database, std::string_view text, std::string_view said,
                                            std::int64_t now_us);
// The one of that number, or the newest; empty: there is none.
Result<std::optional<ConfigGeneration>> configuration(const Database& database, std::optional<std::int64_t> number);
// Newest first, without their texts.
Result<std::vector<ConfigGeneration>> list_configurations(const Database& database);
// 0: there is none.
Result<std::int64_t> newest_configuration(const Database& database);

}  // namespace sluice::store
