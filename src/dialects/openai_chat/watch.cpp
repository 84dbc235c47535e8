// Lane 1's look at a stream that goes by. Only the first chunk and those with usage or an error are parsed; the others,
// nearly all of a stream, are gone over once for their members.
#include "dialects/openai_chat/parts.h"
#include "dialects/shared_parts.h"
#include "dialects/text_scan.h"

namespace sluice::dialects::openai {
namespace {

// The names that vendors have for what the model writes; "text" is that of parts.
bool is_generated_text(std::string_view name) {
  return name == "content" || name == "arguments" || name == "reasoning_content" || name == "reasoning" ||
         name == "refusal" || name == "text";
}

class Watcher : public Watching {
 public:
  explicit Watcher(bool hide_usage_event) : hide_usage_event_(hide_usage_event) {}

  Relay see(std::string_view event, std::string_view data) override {
    if (data.empty()) return Relay::forward;
    if (data == "[DONE]") {
      if (finished_) return Relay::hide;  // some servers say it twice
      finished_ = true;
      return Relay::forward;
    }
    bool is_to_be_read = first_ || event == "error";
    for (MemberScan scan(data); scan.next();) {
      if (is_generated_text(scan.name()))
        output_bytes_ += scan.string().size();
      else if (scan.name() == "signature" || (scan.name() == "data" && data.contains("reasoning.encrypted")))
        note_state(scan.string());
      else if (scan.name() == "finish_reason")
        complete_ = complete_ || scan.value_begins_with() == '"';
      else if (scan.name() == "audio")
        is_to_be_read = is_to_be_read || (kept_ids_.empty() && scan.value_begins_with() == '{');
      else if (scan.name() == "usage")
        is_to_be_read = is_to_be_read || scan.value_begins_with() == '{';
      else if (scan.name() == "error")
        is_to_be_read = is_to_be_read || scan.value_begins_with() == '{' || scan.value_begins_with() == '"';
    }
    if (!is_to_be_read) return Relay::forward;
    return read(event, data);
  }
  std::string answer_id() const override { return id_; }
  std::string_view end_marker() const override { return "data: [DONE]\n\n"; }

 private:
  void note_state(std::string_view state) {
    if (!state.empty()) states_.emplace_back(state);
  }

  Relay read(std::string_view event, std::string_view data) {
    const auto parsed = json::Document::parse(data);
    if (!parsed) return Relay::forward;
    const json::Value root = parsed->root();
    if (id_.empty()) id_ = root["id"].string().value_or("");
    if (model_.empty()) model_ = root["model"].string().value_or("");
    if (root["choices"].size() > 0) first_ = false;  // Azure begins with a chunk that has neither choices nor a model
    for (const json::Value& choice : root["choices"].elements())
      if (kept_ids_.empty()) keep_id(std::string(choice["delta"]["audio"]["id"].string().value_or("")));
    failed_ = failed_ || event == "error" || root["error"].is_object() || root["error"].is_string();
    const chat::Usage usage = read_chunk_usage(root);
    if (!usage.reported) return Relay::forward;
    usage_ = usage;
    return hide_usage_event_ && root["choices"].is_array() && root["choices"].size() == 0 ? Relay::hide
                                                                                          : Relay::forward;
  }

  std::string id_;
  bool hide_usage_event_;
  bool first_ = true;  // the first chunk with a choice is still to come
};

}  // namespace

std::unique_ptr<StreamWatcher> watch_stream(bool hide_usage_event) {
  return std::make_unique<Watcher>(hide_usage_event);
}

}  // namespace sluice::dialects::openai
