#pragma once

#include <sched.h>

#include <algorithm>

namespace sluice {

// The cores that this process may run on, at least 1: what taskset, a container's cpuset or systemd left of the
// machine. std::thread::hardware_concurrency() counts the machine's.
inline int usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof set, &set) == 0 ? std::max(CPU_COUNT(&set), 1) : 1;
}

}  // namespace sluice
