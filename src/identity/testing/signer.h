// An issuer's key for tests: signs tokens, right ones and wrong ones, and publishes its public half.
#pragma once

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/crypto.h"

namespace sluice::identity::testing {

class Signer {
 public:
  enum class Type : std::uint8_t { rsa, p256, ed25519 };

  Signer(Type type, std::string id, std::size_t rsa_bits = 2'048) : type_(type), id_(std::move(id)) {
    if (type == Type::rsa) key_.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", rsa_bits));
    if (type == Type::p256) key_.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
    if (type == Type::ed25519) key_.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  }

  // As a member of `keys`.
  std::string jwk(std::string_view more = {}) const {
    std::string out = R"({"kid":")" + id_ + '"' + std::string(more);
    if (type_ == Type::rsa)
      out +=
          R"(,"kty":"RSA","n":")" + number(OSSL_PKEY_PARAM_RSA_N) + R"(","e":")" + number(OSSL_PKEY_PARAM_RSA_E) + '"';
    if (type_ == Type::p256)
      out += R"(,"kty":"EC","crv":"P-256","x":")" + number(OSSL_PKEY_PARAM_EC_PUB_X, 32) + R"(","y":")" +
             number(OSSL_PKEY_PARAM_EC_PUB_Y, 32) + '"';
    if (type_ == Type::ed25519) {
      std::string raw(32, '\0');
      std::size_t size = raw.size();
      EVP_PKEY_get_raw_public_key(key_.get(), reinterpret_cast<unsigned char*>(raw.data()), &size);
      out += R"(,"kty":"OKP","crv":"Ed25519","x":")" + crypto::base64url(raw) + '"';
    }
    return out + '}';
  }

  std::string header(std::string_view algorithm) const {
    return R"({"alg":")" + std::string(algorithm) + R"(","kid":")" + id_ + R"("})";
  }

  // HEADER.CLAIMS.SIGNATURE; signed as RSASSA-PSS when `pss`.
  std::string token(std::string_view header, std::string_view claims, bool pss = false) const {
    const std::string text = crypto::base64url(header) + '.' + crypto::base64url(claims);
    return text + '.' + crypto::base64url(signature(text, pss));
  }

 private:
  std::string number(const char* name, int bytes = 0) const {
    BIGNUM* value = nullptr;
    EVP_PKEY_get_bn_param(key_.get(), name, &value);
    std::string out(static_cast<std::size_t>(bytes > 0 ? bytes : BN_num_bytes(value)), '\0');
    BN_bn2binpad(value, reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(out.size()));
    BN_free(value);
    return crypto::base64url(out);
  }

  std::string signature(std::string_view text, bool pss) const {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    EVP_PKEY_CTX* options = nullptr;
    EVP_DigestSignInit(context.get(), &options, type_ == Type::ed25519 ? nullptr : EVP_sha256(), nullptr, key_.get());
    if (pss) {
      EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING);
      EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST);
    }
    std::string out(1'024, '\0');
    std::size_t size = out.size();
    EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size,
                   reinterpret_cast<const unsigned char*>(text.data()), text.size());
    out.resize(size);
    if (type_ != Type::p256) return out;
    const auto* der = reinterpret_cast<const unsigned char*>(out.data());
    const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> parts(
        d2i_ECDSA_SIG(nullptr, &der, static_cast<long>(out.size())), &ECDSA_SIG_free);
    std::string raw(64, '\0');
    BN_bn2binpad(ECDSA_SIG_get0_r(parts.get()), reinterpret_cast<unsigned char*>(raw.data()), 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(parts.get()), reinterpret_cast<unsigned char*>(raw.data() + 32), 32);
    return raw;
  }

  Type type_;
  std::string id_;
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_{nullptr, &EVP_PKEY_free};
};

}  // namespace sluice::identity::testing
