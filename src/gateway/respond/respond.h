// respond: the bytes to the client. A provider's answer whole or as a stream, an error in the client's dialect, and the
// x-sluice-* fields that every answer carries.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "gateway/call/call.h"
#include "http/server.h"

namespace sluice::gateway {

// What every answer says about itself. Names and values are for clients: no secrets, no addresses.
struct AnswerFacts {
  std::string request_id;
  std::string_view id_header;        // the client's dialect's own place for it, where a provider's id may stand already
  const Attempt* attempt = nullptr;  // who answered, or was asked last; null: nobody was asked
  int attempts = 0;                  // how many were asked
  std::optional<std::int64_t> overhead_us;  // spent here until the answer (or its first token) was ready to go out
  std::optional<std::string> cost_usd;      // "0.000125", or "unpriced"; empty while a stream's cost is not known
  std::string lowered_by;                   // the limit that has sent the request to another model; empty: none
  std::string escalated;                    // from whom, and the check: "a/m: length"; empty: it was not
  std::string workload;                     // that the request belongs to; empty: none
  std::vector<std::string> dropped_params;
  std::vector<std::string> added_params;  // "max_tokens=8192"
};

// Adds x-sluice-request-id, -provider, -model, -ground, -translated, -attempts, -overhead-us, -cost-usd and
// -dropped-params, and -added-params, -lowered-by, -workload and -escalated where there are any.
void add_facts(http::Headers& headers, const AnswerFacts& facts);
// What x-sluice-cost-usd says.
std::string cost_text(const std::optional<Money>& cost);
constexpr std::string_view cost_header = "x-sluice-cost-usd";
constexpr std::string_view dropped_header = "x-sluice-dropped-params";

// The head of a stream that goes out before anybody has answered; what is told of the answer follows in its trailers.
http::Headers early_stream_head(const AnswerFacts& facts);

// What the client is told whose request the server's end has cut off (http::Exchange::was_cut).
Error stopping();

// How a stream to the client went.
struct Relayed {
  std::optional<Error> error;                   // why it did not come to its end; client_gone when the client left
  std::optional<async::TimePoint> first_token;  // when the first bytes were handed to the kernel
};

// Sends what `reply` brings until its end. Where the head is out already (KeepAlive), `facts` go out as trailers. When
// the provider breaks off, the client gets an error event in its own dialect. `facts` go out as fields; what is known
// only at the end as trailers: the cost, for which `final_cost` is asked then, and all dropped parameters, those of the
// answer included. With `before_end` the last bytes, from the end marker on, wait for it; it is told when the first
// token went out. When it fails, they do not go out.
using BeforeEnd = std::function<async::Task<Result<void>>(std::optional<async::TimePoint> first_token)>;
async::Task<Relayed> respond_stream(http::Exchange& client, Reply& reply, std::string held,
                                    const dialects::Dialect& dialect, const AnswerFacts& facts, net::Reactor& reactor,
                                    async::Duration idle_limit, async::Deadline deadline,
                                    std::function<std::string()> final_cost, BeforeEnd before_end = {});

// The end of a stream whose head is out and that nobody answers: an error event in the client's dialect.
async::Task<> respond_late_error(http::Exchange& client, const Error& error, const dialects::Dialect& dialect,
                                 const AnswerFacts& facts);

// Where the head of a stream is out already, the body is its only event, with what ends a stream in the client's
// dialect behind it. The reply's headers get the facts.
async::Task<Result<void>> respond_whole(http::Exchange& client, Reply& reply, const dialects::Dialect& dialect,
                                        const AnswerFacts& facts);

// A failure: the provider's own words when there are some for this client, else the dialect's error. Returns the
// status.
async::Task<int> respond_error(http::Exchange& client, const Error& error, const Failure::Verbatim* verbatim,
                               const dialects::Dialect& dialect, const AnswerFacts& facts);

}  // namespace sluice::gateway
