#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>

#include "cli/testing_console.h"

namespace sluice::cli {
namespace {

std::string script_for(const char* shell) {
  TestingConsole test;
  EXPECT_EQ(test.run({"completion", shell}), exit_ok) << test.err.str();
  return test.out.str();
}

bool installed(const std::string& shell) {
  return std::system(("command -v " + shell + " >/dev/null 2>&1").c_str()) == 0;
}

struct ShellRun {
  int status = 0;
  std::string output;
};

// Runs a script file with a shell.
ShellRun run_with(const std::string& shell, const std::string& script) {
  std::string path = (std::filesystem::temp_directory_path() / "sluice-completion-XXXXXX").string();
  const int fd = mkstemp(path.data());
  if (fd < 0) std::abort();
  std::ofstream(path) << script;
  ShellRun run;
  if (FILE* pipe = popen((shell + " '" + path + "' 2>&1").c_str(), "r")) {
    std::array<char, 4096> buffer;
    while (const std::size_t got = fread(buffer.data(), 1, buffer.size(), pipe)) run.output.append(buffer.data(), got);
    run.status = pclose(pipe);
  }
  std::filesystem::remove(path);
  return run;
}

// What bash offers after these words, one a line.
std::string offered(const std::string& words, int index) {
  return run_with("bash", script_for("bash") + "\nCOMP_WORDS=(" + words + ")\nCOMP_CWORD=" + std::to_string(index) +
                              "\n_sluice\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n")
      .output;
}

struct BashCompletion : testing::Test {
  void SetUp() override {
    if (!installed("bash")) GTEST_SKIP() << "bash is not installed";
  }
};

TEST_F(BashCompletion, Offers_verbs_then_their_verbs_then_their_flags) {
  EXPECT_EQ(offered("sluice ser", 1), "serve\n");
  EXPECT_EQ(offered("sluice keys ''", 2), "create\nlist\nrevoke\n--help\n-h\n");
  EXPECT_EQ(offered("sluice keys create --bu", 3), "--budget\n");
  EXPECT_EQ(offered("sluice usage --s", 2), "--since\n");
}

TEST_F(BashCompletion, Offers_the_words_that_a_flag_takes) {
  EXPECT_EQ(offered("sluice serve --engine ''", 3), "auto\nnone\n");
  EXPECT_EQ(offered("sluice serve --engine = n", 4), "none\n") << "bash takes --engine=n apart";
  EXPECT_EQ(offered("sluice keys create -o j", 4), "json\n");
  EXPECT_EQ(offered("sluice completion z", 2), "zsh\n");
  EXPECT_EQ(offered("sluice keys create --name ''", 4), "\n") << "a name is anybody's guess";
}

TEST_F(BashCompletion, Is_not_misled_by_values_that_look_like_verbs) {
  EXPECT_EQ(offered("sluice usage --by mo", 3), "model\n");
  EXPECT_EQ(offered("sluice logs tail --fol", 3), "--follow\n");
}

TEST(Completion, Scripts_name_every_verb) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const std::string script = script_for(shell);
    for (const char* verb : {"serve", "chat", "run", "models", "route", "keys", "usage", "logs", "config", "import",
                             "doctor", "completion", "version"})
      EXPECT_NE(script.find(std::string("sluice ") + verb), std::string::npos) << shell << ' ' << verb;
  }
}

class Accepted : public testing::TestWithParam<const char*> {};

TEST_P(Accepted, By_the_shell_it_is_for) {
  if (!installed(GetParam())) GTEST_SKIP() << GetParam() << " is not installed";
  const ShellRun checked = run_with(std::string(GetParam()) + " -n", script_for(GetParam()));
  EXPECT_EQ(checked.status, 0) << checked.output;
}

INSTANTIATE_TEST_SUITE_P(Completion, Accepted, testing::Values("bash", "zsh", "fish"));

TEST(Completion, An_unknown_shell_is_a_usage_error) {
  TestingConsole test;
  EXPECT_EQ(test.run({"completion", "tcsh"}), exit_usage);
}

}  // namespace
}  // namespace sluice::cli
