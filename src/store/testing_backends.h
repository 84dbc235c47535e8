// For tests: the same ones on SQLite and on a real PostgreSQL, which is started by the first test that wants it, in a
// temporary directory on a Unix socket, and ends with the program. Each test directory has a schema of its own.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "store/data_directory.h"
#include "store/database.h"
#include "store/home.h"
#include "store/postgres.h"
#include "store/sqlite.h"
#include "store/testing_directory.h"

namespace sluice::store {

class TestingPostgres {
 public:
  // One for the whole program.
  static TestingPostgres& running() {
    static TestingPostgres server;
    return server;
  }

  TestingPostgres() {
    const std::string data = directory_.path() + "/data";
    std::filesystem::create_directory(data);
    for (const std::string& path : {directory_.path(), data})
      if (user_.uid != 0 && ::chown(path.c_str(), user_.uid, user_.gid) != 0) throw std::runtime_error("chown " + path);
    const pid_t made = spawn({"initdb", "-D", data, "-U", "sluice", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"});
    int status = -1;
    if (::waitpid(made, &status, 0) != made || status != 0) throw std::runtime_error("initdb failed:\n" + log());
    start();
  }
  ~TestingPostgres() {
    if (owner_ == ::getpid()) stop();
  }
  TestingPostgres(const TestingPostgres&) = delete;
  TestingPostgres& operator=(const TestingPostgres&) = delete;

  void start() {
    server_ = spawn({"postgres", "-D", directory_.path() + "/data", "-k", directory_.path(), "-c",
                     "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=100", "-c", "shared_buffers=16MB"});
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!PostgresDatabase::open(place("none"))) {
      if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("PostgreSQL does not start:\n" + log());
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  // Fast: it ends its clients' sessions.
  void stop() {
    ::kill(server_, SIGINT);
    ::waitpid(server_, nullptr, 0);
  }

  std::string socket_path() const { return directory_.path() + "/.s.PGSQL.5432"; }
  PostgresPlace place(std::string schema) const {
    return {.url = Secret("postgresql://sluice@/postgres?host=" + directory_.path()), .schema = std::move(schema)};
  }

 private:
  struct User {
    uid_t uid = 0;
    gid_t gid = 0;
  };
  // PostgreSQL does not run as root: then as its own user, which Debian's package makes.
  static User unprivileged() {
    if (::geteuid() != 0) return {};
    const passwd* user = ::getpwnam("postgres");
    if (!user) throw std::runtime_error("there is no user postgres: install Debian's postgresql");
    return {user->pw_uid, user->pw_gid};
  }
  static std::string program(const std::string& name) {
    for (const char* folder : {"/usr/lib/postgresql/15/bin/", "/usr/lib/postgresql/16/bin/"})
      if (std::filesystem::exists(folder + name)) return folder + name;
    return name;
  }
  std::string log() const {
    std::ifstream file(directory_.path() + "/log");
    return {std::istreambuf_iterator<char>(file), {}};
  }
  pid_t spawn(std::vector<std::string> words) const {
    words[0] = program(words[0]);
    const std::string log = directory_.path() + "/log";
    const pid_t child = ::fork();
    if (child != 0) return child;
    if (user_.uid != 0 && (::setgid(user_.gid) != 0 || ::setuid(user_.uid) != 0)) ::_exit(126);
    ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
    if (::chdir(directory_.path().c_str()) != 0) ::_exit(126);
    const int file = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (file < 0 || ::dup2(file, STDOUT_FILENO) < 0 || ::dup2(file, STDERR_FILENO) < 0) ::_exit(126);
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    ::execvp(arguments[0], arguments.data());
    ::_exit(127);
  }

  const User user_ = unprivileged();
  const pid_t owner_ = ::getpid();
  TestingDirectory directory_;
  pid_t server_ = -1;
};

enum class Backend : std::uint8_t { sqlite, postgres };

class OnEachBackend : public testing::TestWithParam<Backend> {};

inline bool on_postgres() {
  const testing::TestInfo* test = testing::UnitTest::GetInstance()->current_test_info();
  return test && test->value_param() && OnEachBackend::GetParam() == Backend::postgres;
}

inline std::string schema_of(const std::string& directory) {
  return "test_" + std::filesystem::path(directory).stem().string();
}

inline Home home_of(const std::string& directory) {
  if (!on_postgres()) return directory;
  return {directory, TestingPostgres::running().place(schema_of(directory))};
}

// Beside what is under test, to spoil or to ask it.
inline std::unique_ptr<Database> database_of(const std::string& directory) {
  if (!on_postgres()) return *SqliteDatabase::open(database_path(directory));
  return *PostgresDatabase::open(*home_of(directory).postgres);
}

inline void forget_database(const std::string& directory) {
  if (on_postgres()) {
    ASSERT_TRUE(database_of(directory)->execute(("DROP SCHEMA \"" + schema_of(directory) + "\" CASCADE").c_str()));
    return;
  }
  for (const char* name : {"/sluice.db", "/sluice.db-wal", "/sluice.db-shm"}) std::filesystem::remove(directory + name);
}

#define SLUICE_ON_EACH_BACKEND(suite)                                                      \
  INSTANTIATE_TEST_SUITE_P(On, suite, testing::Values(Backend::sqlite, Backend::postgres), \
                           [](const auto& one) { return one.param == Backend::sqlite ? "sqlite" : "postgres"; })

}  // namespace sluice::store
