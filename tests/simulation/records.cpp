#include "records.h"

namespace sluice::simulation {

using std::chrono::milliseconds;

store::Appended SimulatedLog::append(std::string_view record) {
  if (queued_.size() >= most_queued) {
    ++lost_;
    return store::Appended::full;
  }
  queued_.emplace_back(record);
  if (!std::exchange(write_planned_, true)) world_.after(milliseconds(10), [this] { write(); });
  return store::Appended::queued;
}

void SimulatedLog::write() {
  write_planned_ = false;
  if (!disk_works_) return;
  durable_.insert(durable_.end(), queued_.begin(), queued_.end());
  queued_.clear();
}

void SimulatedLog::set_disk_works(bool works) {
  disk_works_ = works;
  if (works) write();
}

}  // namespace sluice::simulation
