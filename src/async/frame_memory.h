// Memory for coroutine frames. A request runs through some thirty coroutines whose frames have the same few sizes each
// time, many beyond what malloc keeps in its per-thread cache; here each thread keeps those it has used.
#pragma once

#include <array>
#include <cstddef>
#include <new>
#include <utility>

namespace sluice::async {

class FrameMemory {
 public:
  static void* allocate(std::size_t bytes) {
    const std::size_t size_class = class_of(bytes);
    if (size_class >= classes) return ::operator new(bytes);
    Spare& spare = of_this_thread()[size_class];
    if (!spare.first) return ::operator new((size_class + 1) * step_bytes);
    --spare.count;
    return std::exchange(spare.first, spare.first->next);
  }

  static void release(void* frame, std::size_t bytes) noexcept {
    const std::size_t size_class = class_of(bytes);
    if (size_class >= classes) return ::operator delete(frame);
    Spare& spare = of_this_thread()[size_class];
    if (spare.count >= max_spare) return ::operator delete(frame);
    ++spare.count;
    spare.first = new (frame) Free{spare.first};
  }

 private:
  static constexpr std::size_t step_bytes = 128;
  static constexpr std::size_t classes = 32;  // frames of up to 4 KiB
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  static constexpr std::size_t max_spare = 0;  // a frame that is used after its end must be noticed
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  static constexpr std::size_t max_spare = 0;
#else
  static constexpr std::size_t max_spare = 64;
#endif
#else
  static constexpr std::size_t max_spare =
      64;  // of each size: at most 8 MiB a thread in all, in practice a few hundred KiB
#endif

  struct Free {
    Free* next;
  };
  struct Spare {
    Free* first = nullptr;
    std::size_t count = 0;
  };
  struct Lists : std::array<Spare, classes> {
    ~Lists() {
      for (Spare& spare : *this)
        while (spare.first) ::operator delete(std::exchange(spare.first, spare.first->next));
    }
  };
  static std::size_t class_of(std::size_t bytes) { return (bytes - 1) / step_bytes; }
  static Lists& of_this_thread() {
    thread_local Lists lists;
    return lists;
  }
};

}  // namespace sluice::async
