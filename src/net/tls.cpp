#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>
#include <vector>

#include "base/freed.h"

namespace sluice::net {
namespace {

using SslPtr = std::unique_ptr<SSL, Freed<SSL_free>>;
using SslCtxPtr = std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>>;
using SslSessionPtr = std::unique_ptr<SSL_SESSION, Freed<SSL_SESSION_free>>;

// Sessions by server name. A TLS 1.3 ticket is good once: taking one removes it, the newest first.
class Sessions {
 public:
  void put(const std::string& server, SslSessionPtr session) {
    const std::lock_guard lock(mutex_);
    if (by_server_.size() >= max_servers && !by_server_.contains(server)) by_server_.erase(by_server_.begin());
    auto& kept = by_server_[server];
    if (kept.size() >= max_of_one) kept.erase(kept.begin());
    kept.push_back(std::move(session));
  }
  SslSessionPtr take(const std::string& server) {
    const std::lock_guard lock(mutex_);
    const auto found = by_server_.find(server);
    if (found == by_server_.end()) return nullptr;
    SslSessionPtr session;
    while (!session && !found->second.empty()) {
      session = std::move(found->second.back());
      found->second.pop_back();
      // OpenSSL gives up that of a connection that broke off.
      if (SSL_SESSION_is_resumable(session.get()) != 1) session.reset();
    }
    if (found->second.empty()) by_server_.erase(found);
    return session;
  }

 private:
  static constexpr std::size_t max_servers = 256;  // more providers than anybody has
  static constexpr std::size_t max_of_one = 8;     // connections that are made at the same time
  std::mutex mutex_;
  std::map<std::string, std::vector<SslSessionPtr>> by_server_;
};

constexpr const char* untrusted_hint =
    "the operator should look at the trusted authorities with `sluice doctor`; SSL_CERT_FILE names a file with others";

std::string reason_of_failure(const SSL* ssl) {
  if (const long verdict = SSL_get_verify_result(ssl); verdict != X509_V_OK)
    return std::string("the certificate is not trusted: ") + X509_verify_cert_error_string(verdict);
  const unsigned long code = ERR_get_error();
  if (!code) return "the connection was closed during the TLS handshake";
  const char* reason = ERR_reason_error_string(code);
  return std::string("TLS: ") + (reason ? reason : "handshake failed");
}

}  // namespace

struct TlsContext::State {
  SslCtxPtr ctx;
  Sessions sessions;
};

TlsContext::TlsContext(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsContext::~TlsContext() = default;

// A socket whose bytes pass through OpenSSL.
class TlsSocket : public Socket {
 public:
  TlsSocket(Reactor& reactor, Fd fd, std::shared_ptr<TlsContext> context, std::string server_name)
      : Socket(reactor, std::move(fd)), context_(std::move(context)), server_name_(std::move(server_name)) {}
  // A client's connection.
  TlsSocket(Reactor& reactor, Fd fd) : Socket(reactor, std::move(fd)) {}
  ~TlsSocket() override {
    ERR_clear_error();
    if (ssl_ && SSL_is_init_finished(ssl_.get())) SSL_shutdown(ssl_.get());  // one attempt, never waits
    ERR_clear_error();
  }

  // Sets up what the certificate is checked against.
  Result<void> prepare(HttpVersion http);
  Result<void> prepare_for_client(SSL_CTX* ctx);
  async::Task<Result<void>> handshake(async::Deadline deadline);
  std::string_view protocol() const override {
    const unsigned char* name = nullptr;
    unsigned int size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &size);
    return {reinterpret_cast<const char*>(name), size};
  }
  void end_writing() override {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());  // one attempt, never waits
    ERR_clear_error();
    Socket::end_writing();
  }
  bool stale() override {
    char byte;
    return hung_up() || try_read(std::span(&byte, 1)).state != Attempt::State::wait_readable;
  }
  static int keep_session(SSL* ssl, SSL_SESSION* session) {
    auto* self = static_cast<TlsSocket*>(SSL_get_app_data(ssl));
    self->context_->state_->sessions.put(self->server_name_, SslSessionPtr(session));
    return 1;  // the session is ours now
  }

