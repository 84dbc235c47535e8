// The TLS context of clients' connections, made anew when the configuration in force has another certificate.
#pragma once

#include <memory>
#include <mutex>

#include "config/settings.h"
#include "net/tls.h"

namespace sluice::serve {

class ClientTls {
 public:
  // Of a configuration with a certificate. Any thread. When OpenSSL does not take a renewed certificate, which the
  // configuration has checked, the one before stays in use. Errors of net::ServerTls::create, when there is none.
  Result<std::shared_ptr<net::ServerTls>> current(const config::ServerSettings& server);

 private:
  std::mutex mutex_;
  crypto::Sha256 made_from_{};
  std::shared_ptr<net::ServerTls> made_;
};

}  // namespace sluice::serve
