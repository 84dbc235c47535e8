#include <algorithm>

#include "base/crypto.h"
#include "base/percent.h"
#include "base/utc.h"
#include "identity/roles.h"
#include "identity/sign_in.h"
#include "identity/text.h"
#include "identity/token.h"
#include "json/json.h"

namespace sluice::identity {

namespace {

using config::OidcSettings;
using std::chrono::seconds;

constexpr std::size_t session_bytes = 32;
constexpr async::Duration page_limit = seconds(30);  // of a sign-in's last step, both answers of the issuer together
constexpr std::size_t most_code_bytes = 4u << 10;

std::string attempt_cookie_name(const OidcSettings& settings) {
  return settings.https ? "__Host-sluice_sign_in" : "sluice_sign_in";
}

std::string cookie_field(const OidcSettings& settings, const std::string& name, std::string_view value,
                         std::int64_t max_age_s) {
  return name + "=" + std::string(value) + "; Path=/; Max-Age=" + std::to_string(max_age_s) +
         "; HttpOnly; SameSite=Lax" + (settings.https ? "; Secure" : "");
}

// Nobody keeps these answers, and nobody shows them in a frame.
http::Headers page_headers(std::string_view type) {
  return {{"content-type", type},
          {"cache-control", "no-store"},
          {"content-security-policy", "default-src 'none'; frame-ancestors 'none'"},
          {"referrer-policy", "no-referrer"},
          {"x-content-type-options", "nosniff"}};
}

int status_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid_request: return 400;
    case ErrorKind::unauthenticated: return 401;
    case ErrorKind::forbidden: return 403;
    case ErrorKind::not_found: return 404;
    case ErrorKind::method_not_allowed: return 405;
    case ErrorKind::unavailable: return 503;
    default: return 500;
  }
}

// RFC 9457.
async::Task<> refuse(http::Exchange& exchange, Error error, std::string cookie) {
  const int status = status_of(error.kind);
  http::Headers headers = page_headers("application/problem+json");
  if (!cookie.empty()) headers.add("set-cookie", cookie);
  if (status == 401) headers.add("www-authenticate", "Bearer");
  std::string body;
  json::Writer to(body);
  to.begin_object().member("type", "about:blank").member("title", name(error.kind)).member("status", status);
  to.member("detail", error.message).member("hint", error.hint).end_object();
  (void)co_await exchange.respond(status, headers, body);
}

// An overload, not a default argument: g++ 12 copies such a temporary of a co_await byte by byte.
async::Task<> refuse(http::Exchange& exchange, Error error) {
  return refuse(exchange, std::move(error), std::string());
}

Asked asked_of(const http::RequestHead& head) {
  return Asked::of(head.method, [&](std::string_view name) { return head.get(name); });
}

}  // namespace

async::Task<> SignInPages::handle(http::Exchange& exchange) {
  const http::RequestHead& head = exchange.head();
  const std::string_view page = head.path.substr(auth_path.size());
  const bool get = head.method == "GET";
  const bool is_known = page == "login" || page == "callback" || page == "logout" || page == "me";
  std::shared_ptr<const config::Snapshot> snapshot = shared_.snapshot();
  if (!is_known || !snapshot->oidc().configured())
    co_return co_await refuse(exchange, {.kind = ErrorKind::not_found,
                                         .message = is_known ? "nobody can sign in here" : "there is no such page",
                                         .hint = is_known ? "set `admin.oidc` in the configuration"
                                                          : "GET /admin/v1/auth/login begins a sign-in"});
  if (get != (page != "logout") || (page == "logout" && head.method != "POST"))
    co_return co_await refuse(exchange, {.kind = ErrorKind::method_not_allowed,
                                         .message = "this page takes another method",
                                         .hint = page == "logout" ? "use POST" : "use GET"});
  if (page == "login") co_return co_await login(exchange, std::move(snapshot));
  if (page == "callback") co_return co_await callback(exchange, std::move(snapshot));
  if (page == "logout") co_return co_await logout(exchange, std::move(snapshot));
  co_await me(exchange);
}

