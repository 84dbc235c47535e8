#include "identity/token.h"

#include <algorithm>
#include <vector>

#include "base/crypto.h"

namespace sluice::identity {
namespace {

constexpr std::int64_t latest_time_s = 253'402'300'799;  // the year 9999: what is beyond is no time

std::unexpected<Error> not_believed(std::string why) {
  return fail(ErrorKind::unauthenticated, std::move(why), "sign in again, or get a new token from the issuer");
}

// At any depth: two readers could disagree on which of the two counts. Names are compared as they are meant, not as
// they are written ("\u0061ud").
bool has_duplicates(const json::Value& value) {
  if (value.is_array()) {
    const std::vector<json::Value> elements = value.elements();
    return std::ranges::any_of(elements, has_duplicates);
  }
  if (!value.is_object()) return false;
  const auto members = value.members();
  std::vector<std::string_view> names;
  names.reserve(members.size());
  for (const auto& [name, inner] : members) {
    if (has_duplicates(inner)) return true;
    names.push_back(name);
  }
  std::ranges::sort(names);
  return std::ranges::adjacent_find(names) != names.end();
}

// One part of a token: an object without duplicates. `what`: "header" or "claims".
Result<json::Document> object_of(std::string_view bytes, const char* what) {
  Result<json::Document> document = json::Document::parse(bytes);
  if (!document || !document->root().is_object())
    return not_believed("the token's " + std::string(what) + " are no JSON object");
  if (has_duplicates(document->root()))
    return not_believed("the token's " + std::string(what) + " have a member that occurs twice");
  return document;
}

// A time in whole seconds. RFC 7519 allows fractions: they are cut off.
std::optional<std::int64_t> time_of(const json::Value& value) {
  if (const auto whole = value.integer(); whole && *whole >= 0 && *whole <= latest_time_s) return whole;
  if (const auto real = value.number(); real && *real >= 0 && *real <= static_cast<double>(latest_time_s))
    return static_cast<std::int64_t>(*real);
  return std::nullopt;
}

// `typ` tells what a token is for. That of a logout or of a proof of possession is signed with the same key.
bool is_known_type(std::string_view type) {
  std::string lower(type);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return lower == "jwt" || lower == "at+jwt" || lower == "application/jwt" || lower == "application/at+jwt";
}

Result<void> check_audience(const json::Value& audience, const Expected& expected) {
  const auto ours = [&](const json::Value& one) {
    const auto text = one.string();
    return text && std::ranges::find(expected.audiences, *text) != expected.audiences.end();
  };
  const std::vector<json::Value> elements = audience.elements();
  const bool all_texts =
      audience.is_string() || (audience.is_array() && std::ranges::all_of(elements, &json::Value::is_string));
  if (!all_texts) return not_believed("the token's audience (aud) is missing, or neither a text nor a list of texts");
  if (!ours(audience) && std::ranges::none_of(elements, ours))
    return not_believed("the token is for another audience (aud)");
  return {};
}

Result<void> check_times(const json::Value& claims, const Expected& expected) {
  const auto expires = time_of(claims["exp"]);
  if (!expires) return not_believed("the token does not say until when it is good (exp)");
  if (expected.now_s >= *expires + expected.leeway_s) return not_believed("the token has expired (exp)");
  for (const char* name : {"nbf", "iat"}) {
    const json::Value value = claims[name];
    if (!value.exists()) continue;
    const auto from = time_of(value);
    if (!from) return not_believed(std::string("the token's `") + name + "` is no time");
    if (*from > expected.now_s + expected.leeway_s)
      return not_believed(std::string("the token is good only later (") + name +
                          "): this machine's clock and the issuer's may differ");
  }
  return {};
}

}  // namespace

std::string_view Claims::text(std::string_view name) const { return root()[name].string().value_or(""); }
std::int64_t Claims::expires_at_s() const { return time_of(root()["exp"]).value_or(0); }

Result<Token> Token::read(std::string_view text) {
  if (text.size() > most_bytes) return not_believed("the token is larger than 16 KiB");
  const std::size_t first = text.find('.');
  const std::size_t second = first == std::string_view::npos ? first : text.find('.', first + 1);
  if (second == std::string_view::npos || text.find('.', second + 1) != std::string_view::npos)
    return not_believed("the token has not the form HEADER.CLAIMS.SIGNATURE");
  const auto header = crypto::from_base64url(text.substr(0, first));
  auto claims = crypto::from_base64url(text.substr(first + 1, second - first - 1));
  auto signature = crypto::from_base64url(text.substr(second + 1));
  if (!header || !claims || !signature) return not_believed("the token is no base64url");
  if (header->size() > most_header_bytes) return not_believed("the token's header is larger than 2 KiB");

  TRY(const json::Document document, object_of(*header, "header"));
  const json::Value root = document.root();
  const auto algorithm = root["alg"].string();
  const auto kind = algorithm ? signature_kind(*algorithm) : std::nullopt;
  if (!kind) return not_believed("the token's algorithm (alg) is none of RS256, PS256, ES256 and EdDSA");
  // Whose key it is, is known here alone.
  for (const char* name : {"jwk", "jku", "x5u", "x5c"})
    if (root[name].exists()) return not_believed(std::string("the token brings its own key (") + name + ")");
  for (const char* name : {"crit", "b64", "enc", "zip"})
    if (root[name].exists()) return not_believed(std::string("the token wants an extension (") + name + ")");
  if (const json::Value type = root["typ"]; type.exists() && !is_known_type(type.string().value_or("")))
    return not_believed("the token is of another type (typ)");
  Token token;
  if (const json::Value id = root["kid"]; id.exists()) {
    if (!id.is_string() || id.string()->size() > KeySet::most_id_bytes)
      return not_believed("the token's key id (kid) is no text, or too long");
    token.key_id_ = std::string(*id.string());
  }
  token.kind_ = *kind;
  token.signed_ = text.substr(0, second);
  token.signature_ = *std::move(signature);
  token.claims_ = *std::move(claims);
  return token;
}

Result<Claims> Token::claims(const KeySet& keys, const Expected& expected) const {
  const crypto::PublicKey* key = keys.find(key_id(), kind_);
  if (!key) return not_believed("the issuer has no key for the token: its key id (kid) and algorithm (alg) fit none");
  if (!key->has_signed(kind_, signed_, signature_)) return not_believed("the token's signature is not the issuer's");

  TRY(json::Document document, object_of(claims_, "claims"));
  Claims claims(std::move(document));
  const json::Value root = claims.root();
  if (root["iss"].string() != expected.issuer) return not_believed("the token is of another issuer (iss)");
  CHECK_OK(check_audience(root["aud"], expected));
  CHECK_OK(check_times(root, expected));
  if (claims.subject().empty() || claims.subject().size() > most_subject_bytes)
    return not_believed("the token's subject (sub) is missing or longer than 255 bytes");
  if (expected.nonce && root["nonce"].string() != *expected.nonce)
    return not_believed("the token belongs to another sign-in (nonce)");
  if (expected.authorized_party) {
    const json::Value party = root["azp"];
    if (party.exists() ? party.string() != *expected.authorized_party
                       : root["aud"].is_array() && root["aud"].size() > 1)
      return not_believed("the token was made for another client (azp)");
  }
  return claims;
}

}  // namespace sluice::identity
