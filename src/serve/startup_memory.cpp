#include "serve/startup_memory.h"

#include <mimalloc.h>

#include <utility>

// Only the program is linked to mimalloc; elsewhere these are null.
#pragma weak mi_option_get
#pragma weak mi_option_set
#pragma weak mi_collect

namespace sluice::serve {

StartupMemory::StartupMemory() {
  if (!mi_option_get || !mi_option_set || !mi_collect) return;
  delay_ms_ = mi_option_get(mi_option_decommit_delay);
  mi_option_set(mi_option_decommit_delay, 0);
}

void StartupMemory::end() {
  const std::optional<long> delay_ms = std::exchange(delay_ms_, std::nullopt);
  if (!delay_ms) return;
  mi_collect(true);
  mi_option_set(mi_option_decommit_delay, *delay_ms);
}

}  // namespace sluice::serve
