// For tests: waits for what another thread does.
#pragma once

#include <chrono>
#include <thread>

namespace sluice::store {

constexpr auto patience = std::chrono::seconds(20);  // only ever waited for in full by a test that fails

bool wait_until(const auto& condition) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace sluice::store
