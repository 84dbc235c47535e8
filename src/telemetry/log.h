// Structured log: one event is one line, JSON for machines or short text for a terminal. A line is built by the thread
// that logs it and written by a thread of its own, so that a slow terminal or a full pipe never holds up a request.
// When the queue is full, lines are dropped, counted, and the count is logged. It knows nothing of prompts or keys:
// whoever logs chooses the fields, and a Secret does not fit into one.
#pragma once

#include <atomic>
#include <chrono>
#include <cmath>
#include <concepts>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <variant>

#include "base/secret.h"

namespace sluice::telemetry {

enum class Level : std::uint8_t { debug, info, warn, error, off };

// "debug", "info", "warn", "error", "off".
std::string_view level_name(Level level);

// One member of a line. Borrows its strings until the call that logs them returns.
struct LogField {
  LogField(std::string_view field, std::string_view text) : name(field), value(text) {}
  LogField(std::string_view field, const char* text) : name(field), value(std::string_view(text)) {}
  LogField(std::string_view field, const std::string& text) : name(field), value(std::string_view(text)) {}
  LogField(std::string_view field, bool flag) : name(field), value(flag) {}
  LogField(std::string_view field, std::integral auto number) : name(field), value(static_cast<std::int64_t>(number)) {}
  LogField(std::string_view field, double number) : name(field), value(number) {}
  LogField(std::string_view field, std::chrono::nanoseconds duration)  // in milliseconds: name it so, "total_ms"
      : name(field), value(std::round(static_cast<double>(duration.count()) / 1e3) / 1e3) {}
  LogField(std::string_view field, const Secret& secret) = delete;

  std::string_view name;
  std::variant<std::string_view, std::int64_t, double, bool> value;
};

enum class LogFormat : std::uint8_t { automatic, json, text };  // automatic: text on a terminal, JSON otherwise

struct LogSettings {
  int fd = 2;  // not closed by the log
  Level level = Level::info;
  LogFormat format = LogFormat::automatic;
  std::size_t queue_lines = 8'192;  // about 4 MB of requests: half a second at 16,000 requests a second
  std::function<std::chrono::system_clock::time_point()> now = [] { return std::chrono::system_clock::now(); };
};

class Log {
 public:
  explicit Log(LogSettings settings);
  ~Log();  // writes what is queued; gives up after 2 s when nobody reads the target
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  bool enabled(Level level) const { return level >= settings_.level && level != Level::off; }

  // `event` is a short fixed phrase: "engine started". Thread-safe; never waits for the target.
  void write(Level level, std::string_view event, std::initializer_list<LogField> fields = {});
  void debug(std::string_view event, std::initializer_list<LogField> fields = {}) {
    write(Level::debug, event, fields);
  }
  void info(std::string_view event, std::initializer_list<LogField> fields = {}) { write(Level::info, event, fields); }
  void warn(std::string_view event, std::initializer_list<LogField> fields = {}) { write(Level::warn, event, fields); }
  void error(std::string_view event, std::initializer_list<LogField> fields = {}) {
    write(Level::error, event, fields);
  }

  // Keeps lines back, up to queue_lines of them, while something else writes to the same terminal.
  class Hold {
   public:
    explicit Hold(Log& log) : log_(log) { log_.hold(); }
    ~Hold() { log_.release(); }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

   private:
    Log& log_;
  };

  // Waits until everything logged before is written (or the target has failed), held back or not. Not for a reactor.
  void flush();
  std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t max_value_bytes = 4'096;  // a longer text is cut: a log is no place for bodies

  void hold();
  void release();
  bool has_work() const;
  void append_line(std::string& out, Level level, std::string_view event, std::initializer_list<LogField> fields) const;
  void append_json(std::string& out, Level level, std::string_view event, std::initializer_list<LogField> fields) const;
  void append_text(std::string& out, Level level, std::string_view event, std::initializer_list<LogField> fields) const;
  void run();
  void write_all(std::string_view bytes);
  bool gave_up();

  const LogSettings settings_;
  const bool text_;
  const bool regular_file_;
  std::atomic<std::uint64_t> dropped_{0};

  // A mutex and not a lock-free ring: it is held for one copy of a line or one swap of pointers, never during a write.
  std::mutex mutex_;
  std::condition_variable wake_writer_;
  std::condition_variable written_;
  std::string queue_;  // lines, one behind the other
  std::size_t queued_lines_ = 0;
  std::uint64_t accepted_ = 0;
  std::uint64_t finished_ = 0;
  int flushing_ = 0;          // callers of flush() that wait
  int holds_ = 0;             // Holds that live
  bool writing_ = false;      // the writer has taken lines
  bool writer_idle_ = false;  // only then is a wake-up worth its system call
  bool stopping_ = false;
  std::chrono::steady_clock::time_point stopped_at_;
  std::thread writer_;  // last: it uses all of the above
};

}  // namespace sluice::telemetry
