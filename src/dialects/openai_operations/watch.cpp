#include <algorithm>

#include "dialects/answer_parts.h"
#include "dialects/openai_chat/parts.h"
#include "dialects/openai_operations/parts.h"
#include "dialects/shared_parts.h"
#include "dialects/text_scan.h"

namespace sluice::dialects::operations {
namespace {

constexpr Tokens most_counted = 1'000'000'000'000;  // sums of a few of them stay in 64 bits

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
    for (const auto member :
         {&chat::Usage::input, &chat::Usage::cache_read, &chat::Usage::input_audio, &chat::Usage::input_image,
          &chat::Usage::output, &chat::Usage::output_audio, &chat::Usage::output_image, &chat::Usage::reasoning})
      usage_.*member = std::min(usage_.*member + told.*member, most_counted);
    usage_.doubts |= told.doubts;
    if (told.doubts != 0) usage_.raw = told.raw;
    usage_.reported = true;
  }
};

}  // namespace

chat::Usage read_usage(json::Value usage) {
  chat::Usage told = openai::read_usage(usage);
  if (told.reported || !usage.is_object()) return told;
  UsageCounts counts(usage, told);
  if (is_count(usage["input_tokens"])) {
    const json::Value details = usage["input_tokens_details"];
    const json::Value made = usage["output_tokens_details"];
    Tokens fresh = counts.of(usage["input_tokens"]);
    told.cache_read = counts.part(details["cached_tokens"], fresh);
    told.input_audio = std::min(counts.of(details["audio_tokens"]), fresh);
    told.input_image = std::min(counts.of(details["image_tokens"]), fresh - told.input_audio);
    told.input = fresh - told.input_audio - told.input_image;
    Tokens output = counts.of(usage["output_tokens"]);
    told.output_image = counts.part(made["image_tokens"], output);
    told.output_audio = counts.part(made["audio_tokens"], output);
    told.output = output;
    told.reported = true;
  } else if (is_count(usage["total_tokens"])) {
    told.input = counts.of(usage["total_tokens"]);
    told.reported = true;
  }
  return told;
}

std::unique_ptr<StreamWatcher> watch_stream() { return std::make_unique<Watcher>(); }

}  // namespace sluice::dialects::operations
