// A call for embeddings between dialects: texts in, one vector for each out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "chat/usage.h"

namespace sluice::chat {

struct EmbeddingRequest {
  std::vector<std::string> inputs;
  std::optional<std::int64_t> dimensions;
  bool base64 = false;                  // OpenAI: the client wants each vector as little-endian float32 in base64
  std::vector<std::string> hints = {};  // fields that mean something to the client's API alone, by name
};

struct EmbeddingResponse {
  std::vector<std::vector<float>> vectors;  // in the order of the inputs; vendors give no more precision than that
  Usage usage;
};

}  // namespace sluice::chat
