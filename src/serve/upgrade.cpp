#include "serve/upgrade.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <unordered_map>
#include <utility>

#include "store/tags.h"

extern char** environ;

namespace sluice::serve {
namespace {

using std::chrono::milliseconds;

constexpr const char* variable = "SLUICE_UPGRADE";
// The first number says how all the rest is to be read: a program that reads it otherwise refuses.
constexpr int format = 1;
constexpr int first_inherited_fd = 3;

void append_number(std::string& out, std::int64_t number) {
  out.append(reinterpret_cast<const char*>(&number), sizeof number);  // both ends are on one machine
}

std::int64_t take_number(std::string_view& text) {
  std::int64_t number = 0;
  if (text.size() < sizeof number) return 0;
  std::memcpy(&number, text.data(), sizeof number);
  text.remove_prefix(sizeof number);
  return number;
}

void append_text(std::string& out, std::string_view text) {
  append_number(out, static_cast<std::int64_t>(text.size()));
  out.append(text);
}

std::string_view take_text(std::string_view& text) {
  const auto size = static_cast<std::size_t>(take_number(text));
  const std::string_view one = text.substr(0, size);
  text.remove_prefix(one.size());
  return one;
}

// Both processes have the same monotonic clock.
using TimePoint = std::chrono::steady_clock::time_point;
void append_time(std::string& out, TimePoint at) { append_number(out, at.time_since_epoch().count()); }
TimePoint take_time(std::string_view& text) { return TimePoint(TimePoint::duration(take_number(text))); }

std::string reservation_text(const gateway::Reservation& reservation) {
  std::string text(reinterpret_cast<const char*>(reservation.key.data()), reservation.key.size());
  append_number(text, reservation.worst.pico());
  append_number(text, reservation.tokens);
  return text.append(reservation.request);
}

Error told(std::string_view text) {
  const std::size_t line = text.find('\n');
  return {.kind = ErrorKind::unavailable,
          .message = std::string(text.substr(0, line)),
          .hint = line == std::string_view::npos ? "" : std::string(text.substr(line + 1))};
}

}  // namespace

// --- Channel

Result<std::pair<Channel, Channel>> Channel::pair() {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
    return fail(ErrorKind::unavailable, std::string("cannot make a pair of sockets: ") + std::strerror(errno),
                "raise the open-file limit (ulimit -n)");
  for (const int fd : fds) {
    const int bytes = 4 << 20;  // as much of it as the kernel allows
    ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    const timeval limit{.tv_sec = write_limit.count(), .tv_usec = 0};
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  }
  return std::pair(Channel(Fd(fds[0])), Channel(Fd(fds[1])));
}

bool Channel::say(Saying kind, std::string_view text) const {
  char letter = static_cast<char>(kind);
  iovec pieces[] = {{&letter, 1}, {const_cast<char*>(text.data()), text.size()}};
  msghdr message = {};
  message.msg_iov = pieces;
  message.msg_iovlen = 2;
  for (;;) {
    const ssize_t n = ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
    if (n >= 0) return true;
    if (errno != EINTR) return false;
  }
}

std::optional<Channel::Message> Channel::hear(milliseconds limit, int or_fd) const {
  pollfd places[] = {{fd_.get(), POLLIN, 0}, {or_fd, POLLIN, 0}};
  if (::poll(places, or_fd < 0 ? 1 : 2, static_cast<int>(limit.count())) <= 0) return std::nullopt;
  if (!places[0].revents) return std::nullopt;
  std::string bytes(most_bytes, '\0');
  const ssize_t n = ::recv(fd_.get(), bytes.data(), bytes.size(), 0);
  if (n <= 0) return std::nullopt;
  bytes.resize(static_cast<std::size_t>(n));
  return Message{.kind = static_cast<Saying>(bytes[0]), .text = bytes.substr(1)};
}

// --- Bequest, Program

std::optional<Bequest> Bequest::take_from_environment() {
  const char* text = std::getenv(variable);
  if (!text) return std::nullopt;
  int said[3] = {};  // format, generation, sockets
  const char* at = text;
  for (int& number : said) {
    at = std::from_chars(at, text + std::strlen(text), number).ptr;
    if (*at == ':') ++at;
  }
  ::unsetenv(variable);  // it is not for the engines, nor for the next upgrade
  Bequest bequest{.channel = Channel(Fd(first_inherited_fd)), .listening = {}, .generation = said[1]};
  ::fcntl(first_inherited_fd, F_SETFD, FD_CLOEXEC);
  for (int i = 1; i <= said[2]; ++i) {
    ::fcntl(first_inherited_fd + i, F_SETFD, FD_CLOEXEC);
    bequest.listening.emplace_back(first_inherited_fd + i);
  }
  if (said[0] == format && said[2] > 0) return bequest;
  bequest.channel.say_error(Saying::failed, {.message = "the new program cannot take over from the one that runs: it "
                                                        "does not know its format",
                                             .hint = "stop the one that runs, and start the new one"});
  std::exit(1);  // nothing has begun
}

Program::Program() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  for (std::string argument; std::getline(file, argument, '\0');) arguments_.push_back(argument);
  std::error_code ignored;
  // As it was called: where that is a symbolic link, it may lead to a newer program.
  if (!arguments_.empty() && arguments_[0].contains('/'))
    path_ = std::filesystem::absolute(arguments_[0], ignored).string();
  else
    path_ = std::filesystem::read_symlink("/proc/self/exe", ignored).string();
}

