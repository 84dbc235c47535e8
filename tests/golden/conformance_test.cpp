// docs/reference/conformance.md is made of the golden cases: each shows which features crossed its two dialects and
// how. GOLDEN_UPDATE=1 rewrites the page.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>

#include "cases.h"
#include "converse_request.h"
#include "dialects/shared_parts.h"
#include "features.h"
#include "replay.h"

namespace sluice::golden {
namespace {

namespace fs = std::filesystem;
using chat::DialectId;

struct Column {
  DialectId id;
  char letter;
  std::string_view title;
};
constexpr std::array<Column, 5> columns = {{{DialectId::openai_chat, 'C', "OpenAI Chat"},
                                            {DialectId::openai_responses, 'R', "OpenAI Responses"},
                                            {DialectId::anthropic_messages, 'M', "Anthropic Messages"},
                                            {DialectId::gemini, 'G', "Gemini"},
                                            {DialectId::bedrock_converse, 'B', "Bedrock Converse"}}};
constexpr std::size_t clients = 4;  // nobody is served in Bedrock's dialect

enum class Outcome : std::uint8_t { exact, adapted, lossy, refused };

bool matches(const std::vector<std::string_view>& parts, std::string_view text) {
  return std::ranges::any_of(parts, [&](std::string_view part) {
    return part.starts_with('=') ? text == part.substr(1) : text.contains(part);
  });
}

// What one case shows.
class Proof {
 public:
  explicit Proof(const Case& golden) : case_(golden) {
    if (fs::exists(file("sent.json")))
      read_crossing();
    else
      read_refusal();
  }

  const std::map<const Feature*, Outcome>& shown() const { return shown_; }
  const std::vector<std::string>& faults() const { return faults_; }

 private:
  fs::path file(const char* name) const { return case_.folder / name; }
  void fault(std::string what) { faults_.push_back(case_.name() + ": " + std::move(what)); }

  void read_crossing() {
    const auto report = json::Document::parse(read_file(file("report.json")));
    if (!report) return fault("report.json is not JSON");
    for (const char* list : {"dropped_params", "added_params", "answer_dropped"})
      for (const json::Value& name : report->root()[list].elements()) names_.emplace_back(*name.string());
    read_request();
    const json::Value error = report->root()["error"];
    if (error.exists())
      read_error(error);
    else
      read_answer();
    for (const std::string& name : names_)
      if (!explained_.contains(name)) fault("no feature in features.cpp has '" + name + "' among its losses");
  }

  void read_refusal() {
    const auto answer = json::Document::parse(read_file(file("answer.json")));
    const std::string message(answer ? answer->root()["error"]["message"].string().value_or("") : "");
    for (const Feature& feature : features())
      if (matches(feature.refusals, message)) shown_[&feature] = Outcome::refused;
    if (shown_.empty()) fault("no feature in features.cpp has the refusal '" + message + "'");
  }

  // Beside the features, all words: what a request or an answer says in text, in calls and results of tools and in
  // media must be on the other side, in whatever order and place. Thinking has features of its own.
  void compare_words(std::string_view where, const std::vector<chat::Block>& before,
                     const std::vector<chat::Block>& after) {
    std::vector<std::string> said;
    std::vector<std::string> arrived;
    for (const chat::Block& block : before) add_words(block, said);
    for (const chat::Block& block : after) add_words(block, arrived);
    std::string all;
    for (const std::string& words : arrived) all.append(words).append("\n");
    for (const std::string& words : said)
      if (!all.contains(words)) fault(std::string(where) + " loses '" + words.substr(0, 80) + "'");
  }

  static void add_words(const chat::Block& block, std::vector<std::string>& into) {
    const auto add = [&](std::string_view words) {
      if (dialects::is_blank(words)) return;
      const auto parsed = json::Document::parse(words);  // a result may be an object, whose blanks mean nothing
      into.push_back(parsed ? parsed->root().text() : std::string(words));
    };
    if (const auto* text = std::get_if<chat::Text>(&block)) add(text->text);
    if (const auto* image = std::get_if<chat::Image>(&block)) add(image->base64.empty() ? image->url : image->base64);
    if (const auto* audio = std::get_if<chat::Audio>(&block)) add(audio->base64);
    if (const auto* video = std::get_if<chat::Video>(&block)) add(video->base64);
    if (const auto* document = std::get_if<chat::Document>(&block))
      add(!document->text.empty() ? document->text : document->base64.empty() ? document->url : document->base64);
    if (const auto* found = std::get_if<chat::SearchResult>(&block)) {
      add(found->title);
      add(found->source);
      for (const std::string& each : found->texts) add(each);
    }
    if (const auto* call = std::get_if<chat::ToolCall>(&block)) {
      add(call->name);
      add(call->arguments);
    }
    if (const auto* result = std::get_if<chat::ToolResult>(&block))
      for (const auto& part : result->content)
        std::visit([&](const auto& one) { add_words(chat::Block(one), into); }, part);
  }

