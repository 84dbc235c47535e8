#include "clients.h"

#include <utility>

namespace sluice::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string request_text(const Asked& asked) {
  const std::string body = R"({"model":")" + asked.mark + R"(","max_tokens":64,"stream":)" +
                           (asked.stream ? "true" : "false") + R"(,"messages":[{"role":"user","content":"request )" +
                           asked.mark + R"("}]})";
  return std::string(asked.anthropic ? "POST /v1/messages" : "POST /v1/chat/completions") +
         " HTTP/1.1\r\nhost: sluice\r\nauthorization: Bearer " + asked.key +
         (asked.restricted ? "\r\nx-sluice-data-class: restricted" : "") +
         "\r\ncontent-type: application/json\r\ncontent-length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace

void Client::start(const std::shared_ptr<Wire>& wire) {
  wire_ = wire;
  if (world_.chance(20)) wire->set_window(64 + world_.below(512));  // reads slowly
  next();
}

void Client::next() {
  reading_body_ = false;
  length_.reset();
  chunked_ = {};
  send_in_pieces(request_text(now()));
  if (world_.chance(15))
    world_.after(world_.between({}, world_.chance(50) ? Duration(milliseconds(400)) : Duration(seconds(30))),
                 [this, about = current_] {
                   if (about == current_ && !gone_) leave();
                 });
}

void Client::send_in_pieces(std::string text) {
  if (!world_.chance(15)) {
    now().sent = true;
    return wire_->send(std::move(text));
  }
  const std::size_t half = 1 + world_.below(text.size() - 1);
  wire_->send(text.substr(0, half));
  world_.after(world_.between({}, milliseconds(200)), [this, about = current_, rest = text.substr(half)] {
    if (gone_ || about != current_) return;
    now().sent = true;
    wire_->send(rest);
  });
}

void Client::leave() {
  gone_ = true;
  now().left = true;
  now().left_at = world_.now();
  if (world_.chance(50))
    wire_->reset();
  else
    wire_->close();
  wire_->detach();
}

void Client::closed() {
  if (std::exchange(gone_, true)) return;
  if (current_ < requests_.size()) {
    Asked& asked = now();
    if (asked.status != 0)
      asked.cut = true;
    else if (asked.sent)
      asked.fault = "the connection was closed without an answer";
  }
  wire_->close();
}

void Client::received(std::string_view bytes) {
  if (gone_) return;
  input_.append(bytes);
  take();
}

void Client::take() {
  while (!input_.empty() && !gone_) {
    if (current_ >= requests_.size()) {
      requests_.back()->fault = "bytes came after the end of the last answer";
      return;
    }
    Asked& asked = now();
    if (!reading_body_) {
      http::ResponseHead head;
      const http::HeadOutcome outcome = http::parse_response_head(input_, {}, head);
      if (outcome.state == http::HeadOutcome::State::incomplete) return;
      if (outcome.state == http::HeadOutcome::State::malformed) {
        asked.fault = "what came is no HTTP";
        gone_ = true;
        return;
      }
      asked.status = head.status;
      asked.request_id = head.get("x-sluice-request-id").value_or("");
      is_chunked_ = head.chunked;
      length_ = head.content_length;
      reading_body_ = true;
      input_.erase(0, outcome.bytes);
    }
    if (is_chunked_) {
      const Result<std::size_t> used = chunked_.decode(input_, asked.body);
      if (!used) {
        asked.fault = "bad chunks";
        gone_ = true;
        return;
      }
      input_.erase(0, *used);
      if (!chunked_.finished()) return;
    } else {
      const std::size_t missing = length_.value_or(0) - asked.body.size();
      const std::size_t taken = std::min(missing, input_.size());
      asked.body.append(input_, 0, taken);
      input_.erase(0, taken);
      if (taken < missing) return;
    }
    asked.ended = true;
    ++current_;
    if (current_ == requests_.size()) continue;
    world_.after(world_.between({}, milliseconds(100)), [this] {
      if (!gone_) next();
    });
    if (!input_.empty()) requests_[current_ - 1]->fault = "bytes came after the end of the answer";
    return;
  }
  if (current_ == requests_.size() && !gone_) {
    // Stays a while, to see whether more comes, and hangs up.
    world_.after(world_.between({}, seconds(1)), [this] {
      if (std::exchange(gone_, true)) return;
      wire_->close();
      wire_->detach();
    });
  }
}

}  // namespace sluice::simulation
