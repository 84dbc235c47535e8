#include "dialects/fuzz_dialect.h"
#include "dialects/openai_responses/openai_responses.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto dialect = sluice::dialects::make_openai_responses();
  return sluice::dialects::fuzz::one_input(*dialect, data, size);
}
