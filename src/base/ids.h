// Strong identifiers: a KeyId never passes for a ModelName.
#pragma once

#include <compare>
#include <functional>
#include <string>
#include <utility>

namespace sluice {

template <class Tag>
class StrongId {
 public:
  StrongId() = default;
  explicit StrongId(std::string value) : value_(std::move(value)) {}
  const std::string& str() const { return value_; }
  bool empty() const { return value_.empty(); }
  friend auto operator<=>(const StrongId&, const StrongId&) = default;
  friend bool operator==(const StrongId&, const StrongId&) = default;

 private:
  std::string value_;
};

using RequestId = StrongId<struct RequestIdTag>;    // "req_" + 26 characters of a ULID, sortable by time
using KeyId = StrongId<struct KeyIdTag>;            // public part of a virtual key, safe to print
using ProviderId = StrongId<struct ProviderIdTag>;  // name of a provider in the configuration: "openai", "local"
using ModelName = StrongId<struct ModelNameTag>;    // a provider's own name for a model: "gpt-5.4"

}  // namespace sluice

template <class Tag>
struct std::hash<sluice::StrongId<Tag>> {
  std::size_t operator()(const sluice::StrongId<Tag>& id) const noexcept { return std::hash<std::string>{}(id.str()); }
};
