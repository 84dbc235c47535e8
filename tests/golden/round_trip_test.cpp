// There and back: what a request, an answer or a stream says survives the way through another dialect and back, except
// for what the translation has named as lost. They are made by chance; a failure prints its seed, and SLUICE_SEED
// repeats that one.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>

#include "generator.h"
#include "replay.h"

namespace sluice::golden {
namespace {

using chat::DialectId;

constexpr std::array clients = {DialectId::openai_chat, DialectId::openai_responses, DialectId::anthropic_messages,
                                DialectId::gemini};
constexpr std::uint64_t runs = 200;  // about five seconds of a core with sanitizers

std::vector<std::uint64_t> seeds() {
  if (const char* one = std::getenv("SLUICE_SEED")) return {std::strtoull(one, nullptr, 10)};
  std::vector<std::uint64_t> all(runs);
  for (std::uint64_t i = 0; i < runs; ++i) all[i] = i + 1;
  return all;
}

// What a request says, line by line, in words that do not depend on how a dialect groups it.
using Said = std::map<std::string, std::string>;

std::string compact(const std::string& json) {
  const auto parsed = json::Document::parse(json);
  return parsed ? parsed->root().text() : json;
}

class Saying {
 public:
  explicit Saying(const chat::ChatRequest& request) {
    for (const chat::Text& text : request.system) {
      add("system", text.text);
      mark(text.cache);
    }
    for (const chat::Tool& tool : request.tools) {
      add("tools", tool.name + ": " + tool.description + " " + compact(tool.parameters));
      if (tool.strict.value_or(false)) add("tools.strict", tool.name);  // not said is no
      mark(tool.cache);
    }
    constexpr std::array names = {"USER", "ASSISTANT", "SYSTEM"};
    std::optional<chat::Role> role;
    for (const chat::Message& message : request.messages) {
      if (role != message.role) add("messages", names[static_cast<std::size_t>(message.role)]);
      role = message.role;
      for (const chat::Block& block : message.blocks) std::visit([&](const auto& each) { say(each); }, block);
    }
    say_settings(request);
  }
  Said take() { return std::move(said_); }

 private:
  void add(const std::string& field, const std::string& what) { said_[field] += what + "\n\n"; }
  void mark(chat::CacheMark mark) {
    if (mark != chat::CacheMark::none) add("cache_control", mark == chat::CacheMark::hour_1 ? "1h" : "5m");
  }
  void say(const chat::Text& text) {
    add("messages", text.text);
    mark(text.cache);
  }
  void say(const chat::Image& image) {
    add("messages", "IMAGE " + image.media_type + " " + image.base64 + image.url);
    if (!image.detail.empty() && image.detail != "auto") add("image_url.detail", image.detail);
    mark(image.cache);
  }
  void say(const chat::Audio& audio) { add("messages", "AUDIO " + audio.format + " " + audio.base64); }
  void say(const chat::Video& video) { add("messages", "VIDEO " + video.media_type + " " + video.base64); }
  void say(const chat::Document& document) {
    add("messages", "DOCUMENT " + document.media_type + " " + document.base64 + document.text + document.url);
    add("document.name", document.name);
    mark(document.cache);
  }
  void say(const chat::SearchResult& result) {
    add("messages", "FOUND " + result.title + " " + result.source);
    for (const std::string& text : result.texts) add("messages", text);
    mark(result.cache);
  }
  void say(const chat::ToolCall& call) {
    add("messages", "CALL " + call.id + " " + call.name + " " + compact(call.arguments));
    mark(call.cache);
  }
  void say(const chat::ToolResult& result) {
    std::string text = result.is_error ? "Error: " : "";  // how it is said where it has no place of its own
    for (const auto& part : result.content)
      if (const auto* words = std::get_if<chat::Text>(&part)) text += words->text;
    add("messages", "RESULT " + result.call_id + " " + text);
    mark(result.cache);
  }
  void say(const chat::Thinking& thinking) { add("thinking", thinking.text + " " + thinking.signature); }