 private:
  class Shake;
  Attempt try_read(std::span<char> buffer) override {
    ERR_clear_error();  // SSL_get_error looks at the thread's errors first, and one may be another connection's
    return outcome(SSL_read(ssl_.get(), buffer.data(), static_cast<int>(std::min(buffer.size(), max_bytes))));
  }
  Attempt try_write(std::span<const iovec> pieces) override;
  Attempt outcome(int result);

  static constexpr std::size_t max_bytes = 1 << 30;  // OpenSSL counts in int
  static constexpr std::size_t record_bytes = 16 * 1024;

  std::shared_ptr<TlsContext> context_;  // null for a client's
  std::string server_name_;
  SslPtr ssl_;
};

namespace {

// The way by which OpenSSL finds it: the environment's, else the one built in.
std::string trusted_place(const char* variable, const char* built_in) {
  const char* named = secure_getenv(variable);
  return named ? named : built_in;
}

std::size_t certificates_in(const std::string& file) {
  const std::unique_ptr<X509_STORE, Freed<X509_STORE_free>> store(X509_STORE_new());
  const bool read = store && X509_STORE_load_file(store.get(), file.c_str()) == 1;
  ERR_clear_error();
  if (!read) return 0;
  const int count = sk_X509_OBJECT_num(X509_STORE_get0_objects(store.get()));
  return static_cast<std::size_t>(std::max(count, 0));
}

// "4042bcee.0": OpenSSL looks for no other names.
bool is_hashed_name(std::string_view name) {
  constexpr std::string_view hexadecimal = "0123456789abcdef";
  return name.size() == 10 && name.substr(0, 8).find_first_not_of(hexadecimal) == std::string_view::npos &&
         name[8] == '.' && name[9] >= '0' && name[9] <= '9';
}

std::size_t hashed_certificates_in(const std::string& directories) {
  std::size_t count = 0;
  for (std::size_t begin = 0; begin <= directories.size();) {
    const std::size_t end = std::min(directories.find(':', begin), directories.size());
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(directories.substr(begin, end - begin), ignored))
      if (is_hashed_name(entry.path().filename().string()) && access(entry.path().c_str(), R_OK) == 0) ++count;
    begin = end + 1;
  }
  return count;
}

}  // namespace

Authorities system_authorities() {
  Authorities found{.file = trusted_place(X509_get_default_cert_file_env(), X509_get_default_cert_file()),
                    .directory = trusted_place(X509_get_default_cert_dir_env(), X509_get_default_cert_dir())};
  found.file_is_named = secure_getenv(X509_get_default_cert_file_env()) != nullptr;
  found.in_file = certificates_in(found.file);
  found.in_directory = hashed_certificates_in(found.directory);
  return found;
}

Result<std::shared_ptr<TlsContext>> TlsContext::create(const std::string& ca_file) {
  auto state = std::make_unique<State>();
  state->ctx.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* ctx = state->ctx.get();
  if (!ctx) return fail(ErrorKind::internal, "OpenSSL gave no context");
  SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
  SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, nullptr);
  // A write that was cut short is continued by the caller, from the place where it stands then.
  SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(ctx, 1);  // one recv takes several records
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(ctx, TlsSocket::keep_session);
  const bool trusted = ca_file.empty() ? SSL_CTX_set_default_verify_paths(ctx) == 1
                                       : SSL_CTX_load_verify_locations(ctx, ca_file.c_str(), nullptr) == 1;
  if (!trusted)
    return fail(
        ErrorKind::invalid_request,
        "cannot read the certificate authorities in '" + (ca_file.empty() ? system_authorities().file : ca_file) + "'",
        "give a PEM file with at least one certificate");
  return std::shared_ptr<TlsContext>(new TlsContext(std::move(state)));
}

