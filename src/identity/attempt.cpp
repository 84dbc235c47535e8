#include "identity/attempt.h"

#include <charconv>

#include "base/crypto.h"
#include "identity/text.h"

namespace sluice::identity {
namespace {

constexpr std::size_t random_size = 32;

std::string_view bytes_of(const crypto::Sha256& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// In a time that does not depend on where they differ: of both, a MAC under a key that nobody knows.
bool equal(std::string_view a, std::string_view b) {
  const std::string key = crypto::random_bytes(random_size);
  return crypto::hmac_sha256(key, a) == crypto::hmac_sha256(key, b);
}

std::unexpected<Error> not_ours(std::string why) {
  return fail(ErrorKind::unauthenticated, std::move(why), "begin the sign-in again");
}

}  // namespace

Attempts::Attempts() : key_(crypto::random_bytes(random_size)) {}

std::string Attempts::made_of(std::string_view what, std::string_view value) const {
  return crypto::base64url(
      bytes_of(crypto::hmac_sha256(key_.reveal(), std::string(what).append(1, '\0').append(value))));
}

Attempt Attempts::attempt(std::string_view value) const {
  Attempt made{.state = made_of("state", value), .nonce = made_of("nonce", value)};
  made.verifier = Secret(made_of("verifier", value));
  made.challenge = crypto::base64url(bytes_of(crypto::sha256(made.verifier.reveal())));
  return made;
}

// RANDOM.TIME.RETURN_TO.MAC
Attempts::Begun Attempts::begin(std::string_view return_to, std::int64_t now_s) const {
  const std::string value = crypto::base64url(crypto::random_bytes(random_size));
  std::string cookie = value + '.' + std::to_string(now_s) + '.' + crypto::base64url(return_to);
  cookie += '.' + made_of("cookie", cookie);
  Begun begun{.cookie = std::move(cookie), .attempt = attempt(value)};
  begun.attempt.return_to = return_to;
  return begun;
}

Result<Attempt> Attempts::resume(std::string_view cookie, std::string_view state, std::int64_t now_s) const {
  const std::size_t end = cookie.rfind('.');
  if (cookie.empty() || end == std::string_view::npos) return not_ours("the browser has not begun a sign-in here");
  const std::string_view text = cookie.substr(0, end);
  if (!equal(made_of("cookie", text), cookie.substr(end + 1)))
    return not_ours("the browser's cookie of the sign-in is not of this server, or of before its start");
  const std::size_t first = text.find('.');
  const std::size_t second = text.find('.', first + 1);
  std::int64_t begun_s = 0;
  std::from_chars(text.data() + first + 1, text.data() + second, begun_s);
  if (now_s - begun_s > longest_s) return not_ours("the sign-in has taken longer than ten minutes");
  Attempt made = attempt(text.substr(0, first));
  if (!equal(made.state, state)) return not_ours("the answer belongs to another sign-in (state)");
  made.return_to = crypto::from_base64url(text.substr(second + 1)).value_or("/");
  return made;
}

}  // namespace sluice::identity
