// A model as one provider offers it: the same weights at two hosts are two of these, with the hosts' own names, limits
// and prices. Facts from data/models; a model that is not in the catalogue can be called all the same.
#pragma once

#include <string>
#include <vector>

#include "base/ids.h"
#include "base/money.h"
#include "catalog/ground.h"

namespace sluice::catalog {

struct Model {
  ProviderId provider;
  ModelName name;                    // what this provider calls it; sent in the body
  std::string id;                    // what Sluice calls it at every provider: "llama-4-scout"
  std::vector<std::string> aliases;  // other names that clients may use for it
  std::string display_name;
  std::string developer;
  std::string licence;  // SPDX identifier, or the licence's name; "proprietary"
  bool open_weights = false;
  Tokens context = 0;     // input and output together; 0 = unknown, then nothing is refused for its size
  Tokens max_output = 0;  // 0 = unknown
  bool tools = false;
  bool images = false;
  bool reasoning = false;
  Ground ground = Ground::proprietary;  // the provider's, unless the model is of another kind there
  std::string source;
  std::string observed_at;  // YYYY-MM-DD
};

}  // namespace sluice::catalog
