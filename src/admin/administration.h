// Answers the API's requests, one after the other on a thread of its own: who asks, may they, what comes of it. Knows
// no sockets; door.h brings requests and takes answers.
//
// Nobody is let in by default: what carries no good credential gets 401, whatever it asks for.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/actor.h"
#include "admin/message.h"
#include "admin/route.h"
#include "store/store.h"

namespace sluice::admin {

constexpr std::size_t max_body_bytes = 256 * 1024;            // of JSON: the longest has a few hundred bytes
constexpr std::size_t max_document_bytes = 16 * 1024 * 1024;  // the largest catalogue has 2 MB
constexpr std::size_t max_idempotency_key_bytes = 255;

// What is told of each request, for the log and for metrics.
struct Told {
  std::string method;
  std::string path;   // the route's, "/admin/v1/keys/{id}"; empty where there is none
  std::string actor;  // empty: nobody was let in
  int status = 0;
  std::string why;  // of a refusal
};

class Administration {
 public:
  struct Options {
    std::vector<std::string> hosts;  // names under which the API may be asked, beside addresses and localhost
    std::function<std::int64_t()> now_us;
    std::function<void(const Told&)> tell;
  };
  // `sign_ins` are asked in order, after administration keys; they outlive this.
  Administration(store::Store store, Surroundings around, Options options, std::vector<SignIn*> sign_ins = {});

  // Whether these paths are the administration's: ours, or those that tools for LiteLLM ask.
  static bool takes(std::string_view path);

  // Before the body is read: an answer when the request is refused, else how long the body may be.
  struct Admitted {
    std::optional<Answer> refusal;
    std::size_t body_bytes = 0;
  };
  Admitted admit(const Request& head);
  // The whole request, whose rights are looked at again.
  Answer answer(const Request& request);

 private:
  Result<Actor> who_asks(const Request& request);
  Result<void> check_origin(const Request& request) const;
  struct Allowed {
    Actor actor;
    const Route* route = nullptr;
    std::string id;
  };
  Result<Allowed> allow(const Request& request, Told& told);
  Result<Answer> once(const Request& request, const Allowed& allowed, const std::function<Result<Answer>()>& act);
  Result<Answer> act(const Request& request, const Allowed& allowed);

  store::Store store_;
  Surroundings around_;
  Options options_;
  std::vector<SignIn*> sign_ins_;
};

}  // namespace sluice::admin
