// The store of the simulation: keys in memory, and two logs over a simulated disk that now and then takes nothing for a
// while. As with the real one, a record that was queued is safe, and one that found no room is lost and said to be.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "store/request_store.h"
#include "world.h"

namespace sluice::simulation {

class SimulatedLog : public store::RecordLog {
 public:
  explicit SimulatedLog(World& world) : world_(world) {}
  store::Appended append(std::string_view record) override;
  bool refuses_new_work() const { return queued_.size() > most_queued / 2; }
  void set_disk_works(bool works);
  const std::vector<std::string>& durable() const { return durable_; }
  std::size_t lost() const { return lost_; }

 private:
  static constexpr std::size_t most_queued = 12;
  void write();
  World& world_;
  bool disk_works_ = true;
  bool write_planned_ = false;
  std::vector<std::string> queued_;
  std::vector<std::string> durable_;
  std::size_t lost_ = 0;
};

class SimulatedStore : public store::RequestStore {
 public:
  SimulatedStore(World& world, std::vector<store::Principal> keys)
      : keys_(std::make_shared<const store::KeyTable>(std::move(keys))), ledger_(world), audit_(world) {}
  std::shared_ptr<const store::KeyTable> keys() const override { return keys_; }
  SimulatedLog& ledger() override { return ledger_; }
  SimulatedLog& audit() override { return audit_; }
  bool refuses_new_work() const override { return ledger_.refuses_new_work() || audit_.refuses_new_work(); }
  std::uint64_t look_for_keys() override { return 0; }
  bool looked_for_keys(std::uint64_t) const override { return true; }

 private:
  std::shared_ptr<const store::KeyTable> keys_;
  SimulatedLog ledger_;
  SimulatedLog audit_;
};

}  // namespace sluice::simulation
