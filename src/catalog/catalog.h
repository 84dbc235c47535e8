// What is known about providers, models and prices without any configuration: the files of data/, compiled in.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catalog/licence.h"
#include "catalog/model.h"
#include "catalog/price_book.h"
#include "catalog/provider.h"
#include "yaml/diagnostics.h"

namespace sluice::catalog {

struct Catalog {
  std::vector<Provider> providers;  // none has a key; enabled is false
  std::vector<Model> models;
  std::vector<Licence> licences;
  std::vector<PriceFact> prices;
  std::vector<std::pair<ProviderId, ModelName>> unpriced;  // models whose price the files say is not known
  std::string sha256;                                      // of the files it was read from
};

// Null when nothing is known of it.
const Licence* find_licence(const Catalog& catalog, std::string_view id);

// One file of data/: its path below data/ ("providers/groq.yaml") and its bytes.
struct DataFile {
  std::string_view path;
  std::string_view text;
  bool json = false;  // as the build has made it of the YAML
};

// The files that the build has put into the binary, sorted by path.
std::vector<DataFile> embedded_files();

// Reads the files; everything wrong with any of them goes to `diagnostics`.
Catalog read_catalog(const std::vector<DataFile>& files, yaml::Diagnostics& diagnostics);

// The catalogue of the embedded files. They pass the build's tests, so an error in them is a programmer's: it aborts
// with the diagnostics.
const Catalog& embedded_catalog();

}  // namespace sluice::catalog