  static std::vector<chat::Block> words_of(const chat::ChatRequest& request) {
    std::vector<chat::Block> all;
    for (const chat::Text& text : request.system) all.emplace_back(text);
    for (const chat::Message& message : request.messages)
      for (const chat::Block& block : message.blocks) all.push_back(block);
    if (!request.tool_choice || request.tool_choice->mode != chat::ToolChoice::Mode::none)
      for (const chat::Tool& tool : request.tools) {
        all.emplace_back(chat::Text{tool.name});
        all.emplace_back(chat::Text{tool.description});
      }
    for (const std::string& stop : request.stop) all.emplace_back(chat::Text{stop});
    return all;
  }

  // What is named is lossy; what is there and not named must be there on the other side, if in other words.
  enum class After : std::uint8_t { there, otherwise, gone };
  void note(const Feature& feature, bool before, After after) {
    if (before && after == After::gone) fault("'" + std::string(feature.name) + "' is lost, and no name says so");
    if (before) shown_[&feature] = after == After::otherwise ? Outcome::adapted : Outcome::exact;
  }
  // The report's names are the client's, a feature's are chat/'s or the begin of a client's own. "max_tokens=" is
  // added.
  bool is_loss(const Feature& feature, std::string_view name) const {
    const auto& client = all_dialects().get(case_.client);
    return std::ranges::any_of(feature.losses, [&](std::string_view loss) {
      if (loss.ends_with('='))
        return name.starts_with(std::string(client.own_name(loss.substr(0, loss.size() - 1))) + "=");
      const bool whole = loss.starts_with('=');
      if (name == client.own_name(loss.substr(whole ? 1 : 0))) return true;
      return !whole && name.contains(loss);
    });
  }
  // Whether the request or answer has the feature and one of the names says that it is lost.
  bool is_named(const Feature& feature, bool before) {
    bool named = false;
    for (const std::string& name : names_) {
      if (!before || !is_loss(feature, name)) continue;
      explained_.insert(name);
      named = true;
    }
    if (named) shown_[&feature] = Outcome::lossy;
    return named;
  }

  // Where both sides speak the same dialect.
  void note_bytes(bool of_answer, std::string_view before, std::string_view after) {
    for (const Feature& feature : features())
      for (const std::string_view word : feature.bytes)
        if (!case_.translated() && feature.of_answer == of_answer && before.contains(word) && after.contains(word))
          shown_[&feature] = Outcome::exact;
  }

  // The request as `dialect` reads it; of lane 1, where it is read only to be recognised, also what it cannot read.
  static chat::ChatRequest request_of(const dialects::Dialect& dialect, const json::Document& body,
                                      const dialects::RequestTarget& target) {
    return dialect.decode_request(body, target).value_or(chat::ChatRequest{});
  }

  void read_request() {
    const std::string body = read_file(file("client.json"));
    const std::string sent_body = read_file(file("sent.json"));
    const auto parsed = json::Document::parse(body);
    const auto sent = json::Document::parse(sent_body);
    if (!parsed || !sent) return fault("client.json or sent.json is not JSON");
    std::string issuer = "provider/provider-model";
    if (fs::exists(file("provider_model.txt"))) {
      const std::string model = read_file(file("provider_model.txt"));
      issuer = "provider/" + model.substr(0, model.find_last_not_of(" \n") + 1);
    }
    dialects::RequestTarget target{.model = "m"};
    const chat::ChatRequest request = request_of(all_dialects().get(case_.client), *parsed, target);
    streamed_ = request.stream || fs::exists(file("provider.sse")) || fs::exists(file("provider.events"));
    const bool readable = case_.translated();
    const chat::ChatRequest again = !readable ? chat::ChatRequest{}
                                    : case_.provider == DialectId::bedrock_converse
                                        ? read_converse_request(sent->root())
                                        : request_of(all_dialects().get(case_.provider), *sent, target);
    const Asked asked{.request = request, .body = body, .issuer = issuer, .native = !case_.translated()};
    const Asked asked_again{.request = again, .body = sent_body, .issuer = issuer, .native = true};
    if (readable) {
      names_by_provider_ = dialects::ToolNames(request, all_dialects().get(case_.provider).tool_names());
      compare_words("the request", words_of(names_by_provider_.renamed(request)), words_of(again));
    }
    note_bytes(false, body, sent_body);
    for (const Feature& feature : features()) {
      const bool before = feature.asked ? feature.asked(asked) : !feature.told;
      if (is_named(feature, before) || !feature.asked) continue;
      note(feature, before,
           !readable || feature.asked(asked_again)                           ? After::there
           : feature.asked_otherwise && feature.asked_otherwise(asked_again) ? After::otherwise
                                                                             : After::gone);
    }
    usage_asked_ = request.include_usage;
  }

