#include "dialects/fuzz_dialect.h"
#include "dialects/gemini/gemini.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto dialect = sluice::dialects::make_gemini();
  return sluice::dialects::fuzz::one_input(*dialect, data, size);
}
