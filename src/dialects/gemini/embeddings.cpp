// POST /models/M:embedContent and :batchEmbedContents. Source: generative_service.proto of
// google/ai/generativelanguage, and the vendor's SDK where it lags behind.
#include <algorithm>

#include "dialects/answer_parts.h"
#include "dialects/gemini/gemini.h"
#include "dialects/gemini/message.h"
#include "dialects/gemini/parts.h"
#include "dialects/shared_parts.h"
#include "dialects/side_call.h"

namespace sluice::dialects {
namespace gemini {
namespace {

constexpr std::int64_t most_dimensions = 1 << 16;  // the largest models have 4,096

// A content's text: its parts belong together. `lost` gets the names of what else they say.
Result<std::string> text_of(const Message& content, std::vector<std::string>& lost) {
  for (const std::string& name : content.others({"parts", "role"})) note_lost(lost, "content." + name);
  TRY(const std::vector<json::Value> parts, content.required_messages("parts"));
  std::string text;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    TRY(const Message part, Message::once(parts[i], path_of(content.path("parts"), i)));
    if (!part["text"].is_string() || !part.others({"text"}).empty())
      return bad_field(content.path("parts"), "this model embeds text alone", "send parts with a text");
    for (const std::string& name : part.others({"text"})) note_lost(lost, "content.parts." + name);
    text.append(i ? "\n" : "").append(*part["text"].string());
  }
  return text;
}

Result<void> read_one(const Message& one, chat::EmbeddingRequest& into) {
  TRY(const auto content, one.message("content"));
  if (!content) return bad_field(one.path("content"), "this field is required");
  TRY(std::string text, text_of(*content, into.hints));
  TRY(const auto dimensions, one.integer("outputDimensionality", 1, most_dimensions));
  if (!into.inputs.empty() && dimensions != into.dimensions)
    return bad_field(one.path("outputDimensionality"), "the requests of one call must agree about it at this provider",
                     "send several calls");
  into.dimensions = dimensions;
  into.inputs.push_back(std::move(text));
  for (std::string& name : one.others({"model", "content", "outputDimensionality"})) note_lost(into.hints, name);
  return {};
}

class Embeddings : public EmbeddingCall {
 public:
  explicit Embeddings(bool batch) : batch_(batch) {}

  Result<chat::EmbeddingRequest> decode_request(const json::Document& parsed) const override {
    TRY(const Message root, Message::once(parsed.root(), ""));
    chat::EmbeddingRequest request;
    if (!batch_) {
      CHECK_OK(read_one(root, request));
      return request;
    }
    TRY(const std::vector<json::Value> requests, root.required_array("requests"));
    for (std::size_t i = 0; i < requests.size(); ++i) {
      TRY(const Message one, Message::once(requests[i], path_of("requests", i)));
      CHECK_OK(read_one(one, request));
    }
    return request;
  }

  // Always a batch: it is the same for one text.
  ProviderRequest encode_request(const chat::EmbeddingRequest& request, std::string_view model) const override {
    ProviderRequest out{
        .path = path_of_call(model, "batchEmbedContents"), .headers = json_headers(), .dropped_params = request.hints};
    json::Writer writer(out.body);
    writer.begin_object().key("requests").begin_array();
    for (const std::string& input : request.inputs) {
      writer.begin_object().member("model", resource_name(model)).key("content").begin_object().key("parts");
      writer.begin_array().begin_object().member("text", input).end_object().end_array().end_object();
      if (request.dimensions) writer.member("outputDimensionality", *request.dimensions);
      writer.end_object();
    }
    writer.end_array().end_object();
    return out;
  }

  Result<chat::EmbeddingResponse> decode_response(const json::Document& parsed) const override {
    chat::EmbeddingResponse response{.usage = read_usage(parsed.root()["usageMetadata"])};
    for (const json::Value& embedding : parsed.root()["embeddings"].elements()) {
      TRY(std::vector<float> vector, read_vector(embedding["values"]));
      response.vectors.push_back(std::move(vector));
    }
    return response;
  }

  std::string encode_response(const chat::EmbeddingResponse& response, const chat::EmbeddingRequest& /*request*/,
                              std::string_view /*model*/) const override {
    std::string body;
    json::Writer writer(body);
    writer.begin_object().key(batch_ ? "embeddings" : "embedding");
    if (batch_) writer.begin_array();
    for (const std::vector<float>& vector : response.vectors) {
      writer.begin_object().key("values");
      write_vector(writer, vector);
      writer.end_object();
    }
    if (batch_) writer.end_array();
    writer.end_object();
    return body;
  }

 private:
  bool batch_;
};

// The places of all that names a model: at the top, and in each request of a batch.
std::vector<json::Span> model_places(std::string_view body) {
  std::vector<json::Span> places;
  const auto look = [&](std::string_view object, std::size_t offset) {
    const auto model = find_once(object, {"model"});
    if (model && model->front()) places.push_back({offset + model->front()->begin, offset + model->front()->end});
  };
  look(body, 0);
  const auto requests = find_once(body, {"requests"});
  if (requests && requests->front()) {
    const json::Span all = *requests->front();
    const std::string_view list = body.substr(all.begin, all.end - all.begin);
    for (const json::Span& one : json::find_elements(list))
      look(list.substr(one.begin, one.end - one.begin), all.begin + one.begin);
  }
  std::ranges::sort(places, {}, &json::Span::begin);
  return places;
}

class EmbedContent : public SideCall {
 public:
  explicit EmbedContent(bool batch) : SideCall(make_gemini()), batch_(batch) {}
  DialectId id() const override { return batch_ ? DialectId::gemini_batch_embed : DialectId::gemini_embed; }
  std::string path(std::string_view model, bool /*stream*/) const override {
    return path_of_call(model, batch_ ? "batchEmbedContents" : "embedContent");
  }
  Result<RequestOutline> outline(std::string_view body, const json::Document& parsed,
                                 const RequestTarget& target) const override {
    TRY(const Message request, Message::of(parsed.root(), ""));
    RequestOutline result;
    result.model = target.model;
    result.max_output_tokens = 0;
    if (batch_) {
      TRY(const std::vector<json::Value> requests, request.required_array("requests"));
      for (std::size_t i = 0; i < requests.size(); ++i)
        if (!requests[i].is_object()) return bad_field(path_of("requests", i), "it must be an object");
    } else if (!request["content"].is_object()) {
      return bad_field("content", "this field is required", R"(send {"content":{"parts":[{"text":"..."}]}})");
    }
    CHECK_OK(find_once(body, {"model", batch_ ? "requests" : "content"}));
    return result;
  }
  // The API wants the same model in the body as in the path.
  std::string edit(std::string_view body, const RequestOutline& /*outline*/, const BodyEdit& edit) const override {
    std::string out;
    std::size_t copied = 0;
    for (const json::Span& place : model_places(body)) {
      out.append(body.substr(copied, place.begin - copied));
      json::append_quoted(out, resource_name(edit.model));
      copied = place.end;
    }
    return out.append(body.substr(copied));
  }
  const EmbeddingCall* embeddings() const override { return &gemini::embeddings(batch_); }

 private:
  bool batch_;
};

}  // namespace

const EmbeddingCall& embeddings(bool batch) {
  static const Embeddings one(false);
  static const Embeddings many(true);
  return batch ? many : one;
}

}  // namespace gemini

std::unique_ptr<Dialect> make_gemini_embed() { return std::make_unique<gemini::EmbedContent>(false); }
std::unique_ptr<Dialect> make_gemini_batch_embed() { return std::make_unique<gemini::EmbedContent>(true); }

}  // namespace sluice::dialects
