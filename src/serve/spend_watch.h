// Looks at each hour's spend when it is over and tells what is unusual: in the log, as a metric, and to the webhook.
// It has a thread and a connection to the database of its own; no request waits for it.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "gateway/shared/gateway.h"
#include "serve/alerts.h"
#include "spend/anomalies.h"
#include "store/home.h"
#include "telemetry/limit_metrics.h"
#include "telemetry/log.h"

namespace sluice::serve {

class SpendWatch {
 public:
  // All outlive it. `alerts: { anomalies: false }` keeps it still.
  SpendWatch(store::Home home, telemetry::Log& log, telemetry::LimitMetrics& metrics,
             const gateway::SnapshotCell& snapshots, Alerts& alerts, std::function<std::int64_t()> unix_us);
  ~SpendWatch();  // waits for a look that is under way
  SpendWatch(const SpendWatch&) = delete;
  SpendWatch& operator=(const SpendWatch&) = delete;

  static constexpr std::chrono::seconds pause{15};               // between two looks at the clock
  static constexpr std::int64_t after_the_hour_us = 60'000'000;  // by then its last rows are folded
  static constexpr std::int64_t most_hours_late = 24;            // what a server that did not run makes up for

 private:
  void run();
  Result<void> look();

  const store::Home home_;
  telemetry::Log& log_;
  telemetry::LimitMetrics& metrics_;
  const gateway::SnapshotCell& snapshots_;
  Alerts& alerts_;
  const std::function<std::int64_t()> unix_us_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::string told_problem_;  // the thread's
  std::thread thread_;
};

}  // namespace sluice::serve
