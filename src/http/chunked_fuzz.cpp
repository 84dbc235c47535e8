// A chunked body from any bytes: in one piece or in many, the outcome is the same; what comes out can be coded again.
#include <cstdint>
#include <cstdlib>

#include "http/chunked.h"

namespace {

using namespace sluice::http;

struct Outcome {
  bool good = true;
  bool finished = false;
  std::size_t used = 0;
  std::string body;
  bool operator==(const Outcome&) const = default;
};

Outcome decode(std::string_view bytes, std::size_t step) {
  ChunkedDecoder decoder;
  Outcome outcome;
  while (outcome.used < bytes.size() && !decoder.finished()) {
    const std::string_view piece = bytes.substr(outcome.used, step);
    const auto used = decoder.decode(piece, outcome.body);
    if (!used) return {.good = false, .finished = false, .used = 0, .body = {}};
    outcome.used += *used;
  }
  outcome.finished = decoder.finished();
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Outcome whole = decode(bytes, bytes.size());
  if (decode(bytes, 1) != whole || decode(bytes, 7) != whole) std::abort();
  std::string coded;
  append_chunk(coded, bytes);
  append_last_chunk(coded, {});
  const Outcome again = decode(coded, coded.size());
  if (!again.finished || again.used != coded.size() || again.body != bytes) std::abort();
  return 0;
}
