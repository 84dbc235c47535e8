#include "config/reference.h"

#include "catalog/price.h"
#include "config/provider_table.h"
#include "config/settings_table.h"
#include "config/workload_table.h"
#include "json/json.h"

namespace sluice::config {
namespace {

template <class Section, std::size_t N>
void schema_properties(json::Writer& w, const Setting<Section> (&table)[N]) {
  const Section defaults{};
  for (const Setting<Section>& setting : table) {
    w.key(setting.name).begin_object().member("description", setting.meaning);
    if (setting.number)
      w.member("type", "integer")
          .member("minimum", setting.least)
          .member("maximum", setting.most)
          .member("default", defaults.*setting.number);
    else if (setting.flag)
      w.member("type", "boolean").member("default", defaults.*setting.flag);
    else if (setting.maybe)
      w.member("type", "boolean");
    else if (setting.texts)
      w.key("type").raw(R"(["array","string"])").key("items").raw(R"({"type":"string"})");
    else
      w.member("type", "string").member("default", defaults.*setting.text);
    w.end_object();
  }
}

template <class Section, std::size_t N>
void schema_section(json::Writer& w, const char* name, const Setting<Section> (&table)[N]) {
  w.key(name)
      .begin_object()
      .member("type", "object")
      .member("additionalProperties", false)
      .key("properties")
      .begin_object();
  schema_properties(w, table);
  w.end_object().end_object();
}

void schema_property(json::Writer& w, const ProviderSetting& setting) {
  w.key(setting.name).begin_object().member("description", setting.meaning);
  if (setting.words.empty()) {
    w.raw(setting.schema);
  } else {
    w.key("enum").begin_array();
    for (const char* word : setting.words) w.string(word);
    w.end_array();
  }
  w.end_object();
}

template <class Section, std::size_t N>
void reference_section(std::string& out, const char* title, const Setting<Section> (&table)[N]) {
  const Section defaults{};
  out.append("## ").append(title).append("\n\n| name | default | bounds | meaning |\n|---|---|---|---|\n");
  for (const Setting<Section>& setting : table) {
    const std::string initial = setting.number ? std::to_string(defaults.*setting.number)
                                : setting.flag ? (defaults.*setting.flag ? "true" : "false")
                                : setting.text ? defaults.*setting.text
                                               : std::string();
    const std::string bounds = setting.number ? std::to_string(setting.least) + " to " + std::to_string(setting.most)
                               : setting.flag || setting.maybe ? "true or false"
                               : setting.texts                 ? "list of texts"
                                                               : "text";
    out.append("| `").append(setting.name).append("` | ").append(initial.empty() ? "(empty)" : "`" + initial + "`");
    out.append(" | ").append(bounds).append(" | ").append(setting.meaning).append(" |\n");
  }
  out.append("\n");
}

// A map whose values are objects or empty, up to the beginning of their properties; three end_object() close it.
void begin_map_of_objects(json::Writer& w, std::string_view name) {
  w.key(name).begin_object().member("type", "object").key("additionalProperties").begin_object();
  w.key("type").begin_array().string("object").string("null").end_array();
  w.member("additionalProperties", false).key("properties").begin_object();
}

constexpr std::string_view candidates_schema =
    R"({"type":"array","minItems":1,"items":{"type":"string","pattern":"^[^/]+/.+$"}})";

// One price: what catalog::read_price takes.
void write_price_schema(json::Writer& w) {
  constexpr std::string_view usd = R"({"type":["number","string"]})";
  constexpr std::string_view text = R"({"type":"string"})";
  constexpr std::string_view day = R"({"type":"string","format":"date"})";
  w.begin_object().member("type", "object").member("additionalProperties", false).key("properties").begin_object();
  w.key("kind").raw(R"({"enum":["metered","free","self_hosted"]})");
  for (const std::string_view unit : catalog::unit_names) w.key(unit).raw(usd);
  w.key("tiers").begin_object().member("type", "array").key("items").begin_object().member("type", "object");
  w.member("additionalProperties", false).key("properties").begin_object();
  w.key("prompt_tokens").raw(R"({"type":"integer","minimum":1})").key("op").raw(R"({"enum":["gt","ge"]})");
  w.key("scope").raw(R"({"enum":["whole_request","marginal"]})").key("counts_cached").raw(R"({"type":"boolean"})");
  for (const std::string_view unit : catalog::unit_names) w.key(unit).raw(usd);
  w.end_object()
      .key("required")
      .begin_array()
      .string("prompt_tokens")
      .string("op")
      .end_array()
      .end_object()
      .end_object();
  w.key("service_tier").begin_object().key("enum").begin_array();
  for (const std::string_view tier : chat::service_tier_names) w.string(tier);
  w.end_array().end_object().key("region").raw(text).key("hours").raw(text);
  w.key("effective_from").raw(day).key("effective_to").raw(day);
  w.key("source_kind").raw(R"({"enum":["list","contract","community"]})");
  for (const char* name : {"source", "observed_at", "note"}) w.key(name).raw(text);
  w.end_object().end_object();
}

void write_admin_schema(json::Writer& w) {
  constexpr std::string_view text = R"({"type":"string","minLength":1})";
  constexpr std::string_view texts = R"({"type":["array","string"],"items":{"type":"string"}})";
  w.key("admin").begin_object().member("type", "object").member("additionalProperties", false);
  w.key("properties").begin_object();
  schema_properties(w, admin_table);
  w.key("oidc").begin_object().member("type", "object");
  w.member("additionalProperties", false).key("properties").begin_object();
  schema_properties(w, oidc_table);
  w.key("client_secret").raw(R"({"type":"string"})").key("audience").raw(texts).key("allowed_domains").raw(texts);
  w.key("roles").begin_object().member("type", "array").key("items").begin_object().member("type", "object");
  w.member("additionalProperties", false).key("properties").begin_object();
  for (const char* name : {"claim", "value", "org", "team"}) w.key(name).raw(text);
  w.key("role").begin_object().key("enum").begin_array();
  for (const std::string_view role : role_names) w.string(role);
  w.end_array().end_object().end_object();
  w.key("required").begin_array().string("claim").string("value").string("role").end_array();
  w.end_object().end_object().end_object();
  w.key("required").begin_array();
  for (const char* name : {"issuer", "client_id", "redirect_url", "roles"}) w.string(name);
  w.end_array().end_object().end_object().end_object();
}

template <class Section, std::size_t N>
void schema_inner(json::Writer& w, const char* name, const Setting<Section> (&table)[N]) {
  w.key(name).begin_object().member("type", "object").member("additionalProperties", false).key("properties");
  w.begin_object();
  schema_properties(w, table);
}

void write_workloads_schema(json::Writer& w) {
  constexpr std::string_view header = R"({"type":["array","string","null"],"items":{"type":"string"}})";
  w.key("workloads").begin_object().member("type", "array");
  w.member("description", "Named classes of requests; a request belongs to the first that it fits.");
  w.key("items").begin_object().member("type", "object").member("additionalProperties", false);
  w.key("required").begin_array().string("name").end_array().key("properties").begin_object();
  schema_properties(w, workload_table);
  schema_inner(w, "match", match_table);
  w.key("headers").begin_object().member("type", "object").key("additionalProperties").raw(header).end_object();
  w.end_object().end_object();
  schema_inner(w, "require", require_table);
  w.end_object().end_object();
  schema_inner(w, "weights", weights_table);
  w.end_object().end_object();
  schema_inner(w, "canary", canary_table);
  w.end_object().end_object();
  schema_inner(w, "shadow", shadow_table);
  w.end_object().end_object();
  schema_inner(w, "cascade", cascade_table);
  w.end_object().end_object();
  w.end_object().end_object().end_object();
}

}  // namespace

std::string json_schema() {
  std::string out;
  json::Writer w(out);
  w.begin_object()
      .member("$schema", "https://json-schema.org/draft/2020-12/schema")
      .member("title", "sluice.yaml")
      .member("type", "object");
  write_price_schema(w.key("$defs").begin_object().key("price"));
  w.end_object();
  w.member("additionalProperties", false).key("properties").begin_object();
  schema_section(w, "server", server_table);
  schema_section(w, "retry", retry_table);
  schema_section(w, "breaker", breaker_table);
  schema_section(w, "limits", limits_table);
  schema_section(w, "responses", responses_table);
  schema_section(w, "difficulty", difficulty_table);
  schema_section(w, "ledger", ledger_table);
  schema_section(w, "store", store_table);
  schema_section(w, "alerts", alert_table);
  schema_section(w, "keys", key_table);
  write_admin_schema(w);
  write_workloads_schema(w);
  begin_map_of_objects(w, "providers");
  for (const ProviderSetting& setting : provider_table) schema_property(w, setting);
  schema_properties(w, patience_table);
  w.end_object().end_object().end_object();
  begin_map_of_objects(w, "engines");
  schema_properties(w, engine_table);
  w.key("args").raw(R"({"type":"array","items":{"type":"string"},"description":"More arguments for llama-server."})");
  w.end_object().end_object().end_object();
  w.key("models").begin_object().member("type", "object");
  w.member("description", "A name for an ordered list of candidates: provider/model.");
  w.key("additionalProperties").begin_object().key("anyOf").begin_array().raw(candidates_schema);
  w.begin_object().member("type", "object").member("additionalProperties", false);
  w.key("required").begin_array().string("candidates").end_array();
  w.key("properties").begin_object().key("candidates").raw(candidates_schema);
  schema_properties(w, route_table);
  schema_properties(w, patience_table);
  w.end_object().end_object().end_array().end_object().end_object();
  w.end_object().end_object();
  return out;
}

std::string reference_page() {
  std::string out =
      "# Configuration\n\n"
      "Made from the table of settings (`GOLDEN_UPDATE=1 ./dev test config` writes it anew). A configuration is YAML "
      "1.2 (or JSON); every\n"
      "key has a default, an unknown key is an error. `${NAME}`, `${NAME:-default}` and `${file:/path}` are replaced "
      "in any value.\n\n";
  reference_section(out, "server", server_table);
  reference_section(out, "retry", retry_table);
  reference_section(out, "breaker", breaker_table);
  reference_section(out, "limits", limits_table);
  reference_section(out, "responses", responses_table);
  reference_section(out, "difficulty", difficulty_table);
  reference_section(out, "ledger", ledger_table);
  reference_section(out, "store", store_table);
  reference_section(out, "alerts", alert_table);
  reference_section(out, "keys", key_table);
  reference_section(out, "admin", admin_table);
  reference_section(out, "admin.oidc", oidc_table);
  out.append(
      "`client_secret`: what Sluice proves itself with to the issuer, as `${NAME}` or `${file:/path}`; without it "
      "Sluice "
      "is a public client.\n`audience`: a list of audiences (`aud`) whose tokens are taken as `Authorization: Bearer`; "
      "without it none is.\n`allowed_domains`: a list of domains; only e-mail addresses there, which the issuer has "
      "verified, sign in. Empty = any.\n`roles`: a list of rules, of which the first that fits gives the role: `{ "
      "claim: "
      "groups, value: platform-admins, role: owner }`,\nwith `org: NAME` or `team: NAME` where it counts only there. "
      "Who "
      "fits none is refused.\n\n");
  reference_section(out, "engines.NAME", engine_table);
  out.append(
      "`args`: a list of more arguments for llama-server.\n\n## providers.NAME\n\n| name | meaning |\n|---|---|\n");
  for (const ProviderSetting& setting : provider_table)
    out.append("| `").append(setting.name).append("` | ").append(setting.meaning).append(" |\n");
  for (const auto& setting : patience_table)
    out.append("| `").append(setting.name).append("` | ").append(setting.meaning).append(" |\n");
  out.append(
      "\n## models.NAME\n\nAn ordered list of candidates, each `provider/model`. The first that may and can answer "
      "does. `auto` exists without being\n"
      "configured: the engine of this machine, then every provider with a key, open weights first.\n\nInstead of the "
      "list a map may stand, with the list as `candidates` and what this route does otherwise than others:\n\n");
  reference_section(out, "models.NAME as a map", route_table);
  out.append("And of a provider's settings, for the candidates of this route: ");
  for (const auto& setting : patience_table)
    out.append(&setting == patience_table ? "`" : ", `").append(setting.name).append("`");
  out.append(".\n\n");
  out.append(
      "## workloads\n\nA list of named classes of requests. A request belongs to the first whose `match` it fits, and "
      "to none "
      "otherwise. [The guide](../guides/workloads.md)\nhas an example.\n\n");
  reference_section(out, "an entry of workloads", workload_table);
  reference_section(out, "its match", match_table);
  out.append(
      "`headers`: a map of names to a value, a list of values of which one must be there, or nothing: the header is "
      "there.\nAll of what `match` says must fit, and of a list one entry. Without `match` every request fits.\n\n");
  reference_section(out, "its require", require_table);
  reference_section(out, "its weights", weights_table);
  reference_section(out, "its canary", canary_table);
  reference_section(out, "its shadow", shadow_table);
  reference_section(out, "its cascade", cascade_table);
  out.pop_back();
  return out;
}

}  // namespace sluice::config