  void read_error(json::Value error) {
    const auto status = error["provider_status"].integer().value_or(0);
    const Feature::Kind kind = !fs::exists(file("status.json")) ? Feature::Kind::error_in_stream
                               : status == 429                  ? Feature::Kind::rate_limit
                                                                : Feature::Kind::error_status;
    for (const Feature& feature : features())
      if (feature.kind == kind) shown_[&feature] = Outcome::exact;
  }

  static chat::ChatResponse response_of(const std::vector<chat::ChatEvent>& events) {
    chat::ChatResponse response;
    for (const chat::ChatEvent& event : events) {
      if (const auto* start = std::get_if<chat::BlockStart>(&event)) {
        if (start->kind == chat::BlockKind::text) response.blocks.emplace_back(chat::Text{});
        if (start->kind == chat::BlockKind::tool_call)
          response.blocks.emplace_back(chat::ToolCall{.id = start->tool_id, .name = start->tool_name, .arguments = ""});
        if (start->kind == chat::BlockKind::thinking) response.blocks.emplace_back(chat::Thinking{});
      } else if (const auto* text = std::get_if<chat::TextDelta>(&event)) {
        std::get<chat::Text>(response.blocks.back()).text += text->text;
      } else if (const auto* arguments = std::get_if<chat::ArgumentsDelta>(&event)) {
        std::get<chat::ToolCall>(response.blocks.back()).arguments += arguments->json;
      } else if (const auto* citation = std::get_if<chat::CitationDelta>(&event)) {
        std::get<chat::Text>(response.blocks.back()).citations.push_back(citation->citation);
      } else if (const auto* thinking = std::get_if<chat::ThinkingDelta>(&event)) {
        std::get<chat::Thinking>(response.blocks.back()).text += thinking->text;
        std::get<chat::Thinking>(response.blocks.back()).signature += thinking->signature;
      } else if (const auto* finish = std::get_if<chat::Finish>(&event)) {
        response.stop = finish->stop;
        response.refusal = finish->refusal;
        response.usage = finish->usage;
      }
    }
    return response;
  }

  // Empty when it cannot be read.
  static std::optional<chat::ChatResponse> response_in(const dialects::Dialect& dialect, const std::string& bytes,
                                                       bool streamed, dialects::Framing framing) {
    if (streamed) {
      std::vector<chat::ChatEvent> events;
      const auto decoder = dialect.decode_stream();
      for (const Event& event : split({bytes}, framing))
        if (event.has_data && !decoder->decode(event.name, event.data, events)) return std::nullopt;
      if (!decoder->finish(events)) return std::nullopt;
      return response_of(events);
    }
    const auto parsed = json::Document::parse(bytes);
    if (!parsed) return std::nullopt;
    auto response = dialect.decode_response(*parsed);
    return response ? std::optional(std::move(*response)) : std::nullopt;
  }

  void read_answer() {
    const auto& provider = all_dialects().get(case_.provider);
    const std::string bytes = fs::exists(file("provider.events"))
                                  ? framed(read_file(file("provider.events")))
                                  : read_file(file(streamed_ ? "provider.sse" : "provider.json"));
    auto before = response_in(provider, bytes, streamed_, provider.framing());
    if (!before) return fault("the provider's answer cannot be read");
    names_by_provider_.restore(*before);
    const bool as_stream = fs::exists(file("answer.sse"));
    const bool readable = case_.translated() && as_stream == streamed_;  // a stream in one array is read by the runner
    const auto after = readable ? response_in(all_dialects().get(case_.client),
                                              read_file(file(as_stream ? "answer.sse" : "answer.json")), as_stream,
                                              dialects::Framing::sse)
                                : std::optional<chat::ChatResponse>();
    if (readable && !after) return fault("the client's answer cannot be read");
    const Told told{.response = *before, .body = bytes, .streamed = streamed_, .usage_asked = usage_asked_};
    if (after) compare_words("the answer", before->blocks, after->blocks);
    const std::string answer = read_file(file(as_stream ? "answer.sse" : "answer.json"));
    note_bytes(true, bytes, answer);
    for (const Feature& feature : features()) {
      if (!feature.told || is_named(feature, feature.told(told))) continue;
      After found = After::there;
      if (after) {
        const Told again{.response = *after, .body = answer, .streamed = as_stream, .usage_asked = usage_asked_};
        if (!feature.told(again))
          found = feature.told_otherwise && feature.told_otherwise(again) ? After::otherwise : After::gone;
      }
      note(feature, feature.told(told), found);
    }
  }

