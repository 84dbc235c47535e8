#include "http/http2_link.h"

#include <algorithm>

namespace sluice::http {

bool Allowance::take(async::TimePoint now) {
  if (left_ <= 0) {
    // Reckoned only when it is used up: who keeps below it pays for no arithmetic.
    const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(now - filled_).count();
    left_ = std::min(at_once_, passed * per_second_ / 1000);
    filled_ = now;
    if (left_ <= 0) return false;
  }
  --left_;
  return true;
}

bool is_connection_field(std::string_view name) {
  static constexpr std::string_view names[] = {"connection", "keep-alive", "proxy-connection", "transfer-encoding",
                                               "upgrade"};
  return std::ranges::any_of(names, [&](std::string_view one) { return equal_ignoring_case(one, name); });
}

void FieldBlock::add(std::string_view name, std::string_view value) {
  places_.push_back({text_.size(), name.size(), value.size()});
  for (const char c : name) text_.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c);
  text_.append(value);
}

void FieldBlock::add_all(const Headers& headers) {
  for (const Field& field : headers)
    if (!is_connection_field(field.name)) add(field.name, field.value);
}

const std::vector<nghttp2_nv>& FieldBlock::fields() {
  fields_.clear();
  auto* bytes = reinterpret_cast<std::uint8_t*>(text_.data());
  for (const Place& place : places_)
    fields_.push_back({.name = bytes + place.begin,
                       .value = bytes + place.begin + place.name_bytes,
                       .namelen = place.name_bytes,
                       .valuelen = place.value_bytes,
                       .flags = NGHTTP2_NV_FLAG_NONE});
  return fields_;
}

void Http2Link::collect() {
  const std::size_t before = out_.size();
  while (!failed_ && out_.size() < most_collected_bytes) {
    const std::uint8_t* bytes = nullptr;
    const ssize_t got = nghttp2_session_mem_send(session_.get(), &bytes);
    if (got < 0) failed_ = true;
    if (got <= 0) break;
    out_.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(got));
  }
  if (out_.size() > before || failed_) more_.notify();
}

bool Http2Link::is_done() const {
  return failed_ || (nghttp2_session_want_read(session_.get()) == 0 && nghttp2_session_want_write(session_.get()) == 0);
}

async::Task<> Http2Link::write_all(Http2Link* link, async::Signal* on_end) {
  for (;;) {
    if (!link->failed_ && link->out_.empty()) link->collect();
    if (link->failed_ || (link->out_.empty() && link->finishing_)) break;
    if (link->out_.empty()) {
      if (link->out_.capacity() > idle_buffer_bytes) std::string().swap(link->out_);
      if (link->sending_.capacity() > idle_buffer_bytes) std::string().swap(link->sending_);
      (void)co_await link->more_.wait(async::Deadline::never());
      continue;
    }
    link->sending_.swap(link->out_);
    const Result<void> written =
        co_await link->stream_->write(link->sending_, {}, link->reactor_.within(link->write_timeout_));
    link->sending_.clear();
    if (!written) link->failed_ = true;
  }
  link->ended_ = true;
  on_end->notify();
}

}  // namespace sluice::http
