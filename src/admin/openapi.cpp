// The OpenAPI file, written from the tables of routes and schemas.
#include <algorithm>
#include <string>
#include <vector>

#include "admin/routes.h"

namespace sluice::admin {
namespace {

void write_type(json::Writer& out, std::string_view type, std::string_view meaning) {
  const bool nullable = type.ends_with('?');
  if (nullable) type.remove_suffix(1);
  const auto type_member = [&](std::string_view name) {
    out.key("type");
    if (!nullable) {
      out.string(name);
      return;
    }
    out.begin_array().string(name).string("null").end_array();
  };
  out.begin_object();
  if (!meaning.empty()) out.member("description", meaning);
  if (type.starts_with('=')) {
    type_member("string");
    out.key("enum").begin_array();
    for (std::string_view rest = type.substr(1); !rest.empty();) {
      const std::string_view one = rest.substr(0, rest.find('|'));
      out.string(one);
      rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    }
    if (nullable) out.null();
    out.end_array();
  } else if (type.starts_with('[')) {
    type_member("array");
    write_type(out.key("items"), type.substr(1, type.size() - 2), "");
  } else if (type == "string" || type == "text") {
    type_member("string");
    if (type == "string") out.member("maxLength", std::int64_t{most_string_bytes});
  } else if (type == "usd") {
    type_member("string");
    out.member("pattern", R"(^-?[0-9]+(\.[0-9]{1,12})?$)");
  } else if (type == "time") {
    type_member("string");
    out.member("pattern", "^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)?$");
  } else if (type == "integer" || type == "boolean" || type == "number") {
    type_member(type);
  } else if (type == "any") {
    type_member("object");
  } else {
    const std::string reference = "#/components/schemas/" + std::string(type);
    if (nullable) {
      out.key("anyOf").begin_array().begin_object().member("$ref", reference).end_object();
      out.begin_object().member("type", "null").end_object().end_array();
    } else {
      out.member("$ref", reference);
    }
  }
  out.end_object();
}

// `strict`: every field is there. Of a body: those that are required, and the others may be null.
void write_object(json::Writer& out, std::span<const Field> fields, bool answer, bool open) {
  out.begin_object().member("type", "object").member("additionalProperties", open);
  out.key("required").begin_array();
  for (const Field& field : fields)
    if (answer || field.required) out.string(field.name);
  out.end_array().key("properties").begin_object();
  for (const Field& field : fields) {
    std::string type = field.type;
    if (!answer && !field.required && !type.ends_with('?')) type += '?';
    write_type(out.key(field.name), type, field.meaning);
  }
  out.end_object().end_object();
}

void write_answer(json::Writer& out, int status, std::string_view meaning, std::string_view media,
                  std::string_view schema) {
  out.key(std::to_string(status)).begin_object().member("description", meaning).key("content").begin_object();
  out.key(media).begin_object().key("schema").begin_object();
  if (schema.empty())
    out.member("type", "object");
  else
    out.member("$ref", "#/components/schemas/" + std::string(schema));
  out.end_object().end_object().end_object().end_object();
}

void write_parameters(json::Writer& out, const Route& route) {
  out.key("parameters").begin_array();
  if (std::string_view(route.path).find("{id}") != std::string_view::npos)
    out.raw(
        R"({"name":"id","in":"path","required":true,"description":"Its id; also its name, where it has one","schema":{"type":"string"}})");
  for (const Field& field : route.query) {
    out.begin_object().member("name", field.name).member("in", "query").member("required", field.required);
    write_type(out.member("description", field.meaning).key("schema"), field.type, "");
    out.end_object();
  }
  if (std::string_view(route.method) == "PATCH")
    out.raw(
        R"({"name":"If-Match","in":"header","required":false,"description":"The ETag of what was seen: where it has changed since, the answer is 412 and nothing is done","schema":{"type":"string"}})");
  if (std::string_view(route.method) == "POST" && route.verb != Verb::read)
    out.raw(
        R"({"name":"Idempotency-Key","in":"header","required":false,"description":"A request that comes again under the same key within a day does nothing again","schema":{"type":"string","maxLength":255}})");
  out.end_array();
}

void write_operation(json::Writer& out, const Route& route) {
  std::string id = route.method;
  for (const char c : std::string_view(route.path).substr(sizeof("/admin/v1") - 1))
    if (c != '{' && c != '}') id += c == '/' || c == '.' ? '_' : c;
  std::ranges::transform(id, id.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  out.begin_object().member("operationId", id).member("summary", route.summary);
  out.key("tags").begin_array().string(name(route.resource)).end_array();
  // The pair of the table of roles, so that a test can ask each route with each role.
  out.member("x-resource", name(route.resource)).member("x-verb", name(route.verb));
  write_parameters(out, route);
  if (route.document) {
    out.key("requestBody").begin_object().member("required", true).member("description", route.document);
    out.key("content").begin_object().key("*/*").begin_object().end_object().end_object().end_object();
  } else if (!route.body.empty()) {
    out.key("requestBody").begin_object().member("required", true).key("content").begin_object();
    write_object(out.key("application/json").begin_object().key("schema"), route.body, false, false);
    out.end_object().end_object().end_object();
  }
  out.key("responses").begin_object();
  write_answer(out, route.status, "It has gone well", "application/json", route.answer ? route.answer : "");
  out.key("default").begin_object().member("description", "What was wrong, and what to do about it");
  out.key("content").raw(R"({"application/problem+json":{"schema":{"$ref":"#/components/schemas/Problem"}}})");
  out.end_object().end_object().end_object();
}

// What a browser is sent through to sign in: pages of identity/, which stand in no table of routes, as no role is asked
// for them. Where nobody can sign in (no `admin.oidc`) they are 404.
struct Page {
  const char* path;
  const char* item;
};
constexpr Page sign_in_pages[] = {
    {"/admin/v1/auth/login",
     R"json({"get":{"operationId":"get_auth_login","summary":"Begin a sign-in","tags":["sign-in"],"security":[],"parameters":[{"name":"return_to","in":"query","required":false,"description":"A path of this server to end at","schema":{"type":"string"}}],"responses":{"302":{"description":"To the issuer"},"default":{"description":"What was wrong"}}}})json"},
    {"/admin/v1/auth/callback",
     R"json({"get":{"operationId":"get_auth_callback","summary":"Where the issuer sends the browser back to","tags":["sign-in"],"security":[],"parameters":[{"name":"state","in":"query","required":true,"schema":{"type":"string"}},{"name":"code","in":"query","required":false,"schema":{"type":"string"}},{"name":"error","in":"query","required":false,"schema":{"type":"string"}}],"responses":{"302":{"description":"Signed in: a session in a cookie, and on to return_to"},"default":{"description":"What was wrong"}}}})json"},
    {"/admin/v1/auth/me",
     R"json({"get":{"operationId":"get_auth_me","summary":"Who is signed in","tags":["sign-in"],"security":[],"responses":{"200":{"description":"The word of the issuer, the role and the session","content":{"application/json":{"schema":{"type":"object","required":["issuer","subject","email","role","scope","session_id","until"]}}}},"401":{"description":"Nobody is"}}}})json"},
    {"/admin/v1/auth/logout",
     R"json({"post":{"operationId":"post_auth_logout","summary":"End the session","tags":["sign-in"],"security":[],"responses":{"200":{"description":"Whether there was one","content":{"application/json":{"schema":{"type":"object","required":["signed_out"]}}}},"403":{"description":"A page of another site asks"}}}})json"}};

}  // namespace

std::string openapi() {
  std::string text;
  json::Writer out(text);
  out.begin_object().member("openapi", "3.1.0");
  out.key("info").begin_object().member("title", "Sluice administration").member("version", "1");
  out.member("description", "Organisations, teams, users, keys, budgets, prices and usage. Who may do what: roles.md.");
  out.end_object();
  out.key("security").raw(R"([{"administrator":[]}])");
  out.key("paths").begin_object();
  std::vector<std::string_view> written;
  for (const Route& route : routes()) {
    if (std::ranges::find(written, std::string_view(route.path)) != written.end()) continue;
    written.emplace_back(route.path);
    out.key(route.path).begin_object();
    for (const Route& same : routes()) {
      if (std::string_view(same.path) != route.path) continue;
      std::string method = same.method;
      std::ranges::transform(method, method.begin(), [](char c) { return static_cast<char>(c + 32); });
      write_operation(out.key(method), same);
    }
    out.end_object();
  }
  for (const Page& page : sign_in_pages) out.key(page.path).raw(page.item);
  out.end_object().key("components").begin_object();
  out.key("securitySchemes")
      .raw(
          R"({"administrator":{"type":"http","scheme":"bearer","description":"A key of `sluice admin-keys create`"}})");
  out.key("schemas").begin_object();
  for (const Schema& schema : schemas())
    write_object(out.key(schema.name), schema.fields, true, std::string_view(schema.name) == "Problem");
  out.end_object().end_object().end_object();
  return text;
}

}  // namespace sluice::admin