Result<pid_t> Program::start(const Channel& channel, const std::vector<int>& listening, int generation) const {
  // Away from the numbers that they are to have.
  constexpr int out_of_the_way = 1'000;
  std::vector<Fd> copies;
  copies.emplace_back(::fcntl(channel.fd(), F_DUPFD_CLOEXEC, out_of_the_way));
  for (const int fd : listening) copies.emplace_back(::fcntl(fd, F_DUPFD_CLOEXEC, out_of_the_way));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (std::size_t i = 0; i < copies.size(); ++i)
    posix_spawn_file_actions_adddup2(&actions, copies[i].get(), first_inherited_fd + static_cast<int>(i));
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);

  std::string said = std::string(variable) + "=" + std::to_string(format) + ":" + std::to_string(generation) + ":" +
                     std::to_string(listening.size());
  std::vector<char*> environment;
  for (char** one = environ; *one; ++one) environment.push_back(*one);
  environment.push_back(said.data());
  environment.push_back(nullptr);
  std::vector<std::string> texts = arguments_;
  std::vector<char*> arguments;
  for (std::string& text : texts) arguments.push_back(text.data());
  arguments.push_back(nullptr);

  pid_t pid = 0;
  const bool too_few = std::ranges::any_of(copies, [](const Fd& fd) { return !fd; });
  const int error =
      too_few ? EMFILE
              : ::posix_spawn(&pid, path_.c_str(), &actions, &attributes, arguments.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0)
    return fail(ErrorKind::unavailable, "cannot start " + path_ + ": " + std::strerror(error),
                "the new program must lie where this one was started from");
  return pid;
}

// --- Heir

Result<void> Heir::ask(Saying kind, std::string_view text) {
  const std::lock_guard held(mutex_);
  const Error gone{.kind = ErrorKind::unavailable,
                   .message = "the server is being replaced, and the new one does not answer",
                   .hint = "try again"};
  if (!channel_.say(kind, text)) return std::unexpected(gone);
  const auto answer = channel_.hear(answer_limit);
  if (!answer) return std::unexpected(gone);
  if (answer->kind == Saying::yes) return {};
  Error error = told(answer->text);
  error.kind = ErrorKind::budget_exceeded;
  error.code = "budget_exceeded";
  return std::unexpected(std::move(error));
}

Result<void> Heir::reserve(const gateway::Reservation& reservation) {
  return ask(Saying::reserve, reservation_text(reservation));
}

bool Heir::raise(std::string_view request, Money worst) {
  std::string text;
  append_number(text, worst.pico());
  return ask(Saying::raise, text.append(request)).has_value();
}

void Heir::release(std::string_view request) {
  const std::lock_guard held(mutex_);
  channel_.say(Saying::release, request);
}

bool Heir::record(Saying log, std::string_view record) {
  const std::lock_guard held(mutex_);
  return channel_.say(log, record);
}

void Heir::inherit(const gateway::Reservation& reservation) {
  const std::lock_guard held(mutex_);
  channel_.say(Saying::holds, reservation_text(reservation));
}

void Heir::inherit(const store::KeyTable& keys) {
  constexpr std::size_t enough_bytes = 60u << 10;  // of one message
  const std::lock_guard held(mutex_);
  std::string text;
  for (const auto& line : keys.all_lines()) {
    const TimePoint used_until{std::chrono::nanoseconds(line->state->tat_ns.load())};
    if (used_until <= std::chrono::steady_clock::now()) continue;  // all of its minute is there again
    append_time(text, used_until);
    append_text(text, line->rule.id);
    if (text.size() > enough_bytes) channel_.say(Saying::rates, std::exchange(text, {}));
  }
  if (!text.empty()) channel_.say(Saying::rates, text);
}

void Heir::inherit(const gateway::Health& health) {
  const std::lock_guard held(mutex_);
  health.tell_all(std::chrono::steady_clock::now(), [&](std::string_view name, const gateway::Health::Target& known) {
    std::string text;
    append_text(text, name);
    append_text(text, known.why);
    for (const TimePoint at : {known.window_began, known.open_until, known.rests_until}) append_time(text, at);
    for (const std::int64_t number : {std::int64_t{known.calls}, std::int64_t{known.failures},
                                      std::int64_t{known.retries}, std::int64_t{known.is_open}, known.open_for.count()})
      append_number(text, number);
    channel_.say(Saying::target, text);
  });
}

// --- Inheritance

Inheritance::~Inheritance() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

void Inheritance::inherit(const Channel::Message& message) {
  if (message.kind == Saying::rates) return take_rates(message.text);
  if (message.kind == Saying::target) return take_target(message.text);
  if (const Result<void> reserved = reserve(message.text, true); !reserved)
    log_.warn("a request of the server before has no reservation", {{"reason", reserved.error().message}});
}

