// Real providers' streams, recorded by others and not part of this repository: found under SLUICE_SHARED_DATA, or
// beside the repository in shared/data; skipped otherwise. Each is decoded and written again in every dialect, and read
// back.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "replay.h"

namespace sluice::golden {
namespace {

namespace fs = std::filesystem;

fs::path streams_folder() {
  const char* shared = std::getenv("SLUICE_SHARED_DATA");
  return fs::path(shared ? shared : SLUICE_SHARED_DATA_DEFAULT) / "streams";
}

// One JSON event a line; the dialect shows in the first one.
std::optional<chat::DialectId> dialect_of(const std::string& first_line) {
  const auto parsed = json::Document::parse(first_line);
  if (!parsed) return std::nullopt;
  if (parsed->root()["object"].string() == "chat.completion.chunk") return chat::DialectId::openai_chat;
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

void expect_survives_translation(const fs::path& path, chat::DialectId from) {
  SCOPED_TRACE(path.filename().string());
  const auto& all = all_dialects();
  const std::vector<Event> events = events_of(read_file(path), from);
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
  const fs::path folder = streams_folder();
  if (!fs::exists(folder))
    GTEST_SKIP() << "no recorded streams in " << folder.string() << "; set SLUICE_SHARED_DATA to have them";
  int seen = 0;
  for (const char* provider : {"openai", "anthropic", "groq", "deepseek", "mistral", "xai", "openai-compatible",
                               "azure", "open-responses", "google", "amazon-bedrock"}) {
    if (!fs::exists(folder / provider)) continue;
    for (const auto& entry : fs::directory_iterator(folder / provider)) {
      if (!entry.path().filename().string().ends_with(".chunks.txt")) continue;
      const std::string text = read_file(entry.path());
      const auto dialect = dialect_of(text.substr(0, text.find('\n')));
      if (!dialect) continue;  // of an API that is not spoken here
      expect_survives_translation(entry.path(), *dialect);
      ++seen;
    }
  }
  EXPECT_GT(seen, 10);
  RecordProperty("streams", seen);
  std::cout << seen << " recorded streams\n";
}

}  // namespace
}  // namespace sluice::golden
