// The dialect's functions, one file each; dialect.cpp puts them behind the Dialect interface, which documents them.
#pragma once

#include "dialects/dialect.h"
#include "dialects/fields.h"

namespace sluice::dialects::responses {

// --- outline.cpp
Result<RequestOutline> outline(std::string_view body, const json::Document& parsed);
// Changes the model's name, and leaves out the reasoning that has a seal: another provider's, which OpenAI refuses.
std::string edit(std::string_view body, const RequestOutline& outline, const BodyEdit& edit);

// --- request_read.cpp
Result<chat::ChatRequest> decode_request(const json::Document& parsed);

// --- tools_read.cpp
// Reads tools and tool_choice into a request. Hosted tools whose removal changes nothing but what the model can look up
// are left out, and named in `left_out`; the others are refused.
Result<void> read_tools(const Fields& fields, chat::ChatRequest& request, std::vector<std::string>& left_out);
// How a tool in a name space is called where there are none: the same for the same two, and never longer than all
// vendors allow.
std::string flat_name(std::string_view name_space, std::string_view name);
// Of an item that is a call.
std::string called_name(json::Value item);

// --- request_write.cpp
Result<ProviderRequest> encode_request(const chat::ChatRequest& request, const EncodeOptions& options);

// --- response.cpp
chat::Usage read_usage(json::Value from);               // reported = false when it is none
chat::Usage read_response_usage(json::Value response);  // with the service tier of the whole response
std::vector<chat::Citation> read_annotations(json::Value annotations, std::vector<std::string>& dropped);
// Of a reasoning item: its summary, or what it says itself; parts are joined by a blank line.
std::string reasoning_text(json::Value item);
chat::StopReason stop_reason(json::Value response, bool has_calls, bool refused);
bool is_failed(json::Value response);
// Of a whole response, as Dialect says. `text` is where it stands.
std::vector<std::string> states_of(std::string_view text, json::Value response);
std::vector<std::string> kept_ids_of(std::string_view text, json::Value response);
Result<chat::ChatResponse> decode_response(const json::Document& parsed);
chat::ChatResponse read_output(json::Value response);
std::string encode_response(const chat::ChatResponse& response, const StreamOptions& options);

// --- stream_read.cpp, stream_write.cpp, watch.cpp
std::unique_ptr<StreamDecoder> decode_stream();
std::unique_ptr<StreamEncoder> encode_stream(const StreamOptions& options);
std::unique_ptr<StreamWatcher> watch_stream();

// --- errors.cpp
// Of a stream, which has no status of its own: the error of a failed response, or an `error` event.
Error decode_failure(json::Value error);
Error decode_error_event(json::Value event);
// The code that a failed response has.
std::string failure_code(const Error& error);
// The event response.failed, with that number.
std::string failed_event(const Error& error, const StreamOptions& options, std::int64_t sequence_number,
                         std::span<const std::string> items);

}  // namespace sluice::dialects::responses
