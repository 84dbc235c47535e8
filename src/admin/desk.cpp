#include "admin/desk.h"

#include <utility>

namespace sluice::admin {

Desk::Desk(Administration administration) : administration_(std::move(administration)), thread_([this] { run(); }) {}

Desk::~Desk() { stop(); }

void Desk::stop() {
  {
    const std::lock_guard held(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool Desk::hand_in(Work work, std::size_t bytes) {
  {
    const std::lock_guard held(mutex_);
    if (stopping_ || waiting_.size() >= most_waiting || waiting_bytes_ + bytes > most_waiting_bytes) return false;
    waiting_.push_back({std::move(work), bytes});
    waiting_bytes_ += bytes;
  }
  wake_.notify_one();
  return true;
}

void Desk::run() {
  std::unique_lock held(mutex_);
  for (;;) {
    wake_.wait(held, [&] { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    held.unlock();
    next.work(administration_);
    next.work = nullptr;
    held.lock();
    waiting_bytes_ -= next.bytes;
  }
}

}  // namespace sluice::admin
