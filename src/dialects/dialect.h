// A dialect is one wire format, read and written on both sides: the code that serves Claude Code as a client also
// calls Anthropic as a provider. Lane 1 (client and provider speak the same) uses outline, edit and the usage watcher
// and converts nothing; lane 2 decodes into chat/ and encodes from it, exactly once each way.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "chat/chat.h"
#include "chat/dialect_id.h"
#include "chat/usage.h"
#include "http/headers.h"
#include "json/json.h"

namespace sluice::dialects {

using chat::DialectId;

// A call about what a provider keeps for its clients: a file, a batch, a stored response.
struct ResourceCall {
  std::string method;           // GET, POST, PATCH or DELETE
  std::string path;             // below the provider's base URL: "/files/file-1/content"
  std::string_view collection;  // "/files"; a literal
  std::string id;               // decoded; empty: the collection itself is meant
  bool is_create() const { return id.empty() && method == "POST"; }
  bool is_list() const { return id.empty() && method == "GET"; }
  bool is_delete() const { return method == "DELETE" && path.size() == collection.size() + 1 + id.size(); }
  bool is_free = true;       // false: the provider bills it, and nobody here knows how much
  bool is_upload = false;    // gemini: the body is a file, or a part of one, and goes to the API's address for such
  bool gives_bytes = false;  // what is kept itself, and not what is known of it
  bool is_google = false;    // of Google's API, whose things have names: "files/ID"
  bool is_shared = false;    // nobody here has made such things: they are the account's, and every client's
  // gemini: the method of a model that makes the thing, "batchGenerateContent"; a literal. The path is then that
  // model's (path_of()).
  std::string_view method_of_model = {};
};

// What a request says outside its body.
struct RequestTarget {
  std::string model;         // in the path, decoded; empty when the body names it
  bool stream = false;       // the path asks for a stream
  bool json_array = false;   // a stream in the form of one JSON array instead of events
  std::string content_type;  // of the body, for dialects that take forms
  std::optional<ResourceCall> resource;
  std::string query;  // of a call about resources
};

// The few facts that admission, routing and lane 1 need, read without building a ChatRequest.
struct RequestOutline {
  std::string model;
  bool stream = false;
  bool wants_stream_usage = false;          // openai_chat: stream_options.include_usage; anthropic: always true
  std::optional<Tokens> max_output_tokens;  // max_tokens or max_completion_tokens
  std::int64_t choices = 1;                 // n
  bool has_tools = false;
  std::int64_t images = 0;      // in the messages
  std::size_t image_bytes = 0;  // of the body that are images, or a form's files
  bool json_array = false;      // RequestTarget's
  std::string form_type;        // the body's content type when it is a form
  bool names_models = false;    // gemini_resources: the requests of a batch name their model, each for itself
  std::size_t model_begin = 0;  // the model's JSON string in the body, quotes included; 0 = the body has none. In a
                                // form the field's content
  std::size_t model_end = 0;
  std::optional<json::Span> stream_options;  // openai_chat: the member's value in the body
};

// What of a client's body goes out as it is, in front of what has changed and behind it. Borrowed from that body.
struct KeptBytes {
  std::string_view front;
  std::string_view back;
  std::size_t size() const { return front.size() + back.size(); }
};

// What is asked of lane 1's edit: only these bytes of a body may change.
struct BodyEdit {
  std::string_view model;  // the provider's name for the model
  bool ask_for_stream_usage = false;
  // gemini: the account in front of all names at Google Cloud, "projects/p/locations/l"; empty elsewhere.
  std::string_view account = {};
  // Whether reasoning state without a seal is known to be another vendor's; empty when nothing is known of any.
  std::function<bool(std::string_view state)> is_foreign = {};
  std::vector<std::string>* dropped_params = nullptr;  // gets the name of what was taken out, if anything was
  // May get the ends of a long body, which edit() then does not copy; null: all of it is edit()'s.
  KeptBytes* kept = nullptr;
};

struct ProviderRequest {
  std::string method = "POST";
  std::string path;  // below the provider's base URL: "/chat/completions"
  std::string body;
  http::Headers headers;                    // dialect headers (content-type, anthropic-version); no authentication
  std::vector<std::string> dropped_params;  // lane 2: the request's fields that this dialect cannot carry, by name
  std::vector<std::string> added_params;    // lane 2: what it requires and the client did not say, as "name=value"
  KeptBytes kept = {};                      // lane 1: what goes out around `body`; outlives this
};

// What an API takes as a tool's name.
struct ToolNameRule {
  std::size_t longest = 64;
  std::string_view others = "_-";   // beside letters and digits; a literal
  bool begins_with_letter = false;  // or with "_"
};

struct EncodeOptions {
  std::string_view model;                // the provider's name for the model
  Tokens default_max_output_tokens = 0;  // for dialects that require a limit when the client gave none
  bool ask_for_stream_usage = true;
  bool max_completion_tokens =
      false;                       // openai_chat: the limit's newer name, which OpenAI's own reasoning models require
  bool continues_prefill = false;  // openai_chat: a last message of the assistant is continued, as it is at Anthropic
  bool developer_role = false;     // openai_chat: a system message may be the developer's
  bool leading_system = false;     // the provider takes system messages before all others only
  bool refuses_prefill = false;    // anthropic_messages, bedrock_converse: the model is known to refuse such a message
  bool reasoning = false;          // the model is known to take an effort or a budget for thinking
  chat::Takes takes = {};          // what is known of the model
  bool tools_without_effort = false;  // openai_chat: what the model takes tools with, and there is no other API for it
  std::span<const std::string> service_tiers = {};  // openai_chat, gemini: those that the provider knows, in its words
  std::string_view issuer;       // this provider and model as seal.h names them: whose reasoning state may go there
  std::size_t client_bytes = 0;  // of the client's body: this one will be about as long
};

struct ErrorBody {
  int status = 500;
  std::string body;
  http::Headers headers;  // retry-after, x-should-retry
};

// What to do with one raw SSE event of lane 1.
enum class Relay : std::uint8_t { forward, hide };

// Lane 1, streaming: looks at the events that go by, changes nothing.
class StreamWatcher {
 public:
  virtual ~StreamWatcher() = default;
  // `event` is the SSE event name ("" when there is none), `data` its data. Malformed JSON is forwarded and ignored.
  virtual Relay see(std::string_view event, std::string_view data) = 0;
  virtual const chat::Usage& usage() const = 0;
  virtual bool finished() const = 0;  // the dialect's end marker went by ([DONE], message_stop)
  virtual bool complete() const = 0;  // the answer is whole, though its end marker may be missing
  virtual std::string_view end_marker()
      const = 0;                    // the raw event that ends a stream: what a forgetful provider left out
  virtual bool failed() const = 0;  // an in-band error event went by
  virtual std::size_t output_bytes()
      const = 0;  // bytes of generated text so far: for an estimate when the stream breaks
  virtual std::string response_model() const = 0;  // the model that the provider says has answered; may be empty
  // Who the answer is, as far as it has been told; empty in dialects that do not keep answers.
  virtual std::string answer_id() const { return {}; }
  // Reasoning state that has gone by since the last call, as it stands between its quotes.
  virtual std::vector<std::string> take_states() { return {}; }
  // Ids of what the provider keeps because of this answer, beside the answer itself: its items, containers, files.
  virtual std::vector<std::string> kept_ids() const { return {}; }
  // From here on the whole answer is kept as it comes; whole() is it, empty until the stream has told it.
  virtual void keep_whole() {}
  virtual std::string whole() const { return {}; }
  // The event that ends this very stream in failure, in dialects where it repeats what went before; empty in others.
  virtual std::string failure(const Error& /*error*/) const { return {}; }
};

// Lane 2, streaming: one provider's SSE events into neutral events.
class StreamDecoder {
 public:
  virtual ~StreamDecoder() = default;
  // Appends to `out`. An in-band error becomes chat::StreamError. Unknown events are skipped.
  virtual Result<void> decode(std::string_view event, std::string_view data, std::vector<chat::ChatEvent>& out) = 0;
  // The provider closed the stream. Appends what is missing of a stream whose end marker alone is lacking; an error
  // (provider_unreachable) when the answer itself is incomplete.
  virtual Result<void> finish(std::vector<chat::ChatEvent>& out) = 0;
};

// Lane 2, streaming: neutral events into the client's SSE bytes, in the dialect's documented order.
class StreamEncoder {
 public:
  virtual ~StreamEncoder() = default;
  virtual void encode(const chat::ChatEvent& event, std::string& out) = 0;
  // With StreamOptions::stored: the answer as it is without a stream, once it is complete.
  virtual std::string whole() const { return {}; }
};

// For what a client's stream encoder must know of its own request.
struct StreamOptions {
  std::string response_id;  // the dialect's own prefix is added: "chatcmpl-", "msg_"
  std::string model;        // the name that the client is told has answered
  std::int64_t created_unix_seconds = 0;
  bool include_usage = true;
  bool json_array = false;  // RequestTarget's
  std::string issuer;       // who answers, for the seal on its reasoning state (seal.h)
  // The client's own request: the body, for dialects whose answers repeat it, and its tools as they were decoded.
  // Borrowed for the encoder's life; absent and empty where nothing was decoded.
  json::Value request;
  std::span<const chat::Tool> tools = {};
  bool stored = false;                    // Sluice keeps the answer
  std::string previous_response_id = {};  // of the request, which stands for itself now
};

// How a provider cuts its stream into events.
enum class Framing : std::uint8_t { sse, aws_event_stream };

class EmbeddingCall;

class Dialect {
 public:
  virtual ~Dialect() = default;
  virtual DialectId id() const = 0;
  // Its calls are passed on whatever they carry: forms come in as well as JSON, and an answer may be sound or an image.
  virtual bool opaque() const { return false; }

