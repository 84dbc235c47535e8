#include "telemetry/log.h"

#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <utility>

#include "json/json.h"

namespace sluice::telemetry {
namespace {

// While lines keep coming the writer looks at the queue this often, instead of being woken for each line.
constexpr std::chrono::milliseconds batch_time{10};
// A pipe that reports room takes this much without blocking, so that a reader who sleeps cannot hold up the end.
constexpr std::size_t piece_bytes = PIPE_BUF;
// What the log may still take at its end when nobody reads the target.
constexpr std::chrono::seconds last_words_time{2};

std::string timestamp(std::chrono::system_clock::time_point now, bool with_date) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
  const std::time_t seconds = static_cast<std::time_t>(ms / 1000);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  char text[40];
  std::size_t size = std::strftime(text, sizeof text, with_date ? "%Y-%m-%dT%H:%M:%S" : "%H:%M:%S", &utc);
  size +=
      static_cast<std::size_t>(std::snprintf(text + size, sizeof text - size, ".%03dZ", static_cast<int>(ms % 1000)));
  return {text, size - (with_date ? 0 : 1)};
}

// A word stands as it is, everything else in quotation marks: a line of text stays one line.
void append_text_value(std::string& out, std::string_view value) {
  const bool plain = !value.empty() && std::ranges::all_of(value, [](char c) {
    return static_cast<unsigned char>(c) > ' ' && c != '"' && c != '\\' && c != '=' && c != 0x7f;
  });
  if (plain) {
    out.append(value);
  } else {
    json::append_quoted(out, value);
  }
}

}  // namespace

std::string_view level_name(Level level) {
  switch (level) {
    case Level::debug: return "debug";
    case Level::info: return "info";
    case Level::warn: return "warn";
    case Level::error: return "error";
    case Level::off: return "off";
  }
  return "off";
}

Log::Log(LogSettings settings)
    : settings_(std::move(settings)),
      text_(settings_.format == LogFormat::text ||
            (settings_.format == LogFormat::automatic && ::isatty(settings_.fd) == 1)) {
  queue_.reserve(settings_.queue_lines);
  writer_ = std::thread([this] { run(); });
}

Log::~Log() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    stopped_at_ = std::chrono::steady_clock::now();
  }
  wake_writer_.notify_one();
  writer_.join();
}

void Log::write(Level level, std::string_view event, std::initializer_list<LogField> fields) {
  if (!enabled(level)) return;
  std::string line = text_ ? text_line(level, event, fields) : json_line(level, event, fields);
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() >= settings_.queue_lines) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    queue_.push_back(std::move(line));
    ++accepted_;
    wake = std::exchange(writer_idle_, false);
  }
  if (wake) wake_writer_.notify_one();
}

void Log::flush() {
  std::unique_lock lock(mutex_);
  const std::uint64_t target = accepted_;
  ++flushing_;
  wake_writer_.notify_one();
  written_.wait(lock, [&] { return finished_ >= target; });
  --flushing_;
}

std::string Log::json_line(Level level, std::string_view event, std::initializer_list<LogField> fields) const {
  std::string line;
  line.reserve(512);
  json::Writer writer(line);
  writer.begin_object()
      .member("time", timestamp(settings_.now(), true))
      .member("level", level_name(level))
      .member("event", event);
  for (const LogField& field : fields) {
    writer.key(field.name);
    if (const auto* text = std::get_if<std::string_view>(&field.value)) writer.string(text->substr(0, max_value_bytes));
    if (const auto* integer = std::get_if<std::int64_t>(&field.value)) writer.integer(*integer);
    if (const auto* number = std::get_if<double>(&field.value)) writer.number(*number);
    if (const auto* flag = std::get_if<bool>(&field.value)) writer.boolean(*flag);
  }
  writer.end_object();
  line.push_back('\n');
  return line;
}

std::string Log::text_line(Level level, std::string_view event, std::initializer_list<LogField> fields) const {
  std::string line = timestamp(settings_.now(), false);
  line.append(" ").append(level_name(level)).append(level_name(level).size() == 4 ? "  " : " ").append(event);
  for (const LogField& field : fields) {
    line.append(" ").append(field.name).append("=");
    if (const auto* text = std::get_if<std::string_view>(&field.value)) {
      append_text_value(line, text->substr(0, max_value_bytes));
    } else {
      json::Writer writer(line);
      if (const auto* integer = std::get_if<std::int64_t>(&field.value)) writer.integer(*integer);
      if (const auto* number = std::get_if<double>(&field.value)) writer.number(*number);
      if (const auto* flag = std::get_if<bool>(&field.value)) writer.boolean(*flag);
    }
  }
  line.push_back('\n');
  return line;
}

void Log::hold() {
  std::unique_lock lock(mutex_);
  ++holds_;
  written_.wait(lock, [this] { return !writing_; });
}

void Log::release() {
  {
    const std::lock_guard lock(mutex_);
    --holds_;
  }
  wake_writer_.notify_one();
}

bool Log::has_work() const { return stopping_ || (!queue_.empty() && (holds_ == 0 || flushing_ > 0)); }

// Takes what is queued, writes it, and only sleeps for good when a look found nothing.
void Log::run() {
  std::vector<std::string> lines;
  lines.reserve(settings_.queue_lines);
  std::uint64_t reported = 0;
  std::unique_lock lock(mutex_);
  for (;;) {
    if (!has_work()) {
      writer_idle_ = true;
      wake_writer_.wait(lock, [this] { return has_work(); });
      writer_idle_ = false;
    }
    lines.swap(queue_);
    writing_ = true;
    const bool last = stopping_;
    lock.unlock();
    if (const std::uint64_t dropped = dropped_.load(std::memory_order_relaxed); dropped != reported) {
      const std::initializer_list<LogField> fields = {{"lines", dropped - reported}};
      constexpr std::string_view event = "log lines were dropped: the target is too slow";
      lines.push_back(text_ ? text_line(Level::warn, event, fields) : json_line(Level::warn, event, fields));
      reported = dropped;
    }
    write_out(lines);
    lock.lock();
    writing_ = false;
    finished_ = accepted_ - queue_.size();
    lines.clear();
    written_.notify_all();
    if (last && queue_.empty()) return;
    // An early look costs a wake-up for each line at a few hundred lines a second.
    wake_writer_.wait_for(lock, batch_time, [this] { return stopping_ || (flushing_ > 0 && !queue_.empty()); });
  }
}

void Log::write_out(const std::vector<std::string>& lines) {
  std::string bytes;
  for (const std::string& line : lines) {
    bytes.append(line);
    if (bytes.size() < 64 * 1024) continue;
    write_all(bytes);
    bytes.clear();
  }
  write_all(bytes);
}

void Log::write_all(std::string_view bytes) {
  while (!bytes.empty()) {
    pollfd target{.fd = settings_.fd, .events = POLLOUT, .revents = 0};
    const int ready = ::poll(&target, 1, 100);
    if (ready == 0 && gave_up()) return;
    if (ready <= 0) continue;
    const ssize_t written = ::write(settings_.fd, bytes.data(), std::min(bytes.size(), piece_bytes));
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR && errno != EAGAIN) {
      return;  // the target is gone, and there is no better place to say so
    }
  }
}

bool Log::gave_up() {
  const std::lock_guard lock(mutex_);
  return stopping_ && std::chrono::steady_clock::now() > stopped_at_ + last_words_time;
}

}  // namespace sluice::telemetry
