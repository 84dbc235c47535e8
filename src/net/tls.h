// TLS over OpenSSL: to providers, whose certificates are always verified, against the system's authorities or a file of
// the operator's, with no switch to turn that off; and to clients, with a certificate of the operator's.
#pragma once

#include <memory>
#include <string>

#include "async/task.h"
#include "base/address.h"
#include "base/secret.h"
#include "net/socket.h"

namespace sluice::net {

// Whose certificates are trusted: what OpenSSL reads when a provider's certificate is checked.
struct Authorities {
  std::string file;            // PEM bundle; SSL_CERT_FILE names another
  std::string directory;       // one certificate a file, named by the hash of its subject; SSL_CERT_DIR
  bool file_is_named = false;  // by the environment
  std::size_t in_file = 0;     // 0 also when there is no such file
  std::size_t in_directory = 0;
};
Authorities system_authorities();

// What all connections to providers share: the trusted authorities and the sessions to resume. Thread-safe.
class TlsContext {
 public:
  // `ca_file`: PEM file of trusted authorities in place of the system's; empty for the system's (or SSL_CERT_FILE's).
  // Errors: invalid_request when the file cannot be read.
  static Result<std::shared_ptr<TlsContext>> create(const std::string& ca_file);
  ~TlsContext();

 private:
  friend class TlsSocket;
  struct State;
  explicit TlsContext(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Shakes hands as a client over a connected descriptor. `server_name` is checked against the certificate (DNS name or
// IP literal) and sent as SNI; `http` says what is offered (ALPN), and the Stream what was taken. Errors:
// provider_unreachable with OpenSSL's reason, provider_timeout, client_gone.
async::Task<Result<std::unique_ptr<Stream>>> start_tls(Reactor& reactor, Fd fd, std::shared_ptr<TlsContext> context,
                                                       std::string server_name, HttpVersion http,
                                                       async::Deadline deadline);

// What all connections of clients share: the certificate, and the keys of the tickets with which they resume.
// Thread-safe.
class ServerTls {
 public:
  // `certificates`: PEM, our own first and then those that lead to the authority. Errors: invalid_request with
  // OpenSSL's reason.
  static Result<std::shared_ptr<ServerTls>> create(const std::string& certificates, const Secret& private_key);
  ~ServerTls();

 private:
  friend async::Task<Result<std::unique_ptr<Stream>>> accept_tls(Reactor& reactor, Fd fd,
                                                                 std::shared_ptr<ServerTls> context,
                                                                 async::Deadline deadline);
  struct State;
  explicit ServerTls(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Shakes hands as a server, TLS 1.2 or later; offers h2 and http/1.1 (ALPN), and the Stream says which was taken.
// Errors: client_gone, whatever the reason.
async::Task<Result<std::unique_ptr<Stream>>> accept_tls(Reactor& reactor, Fd fd, std::shared_ptr<ServerTls> context,
                                                        async::Deadline deadline);

}  // namespace sluice::net