  // --- a client's request; `parsed` is an empty object where the body is a form
  virtual Result<RequestOutline> outline(std::string_view body, const json::Document& parsed,
                                         const RequestTarget& target) const = 0;
  virtual Result<chat::ChatRequest> decode_request(const json::Document& parsed, const RequestTarget& target) const = 0;
  // The same body with the model's name replaced and, if asked, the usage flag added; every other byte as it was.
  // Without what it has put into `edit.kept`.
  virtual std::string edit(std::string_view body, const RequestOutline& outline, const BodyEdit& edit) const = 0;

  // --- a provider's request
  // What goes beyond it is renamed by ToolNames before encode_request() sees it.
  virtual ToolNameRule tool_names() const { return {}; }
  virtual Result<ProviderRequest> encode_request(const chat::ChatRequest& request,
                                                 const EncodeOptions& options) const = 0;
  // What a tool is called with comes to a client in pieces that must make up a JSON object.
  virtual bool arguments_are_objects() const { return false; }
  // Lane 1's path below the base URL. `model` is the provider's name for it.
  virtual std::string path(std::string_view model, bool stream) const = 0;
  // Client headers that belong to the dialect and go to a same-dialect provider: anthropic-beta, openai-beta. Not those
  // of the client's own account.
  virtual bool forwards_header(std::string_view name) const = 0;
  // The header in which the vendor's SDKs look for an answer's id.
  virtual std::string_view request_id_header() const = 0;
  virtual const http::Headers& required_headers() const = 0;  // lane 1: added where the client sent none

