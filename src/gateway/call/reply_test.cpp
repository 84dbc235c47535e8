#include "gateway/call/reply.h"

#include <gtest/gtest.h>

#include "dialects/shared_parts.h"

namespace sluice::gateway {
namespace {

// Complete when an event says "end", failed when one says "error".
class Watcher : public dialects::Watching {
 public:
  dialects::Relay see(std::string_view /*event*/, std::string_view data) override {
    complete_ = complete_ || data.contains("end");
    failed_ = failed_ || data.contains("error");
    if (!failed_) output_bytes_ += data.size();
    return dialects::Relay::forward;
  }
  std::string_view end_marker() const override { return ""; }
};

// What a lane that only watches needs of a dialect.
class Watched : public dialects::Dialect {
 public:
  chat::DialectId id() const override { return chat::DialectId::gemini; }
  Result<dialects::RequestOutline> outline(std::string_view, const json::Document&,
                                           const dialects::RequestTarget&) const override {
    return dialects::RequestOutline{};
  }
  Result<chat::ChatRequest> decode_request(const json::Document&, const dialects::RequestTarget&) const override {
    return chat::ChatRequest{};
  }
  std::string edit(std::string_view body, const dialects::RequestOutline&, const dialects::BodyEdit&) const override {
    return std::string(body);
  }
  Result<dialects::ProviderRequest> encode_request(const chat::ChatRequest&,
                                                   const dialects::EncodeOptions&) const override {
    return dialects::ProviderRequest{};
  }
  std::string path(std::string_view, bool) const override { return {}; }
  bool forwards_header(std::string_view) const override { return false; }
  std::string_view request_id_header() const override { return {}; }
  const http::Headers& required_headers() const override { return none_; }
  Result<chat::ChatResponse> decode_response(const json::Document&) const override { return chat::ChatResponse{}; }
  chat::Usage read_usage(const json::Document&) const override { return {}; }
  std::string read_response_model(const json::Document&) const override { return {}; }
  std::unique_ptr<dialects::StreamWatcher> watch_stream(bool) const override { return std::make_unique<Watcher>(); }
  std::unique_ptr<dialects::StreamDecoder> decode_stream() const override { return nullptr; }
  Error decode_error(int, std::string_view, const http::Headers&) const override { return {}; }
  std::string encode_response(const chat::ChatResponse&, const dialects::StreamOptions&) const override { return {}; }
  std::unique_ptr<dialects::StreamEncoder> encode_stream(const dialects::StreamOptions&) const override {
    return nullptr;
  }
  dialects::ErrorBody encode_error(const Error& error, std::string_view) const override {
    return {.status = 502, .body = "{\"error\":\"" + error.message + "\"}"};
  }
  std::string encode_stream_error(const Error&, std::string_view) const override { return {}; }

 private:
  http::Headers none_;
};

// All data is text, and nothing is written of it.
class Silent : public Watched {
 public:
  class Decoder : public dialects::StreamDecoder {
   public:
    Result<void> decode(std::string_view, std::string_view data, std::vector<chat::ChatEvent>& out) override {
      out.emplace_back(chat::TextDelta{std::string(data)});
      return {};
    }
    Result<void> finish(std::vector<chat::ChatEvent>&) override { return {}; }
  };
  class Encoder : public dialects::StreamEncoder {
   public:
    void encode(const chat::ChatEvent&, std::string&) override {}
  };
  std::unique_ptr<dialects::StreamDecoder> decode_stream() const override { return std::make_unique<Decoder>(); }
  std::unique_ptr<dialects::StreamEncoder> encode_stream(const dialects::StreamOptions&) const override {
    return std::make_unique<Encoder>();
  }
};

// What the client gets of these bytes of the provider.
std::string relayed(std::string_view bytes, bool json_array) {
  const Watched dialect;
  const auto lane = same_dialect_stream(dialect, false, json_array, false);
  http::SseSplitter splitter;
  std::string out;
  Result<void> fed = splitter.feed(bytes);
  if (!fed) return "not an event stream";
  while (const auto event = splitter.next())
    if (const auto passed = lane->pass(*event, out); !passed) return out + lane->failure(passed.error());
  if (const auto closed = lane->close(out); !closed) return out + lane->failure(closed.error());
  return out;
}

std::string event(std::string_view data) { return "data: " + std::string(data) + "\r\n\r\n"; }

TEST(SameDialectStream, Passes_events_on_as_they_are) {
  const std::string bytes = ": ping\n\n" + event("[1]") + event("{\"end\":2}");
  EXPECT_EQ(relayed(bytes, false), bytes);
}

TEST(SameDialectStream, Writes_events_as_the_elements_of_one_array) {
  EXPECT_EQ(relayed(": ping\n\n" + event("{\"a\":1}") + event("{\"end\":2}"), true), "[{\"a\":1},\r\n{\"end\":2}]");
  EXPECT_EQ(relayed(event("{\"a\":1}") + event("{\"error\":2}"), true), "[{\"a\":1},\r\n{\"error\":2}]");
}

TEST(SameDialectStream, Ends_the_array_when_the_stream_breaks_off) {
  EXPECT_EQ(relayed(event("{\"a\":1}"), true),
            "[{\"a\":1},\r\n{\"error\":\"the provider closed the stream before its end\"}]");
  EXPECT_EQ(relayed("", true), "[{\"error\":\"the provider closed the stream before its end\"}]");
}

TEST(TranslatedStream, Ends_in_failure_behind_64_MB) {
  const Silent dialect;
  const auto lane = translated_stream(dialect, dialect, {});
  const std::string megabyte(1024 * 1024, 'x');
  std::string out;
  for (int i = 0; i < 64; ++i) ASSERT_TRUE(lane->pass({.data = megabyte, .has_data = true}, out)) << i;
  const Result<void> more = lane->pass({.data = "x", .has_data = true}, out);
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().kind, ErrorKind::provider_unreachable);
  EXPECT_EQ(more.error().retry, Retry::never);
}

}  // namespace
}  // namespace sluice::gateway
