#include "cli/probe.h"

#include <optional>

#include "async/scope.h"
#include "http/client.h"
#include "net/connect.h"
#include "net/reactor.h"
#include "net/socket.h"

namespace sluice::cli {
namespace {

constexpr auto patience = std::chrono::seconds(2);

async::Task<Result<Page>> ask(http::ConnectionPool* pool, BaseUrl base, std::string path, async::Deadline deadline) {
  CO_TRY(http::Call call, co_await pool->open(base.endpoint, deadline));
  const std::string head = http::request_head("GET", base, path, http::Headers(), 0);
  CO_TRY(const http::Response response, co_await call.send(head, "", deadline));
  CO_TRY(std::string body, co_await call.read_all(deadline));
  co_return Page{.status = response.status, .body = std::move(body)};
}

async::Task<> ask_into(std::optional<Result<Page>>* answer, http::ConnectionPool* pool, BaseUrl base, std::string path,
                       async::Deadline deadline) {
  *answer = co_await ask(pool, std::move(base), std::move(path), deadline);
}

}  // namespace

Result<void> try_to_listen(const Endpoint& endpoint) {
  TRY(const net::SocketAddress address, net::listen_address(endpoint));
  net::Reactor reactor;
  CHECK_OK(net::Listener::listen(reactor, address, false));
  return {};
}

Result<int> probe(const std::string& url, const std::string& path) {
  TRY(const Page page, fetch_page(url, path));
  return page.status;
}

Result<Page> fetch_page(const std::string& url, const std::string& path) {
  TRY(const BaseUrl base, parse_server_address(url));
  net::Reactor reactor;
  net::Resolver resolver(reactor);
  net::Connector connector{reactor, resolver, nullptr};
  if (base.endpoint.tls) {
    TRY(connector.tls, net::TlsContext::create(""));
  }
  http::ConnectionPool pool(connector, http::ClientLimits{});
  std::optional<Result<Page>> answer;
  async::Scope scope;
  scope.spawn(ask_into, &answer, &pool, base, path, reactor.within(patience));
  while (!answer) reactor.run_once();
  return *std::move(answer);
}

}  // namespace sluice::cli
