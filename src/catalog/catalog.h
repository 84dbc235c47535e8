// What is known about providers, models and prices without any configuration: the files of data/, compiled in.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/model.h"
#include "catalog/price_book.h"
#include "catalog/provider.h"
#include "yaml/diagnostics.h"

namespace sluice::catalog {

struct Catalog {
  std::vector<Provider> providers;  // none has a key; enabled is false
  std::vector<Model> models;
  std::vector<PriceFact> prices;
  std::string sha256;  // of the files it was read from
};

// One file of data/: its path below data/ ("providers/groq.yaml") and its bytes.
struct DataFile {
  std::string_view path;
  std::string_view text;
};

// The files that the build has put into the binary, sorted by path.
std::vector<DataFile> embedded_files();

// Reads the files; everything wrong with any of them goes to `diagnostics`.
Catalog read_catalog(const std::vector<DataFile>& files, yaml::Diagnostics& diagnostics);

// The catalogue of the embedded files. They pass the build's tests, so an error in them is a programmer's: it aborts
// with the diagnostics.
Catalog embedded_catalog();

}  // namespace sluice::catalog
