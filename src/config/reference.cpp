#include "config/reference.h"

#include "config/settings_table.h"
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

// The members of a provider and of a price, which are no plain settings.
constexpr const char* price_schema =
    R"({"type":"object","properties":{"kind":{"enum":["metered","free","self_hosted"]},"input":{"type":["number","string"]},"output":{"type":["number","string"]},"cache_read":{"type":["number","string"]},"cache_write_5m":{"type":["number","string"]},"cache_write_1h":{"type":["number","string"]},"reasoning":{"type":["number","string"]},"request":{"type":["number","string"]},"tiers":{"type":"array"},"effective_from":{"type":"string","format":"date"},"effective_to":{"type":"string","format":"date"},"source_kind":{"enum":["list","contract","community"]},"source":{"type":"string"},"observed_at":{"type":"string"},"note":{"type":"string"}},"additionalProperties":false})";

struct ProviderField {
  const char* name;
  const char* type;  // JSON Schema
  const char* meaning;
};
constexpr ProviderField provider_fields[] = {
    {"kind", R"({"enum":["openai_compatible","anthropic_compatible"]})",
     "For a provider of your own: the dialect that it speaks."},
    {"base_url", R"({"type":"string"})", "Where it is; the dialect's paths go below it."},
    {"api_key", R"({"type":"string"})", "Its key. Known vendors take theirs from the environment."},
    {"ground", R"({"enum":["self_hosted","hosted_open","proprietary"]})",
     "Which ground it is. Restricted data goes only to self_hosted; a provider of your own is hosted_open unless you "
     "say otherwise. For ollama, vllm, sglang and local it must be said when base_url is not on this machine or a "
     "private network."},
    {"auth", R"({"enum":["bearer","x_api_key","none"]})", "How the key is sent."},
    {"stream_usage", R"({"enum":["option","automatic"]})",
     "Whether streams must be asked for usage (option) or always report it."},
    {"headers", R"({"type":"object","additionalProperties":{"type":"string"}})",
     "Header fields to send with every call; no credentials."},
    {"enabled", R"({"type":"boolean"})", "false switches it off."},
    {"models", R"({"type":["array","object"]})",
     "Its models: a list of names, or a map of names to context, max_output, tools, images, licence."},
    {"prices", nullptr,
     "USD per million tokens for each model: input, output, cache_read, cache_write_5m, cache_write_1h, reasoning; "
     "request: USD per request."},
};

template <class Section, std::size_t N>
void reference_section(std::string& out, const char* title, const Setting<Section> (&table)[N]) {
  const Section defaults{};
  out.append("## ").append(title).append("\n\n| name | default | bounds | meaning |\n|---|---|---|---|\n");
  for (const Setting<Section>& setting : table) {
    const std::string initial = setting.number ? std::to_string(defaults.*setting.number) : defaults.*setting.text;
    const std::string bounds =
        setting.number ? std::to_string(setting.least) + " to " + std::to_string(setting.most) : "text";
    out.append("| `").append(setting.name).append("` | ").append(initial.empty() ? "(empty)" : "`" + initial + "`");
    out.append(" | ").append(bounds).append(" | ").append(setting.meaning).append(" |\n");
  }
  out.append("\n");
}

}  // namespace

std::string json_schema() {
  std::string out;
  json::Writer w(out);
  w.begin_object()
      .member("$schema", "https://json-schema.org/draft/2020-12/schema")
      .member("title", "sluice.yaml")
      .member("type", "object");
  w.member("additionalProperties", false).key("properties").begin_object();
  schema_section(w, "server", server_table);
  schema_section(w, "retry", retry_table);
  schema_section(w, "keys", key_table);
  w.key("providers").begin_object().member("type", "object").key("additionalProperties").begin_object();
  w.key("type")
      .begin_array()
      .string("object")
      .string("null")
      .end_array()
      .member("additionalProperties", false)
      .key("properties")
      .begin_object();
  for (const ProviderField& field : provider_fields) {
    w.key(field.name);
    if (field.type)
      w.raw(field.type);
    else
      w.begin_object().member("type", "object").key("additionalProperties").raw(price_schema).end_object();
  }
  w.end_object().end_object().end_object();
  w.key("engines").begin_object().member("type", "object").key("additionalProperties").begin_object();
  w.key("type")
      .begin_array()
      .string("object")
      .string("null")
      .end_array()
      .member("additionalProperties", false)
      .key("properties")
      .begin_object();
  schema_properties(w, engine_table);
  w.key("args").raw(R"({"type":"array","items":{"type":"string"},"description":"More arguments for llama-server."})");
  w.end_object().end_object().end_object();
  w.key("models").raw(
      R"({"type":"object","description":"A name for an ordered list of candidates: provider/model.","additionalProperties":{"type":"array","minItems":1,"items":{"type":"string","pattern":"^[^/]+/.+$"}}})");
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
  reference_section(out, "keys", key_table);
  reference_section(out, "engines.NAME", engine_table);
  out.append(
      "`args`: a list of more arguments for llama-server.\n\n## providers.NAME\n\n| name | meaning |\n|---|---|\n");
  for (const ProviderField& field : provider_fields)
    out.append("| `").append(field.name).append("` | ").append(field.meaning).append(" |\n");
  out.append(
      "\n## models.NAME\n\nAn ordered list of candidates, each `provider/model`. The first that may and can answer "
      "does. `auto` exists without being\n"
      "configured: the engine of this machine, then every provider with a key, open weights first.\n");
  return out;
}

}  // namespace sluice::config
