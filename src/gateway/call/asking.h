// One candidate, asked once: the connection, the request, and what comes back until it is an answer worth passing on or
// a failure. It decides nothing about who is asked next.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/call/question.h"
#include "gateway/call/reply.h"
#include "gateway/shared/gateway.h"

namespace sluice::gateway {

// An attempt that did not become the answer.
struct Failure {
  const Attempt* attempt = nullptr;
  Error error;
  bool asked = false;      // it was called, whether or not it could be reached
  bool reached = false;    // the request went out
  bool at_work = false;    // it had begun to answer, or had not said no when it was left: it bills what it did
  bool unusable = false;   // it answered with status 200 and something that nobody can read
  bool outpaced = false;   // it was cancelled because another one was faster
  bool escalated = false;  // its whole answer has failed a check of its workload's cascade
  bool ours = false;       // the request's own time was up: that says nothing about who was asked
  chat::Usage usage;       // what it told before it failed
  std::size_t output_bytes = 0;
  // The provider's own error answer in the client's dialect: passed on as it is when nobody else answers.
  struct Verbatim {
    int status = 0;
    http::Headers headers;
    std::string body;
  };
  std::optional<Verbatim> verbatim;
};

// It had begun to answer, or may answer the same request another time: it has found no fault with it.
inline bool took_the_request(const Failure& failure) {
  return failure.reached && (failure.at_work || failure.unusable || failure.error.retry == Retry::anywhere);
}

// The provider found fault with the request itself, not with its own state, the gateway's account or its rate.
bool is_complaint(const Error& error);

// How long this candidate is waited for: as its route says, else as its provider, else as `retry`.
catalog::Patience patience_for(const Plan& plan, const Attempt& attempt, const config::RetrySettings& retry);

// One candidate, asked once.
class Asking {
 public:
  Asking(Gateway& gateway, const Plan& plan, const Attempt& attempt, Question& question,
         const config::Snapshot& snapshot, async::Deadline deadline);

  // The reply, or take_failure() says why there is none.
  async::Task<std::unique_ptr<Reply>> run(std::string& held);
  Failure take_failure() { return std::move(failure_); }
  // For the provider, until run() has ended.
  async::Duration waited() const { return waited_ + (call_ ? call_->waited() : async::Duration(0)); }
  // Of one that is under way and about to be cancelled: what it has cost so far.
  Failure outpaced() const;

 private:
  async::Task<Result<std::unique_ptr<Reply>>> ask(std::string& held);
  async::Task<Result<void>> take_places(std::int64_t of_ground);
  async::Task<Result<http::Response>> exchange(const BaseUrl& place, std::string_view head, http::Body body);
  async::Task<Result<std::unique_ptr<Reply>>> take_whole(http::Response response);
  async::Task<Result<json::Document>> read_whole(std::string& body);
  std::unexpected<Error> unusable(Error why, const chat::Usage& usage);
  std::unexpected<Error> unusable(std::string what, const chat::Usage& usage = {});
  std::unexpected<Error> unread(Error why, const json::Document& parsed);
  async::Task<Result<std::unique_ptr<Reply>>> take_stream(http::Response response, std::string& held);
  async::Task<Result<void>> hold_back(Reply& reply, std::string& held);
  async::Task<Result<std::unique_ptr<Reply>>> take_whole_as_stream(http::Response response, std::string& held);
  async::Task<Result<std::unique_ptr<Reply>>> take_anything(http::Response response, std::string& held);
  async::Task<Result<std::unique_ptr<Reply>>> take_error(http::Response response);
  Error too_late(std::string what) const;
  bool same_dialect() const { return attempt_.lane == Lane::same_dialect; }
  const catalog::Provider& provider() const { return attempt_.provider(); }
  async::Deadline within(std::int64_t ms) const {
    return deadline_.earlier(gateway_.reactor.now() + std::chrono::milliseconds(ms));
  }

  Gateway& gateway_;
  const Attempt& attempt_;
  Question& question_;
  const config::LimitSettings& limits_;
  const config::RouteSettings* route_;  // null: nothing special
  catalog::Patience patience_;
  async::Deadline deadline_;
  async::Deadline answer_by_;  // a stream's first token or a whole answer's end; then somebody else is asked
  const dialects::Dialect& dialect_;
  std::array<Place, 2> places_;  // of the ground and of the provider, where they are limited
  std::optional<http::Call> call_;
  async::Duration waited_{0};  // beside call_'s
  std::vector<std::string> dropped_params_;
  std::vector<std::string> added_params_;
  const Reply* held_back_ = nullptr;  // a stream that is under way and has shown nothing yet
  Failure failure_;
};

}  // namespace sluice::gateway
