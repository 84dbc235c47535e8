// Golden cases: folders tests/golden/<client dialect>__<provider dialect>/<case>/ with what the client asks, what the
// provider answers, and what must become of both. See the README beside this file. GOLDEN_UPDATE=1 rewrites the
// expectations.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "cases.h"
#include "catalog/catalog.h"
#include "catalog/takes_by_name.h"
#include "dialects/answer_parts.h"
#include "dialects/gemini/message.h"
#include "dialects/shared_parts.h"
#include "replay.h"

namespace sluice::golden {
namespace {

namespace fs = std::filesystem;

// Compares with the file of that name, or writes it. An empty text means that there must be no such file.
void expect_file(const fs::path& path, const std::string& text) {
  if (std::getenv("GOLDEN_UPDATE")) {
    if (text.empty())
      fs::remove(path);
    else
      std::ofstream(path, std::ios::binary) << text;
    return;
  }
  EXPECT_EQ(text.empty() ? std::string() : text, fs::exists(path) ? read_file(path) : std::string())
      << path.string() << ": GOLDEN_UPDATE=1 rewrites it; then review the difference";
}

std::string_view retry_name(Retry retry) {
  return retry == Retry::never ? "never" : retry == Retry::elsewhere ? "elsewhere" : "anywhere";
}

// What the ledger and the response headers are made of.
class Report {
 public:
  Report() { writer_.begin_object(); }
  void request(const dialects::ProviderRequest& sent) {
    writer_.member("path", sent.path).key("dropped_params").begin_array();
    for (const std::string& name : sent.dropped_params) writer_.string(name);
    writer_.end_array();
    if (sent.added_params.empty()) return;
    writer_.key("added_params").begin_array();
    for (const std::string& param : sent.added_params) writer_.string(param);
    writer_.end_array();
  }
  void answer_dropped(const std::vector<std::string>& names) {
    if (names.empty()) return;
    writer_.key("answer_dropped").begin_array();
    for (const std::string& name : names) writer_.string(name);
    writer_.end_array();
  }
  void usage(const chat::Usage& usage) {
    writer_.key("usage").begin_object().member("input", usage.input).member("cache_read", usage.cache_read);
    writer_.member("cache_write_5m", usage.cache_write_5m).member("cache_write_1h", usage.cache_write_1h);
    writer_.member("output", usage.output)
        .member("reasoning", usage.reasoning)
        .member("reported", usage.reported)
        .end_object();
  }
  void model(std::string_view model) { writer_.member("response_model", model); }
  void error(const Error& error) {
    writer_.key("error")
        .begin_object()
        .member("provider_status", error.provider_status)
        .member("retry", retry_name(error.retry));
    writer_.member("retry_after_ms",
                   static_cast<std::int64_t>(error.retry_after.value_or(std::chrono::milliseconds(-1)).count()));
    writer_.end_object();
  }
  void answer(const dialects::ErrorBody& body) {
    writer_.member("client_status", body.status).key("client_headers").begin_object();
    for (const http::Field& field : body.headers) writer_.member(field.name, field.value);
    writer_.end_object();
  }
  std::string text() {
    writer_.end_object();
    return pretty(text_);
  }

 private:
  std::string text_;
  json::Writer writer_{text_};
};

class Golden : public testing::TestWithParam<Case> {
 protected:
  const dialects::Dialect& client() const { return all_dialects().get(GetParam().client); }
  const dialects::Dialect& provider() const { return all_dialects().get(GetParam().provider); }
  fs::path file(const char* name) const { return GetParam().folder / name; }

  void expect_answer(const std::string& json, const std::string& sse) {
    expect_file(file("answer.json"), json);
    expect_file(file("answer.sse"), sse);
    expect_file(file("report.json"), report_.text());
  }

  void expect_error(const Error& error) {
    const dialects::ErrorBody body = client().encode_error(error, "req_golden");
    report_.error(error);
    report_.answer(body);
    expect_answer(pretty(body.body), "");
  }

