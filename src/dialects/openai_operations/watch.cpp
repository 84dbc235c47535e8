#include <algorithm>

#include "dialects/openai_chat/parts.h"
#include "dialects/openai_operations/parts.h"
#include "dialects/shared_parts.h"
#include "dialects/text_scan.h"

namespace sluice::dialects::operations {
namespace {

constexpr Tokens most_counted = 1'000'000'000'000;  // sums of a few of them stay in 64 bits

Tokens count(json::Value value) { return std::clamp<Tokens>(value.integer().value_or(0), 0, most_counted); }

// Events such as transcript.text.delta, speech.audio.done, image_generation.completed. How many final ones there are
// depends on the request, so the stream ends when the provider closes it.
class Watcher : public Watching {
 public:
  Relay see(std::string_view event, std::string_view data) override {
    if (data.empty()) return Relay::forward;
    output_bytes_ = std::max<std::size_t>(output_bytes_, 1);  // sound and images are no text; this says that it goes on
    if (data == "[DONE]") {
      finished_ = true;
      return Relay::forward;
    }
    bool is_to_be_read = event == "error";
    for (MemberScan scan(data); scan.next();) {
      if (scan.name() == "type")
        complete_ = complete_ || scan.string().ends_with(".done") || scan.string().ends_with(".completed");
      else if (scan.name() == "usage" || scan.name() == "error")
        is_to_be_read = is_to_be_read || scan.value_begins_with() == '{';
    }
    if (is_to_be_read) read(event, data);
    return Relay::forward;
  }
  std::string_view end_marker() const override { return {}; }

 private:
  void read(std::string_view event, std::string_view data) {
    const auto parsed = json::Document::parse(data);
    if (!parsed) return;
    failed_ = failed_ || event == "error" || parsed->root()["error"].is_object();
    const chat::Usage told = read_usage(parsed->root()["usage"]);
    if (told.reported) add(told);
  }

  // Each of several images tells its own.
  void add(const chat::Usage& told) {
    usage_.input = std::min(usage_.input + told.input, most_counted);
    usage_.cache_read = std::min(usage_.cache_read + told.cache_read, most_counted);
    usage_.output = std::min(usage_.output + told.output, most_counted);
    usage_.reasoning = std::min(usage_.reasoning + told.reasoning, most_counted);
    usage_.reported = true;
  }
};

}  // namespace

chat::Usage read_usage(json::Value usage) {
  chat::Usage told = openai::read_usage(usage);
  if (told.reported || !usage.is_object()) return told;
  if (usage["input_tokens"].integer()) {
    const Tokens input = count(usage["input_tokens"]);
    told.cache_read = std::min(count(usage["input_tokens_details"]["cached_tokens"]), input);
    told.input = input - told.cache_read;
    told.output = count(usage["output_tokens"]);
    told.reported = true;
  } else if (usage["total_tokens"].integer()) {
    told.input = count(usage["total_tokens"]);
    told.reported = true;
  }
  return told;
}

std::unique_ptr<StreamWatcher> watch_stream() { return std::make_unique<Watcher>(); }

}  // namespace sluice::dialects::operations
