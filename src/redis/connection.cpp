#include "redis/connection.h"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <map>
#include <utility>

namespace sluice::redis {
namespace {

constexpr int most_databases = 1'024;  // of a common Redis there are 16
constexpr int deepest_reply = 8;       // what a server nests deeper is not ours

std::unexpected<Error> no_address(std::string_view text, std::string_view why) {
  return fail(ErrorKind::invalid_request, "`" + std::string(text) + "` is no address of Redis: " + std::string(why),
              "write redis://HOST:6379/0, or unix:/PATH for a socket");
}

bool read_number(std::string_view text, int least, int most, int& number) {
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), number);
  return wrong == std::errc() && end == text.data() + text.size() && number >= least && number <= most;
}

timeval in_timeval(std::chrono::milliseconds time) {
  return {.tv_sec = static_cast<time_t>(time.count() / 1'000),
          .tv_usec = static_cast<suseconds_t>(time.count() % 1'000 * 1'000)};
}

Reply read_reply(const redisReply& from, int depth) {
  Reply reply;
  switch (from.type) {
    case REDIS_REPLY_INTEGER:
      reply.kind = Reply::Kind::number;
      reply.number = from.integer;
      break;
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
      reply.kind = Reply::Kind::text;
      reply.text.assign(from.str, from.len);
      break;
    case REDIS_REPLY_ERROR:
      reply.kind = Reply::Kind::error;
      reply.text.assign(from.str, from.len);
      break;
    case REDIS_REPLY_ARRAY:
      reply.kind = Reply::Kind::list;
      if (depth == 0) break;
      reply.list.reserve(from.elements);
      for (std::size_t i = 0; i < from.elements; ++i) reply.list.push_back(read_reply(*from.element[i], depth - 1));
      break;
    default: break;
  }
  return reply;
}

}  // namespace

