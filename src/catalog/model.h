// A model as one provider offers it: the same weights at two hosts are two of these, with the hosts' own names, limits
// and prices. Facts from data/models; a model that is not in the catalogue can be called all the same.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/money.h"
#include "catalog/date.h"
#include "catalog/ground.h"
#include "chat/takes.h"

namespace sluice::catalog {

// What a model is for.
enum class ModelKind : std::uint8_t { chat, embedding };
constexpr std::string_view name(ModelKind kind) { return kind == ModelKind::chat ? "chat" : "embedding"; }

// One result of a test, with whose word it is. Values of different metrics are never compared.
struct Benchmark {
  std::string metric;  // the test's name and edition: "SWE-bench Verified"
  std::string value;   // as the source writes it, a decimal number
  std::string source;
};

// From that day on the provider refuses the model, or answers with another one.
struct Retirement {
  Date day = {};
  bool earliest = false;  // the provider only promises not to stop it before
  std::string successor;  // what the provider says to use instead, by its own name; empty: it says nothing
  std::string source;
};

struct Model {
  ProviderId provider;
  ModelName name;                    // what this provider calls it; sent in the body
  std::string id;                    // what Sluice calls it at every provider: "llama-4-scout"
  std::vector<std::string> aliases;  // other names that clients may use for it
  std::string display_name;
  std::string developer;
  std::string licence;       // a Licence::id: SPDX identifier, or the maker's name for it; "proprietary"
  std::string licence_note;  // where it is said, or why it is "not stated"
  bool open_weights = false;
  Tokens context = 0;     // input and output together; 0 = unknown, then nothing is refused for its size
  Tokens max_output = 0;  // 0 = unknown
  bool tools = false;
  bool images = false;
  bool audio = false;
  bool video = false;
  bool pdf = false;
  bool structured_output = false;  // an answer by a JSON schema
  bool makes_images = false;       // in its answer, beside text
  bool makes_audio = false;
  bool reasoning = false;
  bool refuses_prefill = false;  // a conversation that ends with a message of the assistant, to go on from
  chat::Takes takes = {};
  ModelKind kind = ModelKind::chat;
  std::string region;                   // where a cloud answers by this name: "eu"; empty = where it is called
  Ground ground = Ground::proprietary;  // the provider's, unless the model is of another kind there
  std::string released;                 // YYYY-MM-DD; empty = unknown
  std::optional<Retirement> retires;    // empty = not announced
  std::vector<Benchmark> benchmarks;
  std::string source;
  std::string observed_at;  // YYYY-MM-DD

  bool retired(Date when) const { return retires && !retires->earliest && retires->day <= when; }
};

}  // namespace sluice::catalog
