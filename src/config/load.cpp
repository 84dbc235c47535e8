#include "config/load.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "base/ascii.h"
#include "base/crypto.h"
#include "config/check_settings.h"
#include "config/cloud_credentials.h"
#include "config/oidc_reader.h"
#include "config/provider_reader.h"
#include "config/read_section.h"
#include "config/workload_reader.h"
#include "yaml/fields.h"

namespace sluice::config {
namespace {

using yaml::Fields;
using yaml::Member;
using yaml::Node;
using yaml::Report;

// One load: collects the parts of a Snapshot from the catalogue, the file and the environment, in that order.
class Loading {
 public:
  Loading(const Sources& sources, catalog::Catalog catalog) : sources_(sources), catalog_(std::move(catalog)) {}
  Loaded run();

 private:
  std::optional<std::string> env(const std::string& name) const {
    auto value = sources_.env ? sources_.env(name) : std::nullopt;
    return value && !value->empty() ? value : std::nullopt;
  }

  void expand(Node& node, const Report& report);
  std::optional<std::string> reference(const std::string& inner, const Node& node, const Report& report) const;
  void read_file(const Node& root, const Report& report);
  void read_providers(const Member& section, const Report& report);
  catalog::Provider* provider_named(const std::string& id);
  void read_provider(const Member& member, const Report& report);
  void read_engines(const Member& section, const Report& report);
  void read_routes(const Member& section, const Report& report);
  void read_route(const Member& member, const Report& report);
  const catalog::Model* candidate_named(const Node& item, const std::string& route, const catalog::Provider& provider,
                                        const Report& report);
  void index_names();
  void check_route(const Member& member, const std::vector<const catalog::Provider*>& providers, bool self_hosted,
                   const Report& report);
  void read_route_settings(Fields& fields, const Node& map, RouteSettings& settings, const Report& report);
  void apply_overrides(yaml::Diagnostics& diagnostics);
  void enable_by_environment();
  void name_what_is_missing(const Member& section, const Report& report);
  void enable_engines();
  catalog::Provider* engine_provider(const EngineSettings& engine);
  void keep_engines();
  void keep_what_needs_a_restart();
  catalog::Ground ground_of_default(const catalog::Provider& provider) const;
  void add_auto_route();
  void check_values(const Node& root, const Report& report);
  void read_certificate(const Node& root, const Report& report);
  std::vector<std::string> provider_ids() const;
  std::vector<std::string> model_names(std::string_view provider) const;
  std::string offers_of(std::string_view model) const;

  const Sources& sources_;
  catalog::Catalog catalog_;
  Snapshot::Parts parts_;
  bool engines_given_ = false;
  bool engines_off_ = false;
  std::vector<std::string> needs_restart_;