  // The body that goes to the provider.
  Result<std::string> request(const std::string& body, const json::Document& parsed,
                              const dialects::RequestOutline& outline) {
    if (!GetParam().translated())
      return provider().edit(body, outline, {.model = provider_model_, .ask_for_stream_usage = true});
    TRY(request_, client().decode_request(parsed, target_));
    options_.include_usage = request_.include_usage;
    options_.tools = request_.tools;
    names_ = dialects::ToolNames(request_, provider().tool_names());
    static const catalog::TakesByName known(catalog::embedded_catalog().models);
    const chat::Takes takes = known.find(provider_model_);
    auto sent = names_.encode(provider(), request_,
                              {.model = provider_model_,
                               .default_max_output_tokens = 4096,
                               .reasoning = true,
                               .takes = takes,
                               .issuer = options_.issuer});
    if (!sent) return std::unexpected(dialects::in_words_of(client(), std::move(sent).error()));
    dialects::in_words_of(client(), request_, *sent);
    for (const std::string& name : sent->dropped_params) expect_said(name, body);
    report_.request(*sent);
    return pretty(sent->body);
  }

  // Nothing goes to the provider, and the client is told by the name that it used which parameter is at fault: each
  // step of its path is a member of the request, unless it is the one that is missing.
  void expect_refusal(const Error& error, const std::string& body) {
    expect_file(file("sent.json"), "");
    expect_error(error);
    if (error.message.contains("required")) return;
    expect_said(error.param, body);
  }

  // Each step of the path is a word of the request: a member, or the type of one that is meant as a whole. Google's
  // members have two spellings.
  static void expect_said(const std::string& name, const std::string& body) {
    std::istringstream path(name);
    for (std::string step; std::getline(path, step, '.');) {
      step.resize(std::min(step.find('['), step.size()));
      const std::string other = step == "reasoning_effort" ? "reasoning"  // which other clients have it in
                                : step == "thinking"       ? "redacted_thinking"
                                                           : dialects::gemini::snake_case(step);
      EXPECT_TRUE(body.contains("\"" + step) || body.contains("\"" + other))
          << "the client did not say " << step << " of " << name;
    }
  }

  Replayed replay(const std::vector<Event>& events) const {
    if (GetParam().translated()) return replay_translated(provider(), client(), options_, events, names_);
    return replay_same(provider(), !options_.include_usage, events);
  }

  void stream(const std::string& bytes) {
    const std::vector<Event> events = split({bytes}, provider().framing());
    const Replayed whole = replay(events);
    report_.usage(whole.usage);
    report_.model(whole.model);
    for (const chat::ChatEvent& event : whole.events)
      if (const auto* finish = std::get_if<chat::Finish>(&event)) report_.answer_dropped(finish->dropped);
    if (whole.error) report_.error(*whole.error);
    expect_answer(target_.json_array ? whole.bytes : "", target_.json_array ? "" : whole.bytes);
    expect_same_in_every_chunking(bytes, events);
    if (provider().framing() == dialects::Framing::sse) expect_same_with_other_line_ends(bytes, whole);
    if (!GetParam().translated()) return;
    EXPECT_EQ(order_fault(whole.events), "");
    if (!whole.error) expect_client_reads_the_same(whole);
  }

  void expect_same_in_every_chunking(const std::string& bytes, const std::vector<Event>& events) const {
    const dialects::Framing framing = provider().framing();
    const std::string_view all = bytes;
    for (std::size_t cut = 1; cut < all.size(); ++cut)
      ASSERT_EQ(split({all.substr(0, cut), all.substr(cut)}, framing), events) << "cut at " << cut;
    std::vector<std::string_view> single;
    for (std::size_t i = 0; i < all.size(); ++i) single.push_back(all.substr(i, 1));
    EXPECT_EQ(split(single, framing), events);
  }

  void expect_same_with_other_line_ends(const std::string& bytes, const Replayed& whole) const {
    for (const std::string_view line_end : {"\r\n", "\r"}) {
      std::string other;
      for (const char c : bytes) c == '\n' ? other.append(line_end) : other.append(1, c);
      // A last CR may be half of a CRLF, so the splitter waits for one more byte.
      const Replayed again = replay(split({other, ":"}));
      EXPECT_EQ(again.usage, whole.usage);
      if (GetParam().translated()) {
        EXPECT_EQ(again.bytes, whole.bytes);
      }
    }
  }

  void expect_client_reads_the_same(const Replayed& whole) const {
    const Replayed read = replay_translated(client(), client(), options_,
                                            target_.json_array ? elements(whole.bytes) : split({whole.bytes}));
    EXPECT_EQ(order_fault(read.events), "");
    EXPECT_EQ(gist(read.events), gist(whole.events));
    if (!options_.include_usage) return;
    EXPECT_EQ(read.usage.total_output(), whole.usage.total_output());
    EXPECT_EQ(read.usage.total_input(), whole.usage.total_input());
  }

