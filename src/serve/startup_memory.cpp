#include "serve/startup_memory.h"

#include <link.h>
#include <mimalloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

// Only the program is linked to mimalloc; elsewhere these are null.
#pragma weak mi_option_get
#pragma weak mi_option_set
#pragma weak mi_collect

namespace sluice::serve {
namespace {

// Code that has run is in memory page by page until something else wants the room. Half of it here has read the
// configuration, and will not run again soon: what does comes back from the kernel's cache at its next call.
int forget_code(dl_phdr_info* object, std::size_t /*bytes*/, void* /*nothing*/) {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  for (const ElfW(Phdr) & part : std::span(object->dlpi_phdr, object->dlpi_phnum)) {
    if (part.p_type != PT_LOAD || (part.p_flags & PF_X) == 0 || (part.p_flags & PF_W) != 0) continue;
    const std::uintptr_t begin = (object->dlpi_addr + part.p_vaddr) & ~(page - 1);
    const std::uintptr_t end = (object->dlpi_addr + part.p_vaddr + part.p_memsz + page - 1) & ~(page - 1);
    // Where it does not work, nothing is lost but room.
    (void)::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
  }
  return 0;
}

}  // namespace

StartupMemory::StartupMemory() {
  if (!mi_option_get || !mi_option_set || !mi_collect) return;
  delay_ms_ = mi_option_get(mi_option_decommit_delay);
  mi_option_set(mi_option_decommit_delay, 0);
}

void StartupMemory::end() {
  if (std::exchange(ended_, true)) return;
  dl_iterate_phdr(forget_code, nullptr);
  const std::optional<long> delay_ms = std::exchange(delay_ms_, std::nullopt);
  if (!delay_ms) return;
  mi_collect(true);
  mi_option_set(mi_option_decommit_delay, *delay_ms);
}

}  // namespace sluice::serve