async::Task<> SignInPages::login(http::Exchange& exchange, std::shared_ptr<const config::Snapshot> snapshot) {
  const OidcSettings& settings = snapshot->oidc();
  const Result<std::optional<std::string>> wanted = query_field(exchange.head().query, "return_to");
  if (!wanted) co_return co_await refuse(exchange, wanted.error());
  if (*wanted && !is_local_path(**wanted))
    co_return co_await refuse(exchange, {.kind = ErrorKind::invalid_request,
                                         .message = "`return_to` is no path of this server",
                                         .hint = "write a path such as /console"});
  const auto known =
      co_await issuer_.known(settings, std::nullopt, reactor_.within(page_limit, &exchange.client_gone()));
  if (!known) {
    shared_.log().warn("the issuer cannot be asked", {{"reason", known.error().message}});
    co_return co_await refuse(exchange, {.kind = ErrorKind::unavailable,
                                         .message = "the issuer cannot be asked now",
                                         .hint = "try again; the server's log says why"});
  }
  const Attempts::Begun begun = shared_.attempts().begin(
      *wanted ? std::string_view(**wanted) : std::string_view("/admin/v1/auth/me"), shared_.now_us() / 1'000'000);
  std::string place = (*known)->metadata.authorization_endpoint;
  place += place.find('?') == std::string::npos ? '?' : '&';
  place += "response_type=code&client_id=" + percent_encoded(settings.client_id);
  place += "&redirect_uri=" + percent_encoded(settings.redirect_url) + "&scope=" + percent_encoded(settings.scopes);
  place += "&state=" + begun.attempt.state + "&nonce=" + begun.attempt.nonce;
  place += "&code_challenge=" + begun.attempt.challenge + "&code_challenge_method=S256";
  http::Headers headers = page_headers("text/plain; charset=utf-8");
  headers.add("location", place);
  headers.add("set-cookie", cookie_field(settings, attempt_cookie_name(settings), begun.cookie, Attempts::longest_s));
  (void)co_await exchange.respond(302, headers, "");
}

