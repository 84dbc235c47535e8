// The three kinds of ground that a model can stand on.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::catalog {

enum class Ground : std::uint8_t {
  self_hosted,  // an engine the organisation runs; the only ground that restricted data may reach
  hosted_open,  // open weights served by somebody else
  proprietary,  // a vendor's own model
};

constexpr std::string_view name(Ground ground) {
  switch (ground) {
    case Ground::self_hosted: return "self_hosted";
    case Ground::hosted_open: return "hosted_open";
    case Ground::proprietary: return "proprietary";
  }
  return "unknown";
}

constexpr std::optional<Ground> ground_from_name(std::string_view text) {
  for (Ground ground : {Ground::self_hosted, Ground::hosted_open, Ground::proprietary})
    if (name(ground) == text) return ground;
  return std::nullopt;
}

}  // namespace sluice::catalog
