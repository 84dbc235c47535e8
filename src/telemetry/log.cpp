#include "telemetry/log.h"

#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <ctime>
#include <utility>

#include "json/json.h"
#include "json/plain.h"

namespace sluice::telemetry {
namespace {

// While lines keep coming the writer looks at the queue this often, instead of being woken for each line.
constexpr std::chrono::milliseconds batch_time{10};
// A pipe that reports room takes this much without blocking, so that a reader who sleeps cannot hold up the end.
constexpr std::size_t piece_bytes = PIPE_BUF;
constexpr std::size_t usual_line_bytes = 512;
// What the log may still take at its end when nobody reads the target.
constexpr std::chrono::seconds last_words_time{2};

// What a thread's lines of one second have in common is made once.
struct Second {
  std::time_t seconds = -1;
  char text[24] = "";  // "2026-03-01T12:00:00"
};

std::string_view text_of_second(std::time_t seconds) {
  constexpr std::size_t size = 19;
  thread_local Second last;
  if (last.seconds != seconds) {
    std::tm utc{};
    ::gmtime_r(&seconds, &utc);
    if (std::strftime(last.text, sizeof last.text, "%Y-%m-%dT%H:%M:%S", &utc) != size) return "0000-00-00T00:00:00";
    last.seconds = seconds;
  }
  return {last.text, size};
}

void append_time(std::string& out, std::chrono::system_clock::time_point now, bool with_date) {
  const auto since_epoch = std::chrono::floor<std::chrono::milliseconds>(now.time_since_epoch());
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
  const auto ms = static_cast<int>((since_epoch - seconds).count());
  constexpr std::size_t date_bytes = 11;
  out.append(text_of_second(seconds.count()).substr(with_date ? 0 : date_bytes));
  const char fraction[] = {'.', static_cast<char>('0' + ms / 100), static_cast<char>('0' + ms / 10 % 10),
                           static_cast<char>('0' + ms % 10), 'Z'};
  out.append(fraction, with_date ? 5 : 4);
}

void append_integer(std::string& out, std::int64_t value) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

void append_scalar(std::string& out, const decltype(LogField::value)& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) append_integer(out, *integer);
  if (const auto* number = std::get_if<double>(&value)) json::Writer(out).number(*number);
  if (const auto* flag = std::get_if<bool>(&value)) out.append(*flag ? "true" : "false");
}

bool is_regular_file(int fd) {
  struct stat status = {};
  return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
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
            (settings_.format == LogFormat::automatic && ::isatty(settings_.fd) == 1)),
      regular_file_(is_regular_file(settings_.fd)) {
  queue_.reserve(settings_.queue_lines * usual_line_bytes);  // what is not touched costs nothing
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
  thread_local std::string line;  // one allocation per thread instead of one per line
  line.clear();
  append_line(line, level, event, fields);
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (queued_lines_ >= settings_.queue_lines) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    queue_.append(line);
    ++queued_lines_;
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

void Log::append_line(std::string& out, Level level, std::string_view event,
                      std::initializer_list<LogField> fields) const {
  text_ ? append_text(out, level, event, fields) : append_json(out, level, event, fields);
}

namespace {

// Writes where there is room: whoever makes one has counted.
struct Pen {
  char* at;
  void put(char c) { *at++ = c; }
  void put(std::string_view text) {
    if (!text.empty()) std::memcpy(at, text.data(), text.size());
    at += text.size();
  }
  void put(std::int64_t number) { at = std::to_chars(at, at + number_bytes, number).ptr; }
  void quote(std::string_view text) {
    if (!json::is_plain(text)) {
      std::string quoted;
      json::append_quoted(quoted, text);
      return put(quoted);
    }
    put('"');
    put(text);
    put('"');
  }
  static constexpr std::size_t number_bytes = 32;
};

}  // namespace

// By hand and into room that is made once, because every request comes here. The names are words of the code, which
// need no escapes.
void Log::append_json(std::string& out, Level level, std::string_view event,
                      std::initializer_list<LogField> fields) const {
  constexpr std::size_t most_escaped = 6;  // bytes for one: "\u001f"
  const auto quoted_bytes = [&](std::string_view text) { return text.size() * most_escaped + 2; };
  std::size_t most = 128 + quoted_bytes(event);
  for (const LogField& field : fields) {
    const auto* text = std::get_if<std::string_view>(&field.value);
    most += field.name.size() + 4 + (text ? quoted_bytes(text->substr(0, max_value_bytes)) : Pen::number_bytes);
  }
  out.append(R"({"time":")");
  append_time(out, settings_.now(), true);
  const std::size_t before = out.size();
  // libstdc++ 12 hands the capacity to the function instead of the size, so the size comes from here.
  out.resize_and_overwrite(before + most, [=](char*, std::size_t) { return before + most; });
  Pen pen{out.data() + before};
  pen.put(R"(","level":")");
  pen.put(level_name(level));
  pen.put(R"(","event":)");
  pen.quote(event);
  for (const LogField& field : fields) {
    pen.put(',');
    pen.put('"');
    pen.put(field.name);
    pen.put('"');
    pen.put(':');
    if (const auto* text = std::get_if<std::string_view>(&field.value)) {
      pen.quote(text->substr(0, max_value_bytes));
    } else if (const auto* integer = std::get_if<std::int64_t>(&field.value)) {
      pen.put(*integer);
    } else {
      std::string scalar;
      append_scalar(scalar, field.value);
      pen.put(scalar);
    }
  }
  pen.put("}\n");
  out.resize(static_cast<std::size_t>(pen.at - out.data()));
}

void Log::append_text(std::string& out, Level level, std::string_view event,
                      std::initializer_list<LogField> fields) const {
  append_time(out, settings_.now(), false);
  out.append(" ").append(level_name(level)).append(level_name(level).size() == 4 ? "  " : " ").append(event);
  for (const LogField& field : fields) {
    out.append(" ").append(field.name).append("=");
    if (const auto* text = std::get_if<std::string_view>(&field.value))
      append_text_value(out, text->substr(0, max_value_bytes));
    else
      append_scalar(out, field.value);
  }
  out.push_back('\n');
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
  std::string lines;
  lines.reserve(settings_.queue_lines * usual_line_bytes);
  std::uint64_t reported = 0;
  std::unique_lock lock(mutex_);
  for (;;) {
    if (!has_work()) {
      writer_idle_ = true;
      wake_writer_.wait(lock, [this] { return has_work(); });
      writer_idle_ = false;
    }
    lines.swap(queue_);
    queued_lines_ = 0;
    writing_ = true;
    const bool last = stopping_;
    lock.unlock();
    if (const std::uint64_t dropped = dropped_.load(std::memory_order_relaxed); dropped != reported) {
      append_line(lines, Level::warn, "log lines were dropped: the target is too slow",
                  {{"lines", dropped - reported}});
      reported = dropped;
    }
    write_all(lines);
    lock.lock();
    writing_ = false;
    finished_ = accepted_ - queued_lines_;
    lines.clear();
    written_.notify_all();
    if (last && queue_.empty()) return;
    // An early look costs a wake-up for each line at a few hundred lines a second.
    wake_writer_.wait_for(lock, batch_time, [this] { return stopping_ || (flushing_ > 0 && !queue_.empty()); });
  }
}

// A file takes everything at once; only what may have a reader is asked, and given, as much as does not block.
void Log::write_all(std::string_view bytes) {
  while (!bytes.empty()) {
    if (!regular_file_) {
      pollfd target{.fd = settings_.fd, .events = POLLOUT, .revents = 0};
      const int ready = ::poll(&target, 1, 100);
      if (ready == 0 && gave_up()) return;
      if (ready <= 0) continue;
    }
    const std::size_t most = regular_file_ ? bytes.size() : piece_bytes;
    const ssize_t written = ::write(settings_.fd, bytes.data(), std::min(bytes.size(), most));
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
