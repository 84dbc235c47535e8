// The dialect's functions, one file each; dialect.cpp puts them behind the Dialect interface, which documents them.
#pragma once

#include "dialects/dialect.h"

namespace sluice::dialects::bedrock {

// --- request_write.cpp
std::string path(std::string_view model, bool stream);
Result<ProviderRequest> encode_request(const chat::ChatRequest& request, const EncodeOptions& options);
// A tool use id that the API takes: the same, or a name made of it for one with other characters or of another length.
std::string tool_use_id(std::string_view id);

// --- response.cpp
chat::Usage usage(json::Value from);
chat::Usage answer_usage(json::Value answer);  // of a whole answer or a stream's `metadata`, with its service tier
// Empty for the reasons with which the model gave nothing that can be used; failed_answer() is their error.
std::optional<chat::StopReason> stop_reason(std::string_view name);
Error failed_answer(std::string_view stop_reason);
// Of the members that requests ask for beside the answer (encode_request).
std::string stop_sequence(json::Value additional_fields);
// Empty for a place of a kind that is not known.
std::optional<chat::Citation> citation(json::Value from);
Result<chat::ChatResponse> decode_response(const json::Document& parsed);

// --- stream_read.cpp
std::unique_ptr<StreamDecoder> decode_stream();

// --- errors.cpp
Error decode_error(int status, std::string_view body, const http::Headers& headers);
// An exception of a stream, which has no status of its own.
Error decode_exception(std::string_view name, json::Value payload);

}  // namespace sluice::dialects::bedrock