  // Of all providers and models, when both are complete: a file may have thousands of candidates.
  std::unordered_map<std::string, const catalog::Provider*> providers_by_id_;
  std::unordered_map<std::string, const catalog::Model*> models_by_name_;  // "provider/name", also by id and aliases
};

// --- ${...}

std::optional<std::string> Loading::reference(const std::string& inner, const Node& node, const Report& report) const {
  if (inner.starts_with("file:")) {
    const std::string path = inner.substr(5);
    auto text = sources_.read_file ? sources_.read_file(path) : read_secret_file(path);
    if (!text) report.error(node, "cannot read the file " + path, "it must be readable and at most 64 KiB");
    return text;
  }
  const std::size_t dash = inner.find(":-");
  const std::string name = inner.substr(0, dash);
  if (name.empty() || !std::ranges::all_of(name, [](char c) {
        return c == '_' || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
      })) {
    report.error(node, "`${" + inner + "}` is no reference", "write ${NAME}, ${NAME:-default} or ${file:/path}");
    return std::nullopt;
  }
  if (auto value = env(name)) return value;
  if (dash != std::string::npos) return inner.substr(dash + 2);
  report.error(node, "the environment variable " + name + " is not set", "set it, or write ${" + name + ":-default}");
  return std::nullopt;
}

void Loading::expand(Node& node, const Report& report) {
  for (Node& item : node.items) expand(item, report);
  for (Member& member : node.members) expand(member.value, report);
  if (!node.is_scalar()) return;
  std::string out;
  std::size_t at = 0;
  for (std::size_t begin; (begin = node.text.find("${", at)) != std::string::npos;) {
    const std::size_t end = node.text.find('}', begin);
    if (end == std::string::npos) {
      report.error(node, "`${` has no `}`", "write ${NAME}");
      return;
    }
    out.append(node.text, at, begin - at);
    if (auto value = reference(node.text.substr(begin + 2, end - begin - 2), node, report)) out.append(*value);
    at = end + 1;
  }
  if (at == 0) return;
  node.text = out + node.text.substr(at);
  node.quoted = false;  // in `{}` a reference must be quoted; what it stands for may be a number all the same
}

// --- the file

void Loading::read_file(const Node& root, const Report& report) {
  Fields fields(root, "the configuration", report);
  const auto section = [&](const char* name, auto& table, auto& into) {
    if (const Member* member = fields.take(name)) {
      Fields inner(member->value, std::string("`") + name + "`", report);
      read_section(inner, table, into);
      inner.refuse_others();
    }
  };
  section("server", server_table, parts_.server);
  section("retry", retry_table, parts_.retry);
  section("breaker", breaker_table, parts_.breaker);
  section("limits", limits_table, parts_.limits);
  section("responses", responses_table, parts_.responses);
  section("difficulty", difficulty_table, parts_.difficulty);
  section("ledger", ledger_table, parts_.ledger);
  section("store", store_table, parts_.store);
  section("alerts", alert_table, parts_.alerts);
  section("keys", key_table, parts_.key_defaults);
  if (const Member* member = fields.take("admin")) {
    Fields inner(member->value, "`admin`", report);
    read_section(inner, admin_table, parts_.admin);
    if (const Member* oidc = inner.take("oidc")) parts_.oidc = read_oidc(*oidc, report);
    inner.refuse_others();
  }
  const Member* providers = fields.take("providers");
  if (providers) read_providers(*providers, report);
  if (const Member* member = fields.take("engines")) read_engines(*member, report);
  const Member* routes = fields.take("models");
  const Member* workloads = fields.take("workloads");
  fields.refuse_others();
  enable_by_environment();
  if (providers) name_what_is_missing(*providers, report);
  if (!engines_off_) enable_engines();
  if (routes) read_routes(*routes, report);
  if (const Member* difficulty = root.find("difficulty"))
    read_difficulty(*difficulty, parts_, sources_.read_file ? sources_.read_file : read_secret_file, report);
  if (workloads) read_workloads(*workloads, parts_, report);
}

std::vector<std::string> Loading::provider_ids() const {
  std::vector<std::string> ids;
  for (const catalog::Provider& provider : parts_.providers) ids.push_back(provider.id.str());
  return ids;
}

catalog::Provider* Loading::provider_named(const std::string& id) {
  const auto found = std::ranges::find(parts_.providers, ProviderId(id), &catalog::Provider::id);
  return found == parts_.providers.end() ? nullptr : &*found;
}

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](char c) {
    return c == '_' || c == '-' || c == '.' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9');
  });
}

void Loading::read_providers(const Member& section, const Report& report) {
  if (!section.value.is_map() && !section.value.is_null())
    return report.error(section.value, "`providers` must be a map, not " + describe(section.value),
                        "write `providers:` and below it `groq: {}`");
  for (const Member& member : section.value.members) read_provider(member, report);
}

void Loading::read_provider(const Member& member, const Report& report) {
  const std::string& id = member.key;
  if (!is_name(id))
    return report.error_at_key(member, "`" + id + "` cannot be the name of a provider",
                               "use letters, digits, - _ and .");
  const Member* kind = member.value.find("kind");
  catalog::Provider* provider = provider_named(id);
  if (!provider && (!kind || kind->value.is_null())) {
    const std::string near = yaml::nearest(id, provider_ids());
    report.error_at_key(member, "unknown provider `" + id + "`",
                        near.empty()
                            ? "a provider of your own needs `kind: openai_compatible` (or anthropic_compatible, "
                              "responses_compatible, gemini_compatible, azure_openai, bedrock_converse) and `base_url`"
                            : "did you mean `" + near + "`? A provider of your own needs `kind` and `base_url`");
    return;
  }
  if (!provider) {
    // Nothing is known of who is behind it, so restricted data does not go there unless `ground` says so.
    parts_.providers.push_back({.id = ProviderId(id), .display_name = id, .ground = catalog::Ground::hosted_open});
    provider = &parts_.providers.back();
    if (!member.value.find("base_url"))
      report.error(member.value, "the provider `" + id + "` has no `base_url`", "add `base_url: \"https://HOST/v1\"`");
  }
  ProviderReader(member.value, *provider, parts_, report).read();
}

