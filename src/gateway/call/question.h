// What a provider is asked: the client's request, written anew for each candidate, because the next one may speak
// another dialect. It knows no connection and no order.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "dialects/embedding.h"
#include "gateway/call/reply.h"
#include "gateway/decode/decode.h"
#include "gateway/route/plan.h"
#include "gateway/shared/issuer_memory.h"

namespace sluice::gateway {

// Whose reasoning state it understands: providers of one host are of one vendor, whatever the configuration calls them.
std::string_view vendor_of(const catalog::Provider& provider);

// In the query of an upload's pieces: what stands for the key there (upload_ticket). No provider sees it.
inline constexpr std::string_view upload_ticket_parameter = "sluice-upload";

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
  // Whose it is, for the queues in which keys take turns.
  void asked_by(std::string key) { key_ = std::move(key); }
  const std::string& key() const { return key_; }
  // The client wants its answer to be there later.
  void keep_answer() { keeps_answer_ = true; }
  bool keeps_answer() const { return keeps_answer_; }
  // All of a stream is looked at before anything of it goes out.
  void hold_streams() { holds_streams_ = true; }
  bool holds_streams() const { return holds_streams_; }
  // That the request named and that Sluice has told in full instead; empty when it named none.
  const std::string& previous_id() const { return request_.previous_response_id; }
  // By Sluice: the provider keeps none.
  bool is_kept_here(const Attempt& attempt) const;
  // The next page of a list is asked for: the one behind `id`.
  void go_on_behind(std::string_view parameter, std::string id) { page_ = Page{std::string(parameter), std::move(id)}; }
  // In which this candidate is asked: the client's in lane 1; else the provider's, or another that its API takes also
  // where the first would not let the model think and call tools in one request.
  dialects::DialectId dialect_at(const Attempt& attempt);
  // Encoded anew for each candidate, from what the client sent: the next one may speak another dialect. Errors: what
  // the client's dialect does not allow (never to be tried again), and what this provider's dialect cannot say
  // (elsewhere).
  Result<dialects::ProviderRequest> for_provider(const Attempt& attempt, const dialects::Dialect& provider_dialect,
                                                 const IssuerMemory& issuers);
  // Lane 2 of a call for embeddings: body, usage and headers of the answer. A provider that tells no usage gets an
  // estimate, and x-sluice-estimated says so. provider_unreachable for an answer that does not fit the question.
  Result<std::unique_ptr<Reply>> embedded(const json::Document& answer, const dialects::Dialect& provider_dialect,
                                          const Attempt& attempt) const;
  // Lane 2: what this provider calls the client's tools, once for_provider() has been asked.
  dialects::ToolNames tool_names(const dialects::Dialect& provider_dialect) const;
  dialects::StreamOptions answer_options(const Attempt& attempt) const;
  // Lane 1 asks for usage in the stream where the client did not; then that event is for us alone.
  bool usage_is_ours_alone(const Attempt& attempt) const;

 private:
  // Into chat/, once.
  Result<void> decode();
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
  std::string key_;
  bool keeps_answer_ = false;
  bool holds_streams_ = false;
  std::optional<chat::EmbeddingRequest> embedding_;  // the same of a call for embeddings
  std::unique_ptr<chat::ChatRequest> neutral_;       // decoded once, when the first lane 2 candidate is asked
};

// The answer's limit that is sent for a client that gave none, where the provider's dialect requires one. 8,192 or what
// the model has, if that is less: enough for prose and code, and a bound on what a request can cost.
Tokens default_output_limit(const catalog::Model* model);

// Of a stream in this framing.
std::string_view media_type(dialects::Framing framing);

}  // namespace sluice::gateway
