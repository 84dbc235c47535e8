#include "engines/supervisor.h"

namespace sluice::engines {

Result<void> Supervisor::add(EngineSpec spec) {
  if (find(spec.name))
    return fail(ErrorKind::invalid_request, "there are two engines named '" + spec.name + "'",
                "give each engine in the configuration a name of its own");
  TRY(auto engine, Engine::start(std::move(spec), log_, metrics_));
  engines_.push_back(std::move(engine));
  return {};
}

const Engine* Supervisor::find(std::string_view name) const {
  for (const auto& engine : engines_)
    if (engine->name() == name) return engine.get();
  return nullptr;
}

std::optional<EngineStatus> Supervisor::status(std::string_view name) const {
  const Engine* engine = find(name);
  if (!engine) return std::nullopt;
  return engine->status();
}

void Supervisor::stop() {
  for (const auto& engine : engines_) engine->begin_stop();
  for (const auto& engine : engines_) engine->wait_stopped();
}

}  // namespace sluice::engines
