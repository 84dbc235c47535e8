#include "identity/sign_in.h"

#include <algorithm>

#include "base/crypto.h"
#include "identity/roles.h"
#include "identity/text.h"
#include "identity/token.h"
#include "json/json.h"

namespace sluice::identity {
namespace {

using config::OidcSettings;

constexpr std::size_t longest_held_bytes = 128;  // of a session in a cookie; ours have 43
constexpr std::size_t most_email_bytes = 254;    // RFC 5321, 4.5.3.1

// Not to say why: whoever forges tokens learns nothing from it.
std::unexpected<Error> not_accepted() {
  return std::unexpected(Error{.kind = ErrorKind::unauthenticated,
                               .message = "this token or session is not accepted",
                               .hint = "sign in again, or get a new token; the server's log says why",
                               .code = "not_accepted"});
}

// Empty for anything but a JSON Web Token: other credentials have no dots.
std::string_view bearer_token(std::string_view authorization) {
  constexpr std::string_view scheme = "bearer ";
  if (authorization.size() <= scheme.size() ||
      !http::equal_ignoring_case(authorization.substr(0, scheme.size()), scheme))
    return {};
  const std::string_view token = authorization.substr(scheme.size());
  return token.find('.') == std::string_view::npos ? std::string_view() : token;
}

bool changes_something(std::string_view method) { return method != "GET" && method != "HEAD"; }

}  // namespace

Asked Asked::of(std::string_view method,
                const std::function<std::optional<std::string_view>(std::string_view)>& field) {
  const auto text = [&](std::string_view name) { return std::string(field(name).value_or("")); };
  return {.method = std::string(method),
          .authorization = text("authorization"),
          .cookies = text("cookie"),
          .origin = text("origin"),
          .fetch_site = text("sec-fetch-site")};
}

std::string session_cookie_name(const OidcSettings& settings) {
  return settings.https ? "__Host-sluice_session" : "sluice_session";
}

// Browsers say so with each request that may change something.
bool comes_from_here(const OidcSettings& settings, const Asked& asked) {
  if (!asked.origin.empty()) return asked.origin == settings.origin;
  return asked.fetch_site == "same-origin";
}

std::string email_of(const json::Value& claims) {
  const std::string_view email = claims["email"].string().value_or("");
  return email.size() <= most_email_bytes ? std::string(email) : std::string();
}

std::optional<Result<Person>> SignIn::who_asks(const Asked& asked, store::Store& store) {
  const std::shared_ptr<const config::Snapshot> snapshot = snapshots_();
  const OidcSettings& settings = snapshot->oidc();
  if (!settings.configured()) return std::nullopt;
  if (const std::string_view token = bearer_token(asked.authorization); !token.empty())
    return of_token(settings, token);
  if (!asked.authorization.empty()) return std::nullopt;
  const std::string_view held = cookie(asked.cookies, session_cookie_name(settings));
  if (held.empty()) return std::nullopt;
  return of_session(settings, asked, held, store);
}

Result<Person> SignIn::of_token(const OidcSettings& settings, std::string_view text) {
  const auto no = [&](const std::string& reason, std::string_view subject = {}) {
    refused("token", reason, subject);
    return not_accepted();
  };
  if (settings.audience.empty()) return no("`admin.oidc` has no `audience`, so no token is accepted");
  const std::shared_ptr<const Known> known = issuers_.known(settings.issuer, async::Clock::now());
  const Result<Token> token = Token::read(text);
  if (!token) return no(token.error().message);
  if (!known) {
    refused("token", "the issuer's keys could not be fetched", {});
    return fail(ErrorKind::unavailable, "the issuer's keys are not known", "try again in a few seconds");
  }
  const Result<Claims> claims = token->claims(known->keys, {.issuer = settings.issuer,
                                                            .audiences = settings.audience,
                                                            .now_s = now_us_() / 1'000'000,
                                                            .leeway_s = settings.leeway_seconds});
  if (!claims) return no(claims.error().message);
  const Result<const config::OidcRule*> rule = rule_for(settings, claims->root());
  if (!rule) {
    refused("token", rule.error().message, claims->subject());
    return std::unexpected(rule.error());
  }
  return Person{.issuer = settings.issuer,
                .subject = std::string(claims->subject()),
                .email = email_of(claims->root()),
                .rule = **rule,
                .until_us = claims->expires_at_s() * 1'000'000};
}

Result<Person> SignIn::of_session(const OidcSettings& settings, const Asked& asked, std::string_view held,
                                  store::Store& store) {
  if (changes_something(asked.method) && !comes_from_here(settings, asked)) {
    refused("session", "the request comes from a page of another site (Origin)", {});
    return fail(ErrorKind::forbidden, "this request comes from a page of another site",
                "send it from " + settings.origin + ", or with a token instead of a session");
  }
  Result<std::optional<store::Session>> found = std::nullopt;
  if (held.size() <= longest_held_bytes) found = store.find_session(crypto::sha256(held), now_us_());
  if (!found) return std::unexpected(found.error());
  // A session of an issuer that is not configured any more ends with it.
  if (!*found || (*found)->issuer != settings.issuer) {
    refused("session", "there is no such session, or it has ended", {});
    return not_accepted();
  }
  const store::Session& session = **found;
  const auto claims = json::Document::parse(session.claims);
  const Result<const config::OidcRule*> rule = rule_for(settings, claims ? claims->root() : json::Value());
  if (!rule) {
    refused("session", rule.error().message, session.subject);
    return std::unexpected(rule.error());
  }
  return Person{.issuer = session.issuer,
                .subject = session.subject,
                .email = session.email,
                .rule = **rule,
                .session_id = session.id,
                .until_us = session.expires_at_us};
}

void SignIn::refused(std::string_view way, std::string_view reason, std::string_view subject) {
  const std::int64_t now = now_us_();
  std::int64_t left_out = 0;
  {
    const std::lock_guard held(recorded_mutex_);
    const std::int64_t seconds = std::max<std::int64_t>(now - may_record_since_us_, 0) / 1'000'000;
    if (seconds > 0) {
      may_record_ = seconds >= most_recorded_at_once
                        ? most_recorded_at_once
                        : std::min(most_recorded_at_once, may_record_ + seconds * recorded_per_second);
      may_record_since_us_ = now;
    }
    if (may_record_ == 0) {
      ++not_recorded_;
      return;
    }
    --may_record_;
    left_out = std::exchange(not_recorded_, 0);
  }
  log_.warn("sign-in refused", {{"way", way}, {"reason", reason}, {"subject", subject}, {"left_out", left_out}});
  std::string act;
  json::Writer to(act);
  to.begin_object().member("act", "sign_in_refused").member("act_id", crypto::random_alphanumeric(16));
  to.member("at_us", now).member("way", way).member("reason", reason).member("subject", subject);
  to.member("left_out", left_out).end_object();
  if (audit_.append(act) != store::Appended::queued)
    log_.error("a refused sign-in is not in the audit record", {{"reason", "the audit log takes no records"}});
}

}  // namespace sluice::identity
