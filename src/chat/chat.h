// The neutral vocabulary between dialects: plain values, no behaviour. What a dialect can say and this cannot is either
// refused or named in x-sluice-dropped-params; it is never lost in silence.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "chat/usage.h"

namespace sluice::chat {

enum class Role : std::uint8_t { user, assistant };

struct Text {
  std::string text;
};
struct Image {
  std::string media_type;  // "image/png"; empty for a url
  std::string base64;      // one of base64 and url is set
  std::string url;
};
struct ToolCall {
  std::string id;
  std::string name;
  // JSON text; "{}" when the model wrote nothing. As the model wrote it where the dialect has text (and then it may not
  // be JSON at all); where it has an object, that object's members in their order, compact and with numbers in shortest
  // form.
  std::string arguments;
};
struct ToolResult {
  std::string call_id;
  std::vector<std::variant<Text, Image>> content;
  bool is_error = false;
};
struct Thinking {
  std::string text;
  std::string signature;  // opaque, bound to the provider that issued it
};

using Block = std::variant<Text, Image, ToolCall, ToolResult, Thinking>;

struct Message {
  Role role = Role::user;
  std::vector<Block> blocks;
};

struct Tool {
  std::string name;
  std::string description;
  std::string parameters;  // JSON Schema text; an object schema
  std::optional<bool> strict;
};

struct ToolChoice {
  enum class Mode : std::uint8_t { automatic, none, required, named } mode = Mode::automatic;
  std::string name;  // for named
};

// The answer's text must be JSON that fits a schema.
struct OutputSchema {
  std::string name;    // may be empty
  std::string schema;  // JSON Schema text
  std::optional<bool> strict;
};

struct ChatRequest {
  std::string model;
  std::vector<std::string> system;  // in order; joined by a blank line where a dialect has one string
  std::vector<Message> messages;    // runs of one role are kept as the client sent them
  std::vector<Tool> tools;
  std::optional<ToolChoice> tool_choice;
  std::optional<bool> parallel_tool_calls;
  std::optional<Tokens> max_output_tokens;
  std::optional<double> temperature;
  std::optional<double> top_p;
  std::optional<std::int64_t> top_k;
  std::vector<std::string> stop;
  std::optional<OutputSchema> output_schema;
  std::string user;  // end user's id, as sent
  bool stream = false;
  bool include_usage = true;
  // Fields that were understood as JSON but have no place above, by name. The encoder of the other dialect decides:
  // refuse (the output contract would change) or drop and report.
  std::vector<std::pair<std::string, std::string>> extras;  // name -> JSON text
};

enum class StopReason : std::uint8_t { end_turn, max_tokens, stop_sequence, tool_use, content_filter, other };

struct ChatResponse {
  std::string id;             // the provider's
  std::string model;          // that the provider says has answered
  std::vector<Block> blocks;  // Text, ToolCall, Thinking
  StopReason stop = StopReason::end_turn;
  std::string stop_sequence;  // which, when stop is stop_sequence and the provider says
  std::string refusal;        // the provider's refusal text, if any
  Usage usage;
  std::vector<std::string>
      dropped;  // what the answer has and this cannot say, by name: "answer.content.server_tool_use"
};

// --- the items of a stream, in order: Start, (BlockStart, *Delta..., BlockEnd)..., Finish; StreamError ends it early
struct Start {
  std::string id;
  std::string model;
  Usage usage;  // what is known at the start (Anthropic tells the input)
};
enum class BlockKind : std::uint8_t { text, tool_call, thinking };
struct BlockStart {
  std::int64_t index = 0;  // counts from 0 without gaps; one block is open at a time
  BlockKind kind = BlockKind::text;
  std::string tool_id;  // for tool_call
  std::string tool_name;
};
struct TextDelta {
  std::string text;
};
struct ArgumentsDelta {
  std::string json;
};
struct ThinkingDelta {
  std::string text;
  std::string signature;
};
struct BlockEnd {};
struct Finish {
  StopReason stop = StopReason::end_turn;
  std::string stop_sequence;
  std::string refusal;               // the provider's refusal text; it is in no block
  Usage usage;                       // final
  std::vector<std::string> dropped;  // as in ChatResponse
};
struct StreamError {
  Error error;
};
using ChatEvent =
    std::variant<Start, BlockStart, TextDelta, ArgumentsDelta, ThinkingDelta, BlockEnd, Finish, StreamError>;

}  // namespace sluice::chat
