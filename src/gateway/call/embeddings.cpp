// Lane 2 of a call for embeddings: from the client's form of it to the provider's, and back.
#include "gateway/account/estimate.h"
#include "gateway/call/question.h"

namespace sluice::gateway {

Result<dialects::ProviderRequest> Question::embedding_for(const Attempt& attempt,
                                                          const dialects::Dialect& provider_dialect) {
  if (!embedding_) {
    Result<chat::EmbeddingRequest> decoded = client_dialect_.embeddings()->decode_request(request_.parsed);
    if (!decoded) {
      decoded.error().retry = Retry::elsewhere;  // a provider of the client's own dialect may be able to
      return std::unexpected(std::move(decoded).error());
    }
    embedding_ = *std::move(decoded);
  }
  return provider_dialect.embeddings()->encode_request(*embedding_, attempt.model().str());
}

Result<std::unique_ptr<Reply>> Question::embedded(const json::Document& answer,
                                                  const dialects::Dialect& provider_dialect,
                                                  const Attempt& attempt) const {
  TRY(chat::EmbeddingResponse neutral, provider_dialect.embeddings()->decode_response(answer));
  if (neutral.vectors.size() != embedding_->inputs.size())
    return std::unexpected(Error{.kind = ErrorKind::provider_unreachable,
                                 .message = "the provider '" + attempt.provider().id.str() + "' answered with " +
                                            std::to_string(neutral.vectors.size()) + " embeddings for " +
                                            std::to_string(embedding_->inputs.size()) + " inputs",
                                 .retry = Retry::elsewhere});
  auto reply = std::make_unique<Reply>();
  reply->headers.set("content-type", "application/json");
  if (!neutral.usage.reported) {
    std::size_t bytes = 0;
    for (const std::string& input : embedding_->inputs) bytes += input.size();
    neutral.usage.input = expected_tokens({.text_bytes = bytes});
    reply->headers.set("x-sluice-estimated", "usage");
  }
  reply->set_facts(neutral.usage, attempt.model().str());
  reply->body = client_dialect_.embeddings()->encode_response(neutral, *embedding_, attempt.model().str());
  return reply;
}

}  // namespace sluice::gateway
