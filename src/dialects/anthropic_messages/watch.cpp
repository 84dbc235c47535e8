// Lane 1's look at a stream that goes by. Only the two events with usage are parsed; the deltas, nearly all of a
// stream, are gone over once for their members.
#include "dialects/answer_parts.h"
#include "dialects/anthropic_messages/parts.h"
#include "dialects/shared_parts.h"
#include "dialects/text_scan.h"

namespace sluice::dialects::anthropic {
namespace {

class Watcher : public Watching {
 public:
  Relay see(std::string_view event, std::string_view data) override {
    if (event.empty()) event = type_of(data);
    if (event == "content_block_delta") {
      for (MemberScan scan(data); scan.next();)
        if (scan.name() == "text" || scan.name() == "partial_json" || scan.name() == "thinking")
          output_bytes_ += scan.string().size();
        else if (scan.name() == "signature" && !scan.string().empty())
          states_.emplace_back(scan.string());
    } else if (event == "content_block_start") {
      // Most blocks begin with nothing; what ran at the vendor may have made files.
      if (data.contains("redacted_thinking") || data.contains("\"file_id\"")) read_block(data);
    } else if (event == "message_start" || event == "message_delta") {
      read(event, data);
    } else if (event == "message_stop") {
      finished_ = true;
    } else if (event == "error") {
      failed_ = true;
    }
    return Relay::forward;
  }
  std::string_view end_marker() const override { return "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"; }

 private:
  // For providers that leave the event's name out.
  static std::string_view type_of(std::string_view data) {
    for (MemberScan scan(data); scan.next();)
      if (scan.name() == "type") return scan.string();
    return {};
  }

  void read_block(std::string_view data) {
    const auto parsed = json::Document::parse(data);
    if (!parsed) return;
    const json::Value block = parsed->root()["content_block"];
    if (block["type"].string() == "redacted_thinking")
      states_.emplace_back(block["data"].string().value_or(""));
    else
      for (std::string& id : strings_of(block, {"file_id"})) keep_id(std::move(id));
  }

  void read(std::string_view event, std::string_view data) {
    const auto parsed = json::Document::parse(data);
    if (!parsed) return;
    const json::Value root = parsed->root();
    for (const char* member : {"message", "delta"})
      if (const auto id = root[member]["container"]["id"].string()) keep_id(std::string(*id));
    if (event == "message_start") {
      model_ = root["message"]["model"].string().value_or("");
      merge_usage(root["message"]["usage"], usage_);
      usage_.reported = false;  // the output is still to come
    } else {
      complete_ = complete_ || root["delta"]["stop_reason"].is_string();
      merge_usage(root["usage"], usage_);
    }
  }
};

}  // namespace

std::unique_ptr<StreamWatcher> watch_stream() { return std::make_unique<Watcher>(); }

}  // namespace sluice::dialects::anthropic