  template <class T>
  void setting(const std::string& name, const std::optional<T>& value) {
    if (value) add(name, std::to_string(*value));
  }
  void say_settings(const chat::ChatRequest& request) {
    using Mode = chat::ToolChoice::Mode;
    const Mode mode = request.tool_choice ? request.tool_choice->mode : Mode::automatic;
    if (mode != Mode::automatic)
      add("tool_choice", std::to_string(static_cast<int>(mode)) + " " + request.tool_choice->name);
    // With no call there are no two.
    if (mode != Mode::none && !request.parallel_tool_calls.value_or(true)) add("parallel_tool_calls", "no");
    setting("max_tokens", request.max_output_tokens);
    setting("temperature", request.temperature);
    setting("top_p", request.top_p);
    setting("top_k", request.top_k);
    setting("frequency_penalty", request.frequency_penalty);
    setting("presence_penalty", request.presence_penalty);
    setting("seed", request.seed);
    for (const std::string& stop : request.stop) add("stop", stop);
    setting("logprobs", request.logprobs);
    if (request.output_schema) add("output_schema", compact(request.output_schema->schema));
    if (request.json_object) add("json_object", "yes");
    if (request.reasoning && request.reasoning->effort)
      add("reasoning.effort", std::to_string(static_cast<int>(*request.reasoning->effort)));
    if (request.reasoning && request.reasoning->budget)
      add("reasoning.budget", std::to_string(*request.reasoning->budget));
    if (!request.user.empty()) add("user", request.user);
    if (!request.service_tier.empty()) add("service_tier", request.service_tier);
    if (!request.prompt_cache_key.empty()) add("prompt_cache_key", request.prompt_cache_key);
    add("stream", request.stream ? "yes" : "no");
  }

