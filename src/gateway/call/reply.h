// A provider's answer on its way to the client, in the client's dialect: either whole, or a stream whose first token
// has come. Until then another candidate may still be asked; from then on this is the answer.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "dialects/dialect.h"
#include "dialects/tool_names.h"
#include "gateway/admit/places.h"
#include "gateway/route/plan.h"
#include "http/aws_event_stream.h"
#include "http/client.h"
#include "http/sse.h"

namespace sluice::gateway {

// A provider's stream, taken apart into its events.
class EventSplitter {
 public:
  explicit EventSplitter(dialects::Framing framing) {
    if (framing == dialects::Framing::aws_event_stream) splitter_.emplace<http::AwsEventSplitter>();
  }
  // May take the bytes, which it leaves empty.
  Result<void> feed(std::string&& bytes);
  // Gives back what is needed for events that have been taken and no longer.
  void forget_read();
  // The next whole event; empty when more must come first. Its views are good until the next feed().
  Result<std::optional<http::SseEvent>> next();

 private:
  std::variant<http::SseSplitter, http::AwsEventSplitter> splitter_;
};

// What a stream's bytes go through: watched only (lane 1) or decoded and encoded (lane 2).
class StreamLane {
 public:
  virtual ~StreamLane() = default;
  // One event of the provider; appends to `out` what the client is to get. Errors: an error event of the provider
  // before the first token, or bytes that are not its dialect.
  virtual Result<void> pass(const http::SseEvent& event, std::string& out) = 0;
  // The provider has closed. Error: the answer is not complete.
  virtual Result<void> close(std::string& out) = 0;
  virtual bool has_token() const = 0;  // something generated has passed
  virtual bool finished() const = 0;   // the end marker has passed: nothing more will come
  virtual bool failed() const = 0;     // the provider has sent an error event: the answer is not whole
  virtual chat::Usage usage() const = 0;
  virtual std::size_t output_bytes() const = 0;
  virtual std::string response_model() const = 0;
  // The event that tells the client of a failure, in dialects where it repeats what went before; empty in others.
  virtual std::string failure(const Error& error) = 0;
  virtual Error error() const = 0;  // of a lane that has failed: what the provider's event says
  virtual std::string answer_id() const { return {}; }
  virtual std::vector<std::string> kept_ids() const { return {}; }
  virtual std::string whole() const { return {}; }
  // What the answer had and the client's dialect cannot carry; complete when finished.
  virtual std::vector<std::string> dropped() const { return {}; }
};

// What an error event of a stream says, or an error that came with status 200.
Error in_band_error(const dialects::Dialect& dialect, std::string_view event, std::string_view data);

// With `json_array` the client gets the events' data as the elements of one JSON array; with `keep_whole` the lane's
// whole() is the answer. `on_state` is told of each reasoning state that goes by. The answer repeats `previous_id`, of
// which the provider has not been told.
inline constexpr std::string_view previous_member = "previous_response_id";
using OnState = std::function<void(std::string_view state)>;
std::unique_ptr<StreamLane> same_dialect_stream(const dialects::Dialect& dialect, bool hide_usage_event,
                                                bool json_array, bool keep_whole, OnState on_state = {},
                                                std::string previous_id = {});
std::unique_ptr<StreamLane> translated_stream(const dialects::Dialect& provider, const dialects::Dialect& client,
                                              const dialects::StreamOptions& options, dialects::ToolNames names = {});

// Calls without an id of their provider's get one that no other answer has.
void name_calls(chat::ChatResponse& response, std::string_view response_id);

// A whole answer to a client that asked for a stream: appends all of the stream to `out` and is finished.
std::unique_ptr<StreamLane> whole_as_stream(const chat::ChatResponse& response, const dialects::Dialect& client,
                                            const dialects::StreamOptions& options, std::string& out);

class Reply {
 public:
  const Attempt* attempt = nullptr;  // borrowed from the Plan
  int status = 200;
  http::Headers headers;                    // of the provider, for the client
  std::array<Place, 2> places;              // of its ground and its provider, where those are limited
  async::Duration idle_limit{};             // how long it may be silent between two pieces of a stream
  std::vector<std::string> dropped_params;  // that the provider's dialect cannot carry
  std::vector<std::string> added_params;    // that it requires and the client did not say

