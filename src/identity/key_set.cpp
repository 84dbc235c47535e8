#include "identity/key_set.h"

#include <algorithm>

#include "base/crypto.h"
#include "json/json.h"

namespace sluice::identity {
namespace {

// A number or a point, as RFC 7518 writes it. Empty when it is none.
std::string octets(const json::Value& key, std::string_view member) {
  const auto text = key[member].string();
  auto bytes = text ? crypto::from_base64url(*text) : std::nullopt;
  return bytes ? *std::move(bytes) : std::string();
}

Result<crypto::PublicKey> public_key(const json::Value& key) {
  const std::string_view type = key["kty"].string().value_or("");
  const std::string_view curve = key["crv"].string().value_or("");
  if (type == "RSA") return crypto::PublicKey::rsa(octets(key, "n"), octets(key, "e"));
  if (type == "EC" && curve == "P-256") return crypto::PublicKey::p256(octets(key, "x"), octets(key, "y"));
  if (type == "OKP" && curve == "Ed25519") return crypto::PublicKey::ed25519(octets(key, "x"));
  return fail(ErrorKind::invalid_request, "a key of another kind");
}

}  // namespace

std::optional<crypto::SignatureKind> signature_kind(std::string_view algorithm) {
  using crypto::SignatureKind;
  if (algorithm == "RS256") return SignatureKind::rs256;
  if (algorithm == "PS256") return SignatureKind::ps256;
  if (algorithm == "ES256") return SignatureKind::es256;
  if (algorithm == "EdDSA" || algorithm == "Ed25519") return SignatureKind::eddsa;
  return std::nullopt;
}

Result<KeySet> KeySet::read(std::string_view text) {
  if (text.size() > most_bytes) return fail(ErrorKind::invalid_request, "the issuer's key set is larger than 256 KiB");
  TRY(const json::Document document, json::Document::parse(text));
  const json::Value list = document.root()["keys"];
  if (!list.is_array()) return fail(ErrorKind::invalid_request, "the issuer's key set has no list `keys`");
  if (list.size() > most_keys) return fail(ErrorKind::invalid_request, "the issuer's key set has more than 64 keys");
  KeySet set;
  std::vector<std::string> ids;  // of all of them, to find those that occur twice
  for (const json::Value& one : list.elements()) {
    // Whoever publishes a secret there has lost it: nothing that it signs means anything.
    if (one["d"].exists() || one["k"].exists())
      return fail(ErrorKind::invalid_request, "the issuer's key set holds a private or symmetric key");
    const std::string_view use = one["use"].string().value_or("sig");
    const json::Value id = one["kid"];
    if (use != "sig" || (id.exists() && (!id.is_string() || id.string()->size() > most_id_bytes))) continue;
    if (id.is_string()) ids.emplace_back(*id.string());
    std::optional<crypto::SignatureKind> only;
    if (const json::Value algorithm = one["alg"]; algorithm.exists()) {
      only = signature_kind(algorithm.string().value_or(""));
      if (!only) continue;
    }
    Result<crypto::PublicKey> key = public_key(one);
    if (!key || (only && !key->takes(*only))) continue;
    set.keys_.push_back({.id = id.is_string() ? std::optional(std::string(*id.string())) : std::nullopt,
                         .only = only,
                         .key = *std::move(key)});
  }
  std::erase_if(set.keys_, [&](const Key& key) { return key.id && std::ranges::count(ids, *key.id) > 1; });
  if (set.keys_.empty())
    return fail(ErrorKind::invalid_request, "the issuer's key set has no key of RSA, P-256 or Ed25519 for signatures");
  return set;
}

const crypto::PublicKey* KeySet::find(std::optional<std::string_view> id, crypto::SignatureKind kind) const {
  const Key* found = nullptr;
  for (const Key& key : keys_) {
    if (!key.key.takes(kind) || (key.only && *key.only != kind)) continue;
    if (id && key.id != *id) continue;
    if (found) return nullptr;  // two: which one is meant cannot be known
    found = &key;
  }
  return found ? &found->key : nullptr;
}

}  // namespace sluice::identity
