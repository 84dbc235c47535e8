// What a start frees goes back to the system at once. The allocator waits a moment before it returns memory, for what
// is asked for again soon; after a start nothing is, for hours, and what the reading of catalogue and configuration
// left behind would count as the server's. So would the code that has done it.
#pragma once

#include <optional>

namespace sluice::serve {

// While one lives, freed memory is given back at once, where the program's allocator is mimalloc (the sanitizers bring
// their own).
class StartupMemory {
 public:
  StartupMemory();
  ~StartupMemory() { end(); }
  StartupMemory(const StartupMemory&) = delete;
  StartupMemory& operator=(const StartupMemory&) = delete;

  // Gives back what the calling thread holds and does not use, and the pages of code; from now on the allocator waits
  // again.
  void end();

 private:
  bool ended_ = false;
  std::optional<long> delay_ms_;  // the allocator's own; empty: ended, or there is none
};

}  // namespace sluice::serve
