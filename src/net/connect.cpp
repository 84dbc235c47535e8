#include "net/connect.h"

namespace sluice::net {
namespace {

async::Task<Result<Fd>> connect_first(Connector& connector, Endpoint endpoint, async::Deadline deadline) {
  if (!endpoint.unix_path.empty()) {
    CO_TRY(const SocketAddress address, unix_address(endpoint.unix_path));
    co_return co_await connect_fd(connector.reactor, address, deadline);
  }
  CO_TRY(const std::vector<SocketAddress> addresses,
         co_await connector.resolver.resolve(endpoint.host, endpoint.port, deadline));
  Error last;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    // What is left of the time is shared by the addresses that are left, so that a dead one does not eat it all.
    const auto left = deadline.at - connector.reactor.now();
    const auto share = deadline.at == async::TimePoint::max() ? std::chrono::seconds(10)
                                                              : left / static_cast<int>(addresses.size() - i);
    Result<Fd> fd =
        co_await connect_fd(connector.reactor, addresses[i], deadline.earlier(connector.reactor.now() + share));
    if (fd || fd.error().kind == ErrorKind::client_gone) co_return fd;
    last = std::move(fd).error();
  }
  co_return std::unexpected(std::move(last));
}

Error at_place(Error error, const Endpoint& endpoint) {
  error.message = "cannot connect to " + place_text(endpoint) + ": " + error.message;
  return error;
}

}  // namespace

async::Task<Result<std::unique_ptr<Stream>>> connect(Connector& connector, Endpoint endpoint,
                                                     async::Deadline deadline) {
  Result<Fd> fd = co_await connect_first(connector, endpoint, deadline);
  if (!fd) co_return std::unexpected(at_place(std::move(fd).error(), endpoint));
  if (!endpoint.tls) co_return std::make_unique<Socket>(connector.reactor, *std::move(fd));
  Result<std::unique_ptr<Stream>> stream =
      co_await start_tls(connector.reactor, *std::move(fd), connector.tls,
                         endpoint.server_name.empty() ? endpoint.host : endpoint.server_name, endpoint.http, deadline);
  if (!stream) co_return std::unexpected(at_place(std::move(stream).error(), endpoint));
  co_return stream;
}

async::Task<Result<std::unique_ptr<Stream>>> Connector::open(Endpoint endpoint, async::Deadline deadline) {
  return connect(*this, std::move(endpoint), deadline);
}

Result<SocketAddress> listen_address(const Endpoint& endpoint) {
  if (!endpoint.unix_path.empty()) return unix_address(endpoint.unix_path);
  if (endpoint.host.empty()) return numeric_address("::", endpoint.port);  // a dual-stack socket takes IPv4 too
  if (endpoint.host == "localhost") return numeric_address("127.0.0.1", endpoint.port);
  return numeric_address(endpoint.host, endpoint.port);
}

}  // namespace sluice::net
