// A configuration is read into a snapshot, or everything that is wrong with it is told.
#include <cstdlib>

#include "config/load.h"

namespace {

// Vendors as they are, with the models of one only: each input gets a copy.
const sluice::catalog::Catalog& small_catalog() {
  static const sluice::catalog::Catalog small = [] {
    sluice::catalog::Catalog catalog = sluice::catalog::embedded_catalog();
    std::erase_if(catalog.models, [](const auto& model) { return model.provider.str() != "groq"; });
    std::erase_if(catalog.prices, [](const auto& price) { return price.provider.str() != "groq"; });
    return catalog;
  }();
  return small;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice;
  config::Sources sources{.text = std::string(reinterpret_cast<const char*>(data), size)};
  sources.read_file = [](const std::string&) -> std::optional<std::string> { return std::nullopt; };
  const config::Loaded loaded = config::load(sources, small_catalog());
  if ((loaded.snapshot == nullptr) != (loaded.diagnostics.errors() > 0)) std::abort();
  if (loaded.snapshot && loaded.snapshot->json().empty()) std::abort();
  static_cast<void>(loaded.diagnostics.render());
  return 0;
}
