// Whatever comes as a token: without the issuer's key nothing is believed; and what is signed with it is believed only
// when it says all that it must. The input is a token, or what one holds: a header and claims, with a NUL between them.
#include <openssl/evp.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "base/crypto.h"
#include "identity/token.h"

namespace {

using namespace sluice;

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

std::string signed_with(const Key& key, std::string_view header, std::string_view claims) {
  std::string text = crypto::base64url(header) + '.' + crypto::base64url(claims);
  unsigned char signature[64];
  std::size_t size = sizeof signature;
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  if (EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), signature, &size, reinterpret_cast<const unsigned char*>(text.data()),
                     text.size()) != 1)
    std::abort();
  return text + '.' + crypto::base64url({reinterpret_cast<const char*>(signature), size});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string secret(32, '\7');  // the same on each run
  static const Key key(
      EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, reinterpret_cast<const unsigned char*>(secret.data()),
                                   secret.size()),
      &EVP_PKEY_free);
  static const identity::KeySet keys = [] {
    std::string raw(32, '\0');
    std::size_t bytes = raw.size();
    EVP_PKEY_get_raw_public_key(key.get(), reinterpret_cast<unsigned char*>(raw.data()), &bytes);
    return *identity::KeySet::read(R"({"keys":[{"kid":"k","kty":"OKP","crv":"Ed25519","x":")" + crypto::base64url(raw) +
                                   "\"}]}");
  }();
  static const std::string audiences[] = {"sluice"};
  const identity::Expected expected{
      .issuer = "https://i", .audiences = audiences, .now_s = 1'800'000'000, .leeway_s = 60};
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (const auto token = identity::Token::read(input))
    if (token->claims(keys, expected)) std::abort();  // nobody here has signed it

  const std::size_t middle = input.find('\0');
  if (middle == std::string_view::npos) return 0;
  const std::string whole = signed_with(key, input.substr(0, middle), input.substr(middle + 1));
  const auto token = identity::Token::read(whole);
  if (!token) return 0;
  const auto claims = token->claims(keys, expected);
  if (!claims) return 0;
  const json::Value root = claims->root();
  if (claims->subject().empty() || root["iss"].string() != "https://i" || claims->expires_at_s() <= 1'799'999'940)
    std::abort();
  for (const std::string_view other : {"x", "sluice2"}) {
    const std::string elsewhere[] = {std::string(other)};
    if (root["aud"].is_string() &&
        token->claims(keys, {.issuer = "https://i", .audiences = elsewhere, .now_s = 1'800'000'000, .leeway_s = 60}))
      std::abort();
  }
  if (token->claims(keys, {.issuer = "https://j", .audiences = audiences, .now_s = 1'800'000'000, .leeway_s = 60}) ||
      token->claims(keys, {.issuer = "https://i", .audiences = audiences, .now_s = 253'402'300'799 + 1, .leeway_s = 0}))
    std::abort();
  // A changed signature.
  std::string other = whole;
  other[other.rfind('.') + 1] = other[other.rfind('.') + 1] == 'A' ? 'B' : 'A';
  if (const auto forged = identity::Token::read(other); forged && forged->claims(keys, expected)) std::abort();
  return 0;
}
