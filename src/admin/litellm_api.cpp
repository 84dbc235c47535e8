// The endpoints that tools and scripts for LiteLLM's proxy call, as far as they say something that is true here. Each
// is put into the words of our own routes, so that scope, bounds and record are the same, and its answer back into
// LiteLLM's. What would promise something that Sluice does not do (models of a key, say) is refused by its name; what
// only describes is left out and named in x-sluice-dropped-params.
//
// Shapes: https://docs.litellm.ai/docs/proxy/virtual_keys, .../users, .../cost_tracking.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "admin/handlers.h"
#include "admin/problem.h"
#include "admin/routes.h"
#include "base/crypto.h"
#include "base/utc.h"
#include "prices/formats.h"

namespace sluice::admin {
namespace {

using Members = std::vector<std::pair<std::string_view, json::Value>>;

// "30d", "12h", "90s", "15m", "2w", "1mo" as seconds.
std::optional<std::int64_t> seconds_of(std::string_view text) {
  std::int64_t number = 0;
  std::size_t digits = 0;
  while (digits < text.size() && digits < 9 && text[digits] >= '0' && text[digits] <= '9')
    number = number * 10 + (text[digits++] - '0');
  const std::string_view unit = text.substr(digits);
  if (digits == 0 || number == 0) return std::nullopt;
  for (const auto& [name, seconds] : {std::pair("s", 1), std::pair("m", 60), std::pair("h", 3'600),
                                      std::pair("d", 86'400), std::pair("w", 604'800), std::pair("mo", 2'592'000)})
    if (unit == name) return number * seconds;
  return std::nullopt;
}

bool is_nothing(const json::Value& value) {
  return value.is_null() || ((value.is_array() || value.is_object()) && value.size() == 0) ||
         (value.is_string() && value.string()->empty());
}

// A body of LiteLLM's. Members are taken one by one; what is left over is refused or named.
class Body {
 public:
  static Result<Body> read(std::string_view text) {
    Body body;
    TRY(json::Document document, json::Document::parse(text.empty() ? "{}" : text));
    if (!document.root().is_object())
      return fail(ErrorKind::invalid_request, "the body is not a JSON object", "send {\"key_alias\": ...}");
    body.document_.emplace(std::move(document));
    for (const auto& [name, value] : body.document_->root().members())
      if (!is_nothing(value)) body.left_.emplace_back(name, value);
    return body;
  }
  json::Value take(std::string_view name) {
    const auto found = std::ranges::find(left_, name, &Members::value_type::first);
    if (found == left_.end()) return {};
    const json::Value value = found->second;
    left_.erase(found);
    return value;
  }
  Result<std::string> text(std::string_view name) {
    const json::Value value = take(name);
    if (!value.exists()) return std::string();
    if (!value.is_string())
      return wrong_field(name, "`" + std::string(name) + "` is not a text", "give a text, or leave it out");
    return std::string(*value.string());
  }
  // What only describes may go; the rest would be a promise.
  Result<void> finish(Call& call, std::span<const std::string_view> describing) {
    for (const auto& [name, value] : left_) {
      if (std::ranges::find(describing, name) == describing.end())
        return wrong_field(name.substr(0, most_string_bytes),
                           "`" + std::string(name.substr(0, most_string_bytes)) + "` of LiteLLM means nothing here",
                           "leave it out; docs/guides/administration.md says what is there instead");
      call.dropped += (call.dropped.empty() ? "" : ", ") + std::string(name);
    }
    return {};
  }

 private:
  std::optional<json::Document> document_;
  Members left_;
};

// Our own route, as the same actor.
Result<json::Document> native(Call& call, std::string_view method, const std::string& path, std::string_view body = {},
                              std::string_view query = {}) {
  const Found found = find_route(method, path);
  if (!found.route) return fail(ErrorKind::not_found, "there is no such thing", "look at its id");
  Call inner{.actor = call.actor,
             .id = found.id,
             .query = {},
             .body = {},
             .raw = {},
             .store = call.store,
             .around = call.around,
             .now_us = call.now_us,
             .dropped = {}};
  TRY(inner.query, read_query(query, found.route->query));
  TRY(inner.body, read_body(body, found.route->body));
  TRY(const std::string answer, found.route->handle(inner));
  return json::Document::parse(answer);
}

std::string encode(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    if (plain)
      encoded += c;
    else
      encoded += "%" + crypto::hex(std::span(reinterpret_cast<const std::uint8_t*>(&c), 1));
  }
  return encoded;
}

std::string text_of(const json::Value& value) { return std::string(value.string().value_or("")); }

// An amount that we write exactly, as the number that LiteLLM writes.
void write_amount(json::Writer& out, std::string_view name, const json::Value& usd) {
  out.key(name);
  usd.is_string() ? out.number(std::strtod(text_of(usd).c_str(), nullptr)) : out.null();
}

// LiteLLM's budgets are numbers, "1e-06" among them.
Result<std::string> amount_of(std::string_view field, const json::Value& value) {
  const auto pico = prices::scaled(value.is_string() ? text_of(value) : value.text(), 12);
  if (!pico || *pico < 0)
    return wrong_field(field, "`" + std::string(field) + "` is no amount of USD", "give a plain number such as 12.5");
  return Money::pico(*pico).usd();
}

// A key by its characters, its token (our id) or its alias.
Result<json::Document> find_key(Call& call, const std::string& named) {
  std::string id = named;
  if (named.starts_with(store::key_prefix)) {
    const crypto::Sha256 digest = crypto::sha256(named);
    TRY(const store::Page<store::KeyReport> found,
        call.store.page_of_keys({.scope = call.actor.grant.scope, .digest = digest}, {.after = {}, .count = 1}));
    id = found.items.empty() ? std::string() : found.items.front().key.id.str();
    if (id.empty())
      return std::unexpected(Error{
          .kind = ErrorKind::not_found, .message = "there is no such key", .hint = "GET /key/list", .param = "key"});
  }
  if (id.empty()) return wrong_field("key", "`key` is missing", "give a key, its token or its alias");
  return native(call, "GET", "/admin/v1/keys/" + encode(id));
}

void write_key_members(json::Writer& out, const json::Value& key) {
  const std::string id = text_of(key["id"]);
  out.member("token", id).member("token_id", id).member("key_name", text_of(key["name"]));
  out.member("key_alias", text_of(key["name"]));
  write_amount(out, "spend", key["spent_usd"]);
  write_amount(out, "max_budget", key["budget_usd"]);
  out.key("expires").raw(key["expires_at"].text()).key("user_id").raw(key["user"].text());
  out.key("team_id").raw(key["team"].text()).key("rpm_limit").raw(key["rpm"].text());
  out.key("tpm_limit").raw(key["tpm"].text()).member("blocked", text_of(key["state"]) == "blocked");
  out.key("tags").raw(key["tags"].text()).key("models").raw("[]").key("metadata").raw("{}");
  out.key("created_at").raw(key["created_at"].text());
}

std::string key_text(const json::Value& key) {
  std::string text;
  json::Writer out(text);
  out.begin_object();
  write_key_members(out, key);
  // The last member, as in our own answers: it is left out where an answer is given again.
  if (key["key"].exists()) out.key("key").raw(key["key"].text());
  out.end_object();
  return text;
}

// What a key may use, in our words.
Result<void> write_rights(Call& call, Body& body, json::Writer& out) {
  TRY(const std::string alias, body.text("key_alias"));
  if (!alias.empty()) out.member("name", alias);
  for (const auto& [theirs, ours] : {std::pair("rpm_limit", "rpm"), std::pair("tpm_limit", "tpm")})
    if (const json::Value value = body.take(theirs); value.exists()) out.key(ours).raw(value.text());
  TRY(const std::string duration, body.text("duration"));
  if (!duration.empty() && duration != "permanent") {
    const auto seconds = seconds_of(duration);
    if (!seconds) return wrong_field("duration", "`" + duration + "` is no duration", "write 30s, 15m, 12h or 30d");
    out.member("expires_at", utc_text(call.now_us + *seconds * 1'000'000));
  }
  return {};
}

// max_budget with a budget_duration is a window, which a limit has and a key has not.
Result<void> set_budget(Call& call, std::string_view scope, const std::string& id, const std::string& usd,
                        const std::string& window) {
  std::string limit;
  json::Writer out(limit);
  out.begin_object().member("scope", scope).member("subject", id).member("usd", usd);
  if (!window.empty()) out.member("window", window);
  out.end_object();
  if (!allowed(call.actor.grant.role, Resource::limits, Verb::create))
    return std::unexpected(
        Error{.kind = ErrorKind::forbidden,
              .message = "the role " + std::string(name(call.actor.grant.role)) + " may not set limits",
              .hint = "leave the budget's window out, or ask an administrator",
              .param = "max_budget",
              .code = "role_not_sufficient"});
  CHECK_OK(native(call, "POST", "/admin/v1/limits", limit));
  return {};
}

constexpr std::string_view describing[] = {"metadata",  "key_type", "team_alias", "user_alias",       "user_email",
                                           "user_role", "spend",    "api_key",    "send_invite_email"};

Result<std::string> key_generate(Call& call) {
  TRY(Body body, Body::read(call.raw));
  std::string wanted;
  json::Writer out(wanted);
  out.begin_object();
  CHECK_OK(write_rights(call, body, out));
  for (const auto& [theirs, ours] : {std::pair("team_id", "team"), std::pair("user_id", "user")}) {
    TRY(const std::string id, body.text(theirs));
    if (!id.empty()) out.member(ours, id);
  }
  if (const json::Value tags = body.take("tags"); tags.exists()) out.key("tags").raw(tags.text());
  const json::Value budget = body.take("max_budget");
  TRY(const std::string window, body.text("budget_duration"));
  std::string usd;
  if (budget.exists()) {
    TRY(usd, amount_of("max_budget", budget));
    if (window.empty()) out.member("budget_usd", usd);
  }
  if (!window.empty() && usd.empty())
    return wrong_field("budget_duration", "`budget_duration` is of a `max_budget`", "give both");
  if (!window.empty()) {
    // Before the key is made: it must not be there without its budget.
    auto parsed = store::Window::parse(window, "");
    if (!parsed) return wrong_field("budget_duration", parsed.error().message, parsed.error().hint);
    if (!allowed(call.actor.grant.role, Resource::limits, Verb::create))
      return wrong_field("budget_duration", "this role sets no limits, and a budget with a window is one",
                         "leave `budget_duration` out");
  }
  CHECK_OK(body.finish(call, describing));
  out.end_object();
  TRY(const json::Document made, native(call, "POST", "/admin/v1/keys", wanted));
  if (!window.empty()) CHECK_OK(set_budget(call, "key", text_of(made.root()["id"]), usd, window));
  return key_text(made.root());
}

Result<std::string> key_info(Call& call) {
  const std::string named = call.query.text("key");
  TRY(const json::Document key, find_key(call, named));
  std::string text;
  json::Writer out(text);
  out.begin_object().key("info").begin_object();
  write_key_members(out, key.root());
  out.end_object();
  // Whoever asks with a key's characters has them; they are not said again.
  out.member("key", named.starts_with(store::key_prefix) ? text_of(key.root()["id"]) : named).end_object();
  return text;
}

Result<std::string> key_update(Call& call) {
  TRY(Body body, Body::read(call.raw));
  TRY(const std::string named, body.text("key"));
  TRY(const json::Document key, find_key(call, named));
  const std::string id = text_of(key.root()["id"]);
  std::string wanted;
  json::Writer out(wanted);
  out.begin_object();
  CHECK_OK(write_rights(call, body, out));
  const json::Value budget = body.take("max_budget");
  TRY(const std::string window, body.text("budget_duration"));
  std::string usd;
  if (budget.exists()) {
    TRY(usd, amount_of("max_budget", budget));
  }
  const bool own = !key.root()["budget_usd"].is_null();
  if (!usd.empty() && own && window.empty()) out.member("budget_usd", usd);
  if (!window.empty() && usd.empty())
    return wrong_field("budget_duration", "`budget_duration` is of a `max_budget`", "give both");
  const json::Value blocked = body.take("blocked");
  CHECK_OK(body.finish(call, describing));
  out.end_object();
  if (!usd.empty() && (!own || !window.empty())) CHECK_OK(set_budget(call, "key", id, usd, window));
  if (const auto flag = blocked.boolean())
    CHECK_OK(native(call, "POST", "/admin/v1/keys/" + id + (*flag ? "/block" : "/unblock")));
  if (wanted != "{}") CHECK_OK(native(call, "PATCH", "/admin/v1/keys/" + id, wanted));
  TRY(const json::Document changed, native(call, "GET", "/admin/v1/keys/" + id));
  return key_text(changed.root());
}

Result<std::string> key_delete(Call& call) {
  TRY(Body body, Body::read(call.raw));
  std::vector<std::string> ids;
  for (const char* list : {"keys", "key_aliases"})
    for (const json::Value& one : body.take(list).elements()) {
      TRY(const json::Document key, find_key(call, text_of(one)));
      ids.push_back(text_of(key.root()["id"]));
    }
  CHECK_OK(body.finish(call, {}));
  if (ids.empty()) return wrong_field("keys", "no key is named", "give `keys` or `key_aliases`");
  std::string text;
  json::Writer out(text);
  out.begin_object().key("deleted_keys").begin_array();
  for (const std::string& id : ids) {
    CHECK_OK(native(call, "DELETE", "/admin/v1/keys/" + id));
    out.string(id);
  }
  out.end_array().end_object();
  return text;
}

Result<std::string> block(Call& call, const char* verb) {
  TRY(Body body, Body::read(call.raw));
  TRY(const std::string named, body.text("key"));
  CHECK_OK(body.finish(call, {}));
  TRY(const json::Document key, find_key(call, named));
  TRY(const json::Document changed, native(call, "POST", "/admin/v1/keys/" + text_of(key.root()["id"]) + "/" + verb));
  return key_text(changed.root());
}
Result<std::string> key_block(Call& call) { return block(call, "block"); }
Result<std::string> key_unblock(Call& call) { return block(call, "unblock"); }

// The first 500 items of a list, where LiteLLM's answer has no pages; what is behind them is named as left out.
template <class Each>
Result<void> first_of(Call& call, const std::string& path, const std::string& query, const Each& each) {
  TRY(const json::Document page, native(call, "GET", "/admin/v1/" + path, {}, "limit=500" + query));
  for (const json::Value& one : page.root()["data"].elements()) CHECK_OK(each(one));
  if (!page.root()["next"].is_null())
    call.dropped += (call.dropped.empty() ? "" : ", ") + path + " beyond the first 500";
  return {};
}

Result<std::string> key_list(Call& call) {
  const std::int64_t page = std::max<std::int64_t>(call.query.integer("page").value_or(1), 1);
  const std::int64_t size = std::clamp<std::int64_t>(call.query.integer("size").value_or(10), 1, 500);
  const Visible visible(call.store, call.actor.grant.scope);
  TRY(store::KeyFilter filter, keys_of(visible, call.query.text("team_id"), call.query.text("user_id")));
  filter.with_revoked = false;
  filter.name = call.query.text("key_alias");
  filter.id = call.query.text("key_hash");
  TRY(const std::int64_t total, call.store.count_keys(filter));
  TRY(const store::Page<store::KeyReport> found,
      call.store.page_of_keys(
          filter,
          {.after = {}, .count = static_cast<std::size_t>(size), .skip = std::min(page - 1, total / size + 1) * size}));
  std::string keys;
  json::Writer out(keys);
  out.begin_array();
  for (const store::KeyReport& report : found.items) {
    if (call.query.flag("return_full_object").value_or(false)) {
      TRY(const json::Document key, json::Document::parse(admin::key_text(report, call.now_us)));
      out.raw(key_text(key.root()));
    } else {
      out.string(report.key.id.str());
    }
  }
  out.end_array();
  std::string text;
  json::Writer whole(text);
  whole.begin_object().key("keys").raw(keys).member("total_count", total).member("current_page", page);
  whole.member("total_pages", (total + size - 1) / size).end_object();
  return text;
}

// --- teams and users

Result<std::string> team_text(Call& call, const json::Value& team) {
  TRY(const json::Document usage, native(call, "GET", "/admin/v1/usage", {}, "team=" + encode(text_of(team["id"]))));
  TRY(const json::Document limits,
      native(call, "GET", "/admin/v1/limits", {}, "scope=team&subject=" + encode(text_of(team["id"]))));
  json::Value budget;
  for (const json::Value& one : limits.root()["data"].elements())
    if (text_of(one["unit"]) == "usd" && text_of(one["model"]) == "*") budget = one;
  std::string text;
  json::Writer out(text);
  out.begin_object().member("team_id", text_of(team["id"])).member("team_alias", text_of(team["name"]));
  out.key("organization_id").raw(team["organisation"].text());
  write_amount(out, "max_budget", budget["usd"]);
  out.key("budget_duration");
  budget.exists() && text_of(budget["window"]) != "total" ? out.string(text_of(budget["window"])) : out.null();
  write_amount(out, "spend", usage.root()["total"]["cost_usd"]);
  out.key("models").raw("[]").key("members_with_roles").raw("[]").key("metadata").raw("{}");
  out.member("blocked", false).key("created_at").raw(team["created_at"].text()).end_object();
  return text;
}

Result<void> set_team_budget(Call& call, Body& body, const std::string& id) {
  const json::Value budget = body.take("max_budget");
  TRY(const std::string window, body.text("budget_duration"));
  CHECK_OK(body.finish(call, describing));
  if (!budget.exists()) {
    if (!window.empty()) return wrong_field("budget_duration", "`budget_duration` is of a `max_budget`", "give both");
    return {};
  }
  TRY(const std::string usd, amount_of("max_budget", budget));
  auto parsed = store::Window::parse(window.empty() ? "total" : window, "");
  if (!parsed) return wrong_field("budget_duration", parsed.error().message, parsed.error().hint);
  return id.empty() ? Result<void>() : set_budget(call, "team", id, usd, window);
}

Result<std::string> team_new(Call& call) {
  {
    // Looked at before anything is made.
    TRY(Body body, Body::read(call.raw));
    for (const char* name : {"team_alias", "organization_id"}) (void)body.take(name);
    CHECK_OK(set_team_budget(call, body, {}));
    call.dropped.clear();
  }
  TRY(Body body, Body::read(call.raw));
  TRY(const std::string alias, body.text("team_alias"));
  TRY(const std::string org, body.text("organization_id"));
  std::string wanted;
  json::Writer out(wanted);
  out.begin_object().member("name", alias);
  if (!org.empty()) out.member("organisation", org);
  out.end_object();
  TRY(const json::Document team, native(call, "POST", "/admin/v1/teams", wanted));
  CHECK_OK(set_team_budget(call, body, text_of(team.root()["id"])));
  return team_text(call, team.root());
}

Result<std::string> team_info(Call& call) {
  TRY(const json::Document team, native(call, "GET", "/admin/v1/teams/" + encode(call.query.text("team_id"))));
  const std::string id = text_of(team.root()["id"]);
  TRY(const std::string info, team_text(call, team.root()));
  std::string text;
  json::Writer out(text);
  out.begin_object().member("team_id", id).key("team_info").raw(info).key("keys").begin_array();
  CHECK_OK(first_of(call, "keys", "&team=" + encode(id), [&](const json::Value& key) -> Result<void> {
    out.raw(key_text(key));
    return {};
  }));
  out.end_array().key("team_memberships").raw("[]").end_object();
  return text;
}

Result<std::string> team_list(Call& call) {
  std::string text;
  json::Writer out(text);
  out.begin_array();
  CHECK_OK(first_of(call, "teams", "", [&](const json::Value& team) -> Result<void> {
    TRY(const std::string one, team_text(call, team));
    out.raw(one);
    return {};
  }));
  out.end_array();
  return text;
}

Result<std::string> team_update(Call& call) {
  TRY(Body body, Body::read(call.raw));
  TRY(const std::string named, body.text("team_id"));
  TRY(const json::Document team, native(call, "GET", "/admin/v1/teams/" + encode(named)));
  TRY(const std::string alias, body.text("team_alias"));
  if (!alias.empty() && alias != text_of(team.root()["name"]))
    return wrong_field("team_alias", "a team's name never changes here", "make another team");
  CHECK_OK(set_team_budget(call, body, text_of(team.root()["id"])));
  TRY(const std::string data, team_text(call, team.root()));
  std::string text;
  json::Writer(text).begin_object().member("team_id", text_of(team.root()["id"])).key("data").raw(data).end_object();
  return text;
}

Result<std::string> team_delete(Call& call) {
  TRY(Body body, Body::read(call.raw));
  const json::Value ids = body.take("team_ids");
  CHECK_OK(body.finish(call, {}));
  std::string text;
  json::Writer out(text);
  out.begin_array();
  for (const json::Value& one : ids.elements()) {
    TRY(const json::Document team, native(call, "DELETE", "/admin/v1/teams/" + encode(text_of(one))));
    out.begin_object().member("team_id", text_of(team.root()["id"]));
    out.member("team_alias", text_of(team.root()["name"])).end_object();
  }
  out.end_array();
  return text;
}

Result<std::string> user_new(Call& call) {
  TRY(Body body, Body::read(call.raw));
  std::string user;
  for (const char* name : {"user_id", "user_email", "user_alias"}) {
    TRY(const std::string given, body.text(name));
    if (user.empty()) user = given;
  }
  if (const auto with_key = body.take("auto_create_key").boolean(); with_key.value_or(false))
    return wrong_field("auto_create_key", "a user is made without a key", "POST /key/generate with its user_id");
  TRY(const std::string org, body.text("organization_id"));
  CHECK_OK(body.finish(call, describing));
  std::string wanted;
  json::Writer out(wanted);
  out.begin_object().member("name", user);
  if (!org.empty()) out.member("organisation", org);
  out.end_object();
  TRY(const json::Document made, native(call, "POST", "/admin/v1/users", wanted));
  std::string text;
  json::Writer(text)
      .begin_object()
      .member("user_id", text_of(made.root()["id"]))
      .member("user_alias", text_of(made.root()["name"]))
      .key("key")
      .null()
      .end_object();
  return text;
}

Result<std::string> user_info(Call& call) {
  TRY(const json::Document user, native(call, "GET", "/admin/v1/users/" + encode(call.query.text("user_id"))));
  const std::string id = text_of(user.root()["id"]);
  TRY(const json::Document usage, native(call, "GET", "/admin/v1/usage", {}, "user=" + encode(id)));
  std::string text;
  json::Writer out(text);
  out.begin_object().member("user_id", id).key("user_info").begin_object().member("user_id", id);
  out.member("user_alias", text_of(user.root()["name"]));
  write_amount(out, "spend", usage.root()["total"]["cost_usd"]);
  out.end_object().key("keys").begin_array();
  CHECK_OK(first_of(call, "keys", "&user=" + encode(id), [&](const json::Value& key) -> Result<void> {
    out.raw(key_text(key));
    return {};
  }));
  out.end_array().key("teams").raw("[]").end_object();
  return text;
}

// --- models

Result<std::string> model_info(Call& call) {
  TRY(const json::Document models, native(call, "GET", "/admin/v1/models"));
  std::string text;
  json::Writer out(text);
  out.begin_object().key("data").begin_array();
  const auto write = [&](const std::string& name, const std::string& target) {
    out.begin_object().member("model_name", name).key("litellm_params").begin_object().member("model", target);
    out.end_object().key("model_info").begin_object().member("id", name).member("db_model", false).end_object();
    out.end_object();
  };
  for (const json::Value& route : models.root()["routes"].elements())
    for (const json::Value& candidate : route["candidates"].elements())
      write(text_of(route["name"]), text_of(candidate));
  for (const json::Value& model : models.root()["data"].elements())
    write(text_of(model["name"]), text_of(model["name"]));
  out.end_array().end_object();
  return text;
}

Result<std::string> model_new(Call&) {
  return std::unexpected(Error{.kind = ErrorKind::invalid_request,
                               .message = "models are those of the configuration's file and are not changed over HTTP",
                               .hint = "add the provider and the model to sluice.yaml; a running server reads it again "
                                       "by itself, or with `sluice reload`",
                               .code = "not_implemented"});
}

// --- spend

Result<std::string> spend_logs(Call& call) {
  if (call.query.flag("summarize").value_or(false))
    return wrong_field("summarize", "there is no summary in LiteLLM's shape",
                       "GET /admin/v1/usage?by=day, or summarize=false for the rows");
  std::string query = "limit=500";
  for (const auto& [theirs, ours] :
       {std::pair("start_date", "since"), std::pair("end_date", "until"), std::pair("user_id", "user")})
    if (call.query.has(theirs)) query += std::string("&") + ours + "=" + encode(call.query.text(theirs));
  if (call.query.has("api_key")) {
    TRY(const json::Document key, find_key(call, call.query.text("api_key")));
    query += "&key=" + text_of(key.root()["id"]);
  }
  TRY(const json::Document rows, native(call, "GET", "/admin/v1/ledger", {}, query));
  std::string text;
  json::Writer out(text);
  out.begin_array();
  for (const json::Value& row : rows.root()["data"].elements()) {
    const auto tokens = [&](const char* name) { return row[name].integer().value_or(0); };
    const std::int64_t prompt = tokens("input_tokens") + tokens("cache_read_tokens") + tokens("cache_write_tokens");
    const std::int64_t completion = tokens("output_tokens") + tokens("reasoning_tokens");
    out.begin_object().member("request_id", text_of(row["request_id"])).member("api_key", text_of(row["key_id"]));
    out.member("model", text_of(row["model"])).member("model_group", text_of(row["requested_model"]));
    out.member("custom_llm_provider", text_of(row["provider"]));
    write_amount(out, "spend", row["cost_usd"]);
    out.key("startTime").raw(row["started_at"].text()).member("prompt_tokens", prompt);
    out.member("completion_tokens", completion).member("total_tokens", prompt + completion);
    out.member("status", text_of(row["outcome"]) == "ok" ? "success" : "failure");
    out.key("request_tags").raw(row["tags"].text()).end_object();
  }
  out.end_array();
  if (!rows.root()["next"].is_null()) call.dropped = "rows beyond the newest 500";
  return text;
}

Result<std::string> spend_keys(Call& call) {
  TRY(const json::Document usage, native(call, "GET", "/admin/v1/usage", {}, "by=key&limit=500"));
  std::string text;
  json::Writer out(text);
  out.begin_array();
  for (const json::Value& row : usage.root()["data"].elements()) {
    out.begin_object().key("token").raw(row["key_id"].text()).member("key_alias", text_of(row["name"]));
    out.member("key_name", text_of(row["name"]));
    write_amount(out, "spend", row["cost_usd"]);
    out.end_object();
  }
  out.end_array();
  if (!usage.root()["next"].is_null()) call.dropped = "keys beyond the 500 that have spent most";
  return text;
}

Result<std::string> spend_tags(Call& call) {
  std::string query = "by=tag&limit=500";
  for (const auto& [theirs, ours] : {std::pair("start_date", "since"), std::pair("end_date", "until")})
    if (call.query.has(theirs)) query += std::string("&") + ours + "=" + encode(call.query.text(theirs));
  TRY(const json::Document usage, native(call, "GET", "/admin/v1/usage", {}, query));
  std::string text;
  json::Writer out(text);
  out.begin_array();
  for (const json::Value& row : usage.root()["data"].elements()) {
    if (text_of(row["name"]) == "(none)") continue;
    out.begin_object().member("individual_request_tag", text_of(row["name"]));
    out.key("log_count").raw(row["requests"].text());
    write_amount(out, "total_spend", row["cost_usd"]);
    out.end_object();
  }
  out.end_array();
  if (!usage.root()["next"].is_null()) call.dropped = "tags beyond the 500 that have spent most";
  return text;
}

Result<std::string> global_spend(Call& call) {
  TRY(const json::Document usage, native(call, "GET", "/admin/v1/usage"));
  std::string text;
  json::Writer out(text);
  out.begin_object();
  write_amount(out, "spend", usage.root()["total"]["cost_usd"]);
  out.member("max_budget", std::int64_t{0}).end_object();
  return text;
}

constexpr Field key_query[] = {{"key", "string", "", true}};
constexpr Field key_list_query[] = {{"page", "integer"},
                                    {"size", "integer"},
                                    {"user_id", "string"},
                                    {"team_id", "string"},
                                    {"key_hash", "string"},
                                    {"key_alias", "string"},
                                    {"return_full_object", "boolean"},
                                    {"include_team_keys", "boolean"}};
constexpr Field team_query[] = {{"team_id", "string", "", true}};
constexpr Field user_query[] = {{"user_id", "string", "", true}};
constexpr Field logs_query[] = {{"start_date", "time"},
                                {"end_date", "time"},
                                {"user_id", "string"},
                                {"api_key", "string"},
                                {"summarize", "boolean"}};
constexpr Field dates_query[] = {{"start_date", "time"}, {"end_date", "time"}};
constexpr const char* litellm = "as LiteLLM's";

using enum Resource;
using enum Verb;

constexpr Route litellm_table[] = {
    {"POST", "/key/generate", keys, create, "", {}, {}, nullptr, 200, key_generate, true, litellm},
    {"GET", "/key/info", keys, read, "", key_query, {}, nullptr, 200, key_info},
    {"POST", "/key/update", keys, change, "", {}, {}, nullptr, 200, key_update, true, litellm},
    {"POST", "/key/delete", keys, remove, "", {}, {}, nullptr, 200, key_delete, true, litellm},
    {"GET", "/key/list", keys, read, "", key_list_query, {}, nullptr, 200, key_list},
    {"POST", "/key/block", keys, change, "", {}, {}, nullptr, 200, key_block, true, litellm},
    {"POST", "/key/unblock", keys, change, "", {}, {}, nullptr, 200, key_unblock, true, litellm},
    {"POST", "/team/new", teams, create, "", {}, {}, nullptr, 200, team_new, true, litellm},
    {"GET", "/team/info", teams, read, "", team_query, {}, nullptr, 200, team_info},
    {"GET", "/team/list", teams, read, "", {}, {}, nullptr, 200, team_list},
    {"POST", "/team/update", limits, create, "", {}, {}, nullptr, 200, team_update, true, litellm},
    {"POST", "/team/delete", teams, remove, "", {}, {}, nullptr, 200, team_delete, true, litellm},
    {"POST", "/user/new", users, create, "", {}, {}, nullptr, 200, user_new, false, litellm},
    {"GET", "/user/info", users, read, "", user_query, {}, nullptr, 200, user_info},
    {"GET", "/model/info", models, read, "", {}, {}, nullptr, 200, model_info},
    {"POST", "/model/new", models, read, "", {}, {}, nullptr, 200, model_new, false, litellm},
    {"GET", "/spend/logs", ledger, read, "", logs_query, {}, nullptr, 200, spend_logs},
    {"GET", "/spend/keys", usage, read, "", {}, {}, nullptr, 200, spend_keys},
    {"GET", "/spend/tags", usage, read, "", dates_query, {}, nullptr, 200, spend_tags},
    {"GET", "/global/spend", usage, read, "", {}, {}, nullptr, 200, global_spend},
};

}  // namespace

std::span<const Route> litellm_routes() { return litellm_table; }
bool is_native(std::string_view path) { return path.starts_with("/admin/") || path == "/admin"; }

}  // namespace sluice::admin
