#include "serve/records.h"

namespace sluice::serve {

void record_limit(telemetry::ServerMetrics& metrics, const Error& error) {
  if (error.provider_status != 0) return;  // the code is the provider's own
  const telemetry::Limit* limit = telemetry::find_limit(error.code);
  if (limit && limit->side == telemetry::Limit::Side::client) metrics.beyond(limit->name);
}

void record_attempt(telemetry::RequestMetrics& metrics, const store::LedgerEntry& entry) {
  const std::string_view provider = entry.provider.str();
  const std::string_view ground = catalog::name(entry.ground);
  metrics.attempts.with(provider, store::name(entry.outcome)).add();
  const auto count = [&](std::string_view token_class, Tokens tokens) {
    if (tokens > 0) metrics.tokens.with(provider, ground, token_class).add(static_cast<std::uint64_t>(tokens));
  };
  count("input", entry.usage.fresh_input());
  count("cache_read", entry.usage.cached_input());
  count("cache_write", entry.usage.cache_write_5m + entry.usage.cache_write_1h);
  count("output", entry.usage.visible_output());
  count("reasoning", entry.usage.reasoning);
  const bool used = entry.outcome == store::Outcome::ok || entry.usage.total_input() + entry.usage.total_output() > 0;
  if (!entry.cost && used)
    metrics.unpriced_requests.with(provider).add();
  else if (entry.cost && entry.cost->pico() > 0)
    metrics.cost_picodollars.with(provider, ground).add(static_cast<std::uint64_t>(entry.cost->pico()));
}

void record_append(telemetry::StoreMetrics& metrics, std::string_view log, store::Appended appended) {
  if (appended != store::Appended::queued) metrics.lost.with(log).add();
}

void record_health(telemetry::StoreMetrics& metrics, const store::LiveStore::Health& health) {
  metrics.queued_bytes.with("ledger").set(static_cast<double>(health.ledger.queued_bytes));
  metrics.queued_bytes.with("audit").set(static_cast<double>(health.audit.queued_bytes));
  metrics.degraded.with("ledger").set(health.ledger.degraded ? 1 : 0);
  metrics.degraded.with("audit").set(health.audit.degraded ? 1 : 0);
  metrics.degraded.with("keys").set(health.keys_problem.empty() ? 0 : 1);
  metrics.keys_age.with().set(static_cast<double>(health.keys_age.count()));
  metrics.rows_since.with().set(static_cast<double>(health.rows_since_us / 1'000'000));
  metrics.degraded.with("fold").set(health.fold_problem.empty() ? 0 : 1);
}

void record_change(telemetry::Log& log, telemetry::TargetMetrics& metrics, const gateway::TargetChange& change) {
  using What = gateway::TargetChange::What;
  metrics.events.with(change.target, gateway::name(change.what)).add();
  switch (change.what) {
    case What::opened:
      return log.warn("target left alone",
                      {{"target", change.target}, {"for_ms", change.time.count()}, {"why", change.why}});
    case What::rests:
      return log.info("target asks to be left alone",
                      {{"target", change.target}, {"for_ms", change.time.count()}, {"why", change.why}});
    case What::closed: return log.info("target answers again", {{"target", change.target}});
    case What::retry_refused: return;  // one for each request, while a provider is down: the counter says how many
  }
}

void record_rollback(telemetry::Log& log, telemetry::TargetMetrics& metrics, const gateway::Canaries::Report& report) {
  metrics.canary_rollbacks.with(report.workload, report.target).add();
  log.warn("canary rolled back", {{"workload", report.workload},
                                  {"target", report.target},
                                  {"why", report.why},
                                  {"calls", report.canary.calls},
                                  {"failures", report.canary.failures}});
}

void record_canaries(telemetry::TargetMetrics& metrics, const std::vector<gateway::Canaries::Report>& canaries) {
  for (const gateway::Canaries::Report& one : canaries)
    metrics.canary_percent.with(one.workload, one.target).set(static_cast<double>(one.percent));
}

void record_targets(telemetry::TargetMetrics& metrics, const std::vector<gateway::Health::Report>& targets) {
  for (const gateway::Health::Report& one : targets) {
    const double state = one.state.kind == gateway::TargetState::Kind::well   ? 0
                         : one.state.kind == gateway::TargetState::Kind::open ? 2
                                                                              : 1;
    metrics.state.with(one.target).set(state);
  }
}

void record_places(telemetry::TargetMetrics& metrics, const std::vector<gateway::Places::Report>& places) {
  for (const gateway::Places::Report& one : places) {
    metrics.places_taken.with(one.name).set(static_cast<double>(one.taken));
    metrics.queue_depth.with(one.name).set(static_cast<double>(one.waiting));
    metrics.shed.with(one.name).set(static_cast<double>(one.shed));
  }
}

void record_choice(telemetry::TargetMetrics& metrics, const gateway::AffinityChoice& choice) {
  metrics.affinity_requests.with(choice.target, gateway::name(choice.reason)).add();
  metrics.affinity_prompt_bytes.with("all").add(choice.bytes);
  metrics.affinity_prompt_bytes.with("known").add(choice.known_bytes);
}

void record_affinity(telemetry::TargetMetrics& metrics, const gateway::Affinity& affinity,
                     gateway::Affinity::TimePoint now) {
  for (const gateway::Affinity::Report& one : affinity.report(now)) {
    metrics.affinity_load.with(one.target).set(one.load_bytes);
    metrics.affinity_under_way.with(one.target).set(one.under_way);
  }
  metrics.affinity_blocks.with().set(static_cast<double>(affinity.blocks_known()));
}

namespace {

std::string per_mille(int value) {
  std::string digits = std::to_string(value % 1000);
  digits.insert(0, 3 - digits.size(), '0');
  return std::to_string(value / 1000) + "." + digits;
}

}  // namespace

void record_request(telemetry::Log& log, telemetry::RequestMetrics& metrics, const gateway::AuditRecord& record,
                    const gateway::Timing& timing, const Error* error) {
  const std::string_view dialect = record.client_dialect ? chat::name(*record.client_dialect) : "none";
  const std::string_view provider = record.provider.empty() ? "none" : record.provider;
  const std::string_view ground = record.ground ? catalog::name(*record.ground) : "none";
  const auto seconds = [](std::int64_t us) { return static_cast<double>(us) / 1e6; };
  if (record.client_dialect) metrics.in_flight.with(dialect).add(-1);
  metrics.requests.with(dialect, provider, ground, store::name(record.outcome)).add();
  metrics.duration.with(dialect, ground).observe(seconds(timing.total_us));
  metrics.overhead.with(dialect).observe(seconds(timing.overhead_us));
  if (timing.first_token_us >= 0)
    metrics.time_to_first_token.with(dialect, ground).observe(seconds(timing.first_token_us));

  const auto level = record.outcome == store::Outcome::ok         ? telemetry::Level::info
                     : record.outcome == store::Outcome::internal ? telemetry::Level::error
                                                                  : telemetry::Level::warn;
  if (!log.enabled(level)) return;
  const bool used = record.usage.total_input() + record.usage.total_output() > 0;
  const std::string cost = record.cost ? record.cost->usd() : used ? "unpriced" : "0.0";
  const std::string difficulty = record.difficulty_permille < 0 ? "" : per_mille(record.difficulty_permille);
  log.write(level, "request",
            {{"request_id", record.request_id},
             {"key", record.key_id.empty() ? "none" : record.key_id},
             {"dialect", dialect},
             {"model", record.requested_model},
             {"provider", provider},
             {"served_model", record.model},
             {"ground", ground},
             {"stream", record.stream},
             {"status", record.status},
             {"outcome", store::name(record.outcome)},
             {"attempts", record.attempts},
             {"tokens_in", record.usage.total_input()},
             {"tokens_out", record.usage.total_output()},
             {"cost_usd", cost},
             {"ttft_us", timing.first_token_us},
             {"total_us", timing.total_us},
             {"overhead_us", timing.overhead_us},
             {"workload", record.workload},
             {"canary", record.canary},
             {"escalated", record.escalated},
             {"difficulty", difficulty},
             {"error", error ? std::string_view(error->message) : std::string_view()}});
}

}  // namespace sluice::serve
