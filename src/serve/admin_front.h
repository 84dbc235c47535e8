// What is below /admin/, for one reactor: the pages of the sign-in, and the API, for which the keys that a token needs
// are fetched first: the API's thread does not wait for the network.
#pragma once

#include "admin/door.h"
#include "identity/sign_in.h"

namespace sluice::serve {

class AdminFront : public http::Handler {
 public:
  // All of them outlive it.
  AdminFront(net::Reactor& reactor, http::ConnectionPool& connections, admin::Desk& desk, identity::SignIn& sign_in,
             identity::Desk& sessions)
      : pages_(reactor, connections, sign_in, sessions), door_(reactor, desk) {}

  async::Task<> handle(http::Exchange& exchange) override;
  std::string malformed(int status, std::string_view message, http::Headers& headers) override {
    return door_.malformed(status, message, headers);
  }

 private:
  identity::SignInPages pages_;
  admin::Door door_;
};

}  // namespace sluice::serve