  const Case& case_;
  std::vector<std::string> names_;
  dialects::ToolNames names_by_provider_;  // of the client's tools
  std::set<std::string> explained_;        // those of names_ that a feature knows
  bool streamed_ = false;
  bool usage_asked_ = true;
  std::map<const Feature*, Outcome> shown_;
  std::vector<std::string> faults_;
};

// The cases of one cell, the first of each outcome.
using Cell = std::map<Outcome, std::string>;
using Cells = std::map<std::tuple<DialectId, DialectId, const Feature*>, Cell>;

std::string_view word(Outcome outcome) {
  return outcome == Outcome::exact     ? "exact"
         : outcome == Outcome::adapted ? "adapted"
         : outcome == Outcome::lossy   ? "lossy"
                                       : "refused";
}

class Page {
 public:
  explicit Page(const Cells& cells) : cells_(cells) {}

  std::string text() {
    for (std::size_t i = 0; i < clients; ++i) write_client(columns[i]);
    return "# Conformance\n\n"
           "What crosses from a client's dialect to a provider's. Made from the golden cases (`GOLDEN_UPDATE=1 ./dev "
           "golden` writes it\n"
           "anew): each word links to the case that shows it.\n\n"
           "| word | meaning |\n|---|---|\n"
           "| exact | it arrives; where both speak the same dialect, byte for byte |\n"
           "| adapted | it arrives whole in other words or in another place: a group of tools as names with a prefix, "
           "a tool result's image in the next message |\n"
           "| lossy | the request is served; `x-sluice-dropped-params` or `x-sluice-added-params` names what was left "
           "out, made less or added |\n"
           "| refused | 400 (of a wrong request also where both speak the same dialect) that names the parameter, "
           "before anybody is called |\n"
           "| · | the provider's dialect has no such answer |\n"
           "| (nothing) | no case shows it yet |\n\n" +
           std::to_string(filled_) + " of " + std::to_string(filled_ + gaps_) + " cells have a case.\n" + text_;
  }

 private:
  void write_client(const Column& client) {
    text_.append("\n## Clients of ").append(client.title).append("\n");
    write_table(client, "what the request asks for", false);
    write_table(client, "what the answer holds", true);
  }

  void write_table(const Column& client, std::string_view head, bool answers) {
    text_.append("\n| ").append(head);
    for (const Column& provider : columns) text_.append(" | ").append(provider.title);
    text_.append(" |\n|---|---|---|---|---|---|\n");
    for (const Feature& feature : features()) {
      if (feature.of_answer != answers || (!answers && !feature.dialects.contains(client.letter))) continue;
      text_.append("| ").append(feature.name);
      for (const Column& provider : columns) text_.append(" |").append(cell(client, provider, feature));
      text_.append(" |\n");
    }
  }

  std::string cell(const Column& client, const Column& provider, const Feature& feature) {
    const auto found = cells_.find({client.id, provider.id, &feature});
    if (found == cells_.end()) {
      if (feature.of_answer && !feature.dialects.contains(provider.letter)) return " ·";
      ++gaps_;
      return "";
    }
    ++filled_;
    std::string out;
    for (const auto& [outcome, name] : found->second)
      out.append(out.empty() ? " [" : ", [")
          .append(word(outcome))
          .append("](../../tests/golden/")
          .append(name)
          .append(")");
    return out;
  }

  const Cells& cells_;
  std::string text_;
  int filled_ = 0;
  int gaps_ = 0;
};

// With a parameter, because such suites run after those without, in the order of their sources: what the cases have
// just rewritten is what the page is made of.
class Conformance : public testing::TestWithParam<std::string_view> {};

TEST_P(Conformance, Page_is_what_the_golden_cases_show) {
  Cells cells;
  for (const Case& golden : find_cases()) {
    const Proof proof(golden);
    for (const std::string& fault : proof.faults()) ADD_FAILURE() << fault;
    for (const auto& [feature, outcome] : proof.shown())
      cells[{golden.client, golden.provider, feature}].emplace(outcome, golden.name());
  }
  const std::string page = Page(cells).text();
  const std::string path(GetParam());
  if (std::getenv("GOLDEN_UPDATE")) std::ofstream(path, std::ios::binary) << page;
  EXPECT_EQ(fs::exists(path) ? read_file(path) : "", page)
      << "run GOLDEN_UPDATE=1 ./dev golden and review the difference";
}

INSTANTIATE_TEST_SUITE_P(Docs, Conformance, testing::Values(SLUICE_CONFORMANCE_PAGE));

}  // namespace
}  // namespace sluice::golden
