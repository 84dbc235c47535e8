#include "generator.h"

#include <algorithm>
#include <array>

namespace sluice::golden {

namespace {
// What translators stumble over. None begins or ends with a blank line: where texts become one string, blank lines part
// them.
constexpr std::array<std::string_view, 16> pieces = {
    "a",      "Zürich ",         "\"quoted\" ", "back\\slash", "line\nbreak", "é",    "\t tab",  "𝄞 ",
    "\u2028", "{\"json\":[1]} ", "<tag>",       "data: x\n-",  "[DONE]",      "\x01", " -- '; ", "日本語"};
constexpr std::array<std::string_view, 4> schemas = {
    R"({"type":"object","properties":{"city":{"type":"string"}},"required":["city"]})",
    R"({"type":"object","properties":{}})",
    R"({"type":"object","properties":{"n":{"type":"integer","minimum":1},"of":{"type":"array","items":{"type":"string"}}}})",
    R"({"type":"object","properties":{"a":{"type":"object","properties":{"b":{"type":["string","null"]}}}},"additionalProperties":false})"};
constexpr std::string_view pixel =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
}  // namespace

std::string Generator::text() {
  std::string out;
  for (std::uint64_t n = 1 + below(6); n > 0; --n) out += pieces[below(pieces.size())];
  return out;
}

std::string Generator::json_object() {
  switch (below(5)) {
    case 0: return "{}";
    case 1: return R"({"city":"Paris","unit":"\"C\""})";
    case 2: return R"({"n":-17,"of":["a","é"],"deep":{"x":{"y":[1,2.5,null,true]}}})";
    case 3: return R"({"text":"line\nbreak \u2028 \\ end"})";
    default: return R"({"n":)" + std::to_string(below(1'000'000)) + "}";
  }
}

chat::CacheMark Generator::cache_mark() {
  return one_in(6) ? (one_in(2) ? chat::CacheMark::hour_1 : chat::CacheMark::minutes_5) : chat::CacheMark::none;
}

chat::Tool Generator::tool(std::size_t number) {
  chat::Tool made{.name = "tool_" + std::to_string(number),
                  .description = one_in(4) ? "" : text(),
                  .parameters = std::string(schemas[below(schemas.size())]),
                  .strict = {}};
  if (one_in(4)) made.strict = one_in(2);
  made.cache = cache_mark();
  return made;
}

chat::ToolCall Generator::call(const chat::ChatRequest& request) {
  return {.id = "call_" + std::to_string(++calls_),
          .name = request.tools[below(request.tools.size())].name,
          .arguments = json_object()};
}

chat::ToolResult Generator::result(const chat::ToolCall& call) {
  chat::ToolResult made{.call_id = call.id, .content = {chat::Text{text()}}};
  made.is_error = one_in(5);
  made.cache = cache_mark();
  return made;
}

chat::Message Generator::user_turn(const std::vector<chat::ToolCall>& open) {
  chat::Message turn;
  for (const chat::ToolCall& call : open) turn.blocks.emplace_back(result(call));
  if (!open.empty() && one_in(2)) return turn;
  turn.blocks.emplace_back(chat::Text{.text = text(), .cache = cache_mark()});
  if (one_in(4)) {
    chat::Image image{.media_type = "image/png", .base64 = std::string(pixel), .url = ""};
    if (one_in(3)) image.detail = one_in(2) ? "low" : "high";
    image.cache = cache_mark();
    turn.blocks.emplace_back(std::move(image));
  }
  if (one_in(6))
    turn.blocks.emplace_back(chat::Document{
        .media_type = "application/pdf", .base64 = "JVBERi0xLjQK", .text = "", .url = "", .name = "a.pdf"});
  if (one_in(4)) turn.blocks.emplace_back(chat::Text{.text = text(), .cache = cache_mark()});
  return turn;
}

chat::Message Generator::assistant_turn(const chat::ChatRequest& request, std::vector<chat::ToolCall>& open) {
  chat::Message turn{.role = chat::Role::assistant, .blocks = {}};
  open.clear();
  const bool calls = !request.tools.empty() && one_in(2);
  if (!calls || one_in(2)) turn.blocks.emplace_back(chat::Text{.text = text(), .cache = cache_mark()});
  for (std::uint64_t n = calls ? 1 + below(3) : 0; n > 0; --n) {
    open.push_back(call(request));
    turn.blocks.emplace_back(open.back());
  }
  return turn;
}

