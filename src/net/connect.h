// From an Endpoint to a Stream: resolve, connect to the first address that answers, shake hands if it is TLS.
#pragma once

#include <memory>

#include "base/address.h"
#include "net/resolver.h"
#include "net/stream.h"
#include "net/tls.h"

namespace sluice::net {

// One per reactor: what is needed to reach anybody.
class Connector {
 public:
  Connector(Reactor& of, Resolver& names, std::shared_ptr<TlsContext> context)
      : reactor(of), resolver(names), tls(std::move(context)) {}
  virtual ~Connector() = default;
  // As connect() below; a simulation's leads elsewhere.
  virtual async::Task<Result<std::unique_ptr<Stream>>> open(Endpoint endpoint, async::Deadline deadline);

  Reactor& reactor;
  Resolver& resolver;
  std::shared_ptr<TlsContext> tls;
};

// Errors: provider_unreachable, provider_timeout (both Retry::anywhere, but for a name that does not exist),
// client_gone; the message names host and port.
async::Task<Result<std::unique_ptr<Stream>>> connect(Connector& connector, Endpoint endpoint, async::Deadline deadline);

// The addresses to listen on for an address that parse_listen_address accepted; names are not resolved.
Result<SocketAddress> listen_address(const Endpoint& endpoint);

}  // namespace sluice::net
