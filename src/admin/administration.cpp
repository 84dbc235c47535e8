#include "admin/administration.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "admin/problem.h"
#include "admin/routes.h"
#include "base/crypto.h"

namespace sluice::admin {
namespace {

using http::equal_ignoring_case;

std::unexpected<Error> unauthenticated() {
  // Whether a key is unknown, revoked or expired is nobody's business who has no other; the log says which.
  return std::unexpected(Error{.kind = ErrorKind::unauthenticated,
                               .message = "this needs an administrator's credential",
                               .hint = "send `Authorization: Bearer sk-admin-sluice-...`, a key of `sluice admin-keys "
                                       "create`; virtual keys administrate nothing",
                               .code = "not_an_administrator"});
}

// The name in "name", "name:port", "[::1]:port".
std::string_view host_of(std::string_view authority) {
  if (authority.starts_with('[')) return authority.substr(0, authority.find(']') + 1);
  return authority.substr(0, authority.rfind(':'));
}

bool is_address(std::string_view host) {
  if (host.starts_with('[')) return true;
  return !host.empty() && std::ranges::all_of(host, [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
}

// The answer as it is kept: without the characters of a key, which end it.
std::string without_secret(const std::string& body) {
  const std::size_t at = body.rfind(R"(,"key":"sk-)");  // the last member of whatever has one
  return at == std::string::npos ? body : body.substr(0, at) + R"(,"key":null})";
}

Answer json_answer(int status, std::string body) {
  // What is answered here is nobody's to keep, a new key least of all.
  return {.status = status,
          .headers = {{"content-type", "application/json"}, {"cache-control", "no-store"}},
          .body = std::move(body)};
}

std::optional<std::string_view> bearer(const Request& request) {
  constexpr std::string_view scheme = "bearer ";
  const auto given = request.header("authorization");
  if (!given || given->size() <= scheme.size() || !equal_ignoring_case(given->substr(0, scheme.size()), scheme))
    return std::nullopt;
  return given->substr(scheme.size());
}

}  // namespace

Administration::Administration(store::Store store, Surroundings around, Options options, std::vector<SignIn*> sign_ins)
    : store_(std::move(store)),
      around_(std::move(around)),
      options_(std::move(options)),
      sign_ins_(std::move(sign_ins)) {}

// Asked for each request of the server, so most are told by their second letter.
bool Administration::takes(std::string_view path) {
  switch (path.size() > 1 ? path[1] : '/') {
    case 'a': return is_native(path);
    case 'k': return path.starts_with("/key/");
    case 't': return path.starts_with("/team/");
    case 'u': return path.starts_with("/user/");
    case 's': return path.starts_with("/spend/");
    case 'g': return path == "/global/spend";
    case 'm': return path.starts_with("/model/");
    default: return false;
  }
}

// DNS rebinding: a page whose name leads to this machine asks with its own name. And a page elsewhere says where it is
// from: no other origin has business here.
Result<void> Administration::check_origin(const Request& request) const {
  const std::string_view authority = request.header("host").value_or("");
  const std::string_view host = host_of(authority);
  // The name under which people sign in: where the issuer sends their browsers.
  const std::shared_ptr<const config::Snapshot> snapshot = around_.snapshot();
  const std::string_view origin_of_sign_in = snapshot->oidc().origin;
  const std::size_t scheme_end = origin_of_sign_in.find("://");
  const std::string_view sign_in_host =
      scheme_end == std::string_view::npos ? std::string_view() : host_of(origin_of_sign_in.substr(scheme_end + 3));
  const bool known =
      is_address(host) || equal_ignoring_case(host, "localhost") ||
      (!sign_in_host.empty() && equal_ignoring_case(host, sign_in_host)) ||
      std::ranges::any_of(options_.hosts, [&](const std::string& name) { return equal_ignoring_case(name, host); });
  if (!known && !host.empty())
    return std::unexpected(Error{
        .kind = ErrorKind::forbidden,
        .message = "the administration's API is not asked by the name \"" + std::string(host.substr(0, 255)) + "\"",
        .hint = "add the name to `admin.hosts` of the configuration",
        .code = "unknown_host"});
  const auto origin = request.header("origin");
  if (!origin) return {};
  const std::size_t slashes = origin->find("://");
  if (slashes != std::string_view::npos && equal_ignoring_case(origin->substr(slashes + 3), authority)) return {};
  return std::unexpected(Error{.kind = ErrorKind::forbidden,
                               .message = "a page of another origin asks",
                               .hint = "ask from a program, or from a page of this server",
                               .code = "foreign_origin"});
}

Result<Actor> Administration::who_asks(const Request& request) {
  const std::int64_t now_us = options_.now_us();
  if (const auto characters = bearer(request); characters && characters->starts_with(store::admin_key_prefix)) {
    TRY(const auto key, store_.find_admin_key(*characters));
    if (!key || key->revoked_at_us || (key->expires_at_us && *key->expires_at_us <= now_us)) return unauthenticated();
    return Actor{.doer = {.id = key->id, .name = key->name, .way = "admin_key"}, .grant = key->grant};
  }
  for (SignIn* way : sign_ins_)
    if (auto actor = way->who_asks(request, now_us)) return *std::move(actor);
  return unauthenticated();
}

Result<Administration::Allowed> Administration::allow(const Request& request, Told& told) {
  Allowed allowed;
  CHECK_OK(check_origin(request));
  TRY(allowed.actor, who_asks(request));
  told.actor = allowed.actor.doer.id;
  Found found = find_route(request.method, request.path);
  if (!found.route) {
    if (found.allow.empty())
      return fail(ErrorKind::not_found, "there is nothing at " + request.path.substr(0, 255),
                  "GET /admin/v1/openapi.json says what there is");
    return fail(ErrorKind::method_not_allowed, request.method + " is not supported there", "use " + found.allow);
  }
  allowed.route = found.route;
  allowed.id = std::move(found.id);
  told.path = found.route->path;
  if (!allowed.id.empty() && allowed.id.size() > most_string_bytes)
    return fail(ErrorKind::not_found, "nothing has so long an id", "look it up in the list");
  const Permission* permission = nullptr;
  for (const Permission& one : permissions())
    if (one.resource == found.route->resource && one.verb == found.route->verb) permission = &one;
  if (!permission || !permission->allows(allowed.actor.grant.role))
    return std::unexpected(Error{.kind = ErrorKind::forbidden,
                                 .message = "the role " + std::string(name(allowed.actor.grant.role)) + " may not " +
                                            std::string(name(found.route->verb)) + " " +
                                            std::string(name(found.route->resource)),
                                 .hint = "docs/reference/roles.md says which role may; ask an owner for it",
                                 .code = "role_not_sufficient"});
  return allowed;
}

Administration::Admitted Administration::admit(const Request& head) {
  Told told{.method = head.method, .path = {}, .actor = {}, .status = 0, .why = {}};
  const Result<Allowed> allowed = allow(head, told);
  if (allowed)
    return {.refusal = std::nullopt, .body_bytes = allowed->route->document ? max_document_bytes : max_body_bytes};
  Answer refusal = is_native(head.path) ? problem(allowed.error()) : litellm_problem(allowed.error());
  told.status = refusal.status;
  told.why = allowed.error().message;
  options_.tell(told);
  return {.refusal = std::move(refusal), .body_bytes = 0};
}

Result<Answer> Administration::act(const Request& request, const Allowed& allowed) {
  const Route& route = *allowed.route;
  Call call{.actor = allowed.actor,
            .id = allowed.id,
            .query = {},
            .body = {},
            .raw = request.body,
            .store = store_,
            .around = around_,
            .now_us = options_.now_us(),
            .if_match = {},
            .etag = {},
            .dropped = {}};
  if (const auto tag = request.header("if-match")) call.if_match = std::string(*tag);
  TRY(call.query, read_query(request.query, route.query));
  if (!route.document) {
    TRY(call.body, read_body(request.body, route.body));
  }
  store_.act_as(allowed.actor.doer);
  TRY(std::string body, route.handle(call));
  if (route.changes_keys) (void)around_.keys_changed();  // it is done; the store goes on trying to load it
  Answer answer = json_answer(route.status, std::move(body));
  if (!call.etag.empty()) answer.headers.set("etag", call.etag);
  if (!call.dropped.empty()) answer.headers.set("x-sluice-dropped-params", call.dropped);
  return answer;
}

// A request that comes again under the same Idempotency-Key gets what the first one got, and nothing happens.
Result<Answer> Administration::once(const Request& request, const Allowed& allowed,
                                    const std::function<Result<Answer>()>& act) {
  const std::string key(*request.header("idempotency-key"));
  if (key.empty() || key.size() > max_idempotency_key_bytes)
    return wrong_field("Idempotency-Key", "the Idempotency-Key has not 1 to 255 bytes", "a UUID is a good one");
  store_.act_as(allowed.actor.doer);
  const crypto::Sha256 digest =
      crypto::sha256(request.method + ' ' + request.path + '?' + request.query + '\n' + request.body);
  TRY(const auto earlier, store_.begin_once(key, digest, options_.now_us()));
  if (earlier) {
    const auto conflict = [](std::string message, std::string hint) {
      return std::unexpected(Error{.kind = ErrorKind::invalid_request,
                                   .message = std::move(message),
                                   .hint = std::move(hint),
                                   .param = "Idempotency-Key",
                                   .code = "conflict"});
    };
    if (earlier->request != digest)
      return conflict("another request came under this Idempotency-Key", "take a new key for a new request");
    if (earlier->status == 0)
      return conflict("the first request under this Idempotency-Key was begun, and its end is not known",
                      "look in the list whether it has come to something");
    Answer again = json_answer(earlier->status, earlier->body);
    again.headers.set("idempotency-replayed", "true");
    return again;
  }
  Result<Answer> answer = act();
  store_.act_as(allowed.actor.doer);  // whose key it is
  const Result<void> noted =
      answer ? store_.end_once(key, answer->status, without_secret(answer->body)) : store_.forget_once(key);
  CHECK_OK(noted);
  return answer;
}

Answer Administration::answer(const Request& request) {
  Told told{.method = request.method, .path = {}, .actor = {}, .status = 0, .why = {}};
  const Result<Answer> done = [&]() -> Result<Answer> {
    TRY(const Allowed allowed, allow(request, told));
    const auto run = [&] { return act(request, allowed); };
    const bool repeatable = request.method == "POST" && allowed.route->verb != Verb::read;
    if (repeatable && request.header("idempotency-key")) return once(request, allowed, run);
    return run();
  }();
  store_.act_as({});
  Answer answer = done ? *done : is_native(request.path) ? problem(done.error()) : litellm_problem(done.error());
  told.status = answer.status;
  if (!done) told.why = done.error().message;
  options_.tell(told);
  return answer;
}

}  // namespace sluice::admin
