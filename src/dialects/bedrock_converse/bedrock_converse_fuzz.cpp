// Any JSON may come as an answer or a stream; nothing crashes, and every request of a client that can be written is
// JSON.
#include "dialects/bedrock_converse/bedrock_converse.h"

#include <cstdint>

#include "chat/chat.h"
#include "dialects/fuzz_dialect.h"

namespace {

using namespace sluice;

// Each line is one event: the first byte says which, the rest is its payload.
void as_stream(const dialects::Dialect& dialect, std::string_view lines) {
  constexpr std::array<std::string_view, 8> names = {"messageStart",        "contentBlockStart", "contentBlockDelta",
                                                     "contentBlockStop",    "messageStop",       "metadata",
                                                     "throttlingException", "somethingNew"};
  const auto decoder = dialect.decode_stream();
  std::vector<chat::ChatEvent> events;
  Result<void> decoded;
  while (!lines.empty() && decoded) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(lines.size(), line.size() + 1));
    if (line.empty()) continue;
    decoded = decoder->decode(names[static_cast<unsigned char>(line.front()) % names.size()], line.substr(1), events);
  }
  if (decoded) (void)decoder->finish(events);
}

// A request in which the input stands wherever a client has a say.
void as_request(const dialects::Dialect& dialect, std::string_view bytes) {
  const std::string text(bytes);
  chat::ChatRequest request{.model = text};
  request.system.push_back({.text = text, .cache = chat::CacheMark::hour_1});
  request.messages.push_back({chat::Role::user,
                              {chat::Text{text}, chat::Document{.text = text, .name = text},
                               chat::Image{.media_type = "image/png", .base64 = text}, chat::Audio{"wav", text},
                               chat::Video{"video/mp4", text}}});
  request.messages.push_back({chat::Role::assistant, {chat::ToolCall{.id = text, .name = "f", .arguments = text}}});
  request.messages.push_back({chat::Role::user, {chat::ToolResult{.call_id = text, .content = {chat::Text{text}}}}});
  request.stop = {text};
  for (const std::string_view model : {std::string_view("anthropic.claude"), bytes}) {
    const auto sent = dialect.encode_request(request, {.model = model, .reasoning = true});
    if (sent && !json::Document::parse(sent->body)) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto dialect = dialects::make_bedrock_converse();
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto parsed = json::Document::parse(bytes)) dialects::fuzz::as_answer(*dialect, *parsed);
  as_request(*dialect, bytes);
  as_stream(*dialect, bytes);
  (void)dialect->decode_error(429, bytes, {});
  return 0;
}