Result<Address> Address::parse(std::string_view text) {
  Address address;
  const std::string_view whole = text;
  if (text.starts_with("rediss://"))
    return no_address(whole, "TLS is not spoken here; put a tunnel (stunnel, a service mesh) before it");
  if (text.starts_with("unix:")) {
    text.remove_prefix(5);
    if (text.starts_with("//")) text.remove_prefix(2);
    if (const std::size_t at = text.find("?db="); at != std::string_view::npos) {
      if (!read_number(text.substr(at + 4), 0, most_databases, address.database))
        return no_address(whole, "the database is no number");
      text = text.substr(0, at);
    }
    if (!text.starts_with('/')) return no_address(whole, "the socket's path must begin with /");
    address.path = text;
    return address;
  }
  if (!text.starts_with("redis://")) return no_address(whole, "it begins with neither redis:// nor unix:");
  text.remove_prefix(8);
  if (const std::size_t at = text.find('/'); at != std::string_view::npos) {
    const std::string_view database = text.substr(at + 1);
    if (!database.empty() && !read_number(database, 0, most_databases, address.database))
      return no_address(whole, "the database is no number");
    text = text.substr(0, at);
  }
  if (const std::size_t at = text.rfind('@'); at != std::string_view::npos) {
    address.user = text.substr(0, at);
    if (address.user.find(':') != std::string::npos)
      return fail(ErrorKind::invalid_request, "the address of Redis has a password in it",
                  "leave it out, and put it into an environment variable that password_env names");
    text.remove_prefix(at + 1);
  }
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return no_address(whole, "the host's ] is missing");
    address.host = text.substr(1, end - 1);
    text.remove_prefix(end + 1);
  } else {
    address.host = text.substr(0, text.find(':'));
    text.remove_prefix(address.host.size());
  }
  if (address.host.empty()) return no_address(whole, "the host is missing");
  if (!text.empty() && (text.front() != ':' || !read_number(text.substr(1), 1, 65'535, address.port)))
    return no_address(whole, "the port is no number");
  return address;
}

std::string Address::text() const {
  const std::string at =
      path.empty() ? (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + std::to_string(port)
                   : path;
  return database == 0 ? at : at + " (database " + std::to_string(database) + ")";
}

struct Connection::State {
  struct Free {
    void operator()(redisContext* one) const { redisFree(one); }
  };
  std::unique_ptr<redisContext, Free> context;
  std::string name;
  std::map<const char*, std::string> digests;  // of the scripts that this server was brought
};

Connection::Connection(std::unique_ptr<State> state) : state_(std::move(state)) {}
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;
Connection::~Connection() = default;

Result<Connection> Connection::open(const Options& options) {
  const Address& address = options.address;
  auto state = std::make_unique<State>();
  state->name = address.text();
  const timeval limit = in_timeval(options.connect_ms);
  state->context.reset(address.path.empty() ? redisConnectWithTimeout(address.host.c_str(), address.port, limit)
                                            : redisConnectUnixWithTimeout(address.path.c_str(), limit));
  if (!state->context) return fail(ErrorKind::unavailable, "Redis at " + state->name + ": no memory for a connection");
  if (state->context->err != 0)
    return fail(ErrorKind::unavailable,
                "Redis at " + state->name + " cannot be reached: " + std::string(state->context->errstr),
                "see that it runs and that limits.url is right");
  redisSetTimeout(state->context.get(), in_timeval(options.answer_ms));
  if (address.path.empty()) redisEnableKeepAlive(state->context.get());
  Connection connection(std::move(state));
  const auto expect_ok = [&](const std::vector<std::string>& words) -> Result<void> {
    TRY(const Reply reply, connection.call(words));
    if (reply.kind != Reply::Kind::error) return {};
    // The server's words on AUTH never repeat the password.
    return fail(ErrorKind::unavailable, "Redis at " + connection.state_->name + " refuses: " + reply.text,
                "look at limits.password_env and at the access list of Redis");
  };
  if (!options.password.empty()) {
    std::vector<std::string> words{"AUTH"};
    if (!address.user.empty()) words.push_back(address.user);
    words.push_back(options.password.reveal());
    CHECK_OK(expect_ok(words));
  }
  if (address.database != 0) CHECK_OK(expect_ok({"SELECT", std::to_string(address.database)}));
  return connection;
}

Result<Reply> Connection::call(const std::vector<std::string>& words) {
  std::vector<const char*> starts;
  std::vector<std::size_t> sizes;
  for (const std::string& word : words) {
    starts.push_back(word.data());
    sizes.push_back(word.size());
  }
  struct Free {
    void operator()(redisReply* reply) const { freeReplyObject(reply); }
  };
  const std::unique_ptr<redisReply, Free> reply(static_cast<redisReply*>(
      redisCommandArgv(state_->context.get(), static_cast<int>(words.size()), starts.data(), sizes.data())));
  if (!reply)
    return fail(ErrorKind::unavailable,
                "Redis at " + state_->name + " does not answer: " + std::string(state_->context->errstr),
                "see that it runs and is not overloaded");
  return read_reply(*reply, deepest_reply);
}

Result<Reply> Connection::run(const Script& script, const std::vector<std::string>& keys,
                              const std::vector<std::string>& values) {
  std::string& digest = state_->digests[script.text.data()];
  Reply reply;
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (digest.empty()) {
      TRY(reply, call({"SCRIPT", "LOAD", std::string(script.text)}));
      if (reply.kind == Reply::Kind::error) break;
      digest = reply.text;
    }
    std::vector<std::string> words{"EVALSHA", digest, std::to_string(keys.size())};
    words.insert(words.end(), keys.begin(), keys.end());
    words.insert(words.end(), values.begin(), values.end());
    TRY(reply, call(words));
    if (reply.kind != Reply::Kind::error || !reply.text.starts_with("NOSCRIPT")) break;
    digest.clear();  // it was flushed
  }
  if (reply.kind == Reply::Kind::error)
    return fail(ErrorKind::internal, "Redis at " + state_->name + " answers: " + reply.text,
                "Redis 7 or Valkey is needed, with memory left and able to write");
  return reply;
}

}  // namespace sluice::redis