Result<void> TlsSocket::prepare(HttpVersion http) {
  ssl_.reset(SSL_new(context_->state_->ctx.get()));
  if (!ssl_ || SSL_set_fd(ssl_.get(), fd()) != 1) return fail(ErrorKind::internal, "OpenSSL gave no connection");
  SSL_set_app_data(ssl_.get(), this);
  X509_VERIFY_PARAM* check = SSL_get0_param(ssl_.get());
  if (X509_VERIFY_PARAM_set1_ip_asc(check, server_name_.c_str()) != 1) {
    X509_VERIFY_PARAM_set_hostflags(check, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (SSL_set1_host(ssl_.get(), server_name_.c_str()) != 1 ||
        SSL_set_tlsext_host_name(ssl_.get(), server_name_.c_str()) != 1)
      return fail(ErrorKind::invalid_request, "'" + server_name_ + "' is no host name",
                  "the operator must check the base_url");
  }
  static constexpr std::string_view both("\x02h2\x08http/1.1");
  constexpr std::size_t h2_bytes = 3;
  const std::string_view offered = http == HttpVersion::http1   ? both.substr(h2_bytes)
                                   : http == HttpVersion::http2 ? both.substr(0, h2_bytes)
                                                                : both;
  SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(offered.data()),
                      static_cast<unsigned int>(offered.size()));
  if (const SslSessionPtr session = context_->state_->sessions.take(server_name_))
    SSL_set_session(ssl_.get(), session.get());
  SSL_set_connect_state(ssl_.get());
  return {};
}

Attempt TlsSocket::outcome(int result) {
  if (result > 0) return {Attempt::State::moved, static_cast<std::size_t>(result)};
  const int error = errno;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ: return {Attempt::State::wait_readable};
    case SSL_ERROR_WANT_WRITE: return {Attempt::State::wait_writable};
    case SSL_ERROR_ZERO_RETURN: return {Attempt::State::end};
    case SSL_ERROR_SYSCALL: return {Attempt::State::broken, 0, error};
    default: return {Attempt::State::broken, 0, 0};
  }
}

Attempt TlsSocket::try_write(std::span<const iovec> pieces) {
  ERR_clear_error();
  // Small pieces go out as one record and one system call.
  std::size_t bytes = 0;
  for (const iovec& piece : pieces) bytes += piece.iov_len;
  if (pieces.size() > 1 && bytes <= record_bytes) {
    char joined[record_bytes];
    char* end = joined;
    for (const iovec& piece : pieces) end = std::copy_n(static_cast<const char*>(piece.iov_base), piece.iov_len, end);
    return outcome(SSL_write(ssl_.get(), joined, static_cast<int>(end - joined)));
  }
  return outcome(SSL_write(ssl_.get(), pieces[0].iov_base, static_cast<int>(std::min(pieces[0].iov_len, max_bytes))));
}

class TlsSocket::Shake : public Stream::Transfer {
 public:
  Shake(TlsSocket& socket, Transfer*& slot, async::Deadline deadline)
      : Transfer(socket, slot, deadline), socket_(socket) {}
  bool await_ready() { return advance(); }
  void await_suspend(std::coroutine_handle<> coroutine) { suspend(coroutine); }
  Result<void> await_resume() {
    detach();
    if (woken() == async::Woken::cancelled || woken() == async::Woken::deadline) return std::unexpected(error());
    if (last_.state == Attempt::State::moved) return {};
    const bool untrusted = SSL_get_verify_result(socket_.ssl_.get()) != X509_V_OK;
    return std::unexpected(Error{.kind = ErrorKind::provider_unreachable,
                                 .message = reason_of_failure(socket_.ssl_.get()),
                                 .hint = untrusted ? untrusted_hint : "",
                                 .retry = Retry::anywhere});
  }

 private:
  Attempt once() override {
    ERR_clear_error();
    return socket_.outcome(SSL_do_handshake(socket_.ssl_.get()));
  }
  TlsSocket& socket_;
};

async::Task<Result<void>> TlsSocket::handshake(async::Deadline deadline) {
  co_return co_await Shake(*this, read_slot(), deadline);
}

async::Task<Result<std::unique_ptr<Stream>>> start_tls(Reactor& reactor, Fd fd, std::shared_ptr<TlsContext> context,
                                                       std::string server_name, HttpVersion http,
                                                       async::Deadline deadline) {
  auto socket = std::make_unique<TlsSocket>(reactor, std::move(fd), std::move(context), std::move(server_name));
  CO_CHECK_OK(socket->prepare(http));
  CO_CHECK_OK(co_await socket->handshake(deadline));
  co_return std::move(socket);
}