void Inheritance::take_rates(std::string_view text) {
  std::unordered_map<std::string_view, store::LineState*> states;
  const store::Lines lines = store_.keys()->all_lines();
  for (const auto& line : lines) states.emplace(line->rule.id, line->state.get());
  while (!text.empty()) {
    const TimePoint used_until = take_time(text);
    const auto found = states.find(take_text(text));
    if (found != states.end())
      found->second->tat_ns.store(std::chrono::nanoseconds(used_until.time_since_epoch()).count());
  }
}

void Inheritance::take_target(std::string_view text) {
  const std::string_view name = take_text(text);
  gateway::Health::Target known;
  known.why = take_text(text);
  known.window_began = take_time(text);
  known.open_until = take_time(text);
  known.rests_until = take_time(text);
  known.calls = static_cast<int>(take_number(text));
  known.failures = static_cast<int>(take_number(text));
  known.retries = static_cast<int>(take_number(text));
  known.is_open = take_number(text) != 0;
  known.open_for = milliseconds(take_number(text));
  health_.take_over(name, std::move(known));
}

Result<void> Inheritance::reserve(std::string_view text, bool inherited) {
  crypto::Sha256 digest = {};
  if (text.size() < digest.size() + 2 * sizeof(std::int64_t))
    return fail(ErrorKind::internal, "a message is too short");
  std::memcpy(digest.data(), text.data(), digest.size());
  text.remove_prefix(digest.size());
  gateway::Need need{.worst_cost = Money::pico(take_number(text)), .inherited = inherited};
  need.tokens = take_number(text);
  const auto keys = store_.keys();
  const store::Principal* principal = keys->find(digest);
  if (!principal) return {};  // the old process knows it, so it is being revoked just now
  const gateway::Moment now(std::chrono::steady_clock::now(), store::wall_clock_us());
  TRY(gateway::Hold hold, admission_.admit(*principal, need, now));
  if (!hold.complete()) CHECK_OK(admission_.lease_and_wait(hold, now));
  // Limits of single models are charged as rows come: which model will answer is the old process's to know.
  hold.join(store::Lines(principal->lines().begin(), principal->lines().end()));
  holds_.insert_or_assign(std::string(text), std::move(hold));
  return {};
}

void Inheritance::book(std::string_view record) {
  const auto settling = store_.settling();
  if (store_.ledger().append(record) != store::Appended::queued)
    log_.error("a row of the server before is lost", {{"hint", "look at the disk of the data directory"}});
  const Result<store::LedgerEntry> entry = store::decode_ledger_entry(record);
  if (!entry) return;
  const auto found = holds_.find(entry->request_id.str());
  if (found == holds_.end()) return;
  const auto keys = store_.keys();
  for (const std::string_view tag : store::split_tags(entry->tags)) {
    const auto lines = keys->lines_of_tag(tag);
    found->second.join(store::Lines(lines.begin(), lines.end()));
  }
  found->second.charge(entry->cost.value_or(Money()), entry->usage.total_input() + entry->usage.total_output(),
                       {std::chrono::steady_clock::now(), entry->end_us},
                       {.provider = entry->provider.str(), .model = entry->model.str()});
}

void Inheritance::obey(const Channel::Message& message) {
  std::string_view text = message.text;
  const auto answer = [&](const Result<void>& done) {
    if (done)
      channel_.say(Saying::yes);
    else
      channel_.say_error(Saying::no, done.error());
  };
  const auto hold = [&](std::string_view request) {
    const auto found = holds_.find(request);
    return found == holds_.end() ? nullptr : &found->second;
  };
  switch (message.kind) {
    case Saying::reserve: return answer(reserve(text, false));
    case Saying::raise: {
      const Money worst = Money::pico(take_number(text));
      gateway::Hold* const found = hold(text);
      const std::array shares = {gateway::Share{.target = {}, .cost = worst}};
      return answer(!found || found->raise_to(shares, store::wall_clock_us())
                        ? Result<void>()
                        : fail(ErrorKind::budget_exceeded, "the budget has not that much"));
    }
    case Saying::release:
      if (const auto found = holds_.find(text); found != holds_.end()) holds_.erase(found);
      return;
    case Saying::ledger: return book(text);
    case Saying::audit: store_.audit().append(text); return;
    case Saying::prepared:
    case Saying::failed:
    case Saying::holds:
    case Saying::rates:
    case Saying::target:
    case Saying::cut:
    case Saying::serves:
    case Saying::yes:
    case Saying::no: return;  // not after the cut
  }
}

void Inheritance::start() {
  thread_ = std::thread([this] { run(); });
}

void Inheritance::run() {
  constexpr milliseconds look_again{200};
  while (!stopping_) {
    pollfd place{channel_.fd(), POLLIN, 0};
    if (::poll(&place, 1, static_cast<int>(look_again.count())) <= 0) continue;
    const auto message = channel_.hear(milliseconds(0));
    if (!message) break;  // it has ended
    obey(*message);
  }
  holds_.clear();  // whatever its requests have not given back
  over_ = true;
  if (!stopping_) log_.info("the server before has ended");
}

}  // namespace sluice::serve
