// Real providers' streams, recorded by others and not part of this repository: found under SLUICE_SHARED_DATA, or
// beside the repository in shared/data; skipped otherwise. Each is decoded and written again in every dialect, and read
// back; and however its bytes are cut, the events are the same.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <random>
#include <sstream>

#include "replay.h"

namespace sluice::golden {
namespace {

namespace fs = std::filesystem;

fs::path shared_data() {
  const char* shared = std::getenv("SLUICE_SHARED_DATA");
  return fs::path(shared ? shared : SLUICE_SHARED_DATA_DEFAULT);
}

// One JSON event a line. Raw streams and the YAML of recorded exchanges have it behind "data:".
std::string lines_of(const fs::path& path) {
  const std::string text = read_file(path);
  if (path.filename().string().ends_with(".chunks.txt")) return text;
  std::string out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    line.erase(0, line.find_first_not_of(' '));
    if (line.starts_with("data: {")) out.append(line, 6).append("\n");
  }
  return out;
}

// One JSON event a line; the dialect shows in the first one.
std::optional<chat::DialectId> dialect_of(const std::string& first_line) {
  const auto parsed = json::Document::parse(first_line);
  if (!parsed) return std::nullopt;
  // Azure's first chunk does not say what it is.
  const std::string_view object = parsed->root()["object"].string().value_or("");
  if (object == "chat.completion.chunk" || (object.empty() && parsed->root()["choices"].is_array()))
    return chat::DialectId::openai_chat;
  if (parsed->root()["type"].string() == "message_start") return chat::DialectId::anthropic_messages;
  if (parsed->root()["type"].string() == "response.created") return chat::DialectId::openai_responses;
  if (parsed->root()["candidates"].is_array()) return chat::DialectId::gemini;
  for (const char* name : {"messageStart", "contentBlockStart", "contentBlockDelta"})
    if (parsed->root()[name].is_object()) return chat::DialectId::bedrock_converse;
  return std::nullopt;
}

std::vector<Event> events_of(const std::string& text, chat::DialectId dialect) {
  if (dialect == chat::DialectId::bedrock_converse) return split({framed(text)}, dialects::Framing::aws_event_stream);
  std::vector<Event> events;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (!line.empty()) events.push_back({"data: " + line + "\n\n", "", line, true});
  return events;
}

// For the suite that reads them with the official SDKs (tests/sdk/test_written_streams.py): DIALECT/VENDOR--NAME.sse.
void keep(const fs::path& recorded, chat::DialectId dialect, const std::string& bytes) {
  const char* folder = std::getenv("SLUICE_WRITTEN_STREAMS");
  if (!folder) return;
  const fs::path into = fs::path(folder) / chat::name(dialect);
  fs::create_directories(into);
  const std::string name = recorded.parent_path().filename().string() + "--" + recorded.stem().stem().string() + ".sse";
  std::ofstream(into / name, std::ios::binary) << bytes;
}

void expect_same_however_cut(const std::vector<Event>& events, dialects::Framing framing) {
  std::string bytes;
  for (const Event& event : events) bytes += event.raw;
  const std::vector<Event> whole = split({bytes}, framing);
  ASSERT_EQ(whole.size(), events.size());
  std::mt19937_64 random(1);
  for (const std::size_t longest : {1UL, 7UL, 200UL, 20'000UL}) {
    std::vector<std::string_view> pieces;
    for (std::string_view rest = bytes; !rest.empty(); rest.remove_prefix(pieces.back().size()))
      pieces.push_back(rest.substr(0, 1 + random() % longest));
    ASSERT_EQ(split(pieces, framing), whole) << "pieces of up to " << longest << " bytes";
  }
}

void expect_survives_translation(const fs::path& path, chat::DialectId from) {
  SCOPED_TRACE(path.filename().string());
  const auto& all = all_dialects();
  const std::vector<Event> events = events_of(lines_of(path), from);
  expect_same_however_cut(events, all.get(from).framing());
  const dialects::StreamOptions options{.response_id = "recorded", .model = "m", .created_unix_seconds = 1'700'000'000};
  for (const chat::DialectId to : {chat::DialectId::openai_chat, chat::DialectId::anthropic_messages,
                                   chat::DialectId::openai_responses, chat::DialectId::gemini}) {
    const Replayed first = replay_translated(all.get(from), all.get(to), options, events);
    EXPECT_EQ(order_fault(first.events), "");
    if (path.filename() == "spliced-message-start.chunks.txt") {
      EXPECT_TRUE(first.error) << "a second answer inside the first must not pass as one answer";
      continue;
    }
    if (path.filename() == "openai-error.1.chunks.txt") {
      EXPECT_TRUE(first.error) << "an error in the middle of a stream must not pass as an answer";
      continue;
    }
    ASSERT_FALSE(first.error) << first.error->message;
    keep(path, to, first.bytes);
    EXPECT_TRUE(first.usage.reported ||
                (read_file(path).find("\"usage\":{") == std::string::npos && from != chat::DialectId::gemini));
    const Replayed second = replay_translated(all.get(to), all.get(to), options, split({first.bytes}));
    EXPECT_EQ(order_fault(second.events), "");
    EXPECT_EQ(gist(second.events), gist(first.events));
    EXPECT_EQ(second.usage.total_input(), first.usage.total_input());
    EXPECT_EQ(second.usage.total_output(), first.usage.total_output());
    EXPECT_EQ(second.usage.cache_read, first.usage.cache_read);
  }
  if (from == chat::DialectId::bedrock_converse) return;  // nobody is served in it
  const Replayed watched = replay_same(all.get(from), false, events);
  const Replayed decoded = replay_translated(all.get(from), all.get(from), options, events);
  if (decoded.error) return;
  EXPECT_EQ(watched.usage, decoded.usage);
}

TEST(RecordedStreams, Keep_their_meaning_in_every_dialect) {
  if (!fs::exists(shared_data() / "streams"))
    GTEST_SKIP() << "no recorded streams in " << shared_data().string() << "; set SLUICE_SHARED_DATA to have them";
  int seen = 0;
  for (const char* folder : {"streams", "cassettes"}) {
    for (const auto& entry : fs::recursive_directory_iterator(shared_data() / folder)) {
      const std::string name = entry.path().filename().string();
      if (!name.ends_with(".chunks.txt") && !name.ends_with(".sse") && !name.ends_with(".yaml")) continue;
      const std::string text = lines_of(entry.path());
      const auto dialect = dialect_of(text.substr(0, text.find('\n')));
      if (!dialect) continue;  // of an API that is not spoken here, or not a stream
      expect_survives_translation(entry.path(), *dialect);
      ++seen;
    }
  }
  EXPECT_GE(seen, 82);  // 11 of Cohere, Google's Interactions, Realtime and legacy completions are not spoken here
  RecordProperty("streams", seen);
  std::cout << seen << " recorded streams\n";
}

}  // namespace
}  // namespace sluice::golden
