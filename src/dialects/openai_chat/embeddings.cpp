// POST /embeddings. Source: OpenAI's OpenAPI document 2.3.0.
#include <bit>
#include <cmath>
#include <cstring>

#include "dialects/base64.h"
#include "dialects/fields.h"
#include "dialects/openai_chat/parts.h"
#include "dialects/shared_parts.h"

namespace sluice::dialects::openai {
namespace {

static_assert(std::endian::native == std::endian::little, "vectors in base64 are little-endian float32");
constexpr std::int64_t most_dimensions = 1 << 16;  // the largest models have 4,096

std::string packed(const std::vector<float>& vector) {
  return to_base64({reinterpret_cast<const char*>(vector.data()), vector.size() * sizeof(float)});
}

Result<std::vector<float>> unpacked(std::string_view text) {
  const auto bytes = from_base64(text);
  if (!bytes || bytes->empty() || bytes->size() % sizeof(float) != 0) return no_vectors();
  std::vector<float> vector(bytes->size() / sizeof(float));
  std::memcpy(vector.data(), bytes->data(), bytes->size());
  for (const float value : vector)
    if (!std::isfinite(value)) return no_vectors();
  return vector;
}

Result<std::vector<std::string>> read_inputs(const Fields& fields) {
  if (const auto text = fields["input"].string()) return std::vector<std::string>{std::string(*text)};
  TRY(const std::vector<json::Value> elements, fields.required_array("input"));
  std::vector<std::string> inputs;
  for (std::size_t i = 0; i < elements.size(); ++i) {
    const auto text = elements[i].string();
    if (!text && (elements[i].integer() || elements[i].is_array()))
      return bad_field(path_of("input", i), "these are tokens of OpenAI's vocabulary, which this model has not",
                       "send the text");
    if (!text) return bad_field(path_of("input", i), "a string is expected");
    inputs.emplace_back(*text);
  }
  return inputs;
}

class Embeddings : public EmbeddingCall {
 public:
  Result<chat::EmbeddingRequest> decode_request(const json::Document& parsed) const override {
    TRY(const Fields fields, Fields::once(parsed.root(), ""));
    chat::EmbeddingRequest request;
    TRY(request.inputs, read_inputs(fields));
    TRY(request.dimensions, fields.integer("dimensions", 1, most_dimensions));
    TRY(const auto encoding, fields.string("encoding_format"));
    if (encoding && *encoding != "float" && *encoding != "base64")
      return bad_field("encoding_format", "'float' or 'base64' is expected");
    request.base64 = encoding == "base64";
    for (const std::string_view name : fields.others({"model", "input", "dimensions", "encoding_format"}))
      request.hints.emplace_back(name);
    return request;
  }

  ProviderRequest encode_request(const chat::EmbeddingRequest& request, std::string_view model) const override {
    ProviderRequest out{.path = "/embeddings", .headers = json_headers(), .dropped_params = request.hints};
    json::Writer writer(out.body);
    writer.begin_object().member("model", model).key("input").begin_array();
    for (const std::string& input : request.inputs) writer.string(input);
    writer.end_array();
    if (request.dimensions) writer.member("dimensions", *request.dimensions);
    writer.member("encoding_format", "float").end_object();
    return out;
  }

  Result<chat::EmbeddingResponse> decode_response(const json::Document& parsed) const override {
    chat::EmbeddingResponse response{.usage = read_usage(parsed.root()["usage"])};
    const std::vector<json::Value> data = parsed.root()["data"].elements();
    response.vectors.resize(data.size());
    for (std::size_t i = 0; i < data.size(); ++i) {
      const auto place = static_cast<std::size_t>(data[i]["index"].integer().value_or(static_cast<std::int64_t>(i)));
      if (place >= data.size() || !response.vectors[place].empty()) return no_vectors();
      const json::Value embedding = data[i]["embedding"];
      TRY(response.vectors[place], embedding.is_string() ? unpacked(*embedding.string()) : read_vector(embedding));
    }
    return response;
  }

  std::string encode_response(const chat::EmbeddingResponse& response, const chat::EmbeddingRequest& request,
                              std::string_view model) const override {
    std::string body;
    json::Writer writer(body);
    writer.begin_object().member("object", "list").key("data").begin_array();
    for (std::size_t i = 0; i < response.vectors.size(); ++i) {
      writer.begin_object().member("object", "embedding").member("index", static_cast<std::int64_t>(i));
      writer.key("embedding");
      if (request.base64)
        writer.string(packed(response.vectors[i]));
      else
        write_vector(writer, response.vectors[i]);
      writer.end_object();
    }
    writer.end_array().member("model", model).key("usage").begin_object();
    writer.member("prompt_tokens", response.usage.total_input()).member("total_tokens", response.usage.total_input());
    writer.end_object().end_object();
    return body;
  }
};

}  // namespace

const EmbeddingCall& embeddings() {
  static const Embeddings call;
  return call;
}

}  // namespace sluice::dialects::openai
