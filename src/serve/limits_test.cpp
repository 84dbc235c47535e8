// The table of limits against the constants and settings that enforce them.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <utility>

#include "config/settings.h"
#include "dialects/resources/resources.h"
#include "dialects/shared_parts.h"
#include "gateway/admit/admit.h"
#include "http/aws_event_stream.h"
#include "http/chunked.h"
#include "http/client.h"
#include "http/server.h"
#include "http/sse.h"
#include "serve/records.h"
#include "telemetry/limit_table.h"
#include "telemetry/server_metrics.h"

namespace sluice::serve {
namespace {

template <class Number>
std::int64_t whole(Number number) {
  return static_cast<std::int64_t>(number);
}

TEST(Limits, Are_what_the_table_says) {
  const config::ServerSettings server;
  const config::LimitSettings limits;
  const http::ServerLimits http;
  const http::Http2Limits& http2 = http.http2;
  const std::pair<const char*, std::int64_t> expected[] = {
      {"connections", server.max_connections},
      {"idle_timeout", server.idle_timeout_ms},
      {"head_timeout", server.header_timeout_ms},
      {"head_bytes", server.max_header_bytes},
      {"head_fields", whole(http::Head::max_fields)},
      {"target_bytes", whole(http::HeadLimits().target_bytes)},
      {"write_timeout", std::chrono::duration_cast<std::chrono::milliseconds>(http.write_timeout).count()},
      {"body_bytes", server.max_body_bytes},
      {"body_timeout", server.body_timeout_ms},
      {"chunk_size_digits", whole(http::ChunkedDecoder::max_size_digits)},
      {"chunk_extension_bytes", whole(http::ChunkedDecoder::max_extension_bytes)},
      {"trailer_bytes", whole(http::ChunkedDecoder::max_trailer_bytes)},
      {"http2_streams", server.max_streams},
      {"http2_bodies", whole(http2.bodies_per_connection)},
      {"http2_head_bytes", server.max_header_bytes},
      {"http2_head_frames", whole(http2.head_frames)},
      {"http2_resets", http2.resets.at_once},
      {"http2_control_frames", http2.control_frames.at_once},
      {"http2_empty_frames", http2.empty_frames.at_once},
      {"http2_queued_frames", whole(http2.queued_frames)},
      {"tools", whole(dialects::most_tools)},
      {"references", whole(dialects::most_references)},
      {"batch_references", whole(dialects::most_batch_references)},
      {"in_flight", limits.in_flight},
      {"concurrent_requests", limits.in_flight_per_key},
      {"places", limits.queue},
      {"answer_bytes", whole(http::ClientLimits().body_bytes)},
      {"sse_event_bytes", whole(http::SseSplitter::max_event_bytes)},
      {"event_stream_bytes", whole(http::AwsEventSplitter::max_message_bytes)}};
  for (const auto& [name, amount] : expected) {
    const telemetry::Limit* limit = telemetry::find_limit(name);
    ASSERT_TRUE(limit) << name;
    EXPECT_EQ(limit->amount, amount) << name;
  }
}

std::int64_t hits(telemetry::ServerMetrics& metrics, const char* limit) {
  return whole(metrics.limit_hits.with(limit).value());
}

TEST(Limits, Are_counted_by_the_code_of_an_error_that_is_not_the_providers) {
  telemetry::Registry registry;
  telemetry::ServerMetrics metrics(registry);
  record_limit(metrics, {.kind = ErrorKind::invalid_request, .code = "json_depth"});
  record_limit(metrics, {.kind = ErrorKind::provider_rejected, .code = "json_depth", .provider_status = 400});
  record_limit(metrics, {.kind = ErrorKind::provider_unreachable, .code = "answer_bytes"});  // counted at the call
  record_limit(metrics, {.kind = ErrorKind::invalid_request, .code = "model_not_found"});
  EXPECT_EQ(hits(metrics, "json_depth"), 1);
  EXPECT_EQ(hits(metrics, "answer_bytes"), 0);
  EXPECT_FALSE(registry.text().contains("model_not_found"));
}

TEST(Limits, Of_http2_are_counted_under_both_names) {
  telemetry::Registry registry;
  telemetry::ServerMetrics metrics(registry);
  metrics.beyond("http2_resets");
  metrics.beyond("whatever a client says");
  EXPECT_EQ(hits(metrics, "http2_resets"), 1);
  EXPECT_EQ(metrics.http2_limits.with("resets").value(), 1U);
  EXPECT_FALSE(registry.text().contains("whatever"));
}

}  // namespace
}  // namespace sluice::serve
