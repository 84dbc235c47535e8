// One candidate, asked once: the connection, the request, and what comes back until it is an answer worth passing on or
// a failure. It decides nothing about who is asked next.
#pragma once

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
  bool asked = false;    // it was called, whether or not it could be reached
  bool reached = false;  // the request went out
  bool at_work = false;  // it had begun to answer, or had not said no when it was left: it bills what it did
  chat::Usage usage;     // what it told before it failed
  std::size_t output_bytes = 0;
  // The provider's own error answer in the client's dialect: passed on as it is when nobody else answers.
  struct Verbatim {
    int status = 0;
    http::Headers headers;
    std::string body;
  };
  std::optional<Verbatim> verbatim;
};

// One candidate, asked once.
class Asking {
 public:
  Asking(Gateway& gateway, const Attempt& attempt, Question& question, const config::RetrySettings& retry,
         async::Deadline deadline);

  // The reply, or take_failure() says why there is none.
  async::Task<std::optional<Reply>> run(std::string& held);
  Failure take_failure() { return std::move(failure_); }
  // For the provider, until run() has ended.
  async::Duration waited() const { return waited_ + (call_ ? call_->waited() : async::Duration(0)); }

 private:
  async::Task<Result<Reply>> ask(std::string& held);
  async::Task<Result<http::Response>> exchange(const BaseUrl& place, std::string_view head, std::string_view body);
  async::Task<Result<Reply>> take_whole(http::Response response);
  async::Task<Result<json::Document>> read_whole(const http::Response& response, std::string& body);
  async::Task<Result<Reply>> take_stream(http::Response response, std::string& held);
  async::Task<Result<Reply>> take_whole_as_stream(http::Response response, std::string& held);
  async::Task<Result<Reply>> take_anything(http::Response response, std::string& held);
  async::Task<Result<Reply>> take_error(http::Response response);
  Error too_late(std::string what) const;
  bool same_dialect() const { return attempt_.lane == Lane::same_dialect; }
  const catalog::Provider& provider() const { return attempt_.provider(); }
  async::Deadline within(std::int64_t ms) const {
    return deadline_.earlier(gateway_.reactor.now() + std::chrono::milliseconds(ms));
  }

  Gateway& gateway_;
  const Attempt& attempt_;
  Question& question_;
  const config::RetrySettings& retry_;
  async::Deadline deadline_;
  async::Deadline answer_by_;  // a stream's first token or a whole answer's end; then somebody else is asked
  const dialects::Dialect& dialect_;
  std::optional<http::Call> call_;
  async::Duration waited_{0};  // beside call_'s
  std::vector<std::string> dropped_params_;
  std::vector<std::string> added_params_;
  Failure failure_;
};

}  // namespace sluice::gateway