void Loading::read_engines(const Member& section, const Report& report) {
  engines_given_ = true;
  if (!section.value.is_map() && !section.value.is_null())
    return report.error(section.value, "`engines` must be a map, not " + describe(section.value),
                        "write `engines:` and below it `local: { path: model.gguf }`");
  for (const Member& member : section.value.members) {
    if (!is_name(member.key)) {
      report.error_at_key(member, "`" + member.key + "` cannot be the name of an engine",
                          "use letters, digits, - _ and .");
      continue;
    }
    if (const catalog::Provider* provider = provider_named(member.key);
        provider && (!provider->engine || !provider->base_url.host_header.empty())) {
      report.error_at_key(member, "`" + member.key + "` is a provider already, so it cannot be an engine too",
                          "give the engine another name");
      continue;
    }
    EngineSettings engine{.name = member.key};
    Fields fields(member.value, "the engine `" + member.key + "`", report);
    read_section(fields, engine_table, engine);
    engine.args = fields.texts("args");
    fields.refuse_others();
    if (!engine.sha256.empty() &&
        (engine.sha256.size() != 64 || engine.sha256.find_first_not_of("0123456789abcdef") != std::string::npos))
      report.error(member.value.find("sha256")->value, "this is no SHA-256 digest",
                   "64 characters of 0-9a-f, as sha256sum prints it");
    std::error_code ignored;
    if (!engine.path.empty() && !std::filesystem::is_regular_file(engine.path, ignored))
      report.warning(member.value.find("path")->value, "there is no file `" + engine.path + "`",
                     "the engine cannot start without its model: a GGUF file");
    parts_.engines.push_back(std::move(engine));
  }
}

// What a provider's models may be called.
std::vector<std::string> Loading::model_names(std::string_view provider) const {
  std::vector<std::string> names;
  for (const catalog::Model& model : parts_.models) {
    if (model.provider.str() != provider) continue;
    names.push_back(model.name.str());
    names.push_back(model.id);
    names.insert(names.end(), model.aliases.begin(), model.aliases.end());
  }
  return names;
}

// Who offers a model that was written without its provider, those that can be called and its maker first; a sentence.
std::string Loading::offers_of(std::string_view model) const {
  constexpr std::size_t most = 3;
  std::vector<std::tuple<bool, bool, std::string>> found;
  for (const catalog::Model& one : parts_.models) {
    if (one.name.str() != model && one.id != model && std::ranges::find(one.aliases, model) == one.aliases.end())
      continue;
    const auto provider = std::ranges::find(parts_.providers, one.provider, &catalog::Provider::id);
    const bool enabled = provider != parts_.providers.end() && provider->enabled;
    const bool maker = provider != parts_.providers.end() && provider->display_name.starts_with(one.developer);
    found.emplace_back(!enabled, !maker, one.provider.str() + "/" + one.name.str());
  }
  std::ranges::sort(found);
  std::string offers;
  for (std::size_t i = 0; i < std::min(found.size(), most); ++i)
    offers += (i == 0 ? "did you mean `" : " or `") + std::get<2>(found[i]) + "`";
  return offers.empty() ? "write it as provider/model; `sluice models --all` lists them" : offers + "?";
}

void Loading::index_names() {
  for (const catalog::Provider& provider : parts_.providers) providers_by_id_.emplace(provider.id.str(), &provider);
  // In the order in which a Snapshot resolves them: the first model of a name has it.
  for (const catalog::Model& model : parts_.models) {
    const std::string provider = model.provider.str() + "/";
    for (const std::string& alias : model.aliases) models_by_name_.emplace(provider + alias, &model);
    models_by_name_.emplace(provider + model.id, &model);
    models_by_name_.emplace(provider + model.name.str(), &model);
  }
}

void Loading::read_routes(const Member& section, const Report& report) {
  if (!section.value.is_map())
    return report.error(section.value, "`models` must be a map, not " + describe(section.value),
                        "write `models:` and below it `auto: [provider/model, ...]`");
  index_names();
  for (const Member& member : section.value.members) read_route(member, report);
}

