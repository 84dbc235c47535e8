// Supervision, with a program that misbehaves as told (testing/fake_engine.cpp) and, where it has been fetched, with
// the real llama-server.
#include "engines/engine.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "engines/llama_server.h"
#include "engines/model_file.h"
#include "engines/probe.h"
#include "engines/supervisor.h"

namespace sluice::engines {
namespace {

using namespace std::chrono_literals;

// Waits for a condition with a limit that only a broken program reaches.
template <class Condition>
bool eventually(Condition condition, std::chrono::seconds limit = 60s) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

// Set when this program runs as the parent that is killed: where it may leave its files.
constexpr const char* parent_variable = "SLUICE_ENGINE_TEST_PARENT";
const char* parent_directory() { return ::getenv(parent_variable); }

class EngineTest : public testing::Test {
 protected:
  EngineTest() {
    std::string pattern = std::string(parent_directory() ? parent_directory() : "/tmp") + "/sluice-engine-test-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
  }
  ~EngineTest() override { std::filesystem::remove_all(directory_); }

  EngineSpec spec(const std::vector<std::string>& arguments) {
    EngineSpec spec;
    spec.name = "local";
    spec.directory = directory_;
    spec.prepare = [arguments](const std::string& socket, const auto&) -> Result<Command> {
      Command command{.program = SLUICE_FAKE_ENGINE, .arguments = {"--host", socket}, .environment = {"A=1"}};
      command.arguments.insert(command.arguments.end(), arguments.begin(), arguments.end());
      return command;
    };
    spec.times = {.probe_interval = 2ms,
                  .probe_timeout = 100ms,
                  .check_interval = 5ms,
                  .first_pause = 1ms,
                  .longest_pause = 20ms,
                  .stop_grace = 10s,
                  .missing_interval = 5ms};
    return spec;
  }
  std::unique_ptr<Engine> start(EngineSpec spec) {
    auto engine = Engine::start(std::move(spec), log_, metrics_);
    EXPECT_TRUE(engine) << engine.error().message;
    return *std::move(engine);
  }
  std::string log_text() const {
    std::ifstream file(directory_ + "/local.log");
    return {std::istreambuf_iterator<char>(file), {}};
  }

