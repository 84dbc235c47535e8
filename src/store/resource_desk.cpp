#include "store/resource_desk.h"

#include <chrono>

#include "store/store.h"

namespace sluice::store {

Result<std::unique_ptr<ResourceDesk>> ResourceDesk::start(const std::string& directory) {
  TRY(std::unique_ptr<ResourceStore> store, ResourceStore::open(directory));
  return std::unique_ptr<ResourceDesk>(new ResourceDesk(std::move(store)));
}

ResourceDesk::ResourceDesk(std::unique_ptr<ResourceStore> store)
    : store_(std::move(store)), thread_([this] { run(); }) {}

ResourceDesk::~ResourceDesk() { stop(); }

void ResourceDesk::stop() {
  {
    const std::lock_guard held(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool ResourceDesk::hand_in(Work work, std::size_t bytes) {
  {
    const std::lock_guard held(mutex_);
    if (stopping_) return false;
    if (waiting_.size() >= most_waiting || waiting_bytes_ + bytes > most_waiting_bytes) {
      problem_ = "the disk of the data directory does not keep up";
      return false;
    }
    waiting_.push_back({std::move(work), bytes});
    waiting_bytes_ += bytes;
  }
  wake_.notify_one();
  return true;
}

std::string ResourceDesk::problem() const {
  const std::lock_guard held(mutex_);
  return problem_;
}

void ResourceDesk::run() {
  constexpr std::chrono::minutes between_expiries{10};
  auto next_expiry = std::chrono::steady_clock::now();
  std::unique_lock held(mutex_);
  for (;;) {
    wake_.wait_until(held, next_expiry, [&] { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty() && stopping_) return;
    Waiting next{.work = [](ResourceStore& store) { return store.expire(wall_clock_us()); }};
    if (!waiting_.empty() && (stopping_ || std::chrono::steady_clock::now() < next_expiry)) {
      next = std::move(waiting_.front());
      waiting_.pop_front();
    } else {
      next_expiry = std::chrono::steady_clock::now() + between_expiries;
    }
    held.unlock();
    Result<void> done = next.work(*store_);
    next.work = nullptr;
    held.lock();
    waiting_bytes_ -= next.bytes;
    problem_ = done ? std::string() : std::move(done).error().message;
  }
}

}  // namespace sluice::store