// Up to the session in the database; `held` is what the browser gets of it.
async::Task<Result<Attempt>> SignInPages::finish(http::Exchange& exchange, const OidcSettings& settings,
                                                 std::string& held) {
  const http::RequestHead& head = exchange.head();
  CO_TRY(const auto state, query_field(head.query, "state"));
  CO_TRY(auto code, query_field(head.query, "code"));
  CO_TRY(const auto error, query_field(head.query, "error"));
  CO_TRY(const auto issuer, query_field(head.query, "iss"));
  const std::int64_t now_us = shared_.now_us();
  const std::string_view kept = cookie(head.get("cookie").value_or(""), attempt_cookie_name(settings));
  CO_TRY(Attempt attempt, shared_.attempts().resume(kept, state.value_or(""), now_us / 1'000'000));
  if (error) {
    std::string word = error->substr(0, 64);
    std::erase_if(word, [](char c) { return c <= 0x20 || c >= 0x7f; });
    co_return fail(ErrorKind::unauthenticated, "the issuer has refused: " + word, "sign in again");
  }
  if (!code || code->empty() || code->size() > most_code_bytes)
    co_return fail(ErrorKind::unauthenticated, "the issuer's answer has no code", "sign in again");
  const async::Deadline deadline = reactor_.within(page_limit, &exchange.client_gone());
  CO_TRY(std::shared_ptr<const Known> known, co_await issuer_.known(settings, std::nullopt, deadline));
  if (issuer ? *issuer != settings.issuer : known->metadata.names_itself)
    co_return fail(ErrorKind::unauthenticated, "the answer is of another issuer (iss)", "sign in again");
  CO_TRY(const std::string text,
         co_await issuer_.redeem(settings, known, *std::move(code), attempt.verifier, deadline));
  CO_TRY(const Token token, Token::read(text));
  const Issuer::Wanted wanted{.key_id = token.key_id() ? std::optional(std::string(*token.key_id())) : std::nullopt,
                              .kind = token.kind()};
  CO_TRY(known, co_await issuer_.known(settings, wanted, deadline));
  const std::string audiences[] = {settings.client_id};
  CO_TRY(const Claims claims, token.claims(known->keys, {.issuer = settings.issuer,
                                                         .audiences = audiences,
                                                         .now_s = now_us / 1'000'000,
                                                         .leeway_s = settings.leeway_seconds,
                                                         .nonce = attempt.nonce,
                                                         .authorized_party = settings.client_id}));
  const Result<const config::OidcRule*> rule = rule_for(settings, claims.root());
  if (!rule) {
    Error told = rule.error();
    told.param = claims.subject();
    co_return std::unexpected(std::move(told));
  }
  held = crypto::base64url(crypto::random_bytes(session_bytes));
  store::Session session{.issuer = settings.issuer,
                         .subject = std::string(claims.subject()),
                         .email = email_of(claims.root()),
                         .claims = claims_kept(settings, claims.root()),
                         .created_at_us = now_us,
                         .expires_at_us = now_us + settings.session_hours * 3'600'000'000};
  Question<store::Session> keep(
      reactor_, desk_,
      [digest = crypto::sha256(held), session](store::Store& store) { return store.create_session(digest, session); },
      deadline);
  CO_TRY(const store::Session made, co_await keep);
  shared_.log().info("signed in",
                     {{"subject", made.subject}, {"email", made.email}, {"session", made.id}, {"role", (*rule)->role}});
  co_return attempt;
}

async::Task<> SignInPages::callback(http::Exchange& exchange, std::shared_ptr<const config::Snapshot> snapshot) {
  const OidcSettings& settings = snapshot->oidc();
  std::string held;
  const Result<Attempt> done = co_await finish(exchange, settings, held);
  // Whatever came of it, this sign-in is over.
  const std::string forget = cookie_field(settings, attempt_cookie_name(settings), "", 0);
  if (!done) {
    const Error& error = done.error();
    if (error.kind == ErrorKind::client_gone) co_return;
    shared_.refused("sign_in", error.message, error.param);
    Error told = error;
    told.param.clear();
    if (error.kind == ErrorKind::unauthenticated) {
      told.message = "the sign-in has not succeeded";
      told.hint = "begin again at /admin/v1/auth/login; the server's log says why";
    }
    if (error.kind == ErrorKind::unavailable) {
      told.message = "the sign-in cannot be completed now";
      told.hint = "try again; the server's log says why";
    }
    co_return co_await refuse(exchange, std::move(told), forget);
  }
  http::Headers headers = page_headers("text/plain; charset=utf-8");
  headers.add("location", done->return_to);
  headers.add("set-cookie", forget);
  headers.add("set-cookie",
              cookie_field(settings, session_cookie_name(settings), held, settings.session_hours * 3'600));
  (void)co_await exchange.respond(302, headers, "");
}

async::Task<> SignInPages::logout(http::Exchange& exchange, std::shared_ptr<const config::Snapshot> snapshot) {
  const OidcSettings& settings = snapshot->oidc();
  const Asked asked = asked_of(exchange.head());
  const std::string held(cookie(asked.cookies, session_cookie_name(settings)));
  if (!comes_from_here(settings, asked)) {
    shared_.refused("session", "a sign-out comes from a page of another site (Origin)", {});
    co_return co_await refuse(exchange, {.kind = ErrorKind::forbidden,
                                         .message = "this request comes from a page of another site",
                                         .hint = "send it from " + settings.origin});
  }
  Question<bool> end(
      reactor_, desk_,
      [digest = crypto::sha256(held), now_us = shared_.now_us()](store::Store& store) {
        return store.end_session(digest, now_us);
      },
      reactor_.within(page_limit, &exchange.client_gone()));
  const Result<bool> ended = co_await end;
  if (!ended) co_return co_await refuse(exchange, ended.error());
  http::Headers headers = page_headers("application/json");
  headers.add("set-cookie", cookie_field(settings, session_cookie_name(settings), "", 0));
  (void)co_await exchange.respond(200, headers, *ended ? R"({"signed_out":true})" : R"({"signed_out":false})");
}

async::Task<> SignInPages::me(http::Exchange& exchange) {
  const Asked asked = asked_of(exchange.head());
  co_await prepare(asked, exchange.client_gone());
  Question<std::optional<Person>> question(
      reactor_, desk_,
      [asked, &shared = shared_](store::Store& store) -> Result<std::optional<Person>> {
        const std::optional<Result<Person>> person = shared.who_asks(asked, store);
        if (!person) return std::nullopt;
        if (!*person) return std::unexpected(person->error());
        return **person;
      },
      reactor_.within(page_limit, &exchange.client_gone()));
  const Result<std::optional<Person>> person = co_await question;
  if (!person) co_return co_await refuse(exchange, person.error());
  if (!*person)
    co_return co_await refuse(exchange, {.kind = ErrorKind::unauthenticated,
                                         .message = "nobody is signed in",
                                         .hint = "GET /admin/v1/auth/login begins a sign-in"});
  const Person& who = **person;
  std::string body;
  json::Writer to(body);
  to.begin_object().member("issuer", who.issuer).member("subject", who.subject).member("email", who.email);
  to.member("role", who.rule.role).key("scope").begin_object();
  to.member("kind", !who.rule.team.empty() ? "team" : !who.rule.org.empty() ? "org" : "everything");
  to.member("name", !who.rule.team.empty() ? who.rule.team : who.rule.org).end_object();
  to.member("session_id", who.session_id).member("until", utc_text(who.until_us)).end_object();
  http::Headers headers = page_headers("application/json");
  (void)co_await exchange.respond(200, headers, body);
}

async::Task<> SignInPages::prepare(Asked asked, async::Cancel& gone) {
  const std::shared_ptr<const config::Snapshot> snapshot = shared_.snapshot();
  const OidcSettings& settings = snapshot->oidc();
  const std::string_view text = asked.authorization;
  constexpr std::size_t scheme = 7;  // "Bearer "
  if (!settings.configured() || settings.audience.empty() || text.size() <= scheme) co_return;
  const Result<Token> token = Token::read(text.substr(scheme));
  if (!token) co_return;
  const Issuer::Wanted wanted{.key_id = token->key_id() ? std::optional(std::string(*token->key_id())) : std::nullopt,
                              .kind = token->kind()};
  const auto known = co_await issuer_.known(settings, wanted, reactor_.within(page_limit, &gone));
  if (!known && known.error().kind != ErrorKind::client_gone)
    shared_.log().warn("the issuer cannot be asked", {{"reason", known.error().message}});
}

}  // namespace sluice::identity
