#include "admin/routes.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

namespace sluice::admin {
namespace {

TEST(Routes, A_path_is_one_route_and_its_id_is_decoded) {
  const Found found = find_route("GET", "/admin/v1/keys/my%20key");
  ASSERT_TRUE(found.route);
  EXPECT_STREQ(found.route->path, "/admin/v1/keys/{id}");
  EXPECT_EQ(found.id, "my key");
  EXPECT_STREQ(find_route("POST", "/admin/v1/keys/k/rotate").route->path, "/admin/v1/keys/{id}/rotate");
  EXPECT_EQ(find_route("GET", "/admin/v1/keys/k/other").route, nullptr);
  EXPECT_EQ(find_route("GET", "/admin/v1/keys/").route, nullptr);
  EXPECT_EQ(find_route("GET", "/admin/v1/keys/%2").route, nullptr);
  EXPECT_EQ(find_route("PUT", "/admin/v1/keys").allow, "GET, POST");
}

TEST(Routes, Each_pair_of_method_and_path_is_there_once_and_its_schema_is_known) {
  std::set<std::string> seen;
  std::set<std::string> known;
  for (const Schema& schema : schemas()) EXPECT_TRUE(known.insert(schema.name).second) << schema.name;
  for (const Route& route : routes()) {
    EXPECT_TRUE(seen.insert(std::string(route.method) + ' ' + route.path).second) << route.path;
    if (route.answer) {
      EXPECT_TRUE(known.contains(route.answer)) << route.answer;
    }
    EXPECT_TRUE(route.verb == Verb::read || std::string_view(route.method) != "GET") << route.path;
  }
}

TEST(Routes, The_openapi_file_in_docs_is_what_the_table_says) {
  const std::string path = std::string(SLUICE_REFERENCE_PAGES) + "/admin-openapi.json";
  const std::string wanted = openapi() + "\n";
  if (std::getenv("GOLDEN_UPDATE")) std::ofstream(path) << wanted;
  std::ifstream file(path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), wanted) << "run GOLDEN_UPDATE=1 ./dev test admin";
}

}  // namespace
}  // namespace sluice::admin
