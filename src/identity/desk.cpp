#include "identity/desk.h"

namespace sluice::identity {

Result<std::unique_ptr<Desk>> Desk::start(const store::Home& home) {
  TRY(store::Store store, store::Store::open(home));
  return std::unique_ptr<Desk>(new Desk(std::move(store)));
}

Desk::Desk(store::Store store) : store_(std::move(store)), thread_([this] { run(); }) {}

Desk::~Desk() { stop(); }

void Desk::stop() {
  {
    const std::lock_guard held(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool Desk::hand_in(Work work) {
  {
    const std::lock_guard held(mutex_);
    if (stopping_ || waiting_.size() >= most_waiting) return false;
    waiting_.push_back(std::move(work));
  }
  wake_.notify_one();
  return true;
}

void Desk::run() {
  std::unique_lock held(mutex_);
  for (;;) {
    wake_.wait(held, [&] { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    const Work work = std::move(waiting_.front());
    waiting_.pop_front();
    held.unlock();
    work(store_);
    held.lock();
  }
}

}  // namespace sluice::identity