  Said said_;
};

// A loss's name is a path in the client's words. Effort and budget stand for each other; a system message that has lost
// its role within the conversation is one before it.
bool is_named(const std::string& field, const std::vector<std::string>& names) {
  const bool reasoning = field == "reasoning.effort" || field == "reasoning.budget";
  return std::ranges::any_of(names, [&](const std::string& name) {
    return name.contains(field) || (field == "system" && name == "messages.role") ||
           (reasoning && (name.starts_with("reasoning") || name.starts_with("thinking")));
  });
}

struct Crossing {
  std::optional<chat::ChatRequest> request;  // as the other side reads it; empty: refused
  std::vector<std::string> named;            // what was dropped, added or made less
  std::string body;
};

Crossing cross(const chat::ChatRequest& request, DialectId to) {
  const auto& dialect = all_dialects().get(to);
  const auto sent = dialect.encode_request(request, {.model = "m",
                                                     .default_max_output_tokens = 4096,
                                                     .max_completion_tokens = true,
                                                     .reasoning = true,
                                                     .issuer = "provider/m"});
  if (!sent) {
    EXPECT_EQ(sent.error().kind, ErrorKind::invalid_request);
    EXPECT_FALSE(sent.error().message.empty() || sent.error().param.empty()) << sent.error().message;
    return {};
  }
  Crossing result{.request = {}, .named = sent->dropped_params, .body = sent->body};
  result.named.insert(result.named.end(), sent->added_params.begin(), sent->added_params.end());
  const auto parsed = json::Document::parse(sent->body);
  EXPECT_TRUE(parsed) << sent->body;
  if (!parsed || to == DialectId::bedrock_converse) return result;  // nobody reads requests of Bedrock's
  auto read = dialect.decode_request(*parsed, {.model = "m", .stream = request.stream});
  EXPECT_TRUE(read) << "it cannot read what it wrote: " << (read ? "" : read.error().message) << "\n" << sent->body;
  if (read) result.request = std::move(*read);
  return result;
}

std::string faults(const Said& before, const Said& after, const std::vector<std::string>& named) {
  std::string out;
  const auto look = [&](const std::string& field) {
    const auto had = before.find(field);
    const auto has = after.find(field);
    const std::string was = had == before.end() ? "" : had->second;
    const std::string is = has == after.end() ? "" : has->second;
    if (was != is && !is_named(field, named)) out += field + "\n  was " + was + "\n  is  " + is + "\n";
  };
  for (const auto& [field, what] : before) look(field);
  for (const auto& [field, what] : after)
    if (!before.contains(field)) look(field);
  if (out.empty()) return out;
  out += "named:";
  for (const std::string& name : named) out += " " + name;
  return out;
}

class ThereAndBack : public testing::TestWithParam<std::tuple<DialectId, DialectId>> {};

TEST_P(ThereAndBack, A_request_comes_back_but_for_what_is_named) {
  const auto [client, provider] = GetParam();
  int crossed = 0;
  for (const std::uint64_t seed : seeds()) {
    SCOPED_TRACE("SLUICE_SEED=" + std::to_string(seed));
    const Crossing made = cross(Generator(seed).request(), client);
    if (!made.request) continue;  // no client of this dialect can say it
    Crossing there = cross(*made.request, provider);
    if (there.body.empty()) continue;
    ++crossed;
    if (!there.request) continue;
    const Crossing back = cross(*there.request, client);
    ASSERT_TRUE(back.request) << "what came from there cannot be said there again\n" << there.body;
    there.named.insert(there.named.end(), back.named.begin(), back.named.end());
    ASSERT_EQ(faults(Saying(*made.request).take(), Saying(*back.request).take(), there.named), "") << made.body << "\n"
                                                                                                   << there.body << "\n"
                                                                                                   << back.body;
  }
  EXPECT_TRUE(crossed > static_cast<int>(runs) / 10 || std::getenv("SLUICE_SEED")) << "only " << crossed << " crossed";
}

// --- answers and streams

const dialects::StreamOptions options{
    .response_id = "golden", .model = "m", .created_unix_seconds = 1'700'000'000, .issuer = "provider/m"};

// Bedrock's answers, which Sluice only reads.
class Bedrock {
 public:
  static std::string whole(const chat::ChatResponse& response) {
    std::string out;
    json::Writer json(out);
    json.begin_object().key("output").begin_object().key("message").begin_object();
    json.member("role", "assistant").key("content").begin_array();
    for (const chat::Block& block : response.blocks) {
      json.begin_object();
      if (const auto* text = std::get_if<chat::Text>(&block)) json.member("text", text->text);
      if (const auto* thinking = std::get_if<chat::Thinking>(&block)) {
        json.key("reasoningContent").begin_object().key("reasoningText").begin_object();
        json.member("text", thinking->text).end_object().end_object();
      }
      if (const auto* call = std::get_if<chat::ToolCall>(&block)) {
        json.key("toolUse").begin_object().member("toolUseId", call->id).member("name", call->name);
        json.key("input").raw(call->arguments).end_object();
      }
      json.end_object();
    }
    json.end_array().end_object().end_object().member("stopReason", stop(response.stop));
    usage(json.key("usage"), response.usage);
    json.end_object();
    return out;
  }

  static std::string streamed(const std::vector<chat::ChatEvent>& events) {
    std::string lines = R"({"messageStart":{"role":"assistant"}})"
                        "\n";
    for (const chat::ChatEvent& event : events) {
      json::Writer json(lines);
      if (const auto* start = std::get_if<chat::BlockStart>(&event)) {
        index_of(start->index);
        if (start->kind != chat::BlockKind::tool_call) continue;
        json.begin_object().key("contentBlockStart").begin_object().member("contentBlockIndex", index_of());
        json.key("start").begin_object().key("toolUse").begin_object();
        json.member("toolUseId", start->tool_id).member("name", start->tool_name);
        json.end_object().end_object().end_object().end_object();
      } else if (const auto* text = std::get_if<chat::TextDelta>(&event)) {
        delta(json).member("text", text->text).end_object().end_object().end_object();
      } else if (const auto* thinking = std::get_if<chat::ThinkingDelta>(&event)) {
        delta(json).key("reasoningContent").begin_object().member("text", thinking->text).end_object();
        json.end_object().end_object().end_object();
      } else if (const auto* arguments = std::get_if<chat::ArgumentsDelta>(&event)) {
        delta(json).key("toolUse").begin_object().member("input", arguments->json).end_object();
        json.end_object().end_object().end_object();
      } else if (std::holds_alternative<chat::BlockEnd>(event)) {
        json.begin_object().key("contentBlockStop").begin_object().member("contentBlockIndex", index_of());
        json.end_object().end_object();
      } else if (const auto* finish = std::get_if<chat::Finish>(&event)) {
        json.begin_object().key("messageStop").begin_object().member("stopReason", stop(finish->stop));
        json.end_object().end_object();
        lines += '\n';
        json::Writer last(lines);
        last.begin_object().key("metadata").begin_object();
        usage(last.key("usage"), finish->usage);
        last.end_object().end_object();
      } else {
        continue;
      }
      lines += '\n';
    }
    return framed(lines);
  }

 private:
  // Of the open block; told anew with each.
  static std::int64_t index_of(std::optional<std::int64_t> begun = {}) {
    static std::int64_t index = 0;
    if (begun) index = *begun;
    return index;
  }
  static json::Writer& delta(json::Writer& json) {
    json.begin_object().key("contentBlockDelta").begin_object().member("contentBlockIndex", index_of());
    return json.key("delta").begin_object();
  }
  static std::string_view stop(chat::StopReason reason) {
    switch (reason) {
      case chat::StopReason::max_tokens: return "max_tokens";
      case chat::StopReason::tool_use: return "tool_use";
      case chat::StopReason::content_filter: return "content_filtered";
      default: return "end_turn";
    }
  }
  static void usage(json::Writer& json, const chat::Usage& usage) {
    json.begin_object().member("inputTokens", usage.input).member("outputTokens", usage.total_output());
    json.member("cacheReadInputTokens", usage.cache_read).end_object();
  }
};

// Anthropic refuses without words, and other dialects want some.
std::string gist_of(const std::vector<chat::ChatEvent>& events) {
  std::string out = gist(events);
  for (const std::string_view words : {"\ntext  The model refused to answer.", "The model refused to answer."})
    if (const std::size_t at = out.find(words); at != std::string::npos) out.erase(at, words.size());
  return out;
}
std::string gist_of(const chat::ChatResponse& response) { return gist_of(Generator(1).events(response)); }

void expect_same_usage(const chat::Usage& was, const chat::Usage& is) {
  EXPECT_EQ(is.total_input(), was.total_input());
  EXPECT_EQ(is.cache_read, was.cache_read);
  EXPECT_EQ(is.total_output(), was.total_output());
  EXPECT_EQ(is.reasoning, was.reasoning);
}

TEST_P(ThereAndBack, An_answer_says_the_same_to_every_client) {
  const auto& client = all_dialects().get(std::get<0>(GetParam()));
  const auto& provider = all_dialects().get(std::get<1>(GetParam()));
  if (client.id() == provider.id()) return;  // nothing is translated
  for (const std::uint64_t seed : seeds()) {
    SCOPED_TRACE("SLUICE_SEED=" + std::to_string(seed));
    const chat::ChatResponse made = Generator(seed).response();
    const bool bedrock = provider.id() == DialectId::bedrock_converse;
    const auto answered =
        json::Document::parse(bedrock ? Bedrock::whole(made) : provider.encode_response(made, options));
    ASSERT_TRUE(answered);
    const auto there = provider.decode_response(*answered);
    ASSERT_TRUE(there) << there.error().message;
    const auto told = json::Document::parse(client.encode_response(*there, options));
    ASSERT_TRUE(told);
    const auto here = client.decode_response(*told);
    ASSERT_TRUE(here) << here.error().message << told->root().text();
    ASSERT_EQ(gist_of(*there), gist_of(made)) << answered->root().text();
    ASSERT_EQ(gist_of(*here), gist_of(made)) << answered->root().text() << "\n" << told->root().text();
    expect_same_usage(there->usage, here->usage);
    if (HasFailure()) return;
  }
}

TEST_P(ThereAndBack, A_stream_says_the_same_to_every_client) {
  const auto& client = all_dialects().get(std::get<0>(GetParam()));
  const auto& provider = all_dialects().get(std::get<1>(GetParam()));
  if (client.id() == provider.id()) return;  // nothing is translated
  for (const std::uint64_t seed : seeds()) {
    SCOPED_TRACE("SLUICE_SEED=" + std::to_string(seed));
    Generator generator(seed);
    const chat::ChatResponse made = generator.response();
    const std::vector<chat::ChatEvent> events = generator.events(made);
    std::string bytes;
    if (provider.id() == DialectId::bedrock_converse) {
      bytes = Bedrock::streamed(events);
    } else {
      const auto encoder = provider.encode_stream(options);
      for (const chat::ChatEvent& event : events) encoder->encode(event, bytes);
    }
    const Replayed there = replay_translated(provider, client, options, split({bytes}, provider.framing()));
    ASSERT_FALSE(there.error) << there.error->message << "\n" << bytes;
    ASSERT_EQ(order_fault(there.events), "");
    ASSERT_EQ(gist_of(there.events), gist_of(made)) << bytes;
    const Replayed here = replay_translated(client, client, options, split({there.bytes}));
    ASSERT_FALSE(here.error) << here.error->message << "\n" << there.bytes;
    ASSERT_EQ(order_fault(here.events), "");
    ASSERT_EQ(gist_of(here.events), gist_of(made)) << bytes << "\n" << there.bytes;
    expect_same_usage(there.usage, here.usage);
    if (HasFailure()) return;
  }
}

std::string pair_name(const testing::TestParamInfo<std::tuple<DialectId, DialectId>>& info) {
  return std::string(chat::name(std::get<0>(info.param))) + "_by_" + std::string(chat::name(std::get<1>(info.param)));
}

INSTANTIATE_TEST_SUITE_P(Pairs, ThereAndBack,
                         testing::Combine(testing::ValuesIn(clients),
                                          testing::Values(DialectId::openai_chat, DialectId::openai_responses,
                                                          DialectId::anthropic_messages, DialectId::gemini,
                                                          DialectId::bedrock_converse)),
                         pair_name);

}  // namespace
}  // namespace sluice::golden
