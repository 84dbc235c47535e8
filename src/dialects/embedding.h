// How one API embeds, on both sides: lane 2 of a call that is no conversation.
#pragma once

#include <string>
#include <string_view>

#include "chat/embedding.h"
#include "dialects/dialect.h"

namespace sluice::dialects {

class EmbeddingCall {
 public:
  virtual ~EmbeddingCall() = default;
  // invalid_request with the field's path for what no other API can embed.
  virtual Result<chat::EmbeddingRequest> decode_request(const json::Document& parsed) const = 0;
  // `model` is the provider's name for it.
  virtual ProviderRequest encode_request(const chat::EmbeddingRequest& request, std::string_view model) const = 0;
  // provider_unreachable for what is no list of vectors.
  virtual Result<chat::EmbeddingResponse> decode_response(const json::Document& parsed) const = 0;
  virtual std::string encode_response(const chat::EmbeddingResponse& response, const chat::EmbeddingRequest& request,
                                      std::string_view model) const = 0;
};

// A vector's JSON array. Errors: provider_unreachable when it has anything but numbers, or none.
Result<std::vector<float>> read_vector(json::Value numbers);
// Each number in the shortest text that reads back the same.
void write_vector(json::Writer& writer, const std::vector<float>& vector);
std::unexpected<Error> no_vectors();

}  // namespace sluice::dialects