void Loading::read_route(const Member& member, const Report& report) {
  if (member.key.empty() || member.key.contains('/'))
    return report.error_at_key(member, "`" + member.key + "` cannot be the name of a route",
                               "a name with / in it always means provider/model: write one without, such as `auto`");
  Route route{.name = member.key, .candidates = {}};
  std::vector<std::string>& names = route.candidates;
  const Member* inner = nullptr;
  if (member.value.is_map()) {
    Fields fields(member.value, "the route `" + member.key + "`", report);
    inner = fields.take("candidates");
    read_route_settings(fields, member.value, route.settings, report);
  }
  const Node& list = inner ? inner->value : member.value;
  if (!list.is_list() || list.items.empty())
    report.error(list, "`" + member.key + "` must be a list of provider/model, not " + describe(list),
                 "write `" + member.key + ": [local/smollm2-135m-instruct, groq/gpt-oss-120b]`, or a map with " +
                     "such a list as `candidates`");
  std::vector<const catalog::Model*> models;  // null: not in the catalogue
  std::vector<const catalog::Provider*> providers;
  bool self_hosted = false;
  for (const Node& item : list.items) {
    const std::size_t slash = item.text.find('/');
    if (!item.is_scalar() || slash == std::string::npos || slash == 0 || slash + 1 == item.text.size()) {
      report.error(item, "a candidate must be provider/model, not " + describe(item), offers_of(item.text));
      continue;
    }
    const std::string id = item.text.substr(0, slash);
    const auto found = providers_by_id_.find(id);
    if (found == providers_by_id_.end()) {
      const std::string near = yaml::nearest(id, provider_ids());
      report.error(
          item, "unknown provider `" + id + "` in `" + member.key + "`",
          near.empty() ? "name it under `providers`, with its `kind` and `base_url`" : "did you mean `" + near + "`?");
      continue;
    }
    const catalog::Provider& provider = *found->second;
    const catalog::Model* model = candidate_named(item, member.key, provider, report);
    if (!model && provider.engine) continue;  // told: it has the model it was started with
    for (std::size_t i = 0; i < names.size(); ++i)
      if (names[i] == item.text || (model && models[i] == model))
        report.error(item,
                     names[i] == item.text ? "`" + item.text + "` is listed twice in `" + member.key + "`"
                                           : "`" + item.text + "` is the same model as `" + names[i] + "`, which `" +
                                                 member.key + "` has already",
                     "the second one can never be reached first: take it out");
    if (!provider.enabled) report.warning(item, "`" + id + "` cannot be called", provider.how_to_enable);
    const catalog::Ground forwarded = provider.ground_of(item.text.substr(slash + 1));
    self_hosted = self_hosted || (forwarded == catalog::Ground::self_hosted &&
                                  (!model || model->ground == catalog::Ground::self_hosted));
    names.push_back(item.text);
    models.push_back(model);
    providers.push_back(&provider);
  }
  check_route(member, providers, self_hosted, report);
  parts_.routes.push_back(std::move(route));
}

// Null when the catalogue does not have it: told, and for an engine of our own an error.
const catalog::Model* Loading::candidate_named(const Node& item, const std::string& route,
                                               const catalog::Provider& provider, const Report& report) {
  if (const auto known = models_by_name_.find(item.text); known != models_by_name_.end()) return known->second;
  const std::string& id = provider.id.str();
  const std::string model = item.text.substr(id.size() + 1);
  if (provider.engine) {
    report.error(item, "the engine `" + id + "` does not serve `" + model + "`, so `" + route + "` can never reach it",
                 "it serves `" + id + "/" + provider.default_model + "`; `engines:` says which model it has");
    return nullptr;
  }
  const std::string near = yaml::nearest(model, model_names(id));
  report.warning(
      item, "`" + model + "` of `" + id + "` is not in the catalogue: it will be unpriced",
      near.empty() ? "set `prices` for it under `providers: " + id + "`" : "did you mean `" + id + "/" + near + "`?");
  return nullptr;
}

