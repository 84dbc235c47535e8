// What every dialect's fuzz target does: any JSON may come as a request, an answer or a stream; nothing crashes, and
// whatever is written is JSON that reads back.
#pragma once

#include <cstdlib>

#include "dialects/dialect.h"

namespace sluice::dialects::fuzz {

inline void as_request(const Dialect& dialect, std::string_view body, const json::Document& parsed) {
  if (const auto outline = dialect.outline(body, parsed, {})) {
    const std::string edited = dialect.edit(body, *outline, {.model = "m", .ask_for_stream_usage = true});
    KeptBytes kept;
    const std::string middle =
        dialect.edit(body, *outline, {.model = "m", .ask_for_stream_usage = true, .kept = &kept});
    if (std::string(kept.front) + middle + std::string(kept.back) != edited) std::abort();
    const auto again = json::Document::parse(edited);
    if (!again || (outline->model_end > 0 && again->root()["model"].string() != "m")) std::abort();
  }
  const auto request = dialect.decode_request(parsed, {});
  if (!request) return;
  const auto sent = dialect.encode_request(*request, {.model = "m", .default_max_output_tokens = 1});
  if (sent && !json::Document::parse(sent->body)) std::abort();
}

inline void as_answer(const Dialect& dialect, const json::Document& parsed) {
  (void)dialect.read_usage(parsed);
  const auto response = dialect.decode_response(parsed);
  if (response && !json::Document::parse(dialect.encode_response(*response, {}))) std::abort();
}

// Each line is one event: its data, or its name, a tab and its data.
inline void as_stream(const Dialect& dialect, std::string_view lines) {
  const auto decoder = dialect.decode_stream();
  const auto encoder = dialect.encode_stream({});
  const auto watcher = dialect.watch_stream(true);
  std::vector<chat::ChatEvent> events;
  Result<void> decoded;
  while (!lines.empty() && decoded) {
    std::string_view data = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(lines.size(), data.size() + 1));
    std::string_view name;
    if (const std::size_t tab = data.find('\t'); tab != std::string_view::npos) {
      name = data.substr(0, tab);
      data.remove_prefix(tab + 1);
    }
    watcher->see(name, data);
    decoded = decoder->decode(name, data, events);
  }
  if (decoded) (void)decoder->finish(events);
  std::string out;
  for (const chat::ChatEvent& event : events) encoder->encode(event, out);
}

inline int one_input(const Dialect& dialect, const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto parsed = json::Document::parse(bytes)) {
    as_request(dialect, bytes, *parsed);
    as_answer(dialect, *parsed);
  }
  as_stream(dialect, bytes);
  (void)dialect.decode_error(429, bytes, {});
  return 0;
}

}  // namespace sluice::dialects::fuzz
