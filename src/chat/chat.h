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
#include "chat/takes.h"
#include "chat/usage.h"

namespace sluice::chat {

// `system` is of what the conversation is told on its way, text alone; ChatRequest::system is what it begins with.
enum class Role : std::uint8_t { user, assistant, system };

// "Everything up to here will come again": where the provider may keep its prompt cache, and for how long.
enum class CacheMark : std::uint8_t { none, minutes_5, hour_1 };

// Where an answer's text comes from. What a dialect cannot say of it stays empty.
struct Citation {
  std::string url;
  std::string title;
  std::string cited_text;
  // Characters of the block's text that it stands for, end exclusive; -1 = not said.
  std::int64_t begin = -1;
  std::int64_t end = -1;
  // Instead of an address: a place in what the request holds.
  enum class Within : std::uint8_t { web, characters, pages, blocks, search_result } within = Within::web;
  std::int64_t number = 0;  // of the document or the search result among the request's, from 0
  std::int64_t from = 0;    // in it, in what `within` says; of search results, blocks
  std::int64_t to = 0;      // as the provider counts: exclusive, of pages too
  std::string source = {};  // the search result's own
};

struct Text {
  std::string text;
  CacheMark cache = CacheMark::none;
  std::vector<Citation> citations = {};
  std::string logprobs = {};  // of an answer's tokens: JSON, see dialects/logprobs.h
};
struct Image {
  std::string media_type;  // "image/png"; empty for a url
  std::string base64;      // one of base64 and url is set
  std::string url;
  std::string detail = {};  // "low", "high", ...: a hint
  CacheMark cache = CacheMark::none;
};
struct Audio {
  std::string format;  // "wav", "mp3": the last part of the media type
  std::string base64;
};
struct Video {
  std::string media_type;  // "video/mp4"
  std::string base64;
};
struct Document {
  std::string media_type;  // "application/pdf", "text/plain"; empty for a url
  std::string base64;      // one of base64, text and url is set
  std::string text;
  std::string url;
  std::string name;  // file name or title; may be empty
  CacheMark cache = CacheMark::none;
  std::string context = {};            // what the model is told of it and may not cite
  std::optional<bool> citations = {};  // whether the answer is to say where in it things stand
};
// What somebody has found, for the model to cite.
struct SearchResult {
  std::string source;  // where: an address, or any name
  std::string title;
  std::vector<std::string> texts;
  std::optional<bool> citations = {};
  CacheMark cache = CacheMark::none;
};
struct ToolCall {
  std::string id;
  std::string name;
  // JSON text; "{}" when the model wrote nothing. As the model wrote it where the dialect has text (and then it may not
  // be JSON at all); where it has an object, that object's members in their order, compact and with numbers in shortest
  // form. Of a custom tool: {"input":"..."}, the free text that it was called with.
  std::string arguments;
  bool custom = false;
  CacheMark cache = CacheMark::none;
};
struct ToolResult {
  std::string call_id;
  std::vector<std::variant<Text, Image, Document, SearchResult>> content;
  bool is_error = false;
  CacheMark cache = CacheMark::none;
};
// Reasoning that the model showed, and the opaque state with which its provider continues it. A block with neither text
// nor summary is state alone (Anthropic's redacted thinking, OpenAI's encrypted reasoning, a Gemini thought signature,
// which belongs to the block that follows).
struct Thinking {
  std::string text;
  std::string signature;    // as its issuer gave it; empty when nobody signed
  std::string issuer = {};  // who understands the signature, as Seal says; empty in an answer: whoever gave it
  bool redacted = false;    // there is no text, only the state: Anthropic's redacted_thinking
  std::string id = {};      // what its issuer calls it, or where it had it, if that must come back with it
};

using Block = std::variant<Text, Image, Audio, Video, Document, SearchResult, ToolCall, ToolResult, Thinking>;

struct Message {
  Role role = Role::user;
  std::vector<Block> blocks;
  bool developer = false;  // of a system message: OpenAI's clients call it the developer's
};

struct Tool {
  std::string name;
  std::string description;
  std::string parameters;  // JSON Schema text; an object schema
  std::optional<bool> strict;
  // Takes free text instead of JSON. A dialect without such tools gives the model a function with one string, `input`.
  bool custom = false;
  std::string custom_format = {};  // JSON text of its grammar; empty = any text
  // How the client calls it, where that is not `name`: a dialect that groups tools has a name space and a name in it.
  std::string own_name = {};
  std::string name_space = {};
  CacheMark cache = CacheMark::none;
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
  bool always = false;  // the client's API holds every answer to its schema, and has no `strict`
};

// How long the model may think before it answers. Dialects have one or the other of effort and budget.
struct Reasoning {
  using Effort = chat::Effort;
  std::optional<Effort> effort;
  std::optional<Tokens> budget;  // tokens
  bool adaptive = false;         // the model decides for each request (Anthropic)
  // Whether the client wants to see it; not said = the dialect's own default.
  std::optional<bool> visible;
};

struct ChatRequest {
  std::string model;
  std::vector<Text> system;       // before the first message; joined by a blank line where a dialect has one string
  std::vector<Message> messages;  // runs of one role are kept as the client sent them
  std::vector<Tool> tools;
  std::optional<ToolChoice> tool_choice;
  std::optional<bool> parallel_tool_calls;
  std::optional<Tokens> max_output_tokens;
  std::optional<double> temperature;
  std::optional<double> top_p;
  std::optional<std::int64_t> top_k;
  std::optional<double> frequency_penalty;
  std::optional<double> presence_penalty;
  std::optional<std::int64_t> seed;
  std::vector<std::string> stop;
  std::optional<std::int64_t> logprobs;  // of the answer's tokens, and of so many others at each place
  std::optional<OutputSchema> output_schema;
  bool json_object = false;  // the answer's text must be a JSON object, of whatever form
  std::optional<Reasoning> reasoning;
  std::string user;              // end user's id, as sent
  std::string service_tier;      // as sent; empty = not said
  std::string prompt_cache_key;  // requests with the same one share a prefix
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
  std::vector<Block> blocks;  // Text, ToolCall, Thinking, in the answer's order
  StopReason stop = StopReason::end_turn;
  std::string stop_sequence;  // which, when stop is stop_sequence and the provider says
  std::string refusal;        // the provider's refusal text, if any
  std::string service_tier;   // that was served; empty = not said
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
  bool redacted = false;  // for thinking: as in Thinking
  std::string id = {};    // for thinking: as in Thinking
};
struct TextDelta {
  std::string text;
  std::string logprobs = {};  // as in Text
};
struct ArgumentsDelta {
  std::string json;
};
struct ThinkingDelta {
  std::string text;
  std::string signature;  // whole, at most once in a block, after its text
};
struct CitationDelta {  // of the open text block
  Citation citation;
};
struct BlockEnd {};
struct Finish {
  StopReason stop = StopReason::end_turn;
  std::string stop_sequence;
  std::string refusal;               // the provider's refusal text; it is in no block
  std::string service_tier;          // as in ChatResponse
  Usage usage;                       // final
  std::vector<std::string> dropped;  // as in ChatResponse
};
struct StreamError {
  Error error;
};
using ChatEvent = std::variant<Start, BlockStart, TextDelta, ArgumentsDelta, ThinkingDelta, CitationDelta, BlockEnd,
                               Finish, StreamError>;

}  // namespace sluice::chat
