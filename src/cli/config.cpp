// `sluice config validate|schema`: says everything that is wrong with a configuration without running anything, and
// what a configuration may hold.
#include <filesystem>
#include <ostream>

#include "cli/load_config.h"
#include "cli/verbs.h"
#include "config/reference.h"
#include "json/json.h"

namespace sluice::cli {
namespace {

constexpr const char* usual_name = "sluice.yaml";

struct ValidateFlags {
  std::string file;
  std::string config;
};

std::string findings_json(const std::string& path, const yaml::Diagnostics& diagnostics) {
  std::string text;
  json::Writer out(text);
  out.begin_object().member("file", path).member("valid", diagnostics.ok()).key("findings");
  yaml::write_findings(out, diagnostics);
  out.end_object();
  return text;
}

Result<std::string> file_to_validate(const ValidateFlags& flags, const Console& console) {
  if (!flags.file.empty()) return flags.file;
  if (const auto path = config_path(flags.config, console)) return *path;
  std::error_code ignored;
  if (std::filesystem::exists(usual_name, ignored)) return usual_name;
  return usage_error("which configuration?", "sluice config validate FILE (or --config, SLUICE_CONFIG, ./sluice.yaml)");
}

Result<int> validate(const ValidateFlags& flags, Invocation& invocation) {
  Console& console = invocation.console;
  TRY(const std::string path, file_to_validate(flags, console));
  TRY(const config::Loaded loaded, load_config(path, console, {}));
  if (invocation.json()) {
    console.out << findings_json(path, loaded.diagnostics) << '\n';
  } else {
    console.err << loaded.diagnostics.render(console.colour());
    if (loaded.snapshot) console.out << printable_line(path) << " is valid\n";
  }
  return loaded.snapshot ? exit_ok : exit_failed;
}

struct SchemaFlags {};

Result<int> schema(const SchemaFlags&, Invocation& invocation) {
  std::string text = config::json_schema();
  if (!text.ends_with('\n')) text += '\n';
  invocation.console.out << text;
  return exit_ok;
}

}  // namespace

void add_config(CLI::App& root, Invocation& invocation) {
  CLI::App& group =
      add_group(root, {"config", "Check a configuration, see what it may hold, or share one through the store",
                       "sluice config validate sluice.yaml"});
  CLI::App& validate_verb = add_verb(
      group, invocation,
      {"validate", "Everything that is wrong with a configuration, at once", "sluice config validate sluice.yaml"});
  auto flags = std::make_shared<ValidateFlags>();
  validate_verb.add_option("file", flags->file, "The configuration; else --config, SLUICE_CONFIG, ./sluice.yaml")
      ->type_name(file_value);
  add_config_flag(validate_verb, flags->config, "./sluice.yaml");
  on_selected(validate_verb, invocation, flags, validate);

  CLI::App& schema_verb = add_verb(
      group, invocation,
      {"schema", "The JSON Schema of the configuration, for editors", "sluice config schema > sluice.schema.json"});
  on_selected(schema_verb, invocation, std::make_shared<SchemaFlags>(), schema);
  add_config_store(group, invocation);
}

}  // namespace sluice::cli
