#include "replay.h"

#include <fstream>
#include <sstream>

#include "dialects/answer_parts.h"
#include "dialects/anthropic_messages/anthropic_messages.h"
#include "dialects/bedrock_converse/bedrock_converse.h"
#include "dialects/gemini/gemini.h"
#include "dialects/openai_chat/openai_chat.h"
#include "dialects/openai_responses/openai_responses.h"
#include "http/sse.h"
#include "http/testing/aws_message.h"

namespace sluice::golden {

const dialects::Dialects& all_dialects() {
  static const dialects::Dialects all([] {
    std::vector<std::unique_ptr<dialects::Dialect>> list;
    list.push_back(dialects::make_openai_chat());
    list.push_back(dialects::make_openai_responses());
    list.push_back(dialects::make_anthropic_messages());
    list.push_back(dialects::make_gemini());
    list.push_back(dialects::make_bedrock_converse());
    return list;
  }());
  return all;
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string framed(std::string_view lines) {
  std::string out;
  std::istringstream stream{std::string(lines)};
  for (std::string line; std::getline(stream, line);) {
    const auto parsed = json::Document::parse(line);
    if (!parsed) continue;
    for (const auto& [name, payload] : parsed->root().members())
      out += http::testing::aws_message(name, payload.text());
  }
  return out;
}

namespace {
std::vector<Event> split_messages(const std::vector<std::string_view>& pieces) {
  http::AwsEventSplitter splitter;
  std::vector<Event> events;
  for (const std::string_view piece : pieces) {
    splitter.feed(piece);
    while (true) {
      const auto event = splitter.next();
      if (!event) return {};
      if (!*event) break;
      events.push_back({std::string((*event)->raw), std::string((*event)->name), std::string((*event)->payload), true});
    }
  }
  return events;
}
}  // namespace

std::vector<Event> split(const std::vector<std::string_view>& pieces, dialects::Framing framing) {
  if (framing == dialects::Framing::aws_event_stream) return split_messages(pieces);
  http::SseSplitter splitter;
  std::vector<Event> events;
  for (const std::string_view piece : pieces) {
    if (!splitter.feed(piece)) return {};
    while (const auto event = splitter.next())
      events.push_back({std::string(event->raw), std::string(event->event), std::string(event->data), event->has_data});
  }
  return events;
}

Replayed replay_same(const dialects::Dialect& dialect, bool hide_usage, const std::vector<Event>& events) {
  Replayed result;
  const auto watcher = dialect.watch_stream(hide_usage);
  for (const Event& event : events) {
    if (watcher->finished()) break;
    if (watcher->see(event.name, event.data) == dialects::Relay::forward) result.bytes += event.raw;
  }
  if (!watcher->finished() && watcher->complete())
    result.bytes += watcher->end_marker();
  else if (!watcher->finished())
    result.error = Error{.kind = ErrorKind::provider_unreachable, .message = "the stream broke off"};
  result.usage = watcher->usage();
  result.model = watcher->response_model();
  return result;
}

Replayed replay_translated(const dialects::Dialect& provider, const dialects::Dialect& client,
                           const dialects::StreamOptions& options, const std::vector<Event>& events,
                           const dialects::ToolNames& names) {
  Replayed result;
  const auto decoder = provider.decode_stream();
  const auto encoder = client.encode_stream(options);
  Result<void> decoded;
  for (const Event& event : events)
    if (event.has_data && decoded) decoded = decoder->decode(event.name, event.data, result.events);
  if (decoded) decoded = decoder->finish(result.events);
  if (!decoded) result.events.emplace_back(chat::StreamError{decoded.error()});
  std::vector<std::string> untold;
  for (chat::ChatEvent& event : result.events) {
    names.restore(event);
    if (!dialects::leave_out_untold(client, event, untold)) continue;
    encoder->encode(event, result.bytes);
    if (const auto* start = std::get_if<chat::Start>(&event)) result.model = start->model;
    if (const auto* finish = std::get_if<chat::Finish>(&event)) result.usage = finish->usage;
    if (const auto* failed = std::get_if<chat::StreamError>(&event)) result.error = failed->error;
  }
  return result;
}

std::string order_fault(const std::vector<chat::ChatEvent>& events) {
  bool started = false;
  bool ended = false;
  std::optional<chat::BlockKind> open;
  std::int64_t blocks = 0;
  for (const chat::ChatEvent& event : events) {
    if (ended) return "an event after the end";
    if (std::holds_alternative<chat::StreamError>(event)) {
      ended = true;
      continue;
    }
    if (started == std::holds_alternative<chat::Start>(event))
      return started ? "a second start" : "an event before the start";
    started = true;
    if (const auto* block = std::get_if<chat::BlockStart>(&event)) {
      if (open) return "a block inside a block";
      if (block->index != blocks++) return "a gap in the blocks' numbers";
      if (block->kind == chat::BlockKind::tool_call && (block->tool_id.empty() || block->tool_name.empty()))
        return "a tool call without id or name";
      open = block->kind;
    } else if (std::holds_alternative<chat::TextDelta>(event)) {
      if (open != chat::BlockKind::text) return "text outside a text block";
    } else if (std::holds_alternative<chat::ArgumentsDelta>(event)) {
      if (open != chat::BlockKind::tool_call) return "arguments outside a tool call";
    } else if (std::holds_alternative<chat::CitationDelta>(event)) {
      if (open != chat::BlockKind::text) return "a citation outside a text block";
    } else if (std::holds_alternative<chat::ThinkingDelta>(event)) {
      if (open != chat::BlockKind::thinking) return "thinking outside a thinking block";
    } else if (std::holds_alternative<chat::BlockEnd>(event)) {
      if (!open) return "an end without a block";
      open.reset();
    } else if (std::holds_alternative<chat::Finish>(event)) {
      if (open) return "the finish inside a block";
      ended = true;
    }
  }
  return ended ? "" : "no end";
}

std::string gist(const std::vector<chat::ChatEvent>& events) {
  std::string out;
  std::optional<chat::BlockKind> previous;  // of the block that was written last
  std::optional<chat::BlockKind> begun;     // the open block of prose, while nothing of it has come
  std::string arguments;                    // of the open call
  // The line that a block begins with. Prose that follows prose of its kind goes on instead.
  const auto begin = [&](chat::BlockKind kind, const std::string& id, const std::string& name) {
    const bool goes_on = previous == kind && kind != chat::BlockKind::tool_call;
    previous = kind;
    if (goes_on) return false;
    constexpr std::array<std::string_view, 3> names = {"text ", "tool ", "thinking "};
    out.append("\n").append(names[static_cast<std::size_t>(kind)]).append(id).append(" ").append(name);
    return true;
  };
  const auto prose = [&](const std::string& text) {
    if (text.empty()) return;
    const bool begins = begun && begin(*std::exchange(begun, std::nullopt), "", "");
    // Where texts become one string, a blank line stands between them.
    out += begins && text.starts_with("\n\n") ? text.substr(2) : text;
  };
  for (const chat::ChatEvent& event : events) {
    if (const auto* block = std::get_if<chat::BlockStart>(&event)) {
      begun.reset();
      if (block->kind == chat::BlockKind::tool_call)
        begin(block->kind, block->tool_id, block->tool_name);
      else
        begun = block->kind;
    } else if (const auto* text = std::get_if<chat::TextDelta>(&event)) {
      prose(text->text);
    } else if (const auto* delta = std::get_if<chat::ArgumentsDelta>(&event)) {
      arguments += delta->json;
    } else if (std::holds_alternative<chat::BlockEnd>(event)) {
      // Where arguments are an object, their blanks are not kept.
      const auto parsed = json::Document::parse(arguments);
      out += parsed ? parsed->root().text() : arguments;
      arguments.clear();
    } else if (const auto* thinking = std::get_if<chat::ThinkingDelta>(&event)) {
      prose(thinking->text);
    } else if (const auto* finish = std::get_if<chat::Finish>(&event)) {
      // Some dialects show a refusal as text too.
      if (!finish->refusal.empty() && !out.ends_with(finish->refusal))
        out.append(previous == chat::BlockKind::text ? "" : "\ntext  ").append(finish->refusal);
      // No dialect has a word for a reason that it does not know: it says that the turn has ended.
      const auto stop = finish->stop == chat::StopReason::other ? chat::StopReason::end_turn : finish->stop;
      out.append("\nstop ").append(std::to_string(static_cast<int>(stop)));
    }
  }
  return out;
}

namespace {

void append_pretty(std::string& out, json::Value value, std::size_t depth) {
  const auto line = [&](std::size_t levels) { out.append("\n").append(levels * 2, ' '); };
  if (value.size() == 0) {
    out += value.text();
    return;
  }
  const char* comma = "";
  if (value.is_object()) {
    out += '{';
    for (const auto& [name, member] : value.members()) {
      out += std::exchange(comma, ",");
      line(depth + 1);
      json::append_quoted(out, name);
      out += ": ";
      append_pretty(out, member, depth + 1);
    }
    line(depth);
    out += '}';
    return;
  }
  out += '[';
  for (const json::Value& element : value.elements()) {
    out += std::exchange(comma, ",");
    line(depth + 1);
    append_pretty(out, element, depth + 1);
  }
  line(depth);
  out += ']';
}

}  // namespace

std::string pretty(std::string_view text) {
  const auto parsed = json::Document::parse(text);
  if (!parsed) return std::string(text);
  std::string out;
  append_pretty(out, parsed->root(), 0);
  return out + "\n";
}

}  // namespace sluice::golden