void Generator::settings(chat::ChatRequest& request) {
  using Mode = chat::ToolChoice::Mode;
  using Effort = chat::Reasoning::Effort;
  if (!request.tools.empty() && one_in(2)) {
    const auto mode = static_cast<Mode>(below(4));
    request.tool_choice = chat::ToolChoice{mode, mode == Mode::named ? request.tools.front().name : ""};
  }
  if (!request.tools.empty() && one_in(4)) request.parallel_tool_calls = one_in(2);
  if (one_in(2)) request.max_output_tokens = static_cast<Tokens>(1 + below(100'000));
  if (one_in(3)) request.temperature = static_cast<double>(below(21)) / 10;
  if (one_in(4)) request.top_p = static_cast<double>(below(11)) / 10;
  if (one_in(8)) request.top_k = static_cast<std::int64_t>(1 + below(100));
  if (one_in(8)) request.frequency_penalty = static_cast<double>(below(41)) / 10 - 2;
  if (one_in(8)) request.presence_penalty = static_cast<double>(below(41)) / 10 - 2;
  if (one_in(8)) request.seed = static_cast<std::int64_t>(below(1'000'000));
  for (std::uint64_t n = one_in(5) ? 1 + below(4) : 0; n > 0; --n) request.stop.push_back("stop" + std::to_string(n));
  if (one_in(10)) request.logprobs = static_cast<std::int64_t>(below(6));
  if (one_in(6))
    request.output_schema = chat::OutputSchema{.name = "answer", .schema = std::string(schemas[0]), .strict = true};
  else if (one_in(12))
    request.json_object = true;
  if (one_in(4)) {
    chat::Reasoning reasoning;
    if (one_in(2))
      reasoning.effort = static_cast<Effort>(below(7));
    else
      reasoning.budget = static_cast<Tokens>(1024 + below(8192));
    request.reasoning = reasoning;
  }
  if (one_in(6)) request.user = "user-1";
  if (one_in(8)) request.service_tier = "auto";
  if (one_in(8)) request.prompt_cache_key = "prefix-1";
  request.stream = one_in(2);
}

chat::ChatRequest Generator::request() {
  chat::ChatRequest made;
  made.model = "m";
  for (std::uint64_t n = below(3); n > 0; --n) made.system.push_back({.text = text(), .cache = cache_mark()});
  for (std::uint64_t n = below(4); n > 0; --n) made.tools.push_back(tool(n));
  std::vector<chat::ToolCall> open;
  made.messages.push_back(user_turn(open));
  for (std::uint64_t turns = below(4); turns > 0; --turns) {
    made.messages.push_back(assistant_turn(made, open));
    made.messages.push_back(user_turn(open));
    if (one_in(6))
      made.messages.push_back(
          {.role = chat::Role::system, .blocks = {chat::Text{.text = text(), .cache = cache_mark()}}});
  }
  settings(made);
  return made;
}

chat::ChatResponse Generator::response() {
  chat::ChatResponse made;
  made.id = "answer";
  made.model = "m";
  if (one_in(4)) made.blocks.emplace_back(chat::Thinking{.text = text(), .signature = ""});
  if (!one_in(4)) made.blocks.emplace_back(chat::Text{text()});
  chat::ChatRequest with_tools;
  for (std::size_t n = 0; n < 3; ++n) with_tools.tools.push_back(tool(n));
  const std::uint64_t calls = made.blocks.empty() || one_in(3) ? 1 + below(3) : 0;
  for (std::uint64_t n = 0; n < calls; ++n) made.blocks.emplace_back(call(with_tools));
  made.stop = calls > 0    ? chat::StopReason::tool_use
              : one_in(4)  ? chat::StopReason::max_tokens
              : one_in(10) ? chat::StopReason::content_filter
                           : chat::StopReason::end_turn;
  made.usage = {
      .input = static_cast<Tokens>(below(10'000)), .output = static_cast<Tokens>(below(10'000)), .reported = true};
  if (one_in(3)) made.usage.cache_read = static_cast<Tokens>(below(10'000));
  if (one_in(4)) made.usage.reasoning = static_cast<Tokens>(below(10'000));
  return made;
}

std::vector<std::string> Generator::cut(const std::string& text) {
  std::vector<std::string> out;
  std::size_t begin = 0;
  while (begin < text.size()) {
    std::size_t end = std::min(text.size(), begin + 1 + below(8));
    // Between characters: a delta is a JSON string of its own.
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
    out.push_back(text.substr(begin, end - begin));
    begin = end;
  }
  return out;
}

std::vector<chat::ChatEvent> Generator::events(const chat::ChatResponse& response) {
  std::vector<chat::ChatEvent> out;
  out.emplace_back(chat::Start{.id = response.id, .model = response.model, .usage = {}});
  std::int64_t index = 0;
  for (const chat::Block& block : response.blocks) {
    if (const auto* text = std::get_if<chat::Text>(&block)) {
      out.emplace_back(
          chat::BlockStart{.index = index++, .kind = chat::BlockKind::text, .tool_id = "", .tool_name = ""});
      for (std::string& piece : cut(text->text)) out.emplace_back(chat::TextDelta{std::move(piece)});
    } else if (const auto* thinking = std::get_if<chat::Thinking>(&block)) {
      out.emplace_back(
          chat::BlockStart{.index = index++, .kind = chat::BlockKind::thinking, .tool_id = "", .tool_name = ""});
      for (std::string& piece : cut(thinking->text)) out.emplace_back(chat::ThinkingDelta{std::move(piece), ""});
    } else if (const auto* called = std::get_if<chat::ToolCall>(&block)) {
      out.emplace_back(chat::BlockStart{
          .index = index++, .kind = chat::BlockKind::tool_call, .tool_id = called->id, .tool_name = called->name});
      for (std::string& piece : cut(called->arguments)) out.emplace_back(chat::ArgumentsDelta{std::move(piece)});
    }
    out.emplace_back(chat::BlockEnd{});
  }
  out.emplace_back(chat::Finish{.stop = response.stop,
                                .stop_sequence = "",
                                .refusal = "",
                                .service_tier = "",
                                .usage = response.usage,
                                .dropped = {}});
  return out;
}

}  // namespace sluice::golden
