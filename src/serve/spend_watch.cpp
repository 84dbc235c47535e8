#include "serve/spend_watch.h"

#include <algorithm>
#include <utility>

#include "spend/anomalies_json.h"
#include "spend/watch.h"

namespace sluice::serve {
namespace {

constexpr std::int64_t us_per_hour = 3'600'000'000;
// Longer than anybody makes up for.
constexpr std::int64_t name_kept_us = 2 * SpendWatch::most_hours_late * us_per_hour;

// The same for all who see it.
std::string alert_name(const spend::Anomaly& anomaly) {
  return "anomaly:" + std::string(name(anomaly.kind)) + ":" + std::to_string(anomaly.hour) + ":" + anomaly.series.team +
         ":" + anomaly.series.provider + "/" + anomaly.series.model;
}

}  // namespace

SpendWatch::SpendWatch(store::Home home, telemetry::Log& log, telemetry::LimitMetrics& metrics,
                       const gateway::SnapshotCell& snapshots, Alerts& alerts, std::function<std::int64_t()> unix_us)
    : home_(std::move(home)),
      log_(log),
      metrics_(metrics),
      snapshots_(snapshots),
      alerts_(alerts),
      unix_us_(std::move(unix_us)),
      thread_([this] { run(); }) {}

SpendWatch::~SpendWatch() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void SpendWatch::run() {
  std::unique_lock lock(mutex_);
  do {
    lock.unlock();
    const Result<void> looked = look();
    const std::string problem = looked ? "" : looked.error().message;
    if (problem != told_problem_ && !problem.empty())
      log_.error("the hours' spend cannot be looked at", {{"problem", problem}});
    told_problem_ = problem;
    lock.lock();
  } while (!wake_.wait_for(lock, pause, [&] { return stopping_; }));
}

// Each hour once, also across restarts: the database knows how far the last look went.
Result<void> SpendWatch::look() {
  const auto snapshot = snapshots_.load();
  if (!snapshot->alerts().anomalies) return {};
  const std::int64_t to = (unix_us_() - after_the_hour_us) / us_per_hour;  // hours before it are over
  TRY(store::Store store, store::Store::open(home_));
  TRY(const std::optional<std::int64_t> looked, store.watched_hours());
  if (!looked) return store.set_watched_hours(to);  // what was before is nobody's news
  if (*looked >= to) return {};
  const std::int64_t from = std::max(*looked, to - most_hours_late);
  const spend::Sensitivity by{.least = snapshot->alerts().anomaly_least};
  TRY(const spend::Found found, spend::find_anomalies(store, snapshot->prices(), from, to, by));
  // One process alone: before it is told, rather once too few than every hour again. Several that look at the same
  // ledger claim what they tell: then a look that did not come to its end is repeated.
  const bool shared = home_.postgres.has_value();
  if (!shared) CHECK_OK(store.set_watched_hours(to));
  for (const spend::Anomaly& anomaly : found.anomalies) {
    store::NamedAlert alert{.name = {}, .body = spend::message(anomaly)};
    if (shared) {
      alert.name = alert_name(anomaly);
      TRY(const bool mine, store.claim_alert(alert, std::chrono::microseconds(Claims::lease).count(), name_kept_us));
      if (!mine) continue;
    }
    metrics_.anomalies.with(name(anomaly.kind)).add();
    log_.warn("unusual spend", {{"kind", name(anomaly.kind)},
                                {"hour", spend::hour_text(anomaly.hour)},
                                {"team", anomaly.series.team},
                                {"model", anomaly.series.provider + "/" + anomaly.series.model},
                                {"cost_usd", store::usd(anomaly.cost)},
                                {"usual_usd", store::usd(anomaly.usual)},
                                {"reason", spend::sentence(anomaly)}});
    alerts_.post_soon(std::move(alert.body), std::move(alert.name));
  }
  if (shared) CHECK_OK(store.set_watched_hours(to));
  if (found.series_left_out > 0) log_.warn("not all spend was looked at", {{"series_left_out", found.series_left_out}});
  return {};
}

}  // namespace sluice::serve