void Loading::read_route_settings(Fields& fields, const Node& map, RouteSettings& settings, const Report& report) {
  read_section(fields, route_table, settings);
  read_section(fields, patience_table, settings.patience);
  fields.refuse_others();
  const auto most = Money::parse_usd(settings.hedge_most_usd);
  if (most)
    settings.hedge_most = *most;
  else if (const Member* said = map.find("hedge_most_usd"))
    report.error(said->value, "`" + settings.hedge_most_usd + "` is no amount in USD", "write for example 0.01");
  const Member* said = map.find("affinity");
  for (const AffinityKind kind : {AffinityKind::off, AffinityKind::prefix, AffinityKind::session})
    if (settings.affinity == name(kind)) {
      settings.affinity_kind = kind;
      said = nullptr;
    }
  if (said) report.error(said->value, "`" + settings.affinity + "` is no affinity", "write prefix, session or off");
  settings.session_header = ascii_lowered(settings.session_header);
}

bool is_switched_off(const catalog::Provider& provider) {
  return provider.how_to_enable.starts_with("it is switched off");
}

// A route that nobody can ever answer is a mistake, unless somebody has switched its providers off: taking a provider
// out must stay possible while routes still name it.
void Loading::check_route(const Member& member, const std::vector<const catalog::Provider*>& providers,
                          bool self_hosted, const Report& report) {
  if (providers.empty() || providers.size() < member.value.items.size()) return;  // its errors are told
  const auto can_be_called = [](const catalog::Provider* provider) { return provider->enabled; };
  const auto meant = [&](const catalog::Provider* provider) {
    return is_switched_off(*provider) || (provider->engine && (engines_off_ || sources_.in_force));
  };
  if (std::ranges::none_of(providers, can_be_called) && std::ranges::none_of(providers, meant))
    report.error_at_key(member, "`" + member.key + "` is dead: none of its candidates can be called",
                        providers.front()->how_to_enable + ", or take the route out");
  else if (!self_hosted && data_class_from_name(parts_.key_defaults.data_class) == DataClass::restricted)
    report.warning_at_key(member,
                          "`" + member.key + "` has no self-hosted candidate, and new keys are `restricted` by default",
                          "such a key can never use it: add a candidate of an engine of your own, or set "
                          "`keys: { data_class: internal }`");
}

// --- what the file does not say

// A vendor is switched on by its key. An engine on the own ground is not: a variable for something else must not make
// restricted data go to whoever listens at its usual port. Where it is listed it takes its key from there, too.
void Loading::enable_by_environment() {
  for (catalog::Provider& provider : parts_.providers) {
    if (provider.engine || is_switched_off(provider)) continue;
    if (!provider.enabled && provider.ground == catalog::Ground::self_hosted) {
      provider.how_to_enable = "add `" + provider.id.str() + ": {}` under `providers`";
      continue;
    }
    if (provider.auth == catalog::AuthKind::none) continue;
    provider.how_to_enable =
        take_credentials(provider, [this](std::string_view name) { return env(std::string(name)); });
    provider.enabled = provider.how_to_enable.empty();
  }
}

// Whoever lists a provider means to call it.
void Loading::name_what_is_missing(const Member& section, const Report& report) {
  for (const Member& member : section.value.members) {
    const catalog::Provider* provider = provider_named(member.key);
    if (provider && !provider->enabled && !provider->engine && !is_switched_off(*provider))
      report.warning(member.value, "`" + member.key + "` cannot be called", provider->how_to_enable);
  }
}

catalog::Provider* Loading::engine_provider(const EngineSettings& engine) {
  if (catalog::Provider* provider = provider_named(engine.name)) return provider;
  catalog::Provider like_local = *provider_named("local");
  like_local.id = ProviderId(engine.name);
  like_local.display_name = engine.name;
  parts_.providers.insert(parts_.providers.begin(), std::move(like_local));
  parts_.prices.push_back({.provider = ProviderId(engine.name),
                           .model = ModelName("*"),
                           .kind = catalog::PriceKind::self_hosted,
                           .source_kind = catalog::SourceKind::contract,
                           .source = "configuration"});
  return &parts_.providers.front();
}

void Loading::enable_engines() {
  // A `local` with a `base_url` of its own is somebody else's engine: none is started for it.
  if (!engines_given_ && provider_named("local")->engine) parts_.engines.push_back({.name = "local"});
  if (sources_.in_force) keep_engines();
  for (const EngineSettings& engine : parts_.engines) {
    catalog::Provider* provider = engine_provider(engine);
    provider->engine = true;
    provider->enabled = true;
    provider->how_to_enable.clear();
    provider->default_model = engine.model;
    // An engine has one model loaded, and would answer to any name.
    std::erase_if(parts_.models, [&](const catalog::Model& model) {
      return model.provider.str() == engine.name && model.name.str() != engine.model && model.id != engine.model;
    });
    add_model(parts_, *provider, engine.model);
    for (catalog::Model& model : parts_.models) {
      if (model.provider.str() != engine.name) continue;
      model.context = engine.context;
      model.ground = catalog::Ground::self_hosted;
    }
  }
}

