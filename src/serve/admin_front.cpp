#include "serve/admin_front.h"

namespace sluice::serve {

async::Task<> AdminFront::handle(http::Exchange& exchange) {
  const http::RequestHead& head = exchange.head();
  if (head.path.starts_with(identity::auth_path)) co_return co_await pages_.handle(exchange);
  co_await pages_.prepare(identity::Asked::of(head.method, [&](std::string_view name) { return head.get(name); }),
                          exchange.client_gone());
  co_await door_.handle(exchange);
}

}  // namespace sluice::serve
