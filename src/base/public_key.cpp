#include "base/public_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <string>

#include "base/freed.h"

namespace sluice::crypto {
namespace {

constexpr std::size_t p256_bytes = 32;
constexpr std::size_t ed25519_bytes = 32;
constexpr std::size_t ed25519_signature_bytes = 64;
constexpr int least_rsa_bits = 2'048;  // RFC 7518, 3.3
constexpr int most_rsa_bits = 8'192;   // four times the usual; a check costs about a millisecond
constexpr std::size_t most_exponent_bytes = 8;

using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Number = std::unique_ptr<BIGNUM, Freed<BN_free>>;

const unsigned char* octets(std::string_view bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

Number number(std::string_view bytes) {
  return Number(BN_bin2bn(octets(bytes), static_cast<int>(bytes.size()), nullptr));
}

// Null when OpenSSL does not take them for a key; its error is not needed.
Key key_of(const char* type, OSSL_PARAM_BLD* parts) {
  const std::unique_ptr<OSSL_PARAM, Freed<OSSL_PARAM_free>> params(OSSL_PARAM_BLD_to_param(parts));
  const std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX_free>> context(
      EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1)
    return nullptr;
  return Key(key);
}

// The two numbers as OpenSSL wants them (DER). Empty when they are no 64 bytes.
std::string der_signature(std::string_view signature) {
  if (signature.size() != 2 * p256_bytes) return {};
  const std::unique_ptr<ECDSA_SIG, Freed<ECDSA_SIG_free>> parts(ECDSA_SIG_new());
  Number r = number(signature.substr(0, p256_bytes));
  Number s = number(signature.substr(p256_bytes));
  if (!parts || !r || !s || ECDSA_SIG_set0(parts.get(), r.get(), s.get()) != 1) return {};
  (void)r.release();  // the signature's from here on
  (void)s.release();
  std::string der(static_cast<std::size_t>(i2d_ECDSA_SIG(parts.get(), nullptr)), '\0');
  auto* out = reinterpret_cast<unsigned char*>(der.data());
  i2d_ECDSA_SIG(parts.get(), &out);
  return der;
}

}  // namespace

struct PublicKey::State {
  Key key;
  int type = 0;  // EVP_PKEY_RSA, EVP_PKEY_EC, EVP_PKEY_ED25519
};

PublicKey::PublicKey(std::unique_ptr<State> state) : state_(std::move(state)) {}
PublicKey::PublicKey(PublicKey&&) noexcept = default;
PublicKey& PublicKey::operator=(PublicKey&&) noexcept = default;
PublicKey::~PublicKey() = default;

Result<PublicKey> PublicKey::rsa(std::string_view modulus, std::string_view exponent) {
  constexpr std::size_t most_modulus_bytes = most_rsa_bits / 8 + 1;  // some write a zero before it
  if (modulus.size() > most_modulus_bytes || exponent.size() > most_exponent_bytes)
    return fail(ErrorKind::invalid_request, "the RSA key is too large");
  const Number n = number(modulus);
  const Number e = number(exponent);
  const std::unique_ptr<OSSL_PARAM_BLD, Freed<OSSL_PARAM_BLD_free>> parts(OSSL_PARAM_BLD_new());
  if (!n || !e || BN_num_bits(n.get()) < least_rsa_bits || BN_num_bits(n.get()) > most_rsa_bits ||
      !BN_is_odd(e.get()) || BN_is_one(e.get()))
    return fail(ErrorKind::invalid_request, "the RSA key must have 2048 to 8192 bits and an odd exponent");
  if (!parts || OSSL_PARAM_BLD_push_BN(parts.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(parts.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1)
    return fail(ErrorKind::internal, "no memory for a key");
  Key key = key_of("RSA", parts.get());
  if (!key) return fail(ErrorKind::invalid_request, "that is no RSA key");
  return PublicKey(std::make_unique<State>(State{std::move(key), EVP_PKEY_RSA}));
}

Result<PublicKey> PublicKey::p256(std::string_view x, std::string_view y) {
  if (x.size() != p256_bytes || y.size() != p256_bytes)
    return fail(ErrorKind::invalid_request, "a point of P-256 has two numbers of 32 bytes");
  const std::string point = std::string(1, '\4').append(x).append(y);  // uncompressed
  const std::unique_ptr<OSSL_PARAM_BLD, Freed<OSSL_PARAM_BLD_free>> parts(OSSL_PARAM_BLD_new());
  if (!parts || OSSL_PARAM_BLD_push_utf8_string(parts.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(parts.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) != 1)
    return fail(ErrorKind::internal, "no memory for a key");
  Key key = key_of("EC", parts.get());  // looks whether the point is on the curve
  if (!key) return fail(ErrorKind::invalid_request, "that is no point of P-256");
  return PublicKey(std::make_unique<State>(State{std::move(key), EVP_PKEY_EC}));
}

Result<PublicKey> PublicKey::ed25519(std::string_view x) {
  if (x.size() != ed25519_bytes) return fail(ErrorKind::invalid_request, "a key of Ed25519 has 32 bytes");
  Key key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, octets(x), x.size()));
  if (!key) return fail(ErrorKind::invalid_request, "that is no key of Ed25519");
  return PublicKey(std::make_unique<State>(State{std::move(key), EVP_PKEY_ED25519}));
}

bool PublicKey::takes(SignatureKind kind) const {
  switch (kind) {
    case SignatureKind::rs256:
    case SignatureKind::ps256: return state_->type == EVP_PKEY_RSA;
    case SignatureKind::es256: return state_->type == EVP_PKEY_EC;
    case SignatureKind::eddsa: return state_->type == EVP_PKEY_ED25519;
  }
  return false;
}

bool PublicKey::has_signed(SignatureKind kind, std::string_view bytes, std::string_view signature) const {
  if (!takes(kind)) return false;
  std::string der;
  if (kind == SignatureKind::es256) {
    der = der_signature(signature);
    if (der.empty()) return false;
    signature = der;
  }
  if (kind == SignatureKind::eddsa && signature.size() != ed25519_signature_bytes) return false;
  const std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* options = nullptr;  // the context's
  const EVP_MD* digest = kind == SignatureKind::eddsa ? nullptr : EVP_sha256();
  if (!context || EVP_DigestVerifyInit(context.get(), &options, digest, nullptr, state_->key.get()) != 1) return false;
  if (kind == SignatureKind::ps256 && (EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) != 1 ||
                                       EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) != 1))
    return false;
  return EVP_DigestVerify(context.get(), octets(signature), signature.size(), octets(bytes), bytes.size()) == 1;
}

}  // namespace sluice::crypto
