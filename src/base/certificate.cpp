#include "base/certificate.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>
#include <memory>

#include "base/freed.h"

namespace sluice {
namespace {

constexpr std::size_t most_pem_bytes = 1024 * 1024;  // a chain has some ten kilobytes

using BioPtr = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using X509Ptr = std::unique_ptr<X509, Freed<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;

std::unexpected<Error> blame(const std::string& file, ErrorKind kind, std::string message, std::string hint) {
  return std::unexpected(Error{.kind = kind, .message = std::move(message), .hint = std::move(hint), .param = file});
}

Result<std::string> read_pem(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::string text(most_pem_bytes + 1, '\0');
  if (in) in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in.is_open() || in.bad() || (in.fail() && !in.eof()))
    return blame(file, ErrorKind::not_found, "cannot read `" + file + "`: " + std::strerror(errno ? errno : EISDIR),
                 "the user that Sluice runs as must be able to read it");
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > most_pem_bytes)
    return blame(file, ErrorKind::invalid_request, "`" + file + "` has more than 1 MB", "name a PEM file");
  return text;
}

BioPtr reader_of(const std::string& pem) { return BioPtr(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))); }

int note_passphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return 0;
}

}  // namespace

Result<ServerCertificate> read_server_certificate(const std::string& certificate_file, const std::string& key_file) {
  ServerCertificate read;
  TRY(read.certificates, read_pem(certificate_file));
  const std::string& key_is_in = key_file.empty() ? certificate_file : key_file;
  if (key_file.empty()) {
    read.private_key = Secret(read.certificates);
  } else {
    TRY(std::string key, read_pem(key_file));
    read.private_key = Secret(std::move(key));
  }

  bool passphrase = false;
  const BioPtr certificates = reader_of(read.certificates);
  const X509Ptr own(PEM_read_bio_X509_AUX(certificates.get(), nullptr, note_passphrase, &passphrase));
  if (!own)
    return blame(certificate_file, ErrorKind::invalid_request, "`" + certificate_file + "` has no certificate in PEM",
                 "it must hold -----BEGIN CERTIFICATE-----, our own first");
  const BioPtr key_text = reader_of(read.private_key.reveal());
  const KeyPtr key(PEM_read_bio_PrivateKey(key_text.get(), nullptr, note_passphrase, &passphrase));
  if (!key)
    return blame(key_is_in, ErrorKind::invalid_request,
                 passphrase ? "the private key in `" + key_is_in + "` has a passphrase"
                            : "`" + key_is_in + "` has no private key in PEM",
                 passphrase ? "take it off: openssl pkey -in KEY -out NEW, readable by Sluice's user alone"
                            : "`tls_key` names the file with -----BEGIN PRIVATE KEY-----");
  if (X509_check_private_key(own.get(), key.get()) != 1)
    return blame(key_is_in, ErrorKind::invalid_request,
                 "the private key in `" + key_is_in + "` is not that of the certificate in `" + certificate_file + "`",
                 "name the two files that were made together");

  std::tm end{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(own.get()), &end) == 1) read.expires_unix_seconds = timegm(&end);
  if (X509_cmp_current_time(X509_get0_notAfter(own.get())) < 0)
    return blame(certificate_file, ErrorKind::invalid_request,
                 "the certificate in `" + certificate_file + "` has expired, so no client would take it",
                 "renew it; `sluice reload` reads it again");
  crypto::Sha256Stream both;
  both.update(read.certificates);
  both.update(read.private_key.reveal());
  read.digest = both.finish();
  return read;
}

}  // namespace sluice
