#include "telemetry/log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <thread>
#include <vector>

#include "json/json.h"

namespace sluice::telemetry {
namespace {

static_assert(!std::is_constructible_v<LogField, std::string_view, Secret>, "a secret must not fit into a line");

// A pipe: what the log has written so far, read without waiting.
class Target {
 public:
  Target() { EXPECT_EQ(::pipe(ends_), 0); }
  ~Target() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  int fd() const { return ends_[1]; }
  bool gets_bytes_within(int ms) const {
    pollfd end{.fd = ends_[0], .events = POLLIN, .revents = 0};
    return ::poll(&end, 1, ms) == 1;
  }
  std::string read() {
    ::fcntl(ends_[0], F_SETFL, O_NONBLOCK);
    std::string all;
    char buffer[4096];
    for (ssize_t n = 0; (n = ::read(ends_[0], buffer, sizeof buffer)) > 0;)
      all.append(buffer, static_cast<std::size_t>(n));
    return all;
  }

 private:
  int ends_[2] = {-1, -1};
};

LogSettings settings_for(const Target& target, LogFormat format) {
  return {.fd = target.fd(), .format = format, .now = [] {
            return std::chrono::system_clock::time_point(std::chrono::milliseconds(1'795'419'000'123));
          }};
}

TEST(Log, Writes_one_json_object_on_one_line) {
  Target target;
  Log log(settings_for(target, LogFormat::json));
  log.info("engine started", {{"engine", "local"},
                              {"pid", 42},
                              {"share", 0.5},
                              {"ready", true},
                              {"text", "a\n\"b\""},
                              {"total_ms", std::chrono::microseconds(1'500)}});
  log.flush();
  const std::string line = target.read();
  EXPECT_EQ(
      line,
      "{\"time\":\"2026-11-23T07:30:00.123Z\",\"level\":\"info\",\"event\":\"engine started\",\"engine\":\"local\","
      "\"pid\":42,\"share\":0.5,\"ready\":true,\"text\":\"a\\n\\\"b\\\"\",\"total_ms\":1.5}\n");
  EXPECT_TRUE(json::Document::parse(line));
}

TEST(Log, Writes_text_that_stays_on_one_line) {
  Target target;
  Log log(settings_for(target, LogFormat::text));
  log.warn("port taken", {{"address", "127.0.0.1:8080"}, {"hint", "stop\nit"}, {"empty", ""}});
  log.flush();
  EXPECT_EQ(target.read(), "07:30:00.123 warn  port taken address=127.0.0.1:8080 hint=\"stop\\nit\" empty=\"\"\n");
}

TEST(Log, A_pipe_gets_json_without_being_told) {
  Target target;
  Log log(settings_for(target, LogFormat::automatic));
  log.info("x");
  log.flush();
  EXPECT_TRUE(target.read().starts_with('{'));
}

TEST(Log, Keeps_quiet_below_its_level) {
  Target target;
  Log log(settings_for(target, LogFormat::text));
  log.debug("hidden");
  log.info("seen");
  log.flush();
  const std::string text = target.read();
  EXPECT_FALSE(text.contains("hidden")) << text;
  EXPECT_TRUE(text.contains("seen")) << text;
}

TEST(Log, Keeps_its_lines_back_while_somebody_else_has_the_terminal) {
  Target target;
  Log log(settings_for(target, LogFormat::text));
  log.info("before");
  log.flush();
  EXPECT_TRUE(target.read().contains("before"));
  {
    const Log::Hold hold(log);
    log.info("meanwhile");
    EXPECT_FALSE(target.gets_bytes_within(100));
  }
  ASSERT_TRUE(target.gets_bytes_within(30'000));
  EXPECT_TRUE(target.read().contains("meanwhile"));
}

TEST(Log, Ends_with_all_its_lines_though_they_were_held_back) {
  Target target;
  {
    Log log(settings_for(target, LogFormat::text));
    const Log::Hold hold(log);
    log.info("held");
    log.flush();
  }
  EXPECT_TRUE(target.read().contains("held"));
}

TEST(Log, Cuts_a_value_that_is_too_long) {
  Target target;
  Log log(settings_for(target, LogFormat::json));
  log.info("long", {{"text", std::string(100'000, 'x')}});
  log.flush();
  EXPECT_LT(target.read().size(), 5'000U);
}

TEST(Log, A_target_that_nobody_reads_never_holds_up_the_caller_and_the_loss_is_reported) {
  Target target;
  LogSettings settings = settings_for(target, LogFormat::json);
  settings.queue_lines = 10;
  Log log(settings);
  const std::string text(1'000, 'x');
  while (log.dropped() == 0) log.info("flood", {{"text", text}});  // the pipe holds 64 KB, then the queue fills
  std::string all;
  while (all.find("log lines were dropped") == std::string::npos) all += target.read();
  EXPECT_NE(all.find("\"lines\":"), std::string::npos);
}

TEST(Log, The_end_writes_what_is_queued) {
  Target target;
  {
    Log log(settings_for(target, LogFormat::text));
    for (int i = 0; i < 100; ++i) log.info("line", {{"number", i}});
  }
  EXPECT_NE(target.read().find("number=99\n"), std::string::npos);
}

TEST(Log, Lines_of_several_threads_do_not_mix) {
  Target target;
  std::string all;
  {
    Log log(settings_for(target, LogFormat::json));
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&log, t] {
        for (int i = 0; i < 100; ++i) log.info("line", {{"thread", t}, {"number", i}});
      });
    for (std::thread& thread : threads) thread.join();
    log.flush();
    all = target.read();
  }
  std::size_t lines = 0;
  for (std::size_t begin = 0, end = 0; (end = all.find('\n', begin)) != std::string::npos; begin = end + 1, ++lines)
    EXPECT_TRUE(json::Document::parse(all.substr(begin, end - begin)));
  EXPECT_EQ(lines, 400U);
}

}  // namespace
}  // namespace sluice::telemetry
