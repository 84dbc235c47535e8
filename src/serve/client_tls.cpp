#include "serve/client_tls.h"

namespace sluice::serve {

Result<std::shared_ptr<net::ServerTls>> ClientTls::current(const config::ServerSettings& server) {
  const std::lock_guard lock(mutex_);
  if (made_ && made_from_ == server.certificate.digest) return made_;
  auto made = net::ServerTls::create(server.certificate.certificates, server.certificate.private_key);
  if (!made && !made_) return made;
  if (made) made_ = *std::move(made);
  made_from_ = server.certificate.digest;
  return made_;
}

}  // namespace sluice::serve
