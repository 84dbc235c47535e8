// call: asks the plan's candidates, one after the other, until one gives an answer worth passing on. Everything here
// happens before the client has received a byte; what comes after the first token is respond's.
#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dialects/embedding.h"
#include "gateway/call/reply.h"
#include "gateway/decode/decode.h"
#include "gateway/shared/gateway.h"

namespace sluice::gateway {

// What a provider is asked, in whatever dialect it speaks. Borrows from the exchange, which outlives the call.
class Question {
 public:
  Question(const DecodedRequest& request, const dialects::Dialect& client_dialect, const http::RequestHead& head,
           std::string request_id, std::int64_t created_unix_seconds)
      : request_(request),
        client_dialect_(client_dialect),
        head_(head),
        request_id_(std::move(request_id)),
        created_unix_seconds_(created_unix_seconds) {}

  const dialects::Dialect& client_dialect() const { return client_dialect_; }
  bool stream() const { return request_.outline.stream; }
  bool json_array() const { return request_.outline.json_array; }
  const std::optional<dialects::ResourceCall>& resource() const { return request_.target.resource; }
  std::string_view query() const { return head_.query; }
  // The client wants its answer to be there later.
  void keep_answer() { keeps_answer_ = true; }
  bool keeps_answer() const { return keeps_answer_; }
  // By Sluice: the provider keeps none.
  bool is_kept_here(const Attempt& attempt) const;
  // The next page of a list is asked for: the one behind `id`.
  void go_on_behind(std::string_view parameter, std::string id) { page_ = Page{std::string(parameter), std::move(id)}; }
  // Encoded anew for each candidate, from what the client sent: the next one may speak another dialect. Errors: what
  // the client's dialect does not allow (never to be tried again), and what this provider's dialect cannot say
  // (elsewhere).
  Result<dialects::ProviderRequest> for_provider(const Attempt& attempt, const dialects::Dialect& provider_dialect);
  // Lane 2 of a call for embeddings: body, usage and headers of the answer. A provider that tells no usage gets an
  // estimate, and x-sluice-estimated says so. provider_unreachable for an answer that does not fit the question.
  Result<Reply> embedded(const json::Document& answer, const dialects::Dialect& provider_dialect,
                         const Attempt& attempt) const;
  dialects::StreamOptions answer_options(const Attempt& attempt) const;
  // Lane 1 asks for usage in the stream where the client did not; then that event is for us alone.
  bool usage_is_ours_alone(const Attempt& attempt) const;

 private:
  Result<dialects::ProviderRequest> embedding_for(const Attempt& attempt, const dialects::Dialect& provider_dialect);

  const DecodedRequest& request_;
  const dialects::Dialect& client_dialect_;
  const http::RequestHead& head_;
  std::string request_id_;
  std::int64_t created_unix_seconds_;
  struct Page {
    std::string parameter;
    std::string id;
  };
  std::optional<Page> page_;
  bool keeps_answer_ = false;
  std::optional<chat::EmbeddingRequest> embedding_;  // the same of a call for embeddings
  std::optional<chat::ChatRequest> neutral_;         // decoded once, when the first lane 2 candidate is asked
};

// The answer's limit that is sent for a client that gave none, where the provider's dialect requires one. 8,192 or what
// the model has, if that is less: enough for prose and code, and a bound on what a request can cost.
Tokens default_output_limit(const catalog::Model* model);

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

struct CallOutcome {
  std::optional<Reply> reply;     // empty: nobody answered, the last failure is the answer
  std::string held;               // a stream's bytes up to its first token, in the client's dialect
  std::vector<Failure> failures;  // in the order of the attempts
  int attempts() const;           // how many candidates were called
  // What the client is told when nobody answered: the last one that was called, for it has said something; else the
  // last one that could not even be called.
  Failure& last_failure();
};

// Tries, fails over and tries again as the Snapshot's retry settings say. `deadline` bounds it all and ends it when the
// client leaves. `plan` has at least one attempt.
// `affordable` is asked before another candidate is: what has failed may have cost something. False ends the call.
using Affordable = std::function<bool(std::span<const Failure>, const Attempt& next)>;
async::Task<CallOutcome> call(Gateway& gateway, const Plan& plan, Question& question,
                              const config::RetrySettings& retry, const Affordable& affordable,
                              async::Deadline deadline);

// The fields of a provider's answer that are for the client: all but those of the connection, of its length, and
// cookies.
http::Headers headers_for_client(const http::Headers& provider);

}  // namespace sluice::gateway
