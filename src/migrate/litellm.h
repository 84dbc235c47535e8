// LiteLLM's proxy configuration (config.yaml) as one of Sluice's. Its rows of one name become a route with their
// deployments as candidates; its prices per token become USD per million; its fallbacks are joined to the routes.
// Shape: https://docs.litellm.ai/docs/proxy/configs
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "catalog/catalog.h"
#include "yaml/diagnostics.h"

namespace sluice::migrate {

struct Converted {
  std::string yaml;  // a configuration of Sluice's
  // What could not be carried over, and what is to be looked at: warnings at their places in the other file. Errors
  // when it cannot be read at all; then there is no yaml.
  yaml::Diagnostics notes;
  bool ok() const { return notes.ok(); }
};

// `catalog` tells the known vendors. The source's secret_keys should be litellm_secret_keys().
Converted from_litellm(const std::shared_ptr<const yaml::Source>& source, const catalog::Catalog& catalog);

// The keys of that file whose values must never be shown.
std::vector<std::string> litellm_secret_keys();

}  // namespace sluice::migrate
