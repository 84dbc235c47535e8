// Frames of a WebSocket from any bytes: how they are cut changes neither the messages nor what is answered, and a
// message is never longer than allowed.
#include <cstdint>
#include <cstdlib>

#include "http/websocket.h"

namespace {

using namespace sluice::http;

constexpr std::size_t longest = 64;

struct Seen {
  std::string messages;
  std::string output;
  bool closed = false;
  // With the frame that ends the connection there may come a ping that is no longer answered; the end is the same.
  bool operator==(const Seen& other) const {
    return messages == other.messages && closed == other.closed &&
           (closed ? last_frame(output) == last_frame(other.output) : output == other.output);
  }

  // The server's frames here are not masked, and short: what is answered is as long as what came.
  static std::string_view last_frame(std::string_view output) {
    std::string_view last;
    while (!output.empty()) {
      const std::size_t size = output.size() < 2 ? 0 : 2 + static_cast<unsigned char>(output[1]);
      if (size < 2 || size > output.size()) std::abort();
      last = output.substr(0, size);
      output.remove_prefix(size);
    }
    return last;
  }
};

Seen read(std::string_view bytes, std::size_t step) {
  WebSocketFrames frames(longest);
  Seen seen;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    frames.feed(bytes.substr(at, step));
    while (const auto message = frames.next()) {
      if (message->size() > longest) std::abort();
      seen.messages.append(*message).append("\n");
    }
    seen.output += frames.take_output();
  }
  seen.closed = frames.closed();
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Seen whole = read(bytes, size + 1);
  if (read(bytes, 1) != whole || read(bytes, 5) != whole) std::abort();
  return 0;
}
