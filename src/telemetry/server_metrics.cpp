#include "telemetry/server_metrics.h"

namespace sluice::telemetry {

ServerMetrics::ServerMetrics(Registry& registry)
    : reloads(registry.counter("sluice_config_reloads_total",
                               "Times that the configuration was read again, by what asked for it and what came of it.",
                               {"trigger", "outcome"})),
      config_errors(registry.gauge("sluice_config_errors",
                                   "Errors of the configuration that was read last; 0 when it is in force.")),
      config_since(registry.gauge("sluice_config_in_force_since_seconds",
                                  "When the configuration that is in force was read, Unix time.")),
      needs_restart(registry.gauge("sluice_config_needs_restart",
                                   "Settings of the file that come into force only with a restart.")),
      connections(registry.gauge("sluice_client_connections", "Client connections that are open.")),
      http2_limits(registry.counter("sluice_http2_limits_total",
                                    "Times that a client went beyond a limit of HTTP/2, by the limit.", {"limit"})),
      limit_hits(registry.counter("sluice_limit_hits_total",
                                  "Times that a bound of docs/reference/limits.md was met, by its name.", {"limit"})),
      no_handshakes(registry.counter("sluice_tls_handshake_failures_total",
                                     "Connections of clients with which TLS came to nothing.")),
      certificate_ends(registry.gauge("sluice_tls_certificate_expires_seconds",
                                      "When the certificate for clients expires, Unix time; 0 without TLS.")),
      crowded_out(registry.gauge("sluice_client_connections_crowded_out",
                                 "Connections without a request that were closed to make room, since the start.")),
      admin_requests(registry.counter("sluice_admin_requests_total",
                                      "Requests of the administration's API, by the route and the answer's status.",
                                      {"route", "status"})),
      stopping(registry.gauge("sluice_stopping", "1 from the signal to stop on, else 0.")) {
  for (const char* trigger : {"signal", "call", "file", "store"})
    reloads.with(trigger, "refused");  // alerts need the zero
  for (const char* limit : {"streams", "head_bytes", "head_frames", "bodies", "resets", "control_frames",
                            "empty_frames", "queued_frames", "protocol"})
    http2_limits.with(limit);
  for (const Limit& limit : limit_table())
    if (!limit.metric) limit_hits.with(limit.name);
  no_handshakes.with();
  config_errors.with();
  needs_restart.with();
  stopping.with();
}

void ServerMetrics::beyond(std::string_view limit) {
  constexpr std::string_view of_http2 = "http2_";
  const Limit* known = find_limit(limit);
  if (!known || known->metric) return;
  limit_hits.with(known->name).add();
  if (limit.starts_with(of_http2)) http2_limits.with(limit.substr(of_http2.size())).add();
}

}  // namespace sluice::telemetry