// An engine is started with its model and not changed after that, so a Snapshot describes those that run.
void Loading::keep_engines() {
  const std::vector<EngineSettings> wanted =
      std::exchange(parts_.engines, {sources_.in_force->engines().begin(), sources_.in_force->engines().end()});
  for (const EngineSettings& engine : wanted) {
    const auto running = std::ranges::find(parts_.engines, engine.name, &EngineSettings::name);
    if (running == parts_.engines.end()) {
      // Routes may name it already.
      catalog::Provider* provider = engine_provider(engine);
      provider->engine = true;
      provider->enabled = false;
      provider->how_to_enable = "an engine is started when Sluice is: `sluice upgrade`, or a restart";
      provider->default_model = engine.model;
      add_model(parts_, *provider, engine.model);
      needs_restart_.push_back("engines." + engine.name + ": it is new");
    } else if (*running != engine) {
      needs_restart_.push_back("engines." + engine.name + ": it runs with other settings");
    }
  }
  for (const EngineSettings& engine : parts_.engines)
    if (std::ranges::find(wanted, engine.name, &EngineSettings::name) == wanted.end())
      needs_restart_.push_back("engines." + engine.name + ": it is not in the file any more, and runs");
}

void Loading::keep_what_needs_a_restart() {
  const ServerSettings& runs = sources_.in_force->server();
  if (parts_.server.listen != runs.listen) {
    needs_restart_.push_back("server.listen: " + parts_.server.listen + ", and it is " + runs.listen);
    parts_.server.listen = runs.listen;
    parts_.server.listen_endpoint = runs.listen_endpoint;
  }
  if (parts_.server.tls_certificate.empty() != runs.tls_certificate.empty()) {
    needs_restart_.push_back(parts_.server.tls_certificate.empty()
                                 ? "server.tls_certificate: it is not in the file any more, and TLS is on"
                                 : "server.tls_certificate: TLS is off until then");
    parts_.server.tls_certificate = runs.tls_certificate;
    parts_.server.tls_key = runs.tls_key;
    parts_.server.certificate = runs.certificate;
  }
  if (parts_.server.threads != runs.threads) {
    const auto said = [](std::int64_t n) { return n == 0 ? std::string("one for each core") : std::to_string(n); };
    needs_restart_.push_back("server.threads: " + said(parts_.server.threads) + ", and it is " + said(runs.threads));
    parts_.server.threads = runs.threads;
  }
  const AdminSettings& admin = sources_.in_force->admin();
  for (const char* setting : {parts_.admin.enabled != admin.enabled ? "admin.enabled" : nullptr,
                              parts_.admin.listen != admin.listen ? "admin.listen" : nullptr,
                              parts_.admin.hosts != admin.hosts ? "admin.hosts" : nullptr})
    if (setting) needs_restart_.push_back(std::string(setting) + ": it is as it was until then");
  parts_.admin = admin;
  if (!(parts_.store == sources_.in_force->store())) {
    if (!sources_.from_store) needs_restart_.push_back("store: it runs with other settings");
    parts_.store = sources_.in_force->store();
  }
  const LimitSettings& limits = sources_.in_force->limits();
  for (const auto& [name, text] :
       {std::pair("backend", &LimitSettings::backend), std::pair("url", &LimitSettings::url),
        std::pair("prefix", &LimitSettings::prefix), std::pair("password_env", &LimitSettings::password_env),
        std::pair("store_down", &LimitSettings::store_down)}) {
    if (parts_.limits.*text == limits.*text) continue;
    needs_restart_.push_back(std::string("limits.") + name + ": `" + parts_.limits.*text + "`, and it is `" +
                             limits.*text + "`");
    parts_.limits.*text = limits.*text;
  }
  parts_.limits.password = limits.password;
  for (const auto& [name, limit] : {std::pair("in_flight", &LimitSettings::in_flight),
                                    std::pair("in_flight_per_key", &LimitSettings::in_flight_per_key),
                                    std::pair("slice_permille", &LimitSettings::slice_permille),
                                    std::pair("store_patience_ms", &LimitSettings::store_patience_ms)}) {
    if (parts_.limits.*limit == limits.*limit) continue;
    needs_restart_.push_back(std::string("limits.") + name + ": " + std::to_string(parts_.limits.*limit) +
                             ", and it is " + std::to_string(limits.*limit));
    parts_.limits.*limit = limits.*limit;
  }
}