  // --- a provider's answer
  virtual Result<chat::ChatResponse> decode_response(const json::Document& parsed) const = 0;
  virtual chat::Usage read_usage(const json::Document& parsed) const = 0;  // reported = false when it has none
  virtual std::string read_response_model(const json::Document& parsed) const = 0;
  // Under which a provider keeps it; empty in dialects that do not keep answers.
  virtual std::string read_answer_id(const json::Document& /*parsed*/) const { return {}; }
  // Of a whole answer, as StreamWatcher tells them of a stream.
  virtual std::vector<std::string> read_states(std::string_view /*body*/, const json::Document& /*parsed*/) const {
    return {};
  }
  virtual std::vector<std::string> read_kept_ids(std::string_view /*body*/, const json::Document& /*parsed*/) const {
    return {};
  }
  // The same of one line of a file of answers, as batches give their results.
  virtual std::vector<std::string> read_kept_ids_of_line(std::string_view /*line*/) const { return {}; }
  virtual Framing framing() const { return Framing::sse; }
  virtual std::unique_ptr<StreamWatcher> watch_stream(bool hide_usage_event) const = 0;
  virtual std::unique_ptr<StreamDecoder> decode_stream() const = 0;
  // What clients of this API call the request's parameter that chat/ and the writers of requests call `name` ("stop",
  // "messages.content.thinking"); the same where they call it so.
  virtual std::string_view own_name(std::string_view name) const { return name; }
  // Status and body of a failed answer: kind, message, whether another try may help. Never throws the body at the
  // client.
  virtual Error decode_error(int status, std::string_view body, const http::Headers& headers) const = 0;

  // How its API embeds, on both sides; null when it does not.
  virtual const EmbeddingCall* embeddings() const { return nullptr; }

  // --- an answer to a client
  // Whether its clients can be told so. What they cannot is left out by leave_out_untold() (answer_parts.h), and named.
  virtual bool tells(const chat::Citation& citation) const { return citation.within == chat::Citation::Within::web; }
  virtual bool tells_tier(std::string_view /*served*/) const { return true; }
  virtual bool tells_kinds(const chat::Usage& usage) const { return !usage.has_other_than_text(); }  // of tokens
  virtual std::string encode_response(const chat::ChatResponse& response, const StreamOptions& options) const = 0;
  virtual std::unique_ptr<StreamEncoder> encode_stream(const StreamOptions& options) const = 0;
  // How many tokens a prompt has, in dialects whose requests ask for that alone (chat::counts_tokens); empty in others.
  virtual std::string encode_count(Tokens /*tokens*/) const { return {}; }
  virtual ErrorBody encode_error(const Error& error, std::string_view request_id) const = 0;
  // What says nothing on a stream of events, to keep the connection busy.
  virtual std::string_view keep_alive() const { return ": keep-alive\n\n"; }
  // An SSE event that ends a stream in failure after its first bytes went out.
  virtual std::string encode_stream_error(const Error& error, std::string_view request_id) const = 0;
};

}  // namespace sluice::dialects
