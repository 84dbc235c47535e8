#include "engines/llama_server.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include "base/crypto.h"
#include "engines/model_file.h"

namespace sluice::engines {
namespace {

namespace fs = std::filesystem;

class LlamaServerTest : public testing::Test {
 protected:
  LlamaServerTest() {
    std::string pattern = "/tmp/sluice-llama-test-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    variables_ = {{"HOME", root_ + "/home"}, {"PATH", root_ + "/bin:/nowhere"}};
  }
  ~LlamaServerTest() override { fs::remove_all(root_); }
  Environment environment() const {
    return [this](std::string_view name) -> std::optional<std::string> {
      const auto found = variables_.find(std::string(name));
      if (found == variables_.end()) return std::nullopt;
      return found->second;
    };
  }
  std::string write(const std::string& path, const std::string& content, bool program = false) {
    const fs::path full = root_ + "/" + path;
    fs::create_directories(full.parent_path());
    std::ofstream(full) << content;
    if (program) fs::permissions(full, fs::perms::owner_all);
    return full;
  }

  std::string root_;
  std::map<std::string, std::string> variables_;
};

TEST_F(LlamaServerTest, Prefers_the_users_own_program_to_the_fetched_one) {
  const std::string fetched = write("home/.cache/sluice/engine/llama-server-b10068/llama-server", "x", true);
  EXPECT_EQ(find_llama_server("", environment())->path, fetched);
  EXPECT_TRUE(find_llama_server("", environment())->fetched);
  const std::string on_path = write("bin/llama-server", "x", true);
  EXPECT_EQ(find_llama_server("", environment())->path, on_path);
  EXPECT_FALSE(find_llama_server("", environment())->fetched);
  variables_["SLUICE_LLAMA_SERVER"] = write("own", "x", true);
  EXPECT_EQ(find_llama_server("", environment())->path, root_ + "/own");
  EXPECT_EQ(find_llama_server(write("configured", "x", true), environment())->path, root_ + "/configured");
}

TEST_F(LlamaServerTest, A_named_program_that_is_not_there_is_an_error_and_not_passed_over) {
  write("bin/llama-server", "x", true);
  variables_["SLUICE_LLAMA_SERVER"] = write("no_program", "x", false);
  const auto found = find_llama_server("", environment());
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().message.find("no_program (from SLUICE_LLAMA_SERVER)"), std::string::npos);
}

TEST_F(LlamaServerTest, Says_where_it_looked_when_there_is_none) {
  const auto found = find_llama_server("", environment());
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().message.find(root_ + "/home/.cache/sluice/engine"), std::string::npos);
  EXPECT_NE(found.error().hint.find("./dev setup"), std::string::npos);
}

TEST_F(LlamaServerTest, The_cache_lies_where_the_environment_says) {
  EXPECT_EQ(cache_directory(environment()), root_ + "/home/.cache/sluice");
  variables_["XDG_CACHE_HOME"] = "/xdg";
  EXPECT_EQ(cache_directory(environment()), "/xdg/sluice");
  variables_["SLUICE_CACHE"] = "/own";
  EXPECT_EQ(cache_directory(environment()), "/own");
}

TEST_F(LlamaServerTest, The_command_passes_no_key_of_a_provider_on) {
  variables_["OPENAI_API_KEY"] = "sk-secret";
  variables_["LLAMA_API_KEY"] = "secret";
  write("bin/llama-server", "x", true);
  LlamaServerCommand prepare({.model = write("m.gguf", "GGUF..."), .slots = 3, .threads = 4, .arguments = {"--mlock"}},
                             environment());
  const auto command = prepare("/run/x.sock");
  ASSERT_TRUE(command) << command.error().message;
  EXPECT_EQ(command->environment, (std::vector<std::string>{"PATH=" + variables_["PATH"], "HOME=" + root_ + "/home"}));
  std::string line;
  for (const std::string& argument : command->arguments) line += argument + " ";
  EXPECT_EQ(line, "--model " + root_ +
                      "/m.gguf --host /run/x.sock --ctx-size 8192 --parallel 3 --kv-unified --threads 4 "
                      "--jinja --metrics --no-webui --offline --mlock ");
}

TEST_F(LlamaServerTest, A_fetched_program_is_told_to_use_the_cpu_alone) {
  write("home/.cache/sluice/engine/llama-server-b10068/llama-server", "x", true);
  LlamaServerCommand prepare({.model = write("m.gguf", "GGUF...")}, environment());
  const auto command = prepare("/run/x.sock");
  ASSERT_TRUE(command);
  EXPECT_EQ(std::ranges::count(command->arguments, "--device"), 1);
}

TEST_F(LlamaServerTest, A_damaged_model_is_refused_with_both_digests_and_the_way_to_mend_it) {
  const std::string good = crypto::hex(crypto::sha256("GGUF whole"));
  const std::string path = write(std::string(default_model_file), "GGUF who");
  const auto checked = check_model_file(path, good);
  ASSERT_FALSE(checked);
  EXPECT_NE(checked.error().message.find(good), std::string::npos);
  EXPECT_NE(checked.error().message.find(crypto::hex(crypto::sha256("GGUF who"))), std::string::npos);
  EXPECT_EQ(checked.error().hint, "rm '" + path + "' and ./dev setup fetch it again");
  write(std::string(default_model_file), "GGUF whole");
  EXPECT_TRUE(check_model_file(path, good));
}

TEST_F(LlamaServerTest, A_model_without_a_digest_must_at_least_be_gguf) {
  EXPECT_TRUE(check_model_file(write("a", "GGUF\x03 anything"), ""));
  EXPECT_FALSE(check_model_file(write("b", "<html>"), ""));
  EXPECT_FALSE(check_model_file(write("c", ""), ""));
  EXPECT_FALSE(check_model_file(root_, ""));
  EXPECT_EQ(check_model_file(root_ + "/none", "").error().kind, ErrorKind::not_found);
}

TEST_F(LlamaServerTest, A_check_that_was_stopped_says_nothing_of_the_model) {
  write("bin/llama-server", "x", true);
  const std::string model = write("m.gguf", "GGUF good");
  LlamaServerCommand prepare({.model = model, .sha256 = crypto::hex(crypto::sha256("GGUF good"))}, environment());
  EXPECT_EQ(prepare("/s", [] { return true; }).error().kind, ErrorKind::unavailable);
  EXPECT_TRUE(prepare("/s"));
}

TEST_F(LlamaServerTest, A_model_is_checked_again_when_it_has_changed) {
  write("bin/llama-server", "x", true);
  const std::string model = write("m.gguf", "GGUF good");
  LlamaServerCommand prepare({.model = model, .sha256 = crypto::hex(crypto::sha256("GGUF good"))}, environment());
  EXPECT_TRUE(prepare("/s"));
  EXPECT_TRUE(prepare("/s"));
  write("m.gguf", "GGUF goo");
  EXPECT_FALSE(prepare("/s"));
  write("m.gguf", "GGUF good");
  EXPECT_TRUE(prepare("/s"));
}

}  // namespace
}  // namespace sluice::engines
