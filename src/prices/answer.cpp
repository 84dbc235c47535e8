#include "prices/answer.h"

#include <algorithm>

#include "dialects/anthropic_messages/anthropic_messages.h"
#include "dialects/bedrock_converse/bedrock_converse.h"
#include "dialects/gemini/gemini.h"
#include "dialects/openai_chat/openai_chat.h"
#include "dialects/openai_operations/openai_operations.h"
#include "dialects/openai_responses/openai_responses.h"

namespace sluice::prices {
namespace {

Error no_usage(const char* what) {
  return {.kind = ErrorKind::invalid_request,
          .message = std::string(what) + " tells no usage in this dialect",
          .hint =
              "name the dialect that the answer is written in with --dialect; a stream of chat completions tells it "
              "only when it was asked for (stream_options.include_usage)"};
}

// Calls event(name, data) for each event of an SSE text; lines end with LF, CRLF or CR.
template <class Event>
void each_event(std::string_view text, const Event& event) {
  std::string name;
  std::string data;
  bool has_data = false;
  const auto flush = [&] {
    if (has_data) event(name, data);
    name.clear();
    data.clear();
    has_data = false;
  };
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of("\r\n"), text.size());
    const std::string_view line = text.substr(0, end);
    const bool crlf = text.substr(end).starts_with("\r\n");
    text.remove_prefix(std::min(end + (crlf ? 2 : 1), text.size()));
    if (line.empty()) {
      flush();
      continue;
    }
    const std::size_t colon = line.find(':');
    std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    const std::string_view field = line.substr(0, colon);
    if (field == "event") name = value;
    if (field != "data") continue;
    if (has_data) data += '\n';
    data += value;
    has_data = true;
  }
  flush();
}

}  // namespace

std::unique_ptr<dialects::Dialect> make_dialect(chat::DialectId id) {
  switch (id) {
    case chat::DialectId::openai_chat: return dialects::make_openai_chat();
    case chat::DialectId::anthropic_messages: return dialects::make_anthropic_messages();
    case chat::DialectId::openai_responses: return dialects::make_openai_responses();
    case chat::DialectId::gemini: return dialects::make_gemini();
    case chat::DialectId::bedrock_converse: return dialects::make_bedrock_converse();
    case chat::DialectId::openai_embeddings: return dialects::make_openai_embeddings();
    case chat::DialectId::openai_completions: return dialects::make_openai_completions();
    case chat::DialectId::openai_images: return dialects::make_openai_images();
    case chat::DialectId::openai_transcriptions: return dialects::make_openai_transcriptions();
    case chat::DialectId::rerank: return dialects::make_rerank();
    default: return nullptr;
  }
}

Result<RecordedAnswer> read_answer(const dialects::Dialect& dialect, std::string_view text) {
  RecordedAnswer answer;
  const std::size_t first = text.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  if (first != std::string_view::npos && (text[first] == '{' || text[first] == '[')) {
    TRY(const json::Document parsed, json::Document::parse(text));
    // Gemini's stream as one array: its last element has the sums.
    if (parsed.root().is_array()) {
      answer.stream = true;
      for (const json::Value& each : parsed.root().elements()) {
        TRY(const json::Document one, json::Document::parse(each.text()));
        if (const chat::Usage usage = dialect.read_usage(one); usage.reported) answer.usage = usage;
        if (std::string model = dialect.read_response_model(one); !model.empty()) answer.model = std::move(model);
      }
    } else {
      answer.usage = dialect.read_usage(parsed);
      answer.model = dialect.read_response_model(parsed);
    }
    if (!answer.usage.reported) return std::unexpected(no_usage("the answer"));
    return answer;
  }
  answer.stream = true;
  std::size_t events = 0;
  const std::unique_ptr<dialects::StreamWatcher> watcher = dialect.watch_stream(false);
  if (!watcher)
    return fail(ErrorKind::invalid_request, "streams of this dialect cannot be read from a file",
                "give the whole answer as JSON");
  each_event(text, [&](const std::string& name, const std::string& data) {
    ++events;
    watcher->see(name, data);
  });
  if (events == 0)
    return fail(ErrorKind::invalid_request, "the file is neither JSON nor a stream of events",
                "record the answer's body as the provider sent it: `data: {...}` lines, or one JSON document");
  answer.usage = watcher->usage();
  answer.model = watcher->response_model();
  if (!answer.usage.reported) return std::unexpected(no_usage("the stream"));
  return answer;
}

Bill bill(const catalog::Quote& quote, chat::ServiceTier tier, const catalog::Quantities& used) {
  Bill bill{.fact = quote.fact(tier), .lines = {}, .total = {}};
  if (!bill.fact) return bill;
  bill.other_tier = bill.fact->service_tier != tier;
  bill.lines = catalog::cost_lines(*bill.fact, used);
  bill.total = catalog::cost(*bill.fact, used);
  return bill;
}

}  // namespace sluice::prices
