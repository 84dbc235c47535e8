// Tells people about budgets: a line in the log, metrics, and, where the configuration names one, a webhook. It has a
// thread of its own, so that no request waits for whoever is told. Of several replicas that share something, one tells
// (claims.h); another thread asks which.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "async/scope.h"
#include "gateway/admit/admit.h"
#include "gateway/shared/gateway.h"
#include "http/client.h"
#include "net/connect.h"
#include "serve/claims.h"
#include "telemetry/limit_metrics.h"
#include "telemetry/log.h"

namespace sluice::serve {

class Alerts {
 public:
  // All of them outlive it. `claims`: of replicas that tell once together; null: there is nobody else. Throws
  // std::system_error when the kernel gives no thread or files for it.
  Alerts(telemetry::Log& log, telemetry::LimitMetrics& metrics, const gateway::SnapshotCell& snapshots,
         std::shared_ptr<net::TlsContext> tls, std::unique_ptr<Claims> claims = nullptr);
  // What is on its way to the webhook is given up; another replica tells it.
  ~Alerts();

  // Any thread; does not block. For Admission.
  void tell(const store::LimitLine& line, const gateway::LimitEvent& event);

  // Any thread; does not block. A JSON object for the webhook, if there is one. `name`: of what this process has
  // claimed (store/alert_claims.h); empty: nobody else tells it.
  void post_soon(std::string body, std::string name = {});

  // Messages that wait for the webhook, the oldest first; beyond, the newest are dropped and counted.
  static constexpr std::size_t most_waiting = 256;
  static constexpr int attempts = 4;  // with pauses of 1, 2 and 4 seconds
  static constexpr std::chrono::seconds answer_limit{10};

 private:
  struct Message {
    std::string name;  // as claimed, or empty
    std::string body;
  };
  // A budget's alert that somebody is about to tell.
  struct Asked {
    store::LimitLine line;
    gateway::LimitEvent event;
    store::NamedAlert alert;
    std::chrono::milliseconds keep{};
  };
  void announce(const store::LimitLine& line, const gateway::LimitEvent& event);
  void ask_who_tells(const store::LimitLine& line, const gateway::LimitEvent& event);
  void claim_all();
  void claim(Asked& asked);
  bool settle_told(std::vector<std::string> names);
  void look_after_claims();
  void end_with(const std::string& name);
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
  std::deque<Message> queue_;  // the reactor's thread's
  bool sending_ = false;       // the reactor's thread's
  async::Scope jobs_;

  const std::unique_ptr<Claims> claims_;  // the claimer's
  std::mutex mutex_;                      // of what follows
  std::condition_variable wake_;
  bool stopping_ = false;
  std::deque<Asked> asked_;        // at most most_waiting
  std::vector<std::string> told_;  // names that need nobody any more
  std::set<std::string> to_tell_;  // names that are claimed and on their way to the webhook
  std::string claims_problem_;     // the claimer's: as it was told
  std::thread thread_;
  std::thread claimer_;
};

// The name under which all replicas know an alert of a budget: one for each share of it, window and amount; and how
// long that is.
struct AlertName {
  std::string text;
  std::chrono::milliseconds keep{};
};
AlertName alert_name(const store::LimitLine& line, int percent, std::int64_t unix_us);

// The JSON object that the webhook gets. "text" is a sentence, as chat tools show it.
std::string alert_json(const store::LimitLine& line, const gateway::LimitEvent& event);

// Sets the gauges of the budgets that were set to their state at this moment. Any thread.
void record_limits(telemetry::LimitMetrics& metrics, const store::Lines& lines, std::int64_t unix_us);

}  // namespace sluice::serve
