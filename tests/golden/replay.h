// Plays a provider's answer through the dialects as the gateway does, without sockets. Shared by the golden cases and
// the recorded streams.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "dialects/dialect.h"
#include "dialects/dialects.h"
#include "dialects/tool_names.h"

namespace sluice::golden {

const dialects::Dialects& all_dialects();

std::string read_file(const std::filesystem::path& path);

// An event of a stream with its own bytes, because a splitter's views end with its next feed.
struct Event {
  std::string raw;
  std::string name;
  std::string data;
  bool has_data = false;
  friend bool operator==(const Event&, const Event&) = default;
};
// Feeds the pieces one after the other.
std::vector<Event> split(const std::vector<std::string_view>& pieces,
                         dialects::Framing framing = dialects::Framing::sse);
// Lines of {"name": payload} as the binary messages that Amazon sends.
std::string framed(std::string_view lines);

struct Replayed {
  std::string bytes;  // to the client
  chat::Usage usage;
  std::string model;
  std::vector<chat::ChatEvent> events;  // lane 2 only
  std::optional<Error> error;           // the stream ended in failure
};
Replayed replay_same(const dialects::Dialect& dialect, bool hide_usage, const std::vector<Event>& events);
Replayed replay_translated(const dialects::Dialect& provider, const dialects::Dialect& client,
                           const dialects::StreamOptions& options, const std::vector<Event>& events,
                           const dialects::ToolNames& names = {});

// What is wrong with the order of neutral events; empty when nothing is.
std::string order_fault(const std::vector<chat::ChatEvent>& events);

// All text, thinking and arguments of a stream, with one line per block: for comparing two streams of the same answer.
// Neighbouring text blocks count as one, because not every dialect can tell them apart; blocks without text do not
// count.
std::string gist(const std::vector<chat::ChatEvent>& events);

// With two spaces of indentation, for people.
std::string pretty(std::string_view json);

}  // namespace sluice::golden
