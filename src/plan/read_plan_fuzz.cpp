// A plan file is read, or everything that is wrong with it is told.
#include <chrono>
#include <cstdlib>

#include "plan/read_plan.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice;
  yaml::Diagnostics diagnostics;
  const auto plan =
      plan::read_plan("fuzz.yaml", std::string(reinterpret_cast<const char*>(data), size), catalog::embedded_catalog(),
                      std::chrono::sys_days{std::chrono::September / 1 / 2026}, diagnostics);
  if (plan.has_value() != (diagnostics.errors() == 0)) std::abort();
  static_cast<void>(diagnostics.render());
  return 0;
}
