#include "cli/temporary_key.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "store/store.h"

namespace sluice::cli {
namespace {

std::vector<store::KeyReport> keys_in(const std::string& data_dir) {
  auto store = store::Store::open(data_dir);
  auto keys = store ? store->list_keys() : Result<std::vector<store::KeyReport>>();
  return keys ? *keys : std::vector<store::KeyReport>();
}

TEST(TemporaryKey, Lives_as_long_as_its_owner_and_an_hour_at_most) {
  std::string folder = (std::filesystem::temp_directory_path() / "sluice-key-XXXXXX").string();
  if (!mkdtemp(folder.data())) std::abort();
  {
    auto made = TemporaryKey::make(folder, {.rpm = 7, .data_class = DataClass::restricted});
    ASSERT_TRUE(made) << made.error().message;
    const TemporaryKey moved = *std::move(made);
    EXPECT_TRUE(moved.secret().reveal().starts_with("sk-sluice-"));
    EXPECT_FALSE(moved.stale());
    const std::vector<store::KeyReport> keys = keys_in(folder);
    ASSERT_EQ(keys.size(), 1u);
    EXPECT_TRUE(keys[0].key.name.starts_with("cli-"));
    EXPECT_EQ(keys[0].key.rpm, 7) << "the configuration's limits count for it, too";
    EXPECT_EQ(keys[0].key.data_class, DataClass::restricted);
    EXPECT_FALSE(keys[0].key.revoked_at_us) << "a key that was moved from revokes nothing";
    EXPECT_EQ(*keys[0].key.expires_at_us - keys[0].key.created_at_us,
              std::chrono::microseconds(TemporaryKey::lifetime).count());
  }
  const std::vector<store::KeyReport> keys = keys_in(folder);
  ASSERT_EQ(keys.size(), 1u);
  EXPECT_TRUE(keys[0].key.revoked_at_us);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace sluice::cli
