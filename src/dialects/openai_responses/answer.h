// The Response object and its items as a client gets them. Both the whole answer and the last event of a stream are
// made of these.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dialects/dialect.h"
#include "dialects/shared_parts.h"

namespace sluice::dialects::responses {

struct Outcome {
  std::string_view status;             // in_progress, completed, incomplete, failed
  std::string_view incomplete_reason;  // for incomplete
  const Error* error = nullptr;        // for failed
  const chat::Usage* usage = nullptr;  // when it is known
  std::string_view service_tier;
};
// Of an answer that has come to its end.
Outcome outcome_of(chat::StopReason stop, std::string_view refusal, std::string_view service_tier,
                   const chat::Usage& usage);

// With all that the specification requires; what repeats the request comes from options.request. `items` are JSON.
void write_response(json::Writer& writer, const StreamOptions& options, const Outcome& outcome,
                    std::span<const std::string> items);

// "msg_", "fc_", ... with the answer's id and the item's place.
std::string item_id(std::string_view prefix, const StreamOptions& options, std::size_t place);

// --- JSON of items and of their parts
std::string annotation(const chat::Citation& citation, std::string_view text);
std::string text_part(std::string_view text, std::span<const std::string> annotations, std::string_view logprobs);
std::string refusal_part(std::string_view refusal);
std::string message_item(std::string_view id, std::string_view status, std::span<const std::string> parts);
// `sealed` is null in the item when it is empty.
std::string reasoning_item(std::string_view id, std::string_view text, std::string_view sealed);

// How the client names the tool of a call.
struct CalledTool {
  std::string_view name;
  std::string_view name_space;
  bool custom = false;
};
CalledTool called_tool(std::string_view name, ToolsByName& tools);
// `input` is the arguments, or the text of a custom tool.
std::string call_item(std::string_view id, std::string_view status, std::string_view call_id, const CalledTool& tool,
                      std::string_view input);

}  // namespace sluice::dialects::responses
