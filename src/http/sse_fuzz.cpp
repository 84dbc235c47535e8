// Server-sent events from any bytes: no byte is lost or changed, and how they are cut changes no event.
#include <cstdint>
#include <cstdlib>

#include "http/sse.h"

namespace {

using namespace sluice::http;

struct Outcome {
  std::string raw;
  std::string events;  // names and data of those that have data
};

Outcome split(std::string_view bytes, std::size_t step) {
  SseSplitter splitter;
  Outcome outcome;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    if (!splitter.feed(bytes.substr(at, step))) std::abort();
    while (const auto event = splitter.next()) {
      outcome.raw.append(event->raw);
      if (event->has_data) outcome.events.append(event->event).append("|").append(event->data).append("\n\n");
    }
  }
  outcome.raw.append(splitter.leftover());
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Outcome whole = split(bytes, bytes.size() + 1);
  const Outcome bytewise = split(bytes, 1);
  if (whole.raw != bytes || bytewise.raw != bytes) std::abort();
  // A stream that ends in CR may end its last event one byte earlier when it comes byte by byte.
  if (!bytes.ends_with('\r') && whole.events != bytewise.events) std::abort();
  return 0;
}
