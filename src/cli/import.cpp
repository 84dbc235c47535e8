// `sluice import litellm`: another gateway's configuration as one of Sluice's, on standard output, and what could not
// be carried over on standard error. Writes nothing else: the operator looks at it and puts it where it belongs.
#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "cli/load_config.h"
#include "cli/verbs.h"
#include "json/json.h"
#include "migrate/litellm.h"

namespace sluice::cli {
namespace {

struct ImportFlags {
  std::string file;
};

// Of a known vendor.
bool is_key(std::string_view variable) {
  return variable == "AWS_ACCESS_KEY_ID" || variable == "AWS_SECRET_ACCESS_KEY" ||
         std::ranges::any_of(catalog::embedded_catalog().providers, [&](const catalog::Provider& provider) {
           return std::ranges::find(provider.key_env, variable) != provider.key_env.end();
         });
}

// What is written must be what `sluice config validate` takes.
Result<void> check(const std::string& text) {
  config::Sources sources;
  sources.name = "the converted configuration";
  sources.text = text;
  // A variable that is not set here may be set where the configuration will be used.
  sources.env = [&](std::string_view name) {
    return text.contains("${" + std::string(name) + "}") || is_key(name) ? std::optional<std::string>("set-elsewhere")
                                                                         : std::nullopt;
  };
  const config::Loaded loaded = config::load(sources);
  if (loaded.snapshot) return {};
  return fail(ErrorKind::invalid_request,
              "what this file says cannot stand in a configuration of Sluice\n" + loaded.diagnostics.render(),
              "mend the values that are named, in the file or in what is printed");
}

std::string as_json(const migrate::Converted& converted) {
  std::string text;
  json::Writer out(text);
  out.begin_object().member("configuration", converted.yaml).key("findings");
  yaml::write_findings(out, converted.notes);
  out.end_object();
  return text;
}

Result<int> import_litellm(const ImportFlags& flags, Invocation& invocation) {
  Console& console = invocation.console;
  TRY(std::string text, config::read_source(flags.file));
  const auto source = std::make_shared<const yaml::Source>(
      yaml::Source{.name = flags.file, .text = std::move(text), .secret_keys = migrate::litellm_secret_keys()});
  const migrate::Converted converted = migrate::from_litellm(source, catalog::embedded_catalog());
  if (invocation.json())
    console.out << as_json(converted) << '\n';
  else
    console.err << converted.notes.render(console.colour());
  if (!converted.ok()) return exit_failed;
  if (!invocation.json()) console.out << converted.yaml;
  CHECK_OK(check(converted.yaml));
  return exit_ok;
}

}  // namespace

void add_import(CLI::App& root, Invocation& invocation) {
  CLI::App& group = add_group(root, {"import", "Another gateway's configuration as one of Sluice's",
                                     "sluice import litellm config.yaml > sluice.yaml"});
  CLI::App& litellm = add_verb(group, invocation,
                               {"litellm", "A config.yaml of LiteLLM's proxy; what cannot be carried over is named",
                                "sluice import litellm config.yaml > sluice.yaml\nsluice config validate sluice.yaml"});
  auto flags = std::make_shared<ImportFlags>();
  litellm.add_option("file", flags->file, "The other gateway's configuration")->type_name(file_value)->required();
  on_selected(litellm, invocation, flags, import_litellm);
}

}  // namespace sluice::cli
