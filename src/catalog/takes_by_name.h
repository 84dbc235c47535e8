// What models take of a request, found by the names that hosts and tuners give them.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "catalog/model.h"

namespace sluice::catalog {

// The maker's name for the model, without the region of a cloud: "claude-opus-4.8" of "eu.claude-opus-4.8".
std::string name_of_weights(const Model& model);

// Of the models that take not all of a request, or of which an effort is known.
class TakesByName {
 public:
  explicit TakesByName(std::span<const Model> models);
  // Of a model that is called so somewhere: with a vendor, a region or a folder in front of its maker's name, with a
  // version, a day or a tuner's words behind it, with hyphens for dots, in small letters or capitals. What takes
  // everything, as nothing is known of it, where the name is nobody's.
  chat::Takes find(std::string_view name) const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };
  std::unordered_map<std::string, chat::Takes, Hash, std::equal_to<>> by_name_;
};

}  // namespace sluice::catalog
