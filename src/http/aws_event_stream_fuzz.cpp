// Amazon's event stream from any bytes: no byte of a message is lost, and how they are cut changes no event.
#include <cstdint>
#include <cstdlib>

#include "http/testing/aws_message.h"

namespace {

using namespace sluice::http;

std::string split(std::string_view bytes, std::size_t step) {
  AwsEventSplitter splitter;
  std::string seen;
  std::size_t passed = 0;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    splitter.feed(bytes.substr(at, step));
    while (true) {
      const auto event = splitter.next();
      if (!event) return seen + event.error().message;
      if (!*event) break;
      if (bytes.substr(passed, (*event)->raw.size()) != (*event)->raw) std::abort();
      passed += (*event)->raw.size();
      seen.append((*event)->name).append("|").append((*event)->payload).append("\n");
    }
  }
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (split(bytes, size + 1) != split(bytes, 1)) std::abort();
  // Checksums keep chance bytes out, so the input is also put into messages: as headers, and as name and payload.
  const std::string_view name = bytes.substr(0, bytes.size() / 2).substr(0, 200);
  const std::string messages =
      sluice::http::testing::aws_message(name, bytes.substr(name.size())) +
      sluice::http::testing::aws_message_of(bytes.substr(0, AwsEventSplitter::max_header_bytes), bytes);
  if (split(messages, messages.size()) != split(messages, 3)) std::abort();
  return 0;
}
