#include "dialects/anthropic_messages/anthropic_messages.h"
#include "dialects/fuzz_dialect.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto dialect = sluice::dialects::make_anthropic_messages();
  return sluice::dialects::fuzz::one_input(*dialect, data, size);
}
