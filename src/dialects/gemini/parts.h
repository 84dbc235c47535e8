// The dialect's functions, one file each; dialect.cpp puts them behind the Dialect interface, which documents them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dialects/embedding.h"

namespace sluice::dialects::gemini {

// --- outline.cpp
Result<RequestOutline> outline(std::string_view body, const json::Document& parsed, const RequestTarget& target);
// The body with every thought signature that is sealed or known to be foreign replaced by skip_signature: Google reads
// none but its own.
std::string without_foreign_signatures(std::string_view body, const BodyEdit& edit);
// The body with the cache that it names, if it names one, called as Google Cloud calls it: with the account in front.
std::string with_account(std::string body, std::string_view account);
// The places of members in either spelling. invalid_request for one that is there twice: two readers could disagree on
// which one counts.
Result<std::vector<std::optional<json::Span>>> find_once(std::string_view object,
                                                         const std::vector<std::string_view>& names);
// "models/gemini-3-pro": what the API calls a model's resource.
std::string resource_name(std::string_view model);
// "/models/gemini-3-pro:generateContent": below the base URL.
std::string path(std::string_view model, bool stream);
std::string path_of_call(std::string_view model, std::string_view call);

// --- schema.cpp
// JSON Schema of the API's own subset of OpenAPI's schemas: types in lower case, nullable as a type, counts as numbers.
// `closed` objects have no other properties than theirs.
std::string json_schema(json::Value schema, bool closed);

// --- request_read.cpp
Result<chat::ChatRequest> decode_request(const json::Document& parsed, const RequestTarget& target);

// --- request_write.cpp
Result<ProviderRequest> encode_request(const chat::ChatRequest& request, const EncodeOptions& options);
// Google's documented value for a call whose signature is not at hand: the model goes on without the thoughts behind
// it.
inline constexpr std::string_view skip_signature = "skip_thought_signature_validator";

// --- response.cpp
chat::Usage read_usage(json::Value metadata);   // reported = false when it is none
std::string served_tier(json::Value metadata);  // a name of chat::ServiceTier; empty when none is told that is known
void write_usage(json::Writer& writer, const chat::Usage& usage);
// How an answer ended. Of the reasons that are faults of the model's output (a malformed call) an error.
Result<chat::StopReason> stop_reason(json::Value candidate, bool has_calls);
// What the provider says about an answer that it stopped; may be empty.
std::string refusal_of(json::Value candidate);
// Of a prompt that was blocked; empty when it was not.
std::string blocked_prompt(json::Value root);
// The model's id for a call, else one made of the answer's id and the call's number in it.
std::string call_id(json::Value call, std::string_view response_id, std::size_t number);
// Notes what chat/ cannot say of an answer's part.
void note_lost_part(std::vector<std::string>& names, json::Value part);
// Notes the members of an answer, or of an event with one, that chat/ has not; `candidate` is its first.
void note_lost_members(std::vector<std::string>& names, json::Value root, json::Value candidate);
// --- logprobs.cpp: in chat/'s form and from it
std::string read_logprobs_result(json::Value result);
void write_logprobs_result(json::Writer& writer, std::string_view logprobs);  // a candidate's member, if there are any

// Citations of a candidate, with their place in bytes as the API counts it, and the part that they are for.
struct Grounding {
  chat::Citation citation;
  std::size_t part = 0;
};
std::vector<Grounding> read_grounding(json::Value candidate);
// A place in bytes as one in characters, and the other way round. Outside of the text: none.
void bytes_to_characters(chat::Citation& citation, std::string_view text);
void characters_to_bytes(chat::Citation& citation, std::string_view text);
// The member groundingMetadata; places are in bytes. Nothing when there is no citation.
void write_grounding(json::Writer& writer, const std::vector<Grounding>& citations);
// finishReason and finishMessage.
void write_finish(json::Writer& writer, chat::StopReason stop, std::string_view refusal);

Result<chat::ChatResponse> decode_response(const json::Document& parsed);
std::string encode_response(const chat::ChatResponse& response, const StreamOptions& options);

// The parts of an answer to a client, each a JSON text. A state without a text goes with the part that follows it.
class PartWriter {
 public:
  explicit PartWriter(std::string issuer) : issuer_(std::move(issuer)) {}
  void text(std::string_view text);
  void thinking(const chat::Thinking& thinking);  // all of a block
  void thought(std::string_view text);            // of the thinking block that state() ends
  void state(const chat::Thinking& thinking);     // with the block's text, or whether there was one
  void call(std::string_view id, std::string_view name, std::string_view arguments);
  void end();  // what still waits for a part to follow
  std::vector<std::string> take() { return std::exchange(parts_, {}); }

 private:
  void add(std::string_view signature, std::string_view text, bool thought);

  std::string issuer_;
  std::string waiting_;  // a signature for the next part
  bool last_is_text_ = false;
  std::vector<std::string> parts_;
};

// --- stream_read.cpp, stream_write.cpp, watch.cpp
std::unique_ptr<StreamDecoder> decode_stream();
std::unique_ptr<StreamEncoder> encode_stream(const StreamOptions& options);
std::unique_ptr<StreamWatcher> watch_stream();

// --- embeddings.cpp
const EmbeddingCall& embeddings(bool batch);  // which of the two calls a client makes

// --- errors.cpp
Error decode_error(int status, std::string_view body, const http::Headers& headers);
// An error object of a stream, which has no status of its own.
Error decode_stream_error(json::Value error);
ErrorBody encode_error(const Error& error, std::string_view request_id);
std::string encode_stream_error(const Error& error, std::string_view request_id);

}  // namespace sluice::dialects::gemini