  // --- a whole answer
  std::string body;
  bool wrote_text = true;  // the body's size says how much was generated
  // --- a stream
  bool json_array = false;                                    // in the form of one JSON array instead of events
  std::function<void(std::string_view piece)> on_piece = {};  // is shown what more() appends
  bool raw = false;  // bytes that nobody here understands, such as sound: passed on as they come
  bool streaming() const { return lane_ != nullptr; }
  void stream_from(http::Call call, dialects::Framing framing, std::unique_ptr<StreamLane> lane);
  // The answer's bytes as they come, until the provider has sent them all. `ids_of_line` reads kept ids from each line.
  using IdsOfLine = std::function<std::vector<std::string>(std::string_view line)>;
  void raw_from(http::Call call, IdsOfLine ids_of_line = {});
  // A stream of which nothing is to come any more.
  void stream_of(std::unique_ptr<StreamLane> finished);
  // Appends what comes next, up to what one read brings. False: the stream is complete. Errors: the provider's, once
  // bytes are out there is no other candidate for them.
  async::Task<Result<bool>> more(std::string& out, async::Deadline deadline);
  // Reads the rest of the transfer after the end marker, so that the connection can be kept.
  async::Task<> drain(async::Deadline deadline);
  bool has_token() const { return lane_->has_token(); }
  // The end marker of a stream has come: all of it was given.
  bool complete() const { return lane_ && lane_->finished(); }
  bool failed() const { return lane_ && lane_->failed(); }
  Error error() const { return lane_->error(); }
  std::vector<std::string> dropped_at_end() const { return lane_->dropped(); }
  std::string failure(const Error& error) { return lane_->failure(error); }

  // --- both, as far as it is known now
  chat::Usage usage() const { return lane_ ? lane_->usage() : usage_; }
  std::size_t output_bytes() const { return lane_ ? lane_->output_bytes() : wrote_text ? body.size() : 0; }
  // The model that the provider says has answered: often a dated version of the one that was asked. May be empty.
  std::string answered_by() const { return lane_ ? lane_->response_model() : answered_by_; }
  // Under which the provider keeps it, in lane 1; may be empty.
  std::string answer_id() const { return lane_ ? lane_->answer_id() : answer_id_; }
  // What its provider keeps beside it, in lane 1; of a stream once it is complete.
  std::vector<std::string> kept_ids() const { return lane_ && !raw ? lane_->kept_ids() : kept_ids_; }
  void set_kept_ids(std::vector<std::string> ids) { kept_ids_ = std::move(ids); }
  // The answer as it is without a stream; of a stream only when it was to be kept, and once it is complete.
  std::string whole() const { return lane_ ? lane_->whole() : body; }
  // Of a whole answer.
  void set_facts(const chat::Usage& usage, std::string answered_by, std::string answer_id = {}) {
    usage_ = usage;
    answered_by_ = std::move(answered_by);
    answer_id_ = std::move(answer_id);
  }

 private:
  void look_at_lines(std::string_view bytes);

  std::optional<http::Call> call_;
  std::unique_ptr<StreamLane> lane_;
  IdsOfLine ids_of_line_;
  std::string line_;  // begun, not ended
  bool line_is_too_long_ = false;
  std::unique_ptr<EventSplitter> splitter_;  // of a stream of events; elsewhere, as a Reply is passed on often
  std::string received_;
  chat::Usage usage_;
  std::string answered_by_;
  std::string answer_id_;
  std::vector<std::string> kept_ids_;
  bool closed_ = false;
};

}  // namespace sluice::gateway
