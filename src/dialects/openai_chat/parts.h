// The dialect's functions, one file each; dialect.cpp puts them behind the Dialect interface, which documents them.
#pragma once

#include "dialects/embedding.h"
#include "dialects/fields.h"

namespace sluice::dialects::openai {

// --- outline.cpp
Result<RequestOutline> outline(std::string_view body, const json::Document& parsed);
std::string edit(std::string_view body, const RequestOutline& outline, const BodyEdit& edit);

// --- request_read.cpp
Result<chat::ChatRequest> decode_request(const json::Document& parsed);

// auto, none or required; empty for another word.
std::optional<chat::ToolChoice> tool_choice_of_word(std::string_view word);
// A choice of {"mode":"auto"|"required","tools":[...]}: the model is given those of the request's tools and no others,
// which no provider can misunderstand. `name_of` an entry is the tool's name. invalid_request for a name without a
// tool.
Result<void> allow_only(const Fields& choice, json::Value (*name_of)(const Fields& tool), chat::ChatRequest& request);

// --- request_write.cpp
Result<ProviderRequest> encode_request(const chat::ChatRequest& request, const EncodeOptions& options);

// --- response.cpp
chat::Usage read_usage(json::Value from);  // reported = false when it is none
// Of a chunk: at its top, or where Kimi (in the choice) and Groq (in x_groq) put it.
chat::Usage read_chunk_usage(json::Value chunk);
void write_usage(json::Writer& writer, const chat::Usage& usage);
chat::StopReason stop_reason(std::string_view finish_reason, bool has_tool_calls);
std::string_view finish_reason(chat::StopReason reason);
std::string prefixed_id(std::string_view id);
// The model's reasoning under any of the names that providers give it.
std::string_view reasoning_of(json::Value message);
// Text or reasoning of an answer.
struct Prose {
  chat::BlockKind kind = chat::BlockKind::text;
  std::string text;
  std::string logprobs = {};
  bool in_content = false;  // reasoning that is a part of the content
};
// A string, or an array of parts: Mistral's models have their reasoning among them. Parts of other types are lost.
void read_content(json::Value content, std::vector<Prose>& into, std::vector<std::string>& lost);
// What a provider may call the one tool call of an answer: the form that functions had before tools. Servers that have
// both give it beside tool_calls, or empty.
bool is_older_call(json::Value message);
// The name under which further choices are lost.
inline constexpr const char* further_choices = "answer.choices";
// Of a part of the type `thinking`.
std::string thinking_text(json::Value part);
// The id in chat/ of reasoning that came as a part of the content, where it must go back, too.
inline constexpr std::string_view thinking_in_content = "content";
// State that comes with an answer and must go back, unread, with the next turn of the same conversation: a block of
// thinking without text, whose signature is the member's JSON. The id says where it stood.
inline constexpr std::string_view details_state = "reasoning_details";      // OpenRouter's, of the message
inline constexpr std::string_view message_state = "extra_content";          // Google's, of the message
inline constexpr std::string_view call_state = "tool_calls.extra_content";  // Google's, of the call that follows
chat::Thinking state_block(std::string_view id, std::string json);
// Whether reasoning_details hold more than text, and whether a message's extra_content does.
bool has_state(json::Value reasoning_details);
bool has_signature(json::Value extra_content);
// Members of a message or a delta that chat/ has not.
void note_lost_members(json::Value message, std::vector<std::string>& lost);
// This API's name of the tier that was served; empty when it has none.
std::string_view served_tier(std::string_view name);
std::vector<chat::Citation> read_annotations(json::Value annotations);
// A choice's: an object, or null when there are none.
void write_logprobs(json::Writer& writer, std::string_view logprobs);
void write_annotation(json::Writer& writer, const chat::Citation& citation);
// An element of reasoning_details, OpenRouter's form of what the model needs back with the next turn.
void write_reasoning_detail(json::Writer& writer, const chat::Thinking& thinking, std::string_view issuer,
                            std::size_t index);
Result<chat::ChatResponse> decode_response(const json::Document& parsed);
std::string encode_response(const chat::ChatResponse& response, const StreamOptions& options);

// --- stream_read.cpp, stream_write.cpp, watch.cpp
std::unique_ptr<StreamDecoder> decode_stream();
std::unique_ptr<StreamEncoder> encode_stream(const StreamOptions& options);
std::unique_ptr<StreamWatcher> watch_stream(bool hide_usage_event);

// --- embeddings.cpp
const EmbeddingCall& embeddings();

// --- errors.cpp
Error decode_error(int status, std::string_view body, const http::Headers& headers);
// An error object of a stream, which has no status of its own.
Error decode_stream_error(json::Value error);
ErrorBody encode_error(const Error& error, std::string_view request_id);
std::string encode_stream_error(const Error& error, std::string_view request_id);

}  // namespace sluice::dialects::openai
