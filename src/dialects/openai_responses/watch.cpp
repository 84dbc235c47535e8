// Lane 1's look at a stream that goes by. Only the first event and the last are parsed; the deltas, nearly all of a
// stream, are gone over once for their members.
#include "dialects/openai_responses/parts.h"
#include "dialects/shared_parts.h"
#include "dialects/text_scan.h"

namespace sluice::dialects::responses {
namespace {

class Watcher : public Watching {
 public:
  Relay see(std::string_view event, std::string_view data) override {
    if (data.empty()) return Relay::forward;
    ++events_;
    if (event.empty()) event = type_of(data);
    if (event.ends_with(".delta")) {
      for (MemberScan scan(data); scan.next();)
        if (scan.name() == "delta") output_bytes_ += scan.string().size();
    } else if (event == "response.created" || event == "response.queued") {
      read(data);
    } else if (event == "response.completed" || event == "response.incomplete") {
      read(data);
      complete_ = finished_ = true;
    } else if (event == "response.failed") {
      read(data);
      failed_ = true;
      finished_ = output_bytes_ > 0;  // before that, somebody else may still be asked
    } else if (event == "error") {
      failed_ = true;
    }
    return Relay::forward;
  }
  // Nobody else can say what the last event says: the whole response.
  std::string_view end_marker() const override { return {}; }

  std::string answer_id() const override { return full_id_; }
  void keep_whole() override { keeps_whole_ = true; }
  std::string whole() const override { return whole_; }

  std::string failure(const Error& error) const override {
    return failed_event(error, {.response_id = id_, .model = model_, .created_unix_seconds = created_}, events_, {});
  }

 private:
  // For providers that leave the event's name out; what is within the event has types of other names.
  static std::string_view type_of(std::string_view data) {
    for (MemberScan scan(data); scan.next();)
      if (scan.name() == "type" && (scan.string().starts_with("response.") || scan.string() == "error"))
        return scan.string();
    return {};
  }

  void read(std::string_view data) {
    const auto parsed = json::Document::parse(data);
    if (!parsed) return;
    const json::Value response = parsed->root()["response"];
    if (const auto model = response["model"].string()) model_ = *model;
    full_id_ = response["id"].string().value_or("");
    id_ = full_id_;
    if (id_.starts_with("resp_")) id_.erase(0, 5);
    created_ = response["created_at"].integer().value_or(0);
    if (const chat::Usage usage = read_response_usage(response); usage.reported) usage_ = usage;
    states_ = states_of(data, response);
    for (std::string& id : kept_ids_of(data, response)) keep_id(std::move(id));
    if (keeps_whole_ && response["status"].string() != "in_progress") whole_ = response.text();
  }

  std::string full_id_;
  std::string id_;  // without "resp_"
  bool keeps_whole_ = false;
  std::string whole_;
  std::int64_t created_ = 0;
  std::int64_t events_ = 0;  // that went by; they are numbered from 0
};

}  // namespace

std::unique_ptr<StreamWatcher> watch_stream() { return std::make_unique<Watcher>(); }

}  // namespace sluice::dialects::responses
