// Tells people about budgets: a line in the log, metrics, and, where the configuration names one, a webhook. It has a
// thread of its own, so that no request waits for whoever is told.
#pragma once

#include <atomic>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

#include "async/scope.h"
#include "gateway/admit/admit.h"
#include "gateway/shared/gateway.h"
#include "http/client.h"
#include "net/connect.h"
#include "telemetry/limit_metrics.h"
#include "telemetry/log.h"

namespace sluice::serve {

class Alerts {
 public:
  // All of them outlive it. Throws std::system_error when the kernel gives no thread or files for it.
  Alerts(telemetry::Log& log, telemetry::LimitMetrics& metrics, const gateway::SnapshotCell& snapshots,
         std::shared_ptr<net::TlsContext> tls);
  // What is on its way to the webhook is given up.
  ~Alerts();

  // Any thread; does not block. For Admission.
  void tell(const store::LimitLine& line, const gateway::LimitEvent& event);

  // Any thread; does not block. A JSON object for the webhook, if there is one.
  void post_soon(std::string body);

  // Messages that wait for the webhook, the oldest first; beyond, the newest are dropped and counted.
  static constexpr std::size_t most_waiting = 256;
  static constexpr int attempts = 4;  // with pauses of 1, 2 and 4 seconds
  static constexpr std::chrono::seconds answer_limit{10};

 private:
  static async::Task<> send_all(Alerts* alerts);
  async::Task<bool> send(const config::Snapshot& snapshot, const std::string& body);
  async::Task<Result<int>> post(const config::AlertSettings& to, const std::string& body);

  telemetry::Log& log_;
  telemetry::LimitMetrics& metrics_;
  const gateway::SnapshotCell& snapshots_;
  net::Reactor reactor_;
  net::Resolver resolver_;
  net::Connector connector_;
  http::ConnectionPool connections_;
  std::atomic<std::size_t> waiting_{0};
  std::deque<std::string> queue_;  // the reactor's thread's
  bool sending_ = false;           // the reactor's thread's
  async::Scope jobs_;
  std::thread thread_;
};

// The JSON object that the webhook gets. "text" is a sentence, as chat tools show it.
std::string alert_json(const store::LimitLine& line, const gateway::LimitEvent& event);

// Sets the gauges of the budgets that were set to their state at this moment. Any thread.
void record_limits(telemetry::LimitMetrics& metrics, const store::Lines& lines, std::int64_t unix_us);

}  // namespace sluice::serve
