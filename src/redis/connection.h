// The one door to hiredis: one connection to Redis or Valkey, blocking, with a time limit on every call. Not
// thread-safe, and never for a reactor. The process ignores SIGPIPE: the library writes to servers that have gone.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"

namespace sluice::redis {

// Where it is, as it is written down: redis://[USER@]HOST[:PORT][/DATABASE], or unix:/PATH[?db=DATABASE].
struct Address {
  std::string host;
  int port = 6379;
  std::string path;  // of a Unix socket; empty: TCP
  std::string user;  // of an access list; empty: the default one
  int database = 0;

  // Errors: invalid_request, saying what to write: also for rediss:// (the library at hand speaks no TLS) and for a
  // password, which must not stand in a configuration.
  static Result<Address> parse(std::string_view text);
  // For people and logs.
  std::string text() const;
};

struct Reply {
  enum class Kind : std::uint8_t { nothing, number, text, list, error };
  Kind kind = Kind::nothing;
  std::int64_t number = 0;
  std::string text;  // of an error, too
  std::vector<Reply> list;
};

struct Script {
  std::string_view text;  // lives as long as the program
};

class Connection {
 public:
  struct Options {
    Address address;
    Secret password = {};
    std::chrono::milliseconds connect_ms{1'000};
    std::chrono::milliseconds answer_ms{1'000};  // for each call
  };
  // Errors: unavailable, with what the system or the server said.
  static Result<Connection> open(const Options& options);
  Connection(Connection&&) noexcept;
  Connection& operator=(Connection&&) noexcept;
  ~Connection();

  // Errors: unavailable when the connection is lost or the time is up; it is of no use then. What the server itself
  // answers, also an error, is a Reply.
  Result<Reply> call(const std::vector<std::string>& words);
  // Runs the script by its digest; brings it there first where the server does not know it. Errors: as call(), and
  // internal for an error of the server or the script.
  Result<Reply> run(const Script& script, const std::vector<std::string>& keys, const std::vector<std::string>& values);

 private:
  struct State;
  explicit Connection(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace sluice::redis