  // A stream in the form of one JSON array.
  static std::vector<Event> elements(const std::string& bytes) {
    std::vector<Event> events;
    const auto parsed = json::Document::parse(bytes);
    EXPECT_TRUE(parsed) << "the stream is no JSON array";
    if (!parsed) return events;
    for (const json::Value& element : parsed->root().elements())
      events.push_back({.raw = "", .name = "", .data = element.text(), .has_data = true});
    return events;
  }

  void whole_answer(const std::string& bytes) {
    const auto parsed = json::Document::parse(bytes);
    ASSERT_TRUE(parsed) << "provider.json is not JSON";
    Result<chat::ChatResponse> response = provider().decode_response(*parsed);
    if (!response) return expect_error(response.error());
    names_.restore(*response);
    EXPECT_EQ(provider().read_usage(*parsed), response->usage);
    report_.usage(response->usage);
    if (GetParam().translated()) {
      dialects::leave_out_untold(client(), *response);
      report_.answer_dropped(response->dropped);
    }
    report_.model(provider().read_response_model(*parsed));
    expect_answer(GetParam().translated() ? pretty(client().encode_response(*response, options_)) : bytes, "");
  }

  // status.json: {"status": 429, "headers": {"retry-after": "2"}} makes provider.json (or .txt, when it is no JSON) a
  // failure.
  void failure(const std::string& bytes) {
    const auto parsed = json::Document::parse(read_file(file("status.json")));
    ASSERT_TRUE(parsed) << "status.json is not JSON";
    http::Headers headers;
    for (const auto& [name, value] : parsed->root()["headers"].members())
      headers.add(std::string(name), std::string(value.string().value_or("")));
    const Error error =
        provider().decode_error(static_cast<int>(parsed->root()["status"].integer().value_or(0)), bytes, headers);
    if (GetParam().translated()) return expect_error(error);
    report_.error(error);  // the provider's own bytes go to a client of the same dialect
    expect_answer("", "");
  }

  // target.json: what the request says in its path, {"model": "m", "stream": true, "json_array": false}.
  void read_target() {
    if (!fs::exists(file("target.json"))) return;
    const auto parsed = json::Document::parse(read_file(file("target.json")));
    ASSERT_TRUE(parsed) << "target.json is not JSON";
    target_ = {.model = std::string(parsed->root()["model"].string().value_or("")),
               .stream = parsed->root()["stream"].boolean().value_or(false),
               .json_array = parsed->root()["json_array"].boolean().value_or(false)};
  }

  // provider_model.txt: the provider's name for the model, for a dialect that treats some families otherwise.
  void read_provider_model() {
    if (!fs::exists(file("provider_model.txt"))) return;
    std::istringstream(read_file(file("provider_model.txt"))) >> provider_model_;
    options_.issuer = "provider/" + provider_model_;
  }

  Report report_;
  std::string provider_model_ = "provider-model";
  dialects::RequestTarget target_;
  chat::ChatRequest request_;
  dialects::ToolNames names_;
  dialects::StreamOptions options_{
      .response_id = "golden", .created_unix_seconds = 1'700'000'000, .issuer = "provider/provider-model"};
};

TEST_P(Golden, Becomes_what_its_files_say) {
  const std::string body = read_file(file("client.json"));
  const auto parsed = json::Document::parse(body);
  if (!parsed) return expect_refusal(parsed.error(), body);
  read_target();
  read_provider_model();
  const auto outline = client().outline(body, *parsed, target_);
  if (!outline) return expect_refusal(outline.error(), body);
  options_.model = outline->model;
  options_.include_usage = outline->wants_stream_usage || !outline->stream;
  options_.json_array = target_.json_array;
  options_.request = parsed->root();
  const Result<std::string> sent = request(body, *parsed, *outline);
  if (!sent) return expect_refusal(sent.error(), body);
  expect_file(file("sent.json"), *sent);
  if (fs::exists(file("status.json")))
    return failure(read_file(fs::exists(file("provider.txt")) ? file("provider.txt") : file("provider.json")));
  if (outline->stream && provider().framing() == dialects::Framing::aws_event_stream)
    return stream(framed(read_file(file("provider.events"))));
  if (outline->stream) return stream(read_file(file("provider.sse")));
  whole_answer(read_file(file("provider.json")));
}

std::string case_name(const testing::TestParamInfo<Case>& info) {
  std::string name = info.param.folder.parent_path().filename().string() + "_" + info.param.folder.filename().string();
  std::replace_if(name.begin(), name.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Cases, Golden, testing::ValuesIn(find_cases()), case_name);

}  // namespace
}  // namespace sluice::golden
