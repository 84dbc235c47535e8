// Heads of requests and responses from any bytes: what is accepted keeps its promises, and a prefix of it is
// incomplete.
#include <cstdint>
#include <cstdlib>

#include "http/parse.h"

namespace {

using namespace sluice::http;

void require(bool holds) {
  if (!holds) std::abort();
}

template <class HeadType, class Parse>
void check(std::string_view bytes, Parse parse) {
  HeadType head;
  const HeadOutcome outcome = parse(bytes, HeadLimits{}, head);
  if (outcome.state == HeadOutcome::State::malformed) {
    require(outcome.status >= 400 && outcome.message[0] != '\0');
    return;
  }
  if (outcome.state != HeadOutcome::State::complete) return;
  require(outcome.bytes <= bytes.size() && bytes.substr(0, outcome.bytes).ends_with("\r\n\r\n"));
  require(!(head.chunked && head.content_length));
  for (const Field& field : head) {
    require(!field.name.empty() && is_field_value(field.value));
    require(field.name.data() >= bytes.data() &&
            field.value.data() + field.value.size() <= bytes.data() + outcome.bytes);
  }
  // Whatever follows or is still missing changes nothing of that.
  HeadType again;
  require(parse(bytes.substr(0, outcome.bytes), HeadLimits{}, again).bytes == outcome.bytes);
  for (std::size_t n = 0; n < outcome.bytes; n += 1 + outcome.bytes / 64)
    require(parse(bytes.substr(0, n), HeadLimits{}, again).state == HeadOutcome::State::incomplete);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check<RequestHead>(bytes, parse_request_head);
  check<ResponseHead>(bytes, parse_response_head);
  return 0;
}
