// `sluice serve`: the flags of the server; what it does is serve/'s.
#include "serve/serve.h"

#include "cli/load_config.h"
#include "cli/verbs.h"

namespace sluice::cli {
namespace {

struct ServeFlags {
  std::string config;
  std::string listen;
  std::string engine;
};

Result<int> serve_verb(const ServeFlags& flags, Invocation& invocation) {
  const Console& console = invocation.console;
  serve::ServeOptions options;
  options.data_dir = invocation.data_dir;
  options.config_path = config_path(flags.config, console);
  options.listen = flags.listen.empty() ? console.variable("SLUICE_LISTEN") : flags.listen;
  options.engine = flags.engine.empty() ? console.variable("SLUICE_ENGINE").value_or("auto") : flags.engine;
  options.json = invocation.json();
  if (options.engine != "auto" && options.engine != "none")
    return usage_error("SLUICE_ENGINE: `" + options.engine + "` is neither auto nor none",
                       "unset it, or name one of the two");
  return serve::serve(options);
}

}  // namespace

void add_serve(CLI::App& root, Invocation& invocation) {
  CLI::App& verb = add_verb(
      root, invocation, {"serve", "Start the gateway", "sluice serve --config sluice.yaml --listen 127.0.0.1:8080"});
  auto flags = std::make_shared<ServeFlags>();
  add_config_flag(verb, flags->config, "none: local model, and providers by the environment's keys");
  verb.add_option("--listen", flags->listen,
                  "Where to listen (SLUICE_LISTEN; default 127.0.0.1:8080; port 0 = any free one)")
      ->type_name("ADDR:PORT|unix:/PATH");
  one_of(
      verb.add_option("--engine", flags->engine, "Start an engine of its own, or none (SLUICE_ENGINE; default auto)"),
      {"auto", "none"});
  on_selected(verb, invocation, flags, serve_verb);
}

}  // namespace sluice::cli
