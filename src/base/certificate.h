// The certificate with which this server proves who it is, as text; what TLS makes of it is net/'s.
#pragma once

#include <string>

#include "base/crypto.h"
#include "base/result.h"
#include "base/secret.h"

namespace sluice {

struct ServerCertificate {
  std::string certificates;  // PEM, our own first; empty: there is none
  Secret private_key;        // PEM
  crypto::Sha256 digest{};   // of both: another one means that they were renewed
  std::int64_t expires_unix_seconds = 0;

  bool empty() const { return certificates.empty(); }
};

// Reads both files; an empty `key_file` means that the key is in the first. Errors, with `param` set to the file that
// is to blame: not_found (cannot be read), invalid_request (no PEM, a passphrase, the key of another certificate,
// expired).
Result<ServerCertificate> read_server_certificate(const std::string& certificate_file, const std::string& key_file);

}  // namespace sluice
