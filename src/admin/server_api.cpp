// What the server is and how it fares: models and health, to be looked at only.
#include <chrono>

#include "admin/handlers.h"

namespace sluice::admin {

Result<std::string> list_models(Call& call) {
  const auto snapshot = call.around.snapshot();
  const catalog::Moment now(std::chrono::floor<std::chrono::seconds>(std::chrono::microseconds(call.now_us)));
  std::string text;
  json::Writer out(text);
  out.begin_object().key("routes").begin_array();
  for (const config::Target& route : snapshot->routes()) {
    out.begin_object().member("name", route.name).key("candidates").begin_array();
    for (const config::Candidate* candidate : route.candidates) out.string(candidate->name);
    out.end_array().end_object();
  }
  out.end_array().key("data").begin_array();
  const std::string provider = call.query.text("provider");
  for (const auto& candidate : snapshot->candidates()) {
    if (!candidate->provider->enabled) continue;
    if (!provider.empty() && candidate->provider->id.str() != provider) continue;
    const catalog::Model* model = candidate->model;
    out.begin_object().member("name", candidate->name).member("provider", candidate->provider->id.str());
    out.member("model", candidate->model_name.str()).member("ground", name(candidate->ground));
    out.member("price", candidate->quote(now).state());
    write_number(out, "context_tokens", model && model->context > 0 ? std::optional(model->context) : std::nullopt);
    write_number(out, "max_output_tokens",
                 model && model->max_output > 0 ? std::optional(model->max_output) : std::nullopt);
    write_text(out, "licence", model ? std::string_view(model->licence) : std::string_view());
    out.end_object();
  }
  out.end_array().end_object();
  return text;
}

Result<std::string> show_health(Call& call) {
  const std::string problem = call.around.readiness_problem();
  std::string text;
  json::Writer out(text);
  out.begin_object().member("ready", problem.empty());
  write_text(out, "problem", problem);
  out.key("targets").begin_array();
  for (const TargetHealth& one : call.around.targets()) {
    out.begin_object().member("target", one.target).member("state", one.state);
    out.member("again_in_ms", one.again_in_ms).member("calls", one.calls).member("failures", one.failures).end_object();
  }
  out.end_array().end_object();
  return text;
}

}  // namespace sluice::admin