// A host of many kinds of models offers its default one first, and that one's ground counts.
catalog::Ground Loading::ground_of_default(const catalog::Provider& provider) const {
  const auto model = std::ranges::find_if(parts_.models, [&](const catalog::Model& one) {
    return one.provider == provider.id &&
           (one.id == provider.default_model || one.name.str() == provider.default_model);
  });
  return model == parts_.models.end() ? provider.ground : model->ground;
}

void Loading::add_auto_route() {
  if (std::ranges::find(parts_.routes, "auto", &Route::name) != parts_.routes.end()) return;
  std::vector<std::string> names;
  for (const catalog::Ground ground :
       {catalog::Ground::self_hosted, catalog::Ground::hosted_open, catalog::Ground::proprietary})
    for (const catalog::Provider& provider : parts_.providers)
      if (provider.enabled && !provider.default_model.empty() && ground_of_default(provider) == ground)
        names.push_back(provider.id.str() + "/" + provider.default_model);
  if (!names.empty()) parts_.routes.insert(parts_.routes.begin(), Route{"auto", std::move(names)});
}

void Loading::apply_overrides(yaml::Diagnostics& diagnostics) {
  for (const Override& override : sources_.overrides) {
    if (override.path == "server.listen") {
      parts_.server.listen = override.value;
    } else if (override.path == "engines" && override.value == "none") {
      engines_off_ = true;
      parts_.engines.clear();
      for (catalog::Provider& provider : parts_.providers)
        if (provider.engine) {
          provider.enabled = false;
          provider.how_to_enable = "start with --engine auto";
        }
    } else {
      diagnostics.add({.message = override.origin + " cannot be `" + override.value + "`",
                       .help = "no such setting can be given on the command line: write it into the configuration"});
    }
  }
}

// The certificate for clients: what the file names, else the environment.
void Loading::read_certificate(const Node& root, const Report& report) {
  const Member* section = root.find("server");
  const auto wrong = [&](const char* name, const char* variable, Error error) {
    const Member* setting = section ? section->value.find(name) : nullptr;
    if (setting)
      report.error(setting->value, std::move(error.message), std::move(error.hint));
    else
      report.diagnostics.add(
          {.message = std::string(variable) + ": " + std::move(error.message), .help = std::move(error.hint)});
  };
  constexpr const char* certificate_variable = "SLUICE_TLS_CERTIFICATE";
  constexpr const char* key_variable = "SLUICE_TLS_KEY";
  ServerSettings& server = parts_.server;
  if (server.tls_certificate.empty() && server.tls_key.empty()) {
    server.tls_certificate = env(certificate_variable).value_or("");
    server.tls_key = env(key_variable).value_or("");
  }
  if (server.tls_certificate.empty()) {
    if (!server.tls_key.empty())
      wrong("tls_key", key_variable,
            {.message = "a private key without its certificate is of no use",
             .hint = "name the certificate's file: `tls_certificate`"});
    return;
  }
  auto certificate = read_server_certificate(server.tls_certificate, server.tls_key);
  if (certificate) {
    server.certificate = *std::move(certificate);
    return;
  }
  const bool of_key = !server.tls_key.empty() && certificate.error().param == server.tls_key;
  wrong(of_key ? "tls_key" : "tls_certificate", of_key ? key_variable : certificate_variable, certificate.error());
}

