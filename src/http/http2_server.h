// The server's side of one HTTP/2 connection (RFC 9113): its streams are given to the same Handler as the requests of
// HTTP/1.1, as many at the same time as the limits allow.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "async/task.h"
#include "http/server.h"

namespace sluice::http {

// With which a client without TLS says that it speaks HTTP/2 ("prior knowledge").
inline constexpr std::string_view http2_preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// Serves a connection until one side closes it. `begun` is what has been read of it already.
async::Task<> serve_http2(net::Reactor& reactor, std::unique_ptr<net::Stream> stream, const ServerLimits& limits,
                          Handler& handler, async::Cancel& stop, Parting& parting, std::string begun);

}  // namespace sluice::http
