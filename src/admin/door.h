// Brings the API's requests from a reactor's connections to the desk, and the answers back. One for each reactor.
#pragma once

#include <string>
#include <string_view>

#include "admin/desk.h"
#include "http/server.h"
#include "net/reactor.h"

namespace sluice::admin {

class Door : public http::Handler {
 public:
  // Both outlive it.
  Door(net::Reactor& reactor, Desk& desk) : reactor_(reactor), desk_(desk) {}
  async::Task<> handle(http::Exchange& exchange) override;
  std::string malformed(int status, std::string_view message, http::Headers& headers) override;

 private:
  net::Reactor& reactor_;
  Desk& desk_;
};

}  // namespace sluice::admin