// What the table cannot say: texts that must be more than a text. Told at their place in the file.
void Loading::check_values(const Node& root, const Report& report) {
  const auto wrong = [&](const char* section, const char* name, std::string message, std::string help) {
    const Member* outer = root.find(section);
    const Member* inner = outer ? outer->value.find(name) : nullptr;
    if (inner)
      report.error(inner->value, std::move(message), std::move(help));
    else
      report.diagnostics.add({.message = std::move(message), .help = std::move(help)});
  };
  auto endpoint = parse_listen_address(parts_.server.listen);
  if (endpoint) {
    parts_.server.listen_endpoint = *std::move(endpoint);
  } else {
    const auto given = std::ranges::find(sources_.overrides, "server.listen", &Override::path);
    if (given == sources_.overrides.end())
      wrong("server", "listen", endpoint.error().message, endpoint.error().hint);
    else
      report.diagnostics.add(
          {.message = given->origin + ": " + endpoint.error().message, .help = endpoint.error().hint});
  }
  read_certificate(root, report);
  check_settings(parts_, [this](std::string_view name) { return env(std::string(name)); }, wrong);
}

Loaded Loading::run() {
  Loaded loaded;
  parts_.providers = std::move(catalog_.providers);
  parts_.models = std::move(catalog_.models);
  parts_.licences = std::move(catalog_.licences);
  parts_.prices = std::move(catalog_.prices);
  parts_.catalog_sha256 = catalog_.sha256;
  if (auto imported = catalog::read_imports(sources_.prices, sources_.prices_known_on)) {
    parts_.imported_prices = *std::move(imported);
    std::string digests;
    for (const catalog::ImportedFile& file : sources_.prices) digests += crypto::hex(crypto::sha256(file.text));
    if (!digests.empty()) parts_.imported_prices_sha256 = crypto::hex(crypto::sha256(digests));
  } else {
    loaded.diagnostics.add({.message = imported.error().message, .help = imported.error().hint});
  }
  // Engines of our own come first, then the open grounds, then the others: the order of `auto` and of bare model names.
  std::ranges::sort(parts_.providers, [](const catalog::Provider& a, const catalog::Provider& b) {
    return std::tuple(!a.engine, a.ground, a.id) < std::tuple(!b.engine, b.ground, b.id);
  });
  for (catalog::Provider& provider : parts_.providers)
    if (provider.engine) provider.how_to_enable = "start with --engine auto";

  apply_overrides(loaded.diagnostics);
  const auto source = std::make_shared<yaml::Source>(
      yaml::Source{.name = sources_.name,
                   .text = sources_.text.value_or(""),
                   .secret_keys = {"api_key", "client_secret", "secret_access_key", "session_token"}});
  // A server that has rules must not lose all of them because a program has emptied the file before it writes it.
  if (sources_.in_force && source->text.find_first_not_of(" \t\r\n") == std::string::npos)
    loaded.diagnostics.add(
        {.source = source,
         .message = "the file is empty",
         .help = "write it as a whole: to another name, then `mv` it here. For the defaults write {}"});
  std::optional<Node> root = yaml::parse(source, loaded.diagnostics);
  if (root) {
    const Report report{source, loaded.diagnostics};
    expand(*root, report);
    if (engines_off_) {
      // Named engines exist for `route explain`, but nothing starts them.
      std::erase_if(root->members, [](const Member& member) { return member.key == "engines"; });
      engines_given_ = true;
    }
    read_file(*root, report);
    // The command line has the last word.
    for (const Override& override : sources_.overrides)
      if (override.path == "server.listen") parts_.server.listen = override.value;
  }
  for (catalog::Provider& provider : parts_.providers) provider.base_url.endpoint.http = provider.http;
  add_auto_route();
  check_values(root.value_or(Node()), Report{source, loaded.diagnostics});
  if (sources_.in_force) keep_what_needs_a_restart();
  loaded.needs_restart = std::move(needs_restart_);
  if (!loaded.diagnostics.ok()) return loaded;
  auto snapshot = std::make_shared<const Snapshot>(std::move(parts_));
  if (root) check_workloads(*root, *snapshot, Report{source, loaded.diagnostics});
  if (loaded.diagnostics.ok()) loaded.snapshot = std::move(snapshot);
  return loaded;
}

}  // namespace

Result<std::string> read_source(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(yaml::max_source_bytes + 1, '\0');
  if (file) file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad() || (file.fail() && !file.eof()))
    return fail(ErrorKind::not_found,
                "cannot read the configuration file " + path + ": " + std::strerror(errno ? errno : EISDIR),
                "name the configuration with --config FILE or SLUICE_CONFIG");
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

Loaded load(const Sources& sources) { return load(sources, catalog::embedded_catalog()); }

Loaded load(const Sources& sources, catalog::Catalog catalog) { return Loading(sources, std::move(catalog)).run(); }

}  // namespace sluice::config
