// Lane 1's look at a stream that goes by. Every event has the counts so far, so the last one that has them is kept and
// read when somebody asks; the others are gone over once for their members.
#include "dialects/answer_parts.h"
#include "dialects/gemini/parts.h"
#include "dialects/shared_parts.h"
#include "dialects/text_scan.h"

namespace sluice::dialects::gemini {
namespace {

class Watcher : public Watching {
 public:
  Relay see(std::string_view /*event*/, std::string_view data) override {
    bool has_usage = false;
    bool is_to_be_read = false;
    for (MemberScan scan(data); scan.next();) {
      const std::string_view name = scan.name();
      if (name == "text")
        output_bytes_ += scan.string().size();
      else if (name == "thoughtSignature" && !scan.string().empty())
        states_.emplace_back(scan.string());
      else if (name == "usageMetadata")
        has_usage = scan.value_begins_with() == '{';
      else if (name == "modelVersion" && model_.empty())
        model_ = scan.string();
      else if (name == "finishReason" || name == "blockReason" || name == "functionCall" || name == "error")
        is_to_be_read = true;
    }
    if (has_usage) {
      with_usage_ = data;
      is_read_ = false;
    }
    if (is_to_be_read) read(data);
    return Relay::forward;
  }
  const chat::Usage& usage() const override {
    if (!is_read_) read_usage_of(with_usage_);
    is_read_ = true;
    return last_usage_;
  }
  // The provider ends by closing: with several candidates each has its own finish reason.
  std::string_view end_marker() const override { return ""; }

 private:
  void read(std::string_view data) {
    const auto parsed = json::Document::parse(data);
    if (!parsed) return;
    const json::Value root = parsed->root().is_array() ? parsed->root().at(0) : parsed->root();
    failed_ = failed_ || root["error"].is_object();
    complete_ = complete_ || root["promptFeedback"]["blockReason"].is_string();
    for (const json::Value& candidate : root["candidates"].elements()) {
      complete_ = complete_ || candidate["finishReason"].is_string();
      for (const json::Value& part : candidate["content"]["parts"].elements()) {
        const json::Value call = part["functionCall"];
        output_bytes_ += call["name"].string().value_or("").size();
        if (call["args"].is_object()) output_bytes_ += call["args"].text().size();
        for (const json::Value& piece : call["partialArgs"].elements())
          output_bytes_ += piece["stringValue"].string().value_or("").size();
      }
    }
  }

  // Before the end the first counts may be those of the prompt alone.
  void read_usage_of(std::string_view data) const {
    const auto parsed = json::Document::parse(data);
    if (!parsed) return;
    const json::Value metadata = parsed->root()["usageMetadata"];
    const chat::Usage usage = read_usage(metadata);
    if (!usage.reported) return;
    last_usage_ = usage;
    last_usage_.reported = complete_ || is_count(metadata["candidatesTokenCount"]);
  }

  std::string with_usage_;  // the last event that has counts
  mutable bool is_read_ = true;
  mutable chat::Usage last_usage_;
};

}  // namespace

std::unique_ptr<StreamWatcher> watch_stream() { return std::make_unique<Watcher>(); }

}  // namespace sluice::dialects::gemini