// --- to clients

struct ServerTls::State {
  SslCtxPtr ctx;
};

ServerTls::ServerTls(std::unique_ptr<State> state) : state_(std::move(state)) {}
ServerTls::~ServerTls() = default;

namespace {

// The first of ours that the client knows; one that knows neither is left to find out what it gets: HTTP/1.1.
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_bytes, const unsigned char* offered,
                    unsigned int offered_bytes, void*) {
  static constexpr unsigned char ours[] = "\x02h2\x08http/1.1";
  unsigned char* found = nullptr;
  if (SSL_select_next_proto(&found, chosen_bytes, ours, sizeof ours - 1, offered, offered_bytes) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_NOACK;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

// Nobody types a passphrase into a server.
int no_passphrase(char*, int, int, void*) { return 0; }

using BioPtr = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using X509Ptr = std::unique_ptr<X509, Freed<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;

BioPtr reader_of(const std::string& pem) {
  return BioPtr(BIO_new_mem_buf(pem.data(), static_cast<int>(std::min<std::size_t>(pem.size(), 1 << 30))));
}

std::unexpected<Error> unusable(std::string what) {
  const unsigned long code = ERR_get_error();
  const char* reason = code ? ERR_reason_error_string(code) : nullptr;
  ERR_clear_error();
  return fail(ErrorKind::invalid_request, reason ? std::move(what) + ": " + reason : std::move(what));
}

}  // namespace

Result<std::shared_ptr<ServerTls>> ServerTls::create(const std::string& certificates, const Secret& private_key) {
  ERR_clear_error();
  auto state = std::make_unique<State>();
  state->ctx.reset(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* ctx = state->ctx.get();
  if (!ctx) return fail(ErrorKind::internal, "OpenSSL gave no context");
  SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
  SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(ctx, 1);
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);  // tickets alone: they cost no memory here
  SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, nullptr);
  const BioPtr chain = reader_of(certificates);
  const X509Ptr own(PEM_read_bio_X509_AUX(chain.get(), nullptr, no_passphrase, nullptr));
  if (!own || SSL_CTX_use_certificate(ctx, own.get()) != 1) return unusable("the certificate cannot be used");
  while (X509* next = PEM_read_bio_X509(chain.get(), nullptr, no_passphrase, nullptr))
    if (SSL_CTX_add0_chain_cert(ctx, next) != 1) {
      X509_free(next);
      return unusable("the certificate's chain cannot be used");
    }
  ERR_clear_error();  // the end of the file is told as an error
  const BioPtr key_text = reader_of(private_key.reveal());
  const KeyPtr key(PEM_read_bio_PrivateKey(key_text.get(), nullptr, no_passphrase, nullptr));
  if (!key || SSL_CTX_use_PrivateKey(ctx, key.get()) != 1 || SSL_CTX_check_private_key(ctx) != 1)
    return unusable("the certificate's private key cannot be used");
  return std::shared_ptr<ServerTls>(new ServerTls(std::move(state)));
}

Result<void> TlsSocket::prepare_for_client(SSL_CTX* ctx) {
  ssl_.reset(SSL_new(ctx));
  if (!ssl_ || SSL_set_fd(ssl_.get(), fd()) != 1) return fail(ErrorKind::internal, "OpenSSL gave no connection");
  SSL_set_accept_state(ssl_.get());
  return {};
}

async::Task<Result<std::unique_ptr<Stream>>> accept_tls(Reactor& reactor, Fd fd, std::shared_ptr<ServerTls> context,
                                                        async::Deadline deadline) {
  auto socket = std::make_unique<TlsSocket>(reactor, std::move(fd));
  CO_CHECK_OK(socket->prepare_for_client(context->state_->ctx.get()));
  Result<void> shaken = co_await socket->handshake(deadline);
  if (!shaken) co_return fail(ErrorKind::client_gone, "no TLS with the client: " + shaken.error().message);
  co_return std::move(socket);
}

}  // namespace sluice::net
