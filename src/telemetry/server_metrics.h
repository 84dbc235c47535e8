// The metrics of the server itself: its configuration, its connections, its end. Declared in one place: names, labels
// and meaning are a public contract for alerts.
#pragma once

#include <string_view>

#include "telemetry/limit_table.h"
#include "telemetry/metrics.h"

namespace sluice::telemetry {

struct ServerMetrics {
  explicit ServerMetrics(Registry& registry);

  // A bound was met; what is no name of limit_table.h is not counted. Any thread.
  void beyond(std::string_view limit);

  CounterFamily& reloads;         // trigger: signal, call, file, store; outcome: applied, refused
  GaugeFamily& config_errors;     // of the configuration that was read last; 0: it is in force
  GaugeFamily& config_since;      // when the one in force came into force, Unix seconds
  GaugeFamily& needs_restart;     // settings in the file that wait for a restart
  GaugeFamily& connections;       // of clients, open now
  CounterFamily& http2_limits;    // limit: those of HTTP/2 alone, without their http2_
  CounterFamily& limit_hits;      // limit: by name, as in limit_table.h
  CounterFamily& no_handshakes;   // clients with which TLS came to nothing
  GaugeFamily& certificate_ends;  // when the certificate for clients expires, Unix seconds; 0: there is none
  GaugeFamily& crowded_out;       // idle ones that were closed because server.max_connections was reached
  CounterFamily& admin_requests;  // route: of the API, or none; status
  GaugeFamily& stopping;          // 1 from the signal to stop on
};

}  // namespace sluice::telemetry
