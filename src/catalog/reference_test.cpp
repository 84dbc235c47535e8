// The pages in docs/reference say what data/ says.
#include "catalog/reference.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

namespace sluice::catalog {
namespace {

// The day for which the page of models shows prices: the newest on which a price was read.
Date newest_observation() {
  std::string newest;
  for (const PriceFact& fact : embedded_catalog().prices) newest = std::max(newest, fact.observed_at);
  return *parse_date(newest);
}

void expect_page(const std::string& name, const std::string& made) {
  const std::string path = std::string(SLUICE_REFERENCE_PAGES) + "/" + name;
  if (std::getenv("GOLDEN_UPDATE")) std::ofstream(path) << made;
  std::ifstream file(path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), made) << "run GOLDEN_UPDATE=1 ./dev test catalog";
}

TEST(Reference, The_page_of_providers_is_what_the_data_says) {
  expect_page("providers.md", providers_page(embedded_catalog()));
}

TEST(Reference, The_page_of_models_is_what_the_data_says) {
  expect_page("models.md", models_page(embedded_catalog(), newest_observation()));
}

TEST(Reference, Each_provider_stands_in_exactly_one_table) {
  const std::string page = providers_page(embedded_catalog());
  for (const Provider& provider : embedded_catalog().providers) {
    const std::string row = "| [" + provider.id.str() + "](../../data/providers/";
    const std::size_t first = page.find(row);
    ASSERT_NE(first, std::string::npos) << provider.id.str();
    EXPECT_EQ(page.find(row, first + 1), std::string::npos) << provider.id.str() << " stands there twice";
  }
}

}  // namespace
}  // namespace sluice::catalog
