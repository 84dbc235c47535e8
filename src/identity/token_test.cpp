#include "identity/token.h"

#include <gtest/gtest.h>

#include "identity/testing/signer.h"

namespace sluice::identity {
namespace {

using testing::Signer;

constexpr std::int64_t now_s = 1'800'000'000;
constexpr std::string_view issuer = "https://login.example.com/realms/main";

const Signer& rsa() {
  static const Signer signer(Signer::Type::rsa, "r1");
  return signer;
}
const Signer& p256() {
  static const Signer signer(Signer::Type::p256, "e1");
  return signer;
}
const Signer& ed25519() {
  static const Signer signer(Signer::Type::ed25519, "o1");
  return signer;
}

std::string key_set(std::initializer_list<std::string> keys) {
  std::string out = R"({"keys":[)";
  for (const std::string& key : keys) out += (out.back() == '[' ? "" : ",") + key;
  return out + "]}";
}

const KeySet& keys() {
  static const KeySet set = *KeySet::read(key_set({rsa().jwk(), p256().jwk(), ed25519().jwk()}));
  return set;
}

std::string claims(std::string_view more = {}, std::int64_t expires = now_s + 300,
                   std::string_view audience = R"("sluice")") {
  return R"({"iss":")" + std::string(issuer) + R"(","sub":"ada","aud":)" + std::string(audience) + R"(,"exp":)" +
         std::to_string(expires) + std::string(more) + "}";
}

struct Check {
  std::int64_t leeway_s = 0;
  std::optional<std::string_view> nonce = std::nullopt;
  std::optional<std::string_view> party = std::nullopt;
  const KeySet* set = &keys();
};

Result<Claims> check(std::string_view text, Check how = {}) {
  static const std::string audiences[] = {"sluice", "https://sluice.example.com"};
  TRY(const Token token, Token::read(text));
  return token.claims(*how.set, {.issuer = issuer,
                                 .audiences = audiences,
                                 .now_s = now_s,
                                 .leeway_s = how.leeway_s,
                                 .nonce = how.nonce,
                                 .authorized_party = how.party});
}

// Empty when it is believed.
std::string why_not(std::string_view text, Check how = {}) {
  const Result<Claims> believed = check(text, how);
  if (!believed) {
    EXPECT_EQ(believed.error().kind, ErrorKind::unauthenticated);
  }
  return believed ? "" : believed.error().message;
}

#define EXPECT_REFUSED(text, part) EXPECT_NE(why_not(text).find(part), std::string::npos) << why_not(text)

TEST(Token, Is_believed_with_each_of_the_four_algorithms) {
  EXPECT_EQ(why_not(rsa().token(rsa().header("RS256"), claims())), "");
  EXPECT_EQ(why_not(rsa().token(rsa().header("PS256"), claims(), true)), "");
  EXPECT_EQ(why_not(p256().token(p256().header("ES256"), claims())), "");
  EXPECT_EQ(why_not(ed25519().token(ed25519().header("EdDSA"), claims())), "");
  const Result<Claims> believed = check(rsa().token(rsa().header("RS256"), claims(R"(,"email":"ada@example.com")")));
  ASSERT_TRUE(believed);
  EXPECT_EQ(believed->subject(), "ada");
  EXPECT_EQ(believed->text("email"), "ada@example.com");
  EXPECT_EQ(believed->expires_at_s(), now_s + 300);
}

TEST(Token, Is_not_believed_when_a_single_bit_of_it_has_changed) {
  for (const std::string& token :
       {rsa().token(rsa().header("RS256"), claims()), p256().token(p256().header("ES256"), claims()),
        ed25519().token(ed25519().header("EdDSA"), claims())})
    for (std::size_t i = 0; i < token.size(); i += 7) {
      std::string other = token;
      other[i] = other[i] == 'A' ? 'B' : 'A';
      if (other != token) {
        EXPECT_NE(why_not(other), "") << i;
      }
    }
}

TEST(Token, Cannot_choose_how_it_is_checked) {
  EXPECT_REFUSED(crypto::base64url(R"({"alg":"none"})") + '.' + crypto::base64url(claims()) + '.', "algorithm");
  for (const char* none : {"None", "NONE", "nOnE", "", "rs256"})
    EXPECT_REFUSED(rsa().token(rsa().header(none), claims()), "algorithm");
  // The public key as the secret of an HMAC: what a library does that trusts the header.
  const std::string text = crypto::base64url(rsa().header("HS256")) + '.' + crypto::base64url(claims());
  const crypto::Sha256 mac = crypto::hmac_sha256(rsa().jwk(), text);
  EXPECT_REFUSED(text + '.' + crypto::base64url({reinterpret_cast<const char*>(mac.data()), mac.size()}), "algorithm");
  EXPECT_REFUSED(rsa().token(R"({"kid":"r1"})", claims()), "algorithm");
  EXPECT_REFUSED(rsa().token(R"({"alg":["RS256"],"kid":"r1"})", claims()), "algorithm");
  // Another algorithm than that of the key it names, and a padding that it does not say.
  EXPECT_REFUSED(rsa().token(rsa().header("ES256"), claims()), "no key");
  EXPECT_REFUSED(rsa().token(R"({"alg":"RS256","kid":"e1"})", claims()), "no key");
  EXPECT_REFUSED(rsa().token(rsa().header("PS256"), claims()), "signature");
  EXPECT_REFUSED(rsa().token(rsa().header("RS256"), claims(), true), "signature");
}

TEST(Token, Cannot_bring_its_own_key_or_an_extension) {
  for (const std::string& more : {R"("jwk":)" + rsa().jwk(), std::string(R"("jku":"https://evil.example/keys")"),
                                  std::string(R"("x5u":"https://evil.example/cert")"), std::string(R"("x5c":["MII"])")})
    EXPECT_REFUSED(rsa().token(R"({"alg":"RS256","kid":"r1",)" + more + "}", claims()), "its own key");
  EXPECT_REFUSED(rsa().token(R"({"alg":"RS256","kid":"r1","crit":["exp"]})", claims()), "extension");
  EXPECT_REFUSED(rsa().token(R"({"alg":"RS256","kid":"r1","crit":["b64"],"b64":false})", claims()), "extension");
  EXPECT_REFUSED(rsa().token(R"({"alg":"RS256","kid":"r1","zip":"DEF"})", claims()), "extension");
  EXPECT_REFUSED(rsa().token(R"({"alg":"RS256","kid":"r1","typ":"logout+jwt"})", claims()), "type");
  EXPECT_REFUSED(rsa().token(R"({"alg":"RS256","kid":"r1","typ":7})", claims()), "type");
  EXPECT_EQ(why_not(rsa().token(R"({"alg":"RS256","kid":"r1","typ":"JWT"})", claims())), "");
  EXPECT_EQ(why_not(rsa().token(R"({"alg":"RS256","kid":"r1","typ":"at+jwt"})", claims())), "");
}

TEST(Token, Finds_its_key_by_the_whole_id_alone) {
  for (const char* id : {"../../dev/null", "r1' OR '1'='1", "R1", "r", "r1 ", "r1\\u0000", ""})
    EXPECT_REFUSED(rsa().token(R"({"alg":"RS256","kid":")" + std::string(id) + R"("})", claims()), "no key");
  EXPECT_REFUSED(rsa().token(R"({"alg":"RS256","kid":1})", claims()), "kid");
  EXPECT_REFUSED(rsa().token(R"({"alg":"RS256","kid":")" + std::string(257, 'k') + R"("})", claims()), "kid");
  EXPECT_EQ(why_not(rsa().token(R"({"alg":"RS256"})", claims())), "") << "only one key takes it";
  const Signer second(Signer::Type::rsa, "r2");
  const KeySet both = *KeySet::read(key_set({rsa().jwk(), second.jwk()}));
  EXPECT_NE(why_not(rsa().token(R"({"alg":"RS256"})", claims()), {.set = &both}), "") << "two could be meant";
  EXPECT_NE(why_not(second.token(rsa().header("RS256"), claims()), {.set = &both}), "") << "signed with another key";
  EXPECT_EQ(why_not(second.token(second.header("RS256"), claims()), {.set = &both}), "");
}

TEST(Token, Is_refused_when_two_readers_could_disagree) {
  EXPECT_REFUSED(rsa().token(R"({"alg":"RS256","kid":"r1","alg":"none"})", claims()), "twice");
  EXPECT_REFUSED(rsa().token(rsa().header("RS256"), claims(R"(,"sub":"eve")")), "twice");
  EXPECT_REFUSED(rsa().token(rsa().header("RS256"), claims(R"(,"\u0073ub":"eve")")), "twice");
  EXPECT_REFUSED(rsa().token(rsa().header("RS256"), claims(R"(,"realm":{"roles":["a"],"roles":["b"]})")), "twice");
  EXPECT_REFUSED(rsa().token(rsa().header("RS256"), claims() + "{}"), "JSON");
  EXPECT_REFUSED(rsa().token(rsa().header("RS256"), "[]"), "JSON");
  EXPECT_REFUSED(rsa().token(rsa().header("RS256"), "{\"sub\":\"\xff\"}"), "JSON");
}

TEST(Token, Has_one_form_and_bounds) {
  const std::string good = rsa().token(rsa().header("RS256"), claims());
  EXPECT_REFUSED("", "form");
  EXPECT_REFUSED("..", "JSON");
  EXPECT_REFUSED("a.b", "form");
  EXPECT_REFUSED(good + ".x", "form");
  for (const char* tail : {"=", " ", "\n", "A", "%3D"}) EXPECT_NE(why_not(good + tail), "") << tail;
  EXPECT_NE(why_not(' ' + good), "");
  EXPECT_REFUSED(good.substr(0, good.rfind('.') + 1), "signature");
  EXPECT_REFUSED(std::string(1 << 20, 'a'), "larger");
  EXPECT_REFUSED(rsa().token(rsa().header("RS256"), claims(",\"x\":\"" + std::string(16 << 10, 'a') + "\"")), "larger");
  EXPECT_REFUSED(rsa().token(R"({"alg":"RS256","kid":"r1","x":")" + std::string(2 << 10, 'a') + "\"}", claims()),
                 "larger");
}

TEST(Token, Is_for_one_issuer_and_one_audience) {
  const auto with = [](std::string_view iss, std::string_view aud) {
    return rsa().token(rsa().header("RS256"), R"({"iss":)" + std::string(iss) +
                                                  R"(,"sub":"ada","exp":1800000300,"aud":)" + std::string(aud) + "}");
  };
  const std::string right = '"' + std::string(issuer) + '"';
  EXPECT_EQ(why_not(with(right, R"("sluice")")), "");
  EXPECT_EQ(why_not(with(right, R"(["other","sluice"])")), "");
  EXPECT_EQ(why_not(with(right, R"("https://sluice.example.com")")), "");
  for (const std::string& wrong :
       {'"' + std::string(issuer) + "/\"", std::string(R"("https://login.example.com/realms/Main")"),
        std::string(R"("https://login.example.com")"), std::string("null"), std::string("[") + right + "]"})
    EXPECT_REFUSED(with(wrong, R"("sluice")"), "issuer");
  for (const char* wrong : {R"("other")", R"(["other"])", R"("Sluice")", R"("sluice ")", R"("sluice2")"})
    EXPECT_REFUSED(with(right, wrong), "another audience");
  for (const char* wrong : {"null", "7", "{}", "[[\"sluice\"]]", "[\"sluice\",7]"})
    EXPECT_REFUSED(with(right, wrong), "audience");
  EXPECT_REFUSED(with(right, "[]"), "another audience");
  EXPECT_REFUSED(rsa().token(rsa().header("RS256"), R"({"sub":"ada","exp":1800000300,"aud":"sluice"})"), "issuer");
}

TEST(Token, Has_a_time_and_the_clocks_may_differ_by_the_leeway) {
  const auto until = [](std::int64_t expires) { return rsa().token(rsa().header("RS256"), claims("", expires)); };
  EXPECT_EQ(why_not(until(now_s + 1)), "");
  EXPECT_REFUSED(until(now_s), "expired");
  EXPECT_EQ(why_not(until(now_s - 59), {.leeway_s = 60}), "");
  EXPECT_NE(why_not(until(now_s - 60), {.leeway_s = 60}), "");
  const auto from = [](const char* name, std::int64_t at) {
    return rsa().token(rsa().header("RS256"), claims(std::string(",\"") + name + "\":" + std::to_string(at)));
  };
  for (const char* name : {"nbf", "iat"}) {
    EXPECT_EQ(why_not(from(name, now_s)), "");
    EXPECT_REFUSED(from(name, now_s + 1), "later");
    EXPECT_EQ(why_not(from(name, now_s + 60), {.leeway_s = 60}), "");
    EXPECT_NE(why_not(from(name, now_s + 61), {.leeway_s = 60}), "");
  }
  for (const char* time : {"\"1900000000\"", "null", "-1", "1e300", "true", "[1900000000]"})
    EXPECT_REFUSED(rsa().token(rsa().header("RS256"), R"({"iss":")" + std::string(issuer) +
                                                          R"(","sub":"ada","aud":"sluice","exp":)" + time + "}"),
                   "until when");
  EXPECT_REFUSED(
      rsa().token(rsa().header("RS256"), R"({"iss":")" + std::string(issuer) + R"(","sub":"ada","aud":"sluice"})"),
      "until when");
  EXPECT_REFUSED(rsa().token(rsa().header("RS256"), claims(R"(,"nbf":"0")")), "no time");
}

TEST(Token, Names_somebody) {
  const auto subject = [](std::string_view sub) {
    return rsa().token(rsa().header("RS256"), R"({"iss":")" + std::string(issuer) +
                                                  R"(","aud":"sluice","exp":1800000300)" + std::string(sub) + "}");
  };
  EXPECT_REFUSED(subject(""), "sub");
  EXPECT_REFUSED(subject(R"(,"sub":"")"), "sub");
  EXPECT_REFUSED(subject(R"(,"sub":7)"), "sub");
  EXPECT_REFUSED(subject(R"(,"sub":")" + std::string(256, 's') + '"'), "sub");
  EXPECT_EQ(why_not(subject(R"(,"sub":")" + std::string(255, 's') + '"')), "");
}

TEST(Token, Of_a_sign_in_belongs_to_it_and_to_nobody_else) {
  const std::string token = rsa().token(rsa().header("RS256"), claims(R"(,"nonce":"n1")"));
  EXPECT_EQ(why_not(token, {.nonce = "n1"}), "");
  EXPECT_NE(why_not(token, {.nonce = "n2"}), "");
  EXPECT_NE(why_not(rsa().token(rsa().header("RS256"), claims()), {.nonce = "n1"}), "");
  const auto party = [](std::string_view more, std::string_view audience) {
    return rsa().token(rsa().header("RS256"), claims(more, now_s + 300, audience));
  };
  EXPECT_EQ(why_not(party("", R"("sluice")"), {.party = "sluice"}), "");
  EXPECT_EQ(why_not(party("", R"(["sluice"])"), {.party = "sluice"}), "");
  EXPECT_NE(why_not(party("", R"(["sluice","other"])"), {.party = "sluice"}), "");
  EXPECT_EQ(why_not(party(R"(,"azp":"sluice")", R"(["sluice","other"])"), {.party = "sluice"}), "");
  EXPECT_NE(why_not(party(R"(,"azp":"other")", R"("sluice")"), {.party = "sluice"}), "");
}

TEST(KeySet, Leaves_out_what_is_not_for_signatures_and_what_is_damaged) {
  const std::string encryption = rsa().jwk(R"(,"use":"enc")");
  const KeySet set = *KeySet::read(key_set({R"({"kty":"EC","crv":"P-521","kid":"x"})", "7", encryption, p256().jwk(),
                                            R"({"kty":"EC","crv":"P-256","kid":"y","x":"AA","y":"AA"})"}));
  EXPECT_EQ(set.size(), 1u);
  EXPECT_EQ(set.find("r1", crypto::SignatureKind::rs256), nullptr);
  EXPECT_NE(set.find("e1", crypto::SignatureKind::es256), nullptr);
}

TEST(KeySet, Takes_an_issuer_at_its_word_about_what_a_key_is_for) {
  const KeySet set = *KeySet::read(key_set({rsa().jwk(R"(,"alg":"PS256","use":"sig")")}));
  EXPECT_EQ(set.find("r1", crypto::SignatureKind::rs256), nullptr);
  EXPECT_NE(set.find("r1", crypto::SignatureKind::ps256), nullptr);
  EXPECT_FALSE(KeySet::read(key_set({rsa().jwk(R"(,"alg":"HS256")")})));
  EXPECT_FALSE(KeySet::read(key_set({rsa().jwk(R"(,"alg":"ES256")")})));
}

TEST(KeySet, Is_refused_when_it_cannot_be_trusted) {
  EXPECT_FALSE(KeySet::read("{}"));
  EXPECT_FALSE(KeySet::read("not JSON"));
  EXPECT_FALSE(KeySet::read(R"({"keys":[]})"));
  EXPECT_FALSE(KeySet::read(key_set({rsa().jwk(R"(,"d":"AQAB")")}))) << "its private half is public";
  EXPECT_FALSE(KeySet::read(key_set({rsa().jwk(), R"({"kty":"oct","kid":"s","k":"AQAB"})"})));
  EXPECT_FALSE(KeySet::read(key_set({rsa().jwk(), Signer(Signer::Type::rsa, "r1").jwk()}))) << "one id, two keys";
  EXPECT_FALSE(KeySet::read(key_set({Signer(Signer::Type::rsa, "short", 1'024).jwk()})));
  EXPECT_FALSE(KeySet::read(std::string(KeySet::most_bytes + 1, ' ')));
  std::string many = "{\"keys\":[0";
  for (std::size_t i = 0; i < KeySet::most_keys; ++i) many += ",0";
  EXPECT_FALSE(KeySet::read(many + "]}"));
}

}  // namespace
}  // namespace sluice::identity