  std::string directory_;
  Fd null_{::open("/dev/null", O_WRONLY | O_CLOEXEC)};
  telemetry::Log log_{{.fd = null_.get()}};
  telemetry::Registry registry_;
  EngineMetrics metrics_{registry_};
};

bool is_gone(pid_t pid) { return ::kill(pid, 0) != 0 && errno == ESRCH; }

TEST_F(EngineTest, Becomes_ready_and_says_where_it_can_be_called) {
  const auto engine = start(spec({}));
  ASSERT_TRUE(eventually([&] { return engine->state() == EngineState::ready; }));
  const EngineStatus status = engine->status();
  EXPECT_EQ(status.endpoint.unix_path, directory_ + "/local.sock");
  EXPECT_GT(status.pid, 0);
  EXPECT_EQ(status.restarts, 0U);
  EXPECT_EQ(probe_health(status.endpoint.unix_path, 10s), Health::ok);
  EXPECT_NE(registry_.text().find("sluice_engine_up{engine=\"local\"} 1"), std::string::npos);
}

TEST_F(EngineTest, Is_not_ready_before_the_model_is_loaded) {
  const auto engine = start(spec({"--mode", "never"}));
  ASSERT_TRUE(eventually([&] { return probe_health(engine->endpoint().unix_path, 10s) == Health::not_yet; }));
  EXPECT_EQ(engine->state(), EngineState::starting);
}

TEST_F(EngineTest, Waits_for_a_slow_start) {
  const auto engine = start(spec({"--mode", "slow", "--ms", "150"}));
  EXPECT_TRUE(eventually([&] { return engine->state() == EngineState::ready; }));
  EXPECT_EQ(engine->status().restarts, 0U);
}

TEST_F(EngineTest, Comes_back_when_it_is_killed) {
  const auto engine = start(spec({}));
  ASSERT_TRUE(eventually([&] { return engine->state() == EngineState::ready; }));
  const pid_t first = engine->status().pid;
  ::kill(first, SIGKILL);
  ASSERT_TRUE(eventually([&] { return engine->state() == EngineState::ready && engine->status().pid != first; }));
  EXPECT_EQ(engine->status().restarts, 1U);
  EXPECT_TRUE(is_gone(first));
}

TEST_F(EngineTest, Says_why_it_keeps_dying) {
  const auto engine = start(spec({"--mode", "exit"}));
  ASSERT_TRUE(eventually([&] { return engine->state() == EngineState::failed; }));
  EXPECT_EQ(engine->status().reason, "it ended with exit code 3; its last line: fake failure: no memory");
  EXPECT_GE(engine->status().restarts, 4U);
}

TEST_F(EngineTest, Is_restarted_when_it_stops_answering) {
  const auto engine = start(spec({"--mode", "hang", "--ms", "100"}));
  ASSERT_TRUE(eventually([&] { return engine->state() == EngineState::ready; }));
  EXPECT_TRUE(eventually([&] { return engine->status().restarts > 0; }));
}

TEST_F(EngineTest, Is_restarted_when_it_is_never_ready) {
  EngineSpec impatient = spec({"--mode", "garbage"});
  impatient.times.start_timeout = 50ms;
  const auto engine = start(std::move(impatient));
  EXPECT_TRUE(eventually([&] { return engine->status().restarts > 0; }));
}

TEST_F(EngineTest, Stopping_leaves_no_process_and_no_socket) {
  auto engine = start(spec({}));
  ASSERT_TRUE(eventually([&] { return engine->state() == EngineState::ready; }));
  const EngineStatus status = engine->status();
  engine->begin_stop();
  engine->wait_stopped();
  EXPECT_EQ(engine->state(), EngineState::stopped);
  EXPECT_TRUE(is_gone(status.pid));
  EXPECT_FALSE(std::filesystem::exists(status.endpoint.unix_path));
}

TEST_F(EngineTest, An_engine_that_ignores_the_request_to_stop_is_killed) {
  EngineSpec stubborn = spec({"--mode", "stubborn"});
  stubborn.times.stop_grace = 50ms;
  auto engine = start(std::move(stubborn));
  ASSERT_TRUE(eventually([&] { return engine->state() == EngineState::ready; }));
  const pid_t pid = engine->status().pid;
  engine.reset();
  EXPECT_TRUE(is_gone(pid));
}

TEST_F(EngineTest, The_child_sees_only_the_environment_it_is_given) {
  ::setenv("OPENAI_API_KEY", "sk-must-not-leak", 1);
  const auto engine = start(spec({"--mode", "environment", "--note", "a;b $(c)"}));
  ASSERT_TRUE(eventually([&] { return engine->state() == EngineState::ready; }));
  ASSERT_TRUE(eventually([&] { return log_text().find("A=1\n") != std::string::npos; }));
  EXPECT_EQ(log_text().find("sk-must-not-leak"), std::string::npos);
  EXPECT_NE(log_text().find("note a;b $(c)\n"), std::string::npos) << "an argument must not meet a shell";
  ::unsetenv("OPENAI_API_KEY");
}

TEST_F(EngineTest, What_it_prints_is_kept_in_a_bounded_log) {
  const auto engine = start(spec({"--mode", "chatty"}));
  ASSERT_TRUE(eventually([&] { return engine->state() == EngineState::ready; }));
  ASSERT_TRUE(eventually([&] { return log_text().find("line 39999") != std::string::npos; }));
  EXPECT_LE(std::filesystem::file_size(directory_ + "/local.log"), LogFile::max_file_bytes);
  EXPECT_LE(std::filesystem::file_size(directory_ + "/local.log.1"), LogFile::max_file_bytes);
}

TEST_F(EngineTest, What_is_missing_is_named_and_looked_for_again) {
  EngineSpec incomplete = spec({});
  const auto good = incomplete.prepare;
  const std::string model = directory_ + "/model";
  incomplete.prepare = [=](const std::string& socket, const auto& stopping) -> Result<Command> {
    if (!std::filesystem::exists(model)) return fail(ErrorKind::not_found, "no model", "fetch it");
    return good(socket, stopping);
  };
  const auto engine = start(std::move(incomplete));
  ASSERT_TRUE(eventually([&] { return engine->state() == EngineState::missing; }));
  EXPECT_EQ(engine->status().reason, "no model; fetch it");
  std::ofstream(model) << "x";
  EXPECT_TRUE(eventually([&] { return engine->state() == EngineState::ready; }));
}

TEST_F(EngineTest, A_program_that_cannot_be_started_is_named) {
  EngineSpec wrong = spec({});
  wrong.prepare = [](const std::string&, const auto&) -> Result<Command> {
    return Command{.program = "/nonexistent/llama-server"};
  };
  const auto engine = start(std::move(wrong));
  ASSERT_TRUE(eventually([&] { return engine->state() == EngineState::failed; }));
  EXPECT_NE(engine->status().reason.find("/nonexistent/llama-server cannot be started: No such file"),
            std::string::npos);
}

TEST_F(EngineTest, A_directory_with_a_long_path_gets_its_socket_elsewhere) {
  EngineSpec deep = spec({});
  deep.directory = directory_ + "/" + std::string(100, 'd');
  std::filesystem::create_directory(deep.directory);
  auto engine = start(std::move(deep));
  ASSERT_TRUE(eventually([&] { return engine->state() == EngineState::ready; }));
  const std::filesystem::path socket = engine->endpoint().unix_path;
  EXPECT_LE(socket.native().size(), SocketPlace::max_path_bytes);
  EXPECT_EQ(std::filesystem::status(socket.parent_path()).permissions(), std::filesystem::perms::owner_all);
  engine.reset();
  EXPECT_FALSE(std::filesystem::exists(socket.parent_path()));
}

TEST_F(EngineTest, A_relative_directory_means_the_same_to_the_child) {
  EngineSpec relative = spec({});
  relative.directory = std::filesystem::relative(directory_);
  const auto engine = start(std::move(relative));
  ASSERT_TRUE(eventually([&] { return engine->state() == EngineState::ready; })) << engine->status().reason;
  EXPECT_EQ(engine->endpoint().unix_path, directory_ + "/local.sock");
}

TEST_F(EngineTest, Refuses_a_name_that_would_leave_its_directory) {
  for (const char* name : {"", "../x", "a/b", ".hidden", "a b"}) {
    EngineSpec bad = spec({});
    bad.name = name;
    EXPECT_FALSE(Engine::start(std::move(bad), log_, metrics_)) << name;
  }
}

TEST_F(EngineTest, The_supervisor_knows_its_engines_by_name) {
  telemetry::Registry registry;
  Supervisor supervisor(log_, registry);
  ASSERT_TRUE(supervisor.add(spec({})));
  EXPECT_FALSE(supervisor.add(spec({}))) << "the name is taken";
  EXPECT_EQ(supervisor.find("other"), nullptr);
  ASSERT_TRUE(eventually([&] { return supervisor.status("local")->state == EngineState::ready; }));
  supervisor.stop();
  EXPECT_EQ(supervisor.status("local")->state, EngineState::stopped);
}

// A Sluice that is killed in the hardest way takes its engine with it. This program runs a second time as that Sluice.
TEST_F(EngineTest, No_orphan_stays_when_the_parent_is_killed) {
  if (parent_directory()) {
    const auto engine = start(spec({}));
    ASSERT_TRUE(eventually([&] { return engine->state() == EngineState::ready; }));
    std::printf("engine %d\n", static_cast<int>(engine->status().pid));
    std::fflush(stdout);
    ::pause();
  }
  const Command self{.program = std::filesystem::read_symlink("/proc/self/exe"),
                     .arguments = {"--gtest_filter=*No_orphan_stays*"},
                     .environment = {std::string(parent_variable) + "=" + directory_}};
  Result<Process> parent = Process::start(self, directory_);
  ASSERT_TRUE(parent) << parent.error().message;
  LogFile output(directory_ + "/parent.log");
  const auto printed_pid = [&] {
    output.drain(parent->output_fd());
    std::ifstream file(output.path());
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const std::size_t at = text.find("engine ");
    return at == std::string::npos || text.find('\n', at) == std::string::npos ? 0 : std::atoi(text.c_str() + at + 7);
  };
  ASSERT_TRUE(eventually([&] { return printed_pid() != 0 || parent->ended(); }));
  const pid_t engine = printed_pid();
  ASSERT_GT(engine, 0) << output.last_line();
  EXPECT_FALSE(is_gone(engine));
  parent->signal(SIGKILL);
  // Whoever adopts the dead child may not reap it at once: a zombie counts as gone.
  EXPECT_TRUE(eventually([&] {
    std::ifstream file("/proc/" + std::to_string(engine) + "/stat");
    const std::string stat{std::istreambuf_iterator<char>(file), {}};
    return stat.empty() || stat.find(") Z ") != std::string::npos;
  }));
}

TEST_F(EngineTest, The_real_engine_answers_and_comes_back_when_it_is_killed) {
  LlamaServerCommand prepare({.context_tokens = 512, .slots = 1}, process_environment());
  if (const auto command = prepare(directory_ + "/x.sock"); !command)
    GTEST_SKIP() << command.error().message << "; " << command.error().hint;
  EngineSpec real = spec({});
  real.prepare = prepare;
  real.times = {};
  auto engine = start(std::move(real));
  ASSERT_TRUE(eventually([&] { return engine->state() == EngineState::ready; }))
      << engine->status().reason << log_text();
  const pid_t first = engine->status().pid;
  ::kill(first, SIGKILL);
  ASSERT_TRUE(eventually([&] { return engine->state() == EngineState::ready && engine->status().pid != first; }));
  const pid_t second = engine->status().pid;
  engine.reset();
  EXPECT_TRUE(is_gone(second));
}

}  // namespace
}  // namespace sluice::engines
