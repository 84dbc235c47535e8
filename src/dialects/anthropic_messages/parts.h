// The dialect's functions, one file each; dialect.cpp puts them behind the Dialect interface, which documents them.
#pragma once

#include "dialects/dialect.h"

namespace sluice::dialects::anthropic {

// --- request_read.cpp
Result<RequestOutline> outline(std::string_view body, const json::Document& parsed);
// The same of a request that asks for no answer, and need not limit one.
Result<RequestOutline> outline_of_prompt(std::string_view body, const json::Document& parsed);
Result<chat::ChatRequest> decode_request(const json::Document& parsed);

// --- request_write.cpp
Result<ProviderRequest> encode_request(const chat::ChatRequest& request, const EncodeOptions& options);
const http::Headers& request_headers();

// --- response.cpp
// The counts that an answer's or event's "usage" object gives replace those in `usage`; the others stay, because a
// stream's later counts may leave out what its first event said.
void merge_usage(json::Value from, chat::Usage& usage);
void write_usage(json::Writer& writer, const chat::Usage& usage, std::string_view service_tier);
// This API's name of the tier that was served; empty when it has none.
std::string_view served_tier(std::string_view name);
std::optional<chat::Citation> read_citation(json::Value citation);  // empty for a kind that is not known
void write_citation(json::Writer& writer, const chat::Citation& citation);
void write_thinking_block(json::Writer& writer, const chat::Thinking& thinking, std::string_view issuer);
// stop_reason and the members that the specification requires beside it.
void write_stop(json::Writer& writer, chat::StopReason stop, std::string_view stop_sequence, std::string_view refusal);
// A tool_use block up to its input, which the caller writes before it ends the object.
void write_tool_use_head(json::Writer& writer, std::string_view id, std::string_view name);
chat::StopReason stop_reason(std::string_view name);
// Notes the type of a block when chat/ has no place for it.
void note_lost_block(std::vector<std::string>& names, json::Value block);
// The text of a refusal; the API may give none.
std::string refusal_text(json::Value stop_details);
std::string_view stop_name(chat::StopReason reason);
std::string prefixed_id(std::string_view id);
Result<chat::ChatResponse> decode_response(const json::Document& parsed);
std::string encode_response(const chat::ChatResponse& response, const StreamOptions& options);

// --- stream_read.cpp, stream_write.cpp, watch.cpp
std::unique_ptr<StreamDecoder> decode_stream();
std::unique_ptr<StreamEncoder> encode_stream(const StreamOptions& options);
std::unique_ptr<StreamWatcher> watch_stream();

// --- errors.cpp
Error decode_error(int status, std::string_view body, const http::Headers& headers);
// An error object of a stream, which has no status of its own.
Error decode_stream_error(json::Value error);
ErrorBody encode_error(const Error& error, std::string_view request_id);
std::string encode_stream_error(const Error& error, std::string_view request_id);

}  // namespace sluice::dialects::anthropic
