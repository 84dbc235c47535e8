#include "telemetry/limit_table.h"

#include <algorithm>
#include <array>

namespace sluice::telemetry {
namespace {

using enum Limit::Side;

constexpr std::int64_t kib = 1024;
constexpr std::int64_t mib = 1024 * kib;
constexpr const char* calm = "the connection ends: GOAWAY, ENHANCE_YOUR_CALM";
constexpr const char* next = "the next candidate, else 502; in a stream that has begun an error event";

constexpr std::array table{
    // Connections and heads.
    Limit{"connections", client, 10'000, "connections", "server.max_connections",
          "the oldest ones without a request are closed; where each has one, new ones wait in the kernel's queue", "",
          "sluice_client_connections_crowded_out"},
    Limit{"idle_timeout", client, 75'000, "ms", "server.idle_timeout_ms", "the connection is closed", "", nullptr},
    Limit{"head_timeout", client, 10'000, "ms", "server.header_timeout_ms", "408, the connection is closed",
          "the request's head did not arrive in time", nullptr},
    Limit{"head_bytes", client, 64 * kib, "bytes", "server.max_header_bytes", "431, the connection is closed",
          "the head is too long", nullptr},
    Limit{"head_fields", client, 100, "header lines", "", "431, the connection is closed",
          "the request has more than 100 header lines", nullptr},
    Limit{"target_bytes", client, 8 * kib, "bytes", "", "414, the connection is closed",
          "the request target is too long", nullptr},
    Limit{"write_timeout", client, 60'000, "ms", "", "the connection is closed, the provider's call ends", "", nullptr},
    // Bodies.
    Limit{"body_bytes", client, 32 * mib, "bytes", "server.max_body_bytes", "413", "the request body has", nullptr},
    Limit{"body_timeout", client, 60'000, "ms", "server.body_timeout_ms", "400, the connection is closed",
          "the request body did not arrive in time", nullptr},
    Limit{"chunk_size_digits", client, 15, "digits", "", "400, the connection is closed", "a chunk size is too large",
          nullptr},
    Limit{"chunk_extension_bytes", client, 4 * kib, "bytes of one body", "", "400, the connection is closed",
          "the chunk extensions are too long", nullptr},
    Limit{"trailer_bytes", client, 16 * kib, "bytes", "", "400, the connection is closed", "the trailers are too long",
          nullptr},
    // HTTP/2.
    Limit{"http2_streams", client, 128, "requests of a connection", "server.max_streams",
          "the request is refused, unread: REFUSED_STREAM", "", nullptr},
    Limit{"http2_bodies", client, 4, "times server.max_body_bytes, of a connection", "", "503",
          "the requests that run on this connection have bodies", nullptr},
    Limit{"http2_head_bytes", client, 64 * kib, "bytes; packed, twice as many", "server.max_header_bytes",
          "431; packed, the connection ends", "the request's head is larger than the limit", nullptr},
    Limit{"http2_head_frames", client, 16, "CONTINUATION frames", "", calm, "a request's head comes in too many frames",
          nullptr},
    Limit{"http2_resets", client, 200, "at once, and 20 a second", "", calm,
          "too many requests taken back before their end", nullptr},
    Limit{"http2_control_frames", client, 1'000, "at once, and 100 a second", "", calm,
          "too many frames that carry no request", nullptr},
    Limit{"http2_empty_frames", client, 100, "at once, and 10 a second", "", calm, "too many DATA frames without data",
          nullptr},
    Limit{"http2_queued_frames", client, 1'000, "frames", "", calm,
          "too many frames that ask for an answer while none is read", nullptr},
    Limit{"http2_protocol", client, 0, "frames that are none", "", "the connection ends", "", nullptr},
    // What a request holds.
    Limit{"json_depth", client, 256, "levels", "", "400", "it is nested deeper than 256 levels", nullptr},
    Limit{"tools", client, 4'096, "tools of a request that is translated", "", "400",
          "at most 4096 tools can be given to this model", nullptr},
    Limit{"form_fields", client, 512, "fields", "", "400", "it has more than 512 fields", nullptr},
    Limit{"form_head_bytes", client, 8 * kib, "bytes of one field's head", "", "400", "the head of a field has no end",
          nullptr},
    Limit{"references", client, 1'000, "kept things that a request names", "", "400",
          "the request names more than 1000 kept things", nullptr},
    Limit{"batch_references", client, 50'000, "kept things that a batch's requests name", "", "400",
          "the batch names more than 50000 kept things", nullptr},
    // Places, before anybody is asked.
    Limit{"in_flight", client, 16'384, "requests", "limits.in_flight", "503 with retry-after",
          "places for requests are taken", nullptr},
    Limit{"concurrent_requests", client, 1'024, "requests of a key", "limits.in_flight_per_key", "429 with retry-after",
          "requests under way", nullptr},
    Limit{"places", client, 256, "that wait for a place at a provider or ground", "limits.queue",
          "the next candidate, else 503 with retry-after", "are taken, and others wait for them",
          "sluice_shed_requests"},
    // Of answers.
    Limit{"answer_bytes", provider, 64 * mib, "bytes of an answer that is read whole", "", next,
          "the provider's answer is larger than", nullptr},
    Limit{"translated_bytes", provider, 64 * mib, "bytes of a stream that is translated", "", next,
          "the provider's answer is longer than 64 MB", nullptr},
    Limit{"sse_event_bytes", provider, 8 * mib, "bytes of one event", "", next,
          "the provider sent an event of more than 8 MiB", nullptr},
    Limit{"event_stream_bytes", provider, 8 * mib, "bytes of one message of Amazon's event stream", "", next,
          "has a message of a wrong length", nullptr},
};

}  // namespace

std::span<const Limit> limit_table() { return table; }

const Limit* find_limit(std::string_view name) {
  const auto found = std::ranges::find(table, name, [](const Limit& one) { return std::string_view(one.name); });
  return found == table.end() ? nullptr : &*found;
}

std::string limits_page() {
  std::string page =
      "# Limits\n\n"
      "Every bound that traffic can meet. Made from `src/telemetry/limit_table.cpp` (`GOLDEN_UPDATE=1 ./dev test "
      "telemetry` writes it anew).\n"
      "Each time that one is met is counted as `sluice_limit_hits_total{limit=\"NAME\"}`, where no other metric is "
      "named. Budgets, rates and\n"
      "quotas are limits that an operator sets for keys: they are counted by `sluice_limit_refusals_total`.\n"
      "Compressed answers are no way around these: Sluice asks providers for `identity`, and unpacks nothing.\n";
  for (const auto side : {client, provider}) {
    page += side == client ? "\n## Of clients\n\n" : "\n## Of providers\n\n";
    page += "| name | default | setting | beyond it | message |\n|---|---|---|---|---|\n";
    for (const Limit& one : table) {
      if (one.side != side) continue;
      const bool settable = *one.setting != '\0';
      page += std::string("| `") + one.name + "` | " + std::to_string(one.amount) + " " + one.unit + " | " +
              (settable ? std::string("`") + one.setting + "`" : "built in") + " | " + one.answer;
      if (one.metric) page += std::string("; counted as `") + one.metric + "`";
      page += std::string(" | ") + (*one.message != '\0' ? one.message : "–") + " |\n";
    }
  }
  return page;
}

}  // namespace sluice::telemetry
