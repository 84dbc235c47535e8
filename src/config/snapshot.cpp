#include "config/snapshot.h"

#include <algorithm>

#include "base/crypto.h"
#include "config/settings_table.h"
#include "config/workload_table.h"
#include "json/json.h"
#include "yaml/diagnostics.h"

namespace sluice::config {

namespace {

// The program's and the configuration's come first: of equal ones the book takes the first.
catalog::PriceFacts all_prices(Snapshot::Parts& parts) {
  catalog::PriceFacts all = std::move(parts.imported_prices);
  all.facts.insert(all.facts.begin(), std::make_move_iterator(parts.prices.begin()),
                   std::make_move_iterator(parts.prices.end()));
  parts.prices = {};
  return all;
}

}  // namespace

Snapshot::Snapshot(Parts parts) : parts_(std::move(parts)), book_(all_prices(parts_)), takes_by_name_(parts_.models) {
  parts_.models.shrink_to_fit();  // it stays for hours, and a model that was added has doubled it
  resolve();
  has_own_engine_ = std::ranges::any_of(parts_.providers, [](const catalog::Provider& one) {
    return one.enabled && one.ground == catalog::Ground::self_hosted;
  });
  sha256_ = crypto::hex(crypto::sha256(json() + parts_.catalog_sha256 + parts_.imported_prices_sha256));
}

const catalog::Provider* Snapshot::find_provider(std::string_view id) const {
  const auto found = std::ranges::find(
      parts_.providers, id, [](const catalog::Provider& provider) { return std::string_view(provider.id.str()); });
  return found == parts_.providers.end() ? nullptr : &*found;
}

// Makes every name that a client may use point at its candidates.
void Snapshot::resolve() {
  std::unordered_map<std::string, const Candidate*> by_name;
  const auto offer = [&](const catalog::Model& model, const catalog::Provider& provider) {
    auto candidate = std::make_unique<Candidate>();
    candidate->name = provider.id.str() + "/" + (model.id.empty() ? model.name.str() : model.id);
    candidate->provider = &provider;
    candidate->model = &model;
    candidate->model_name = model.name;
    candidate->prices = book_.find(provider.id.str(), model.name.str());
    candidate->takes = model.takes;
    const catalog::Ground forwarded = provider.ground_of(model.name.str());
    candidate->ground = forwarded != provider.ground ? forwarded : model.ground;
    const auto licence = std::ranges::find(parts_.licences, model.licence, &catalog::Licence::id);
    if (licence != parts_.licences.end()) candidate->licence = &*licence;
    for (const std::string& name : model.aliases) by_name.try_emplace(provider.id.str() + "/" + name, candidate.get());
    by_name.try_emplace(candidate->name, candidate.get());
    by_name.try_emplace(provider.id.str() + "/" + model.name.str(), candidate.get());
    candidates_.push_back(std::move(candidate));
  };
  for (const catalog::Provider& provider : parts_.providers)
    for (const catalog::Model& model : parts_.models)
      if (model.provider == provider.id) offer(model, provider);
  for (const auto& [name, candidate] : by_name) targets_[name] = {name, Target::Kind::direct, {candidate}, {}};

  // A model's own name stands for every provider that offers it; those that may be called first.
  for (const bool enabled : {true, false})
    for (const auto& candidate : candidates_) {
      if (candidate->provider->enabled != enabled) continue;
      std::vector<std::string> names = candidate->model->aliases;
      names.push_back(candidate->model->id);
      names.push_back(candidate->model_name.str());
      std::ranges::sort(names);
      names.erase(std::ranges::unique(names).begin(), names.end());
      for (const std::string& name : names) {
        if (name.empty()) continue;
        Target& target = targets_.try_emplace(name, Target{name, Target::Kind::bare, {}, {}}).first->second;
        if (target.kind == Target::Kind::bare) target.candidates.push_back(candidate.get());
      }
    }

  // Routes last: the operator's names win over all others.
  for (const Route& configured : parts_.routes) {
    Target route{configured.name, Target::Kind::route, {}, configured.settings};
    for (const std::string& member : configured.candidates) {
      if (const auto found = by_name.find(member); found != by_name.end()) {
        route.candidates.push_back(found->second);
      } else {
        auto candidate = std::make_unique<Candidate>(outside_catalog(member));
        if (!candidate->provider) continue;  // the loader has refused such a name
        candidate->takes = takes_by_name_.find(candidate->model_name.str());
        route.candidates.push_back(candidate.get());
        by_name[member] = candidate.get();
        outside_.push_back(std::move(candidate));
      }
    }
    targets_[route.name] = route;
    routes_.push_back(std::move(route));
  }

  // A canary or a shadow may be a model that the catalogue does not know.
  for (const Workload& workload : parts_.workloads)
    for (const std::string& name : {workload.canary.target, workload.shadow.target}) {
      if (name.empty() || targets_.contains(name)) continue;
      const Candidate*& candidate = by_name[name];  // a route may have it
      if (!candidate) {
        auto outside = std::make_unique<Candidate>(outside_catalog(name));
        if (!outside->provider) continue;  // the loader refuses it
        outside->takes = takes_by_name_.find(outside->model_name.str());
        candidate = outside.get();
        outside_.push_back(std::move(outside));
      }
      targets_[name] = {name, Target::Kind::direct, {candidate}, {}};
    }
}

const Target* Snapshot::find(std::string_view name) const {
  const auto found = targets_.find(name);
  return found == targets_.end() ? nullptr : &found->second;
}

Candidate Snapshot::outside_catalog(std::string_view name) const {
  Candidate candidate;
  const std::size_t slash = name.find('/');
  if (slash == std::string_view::npos || slash + 1 == name.size()) return candidate;
  candidate.provider = find_provider(name.substr(0, slash));
  if (candidate.provider && candidate.provider->engine)
    candidate.provider = nullptr;  // it has the model it was started with
  if (!candidate.provider) return candidate;
  candidate.name = name;
  candidate.model_name = ModelName(std::string(name.substr(slash + 1)));
  candidate.prices = book_.find(candidate.provider->id.str(), candidate.model_name.str());
  candidate.ground = candidate.provider->ground_of(candidate.model_name.str());
  return candidate;
}

std::vector<std::string> Snapshot::names_like(std::string_view wrong, std::size_t most) const {
  std::vector<std::string> known;
  for (const auto& [name, target] : targets_)
    if (std::ranges::any_of(target.candidates, [](const Candidate* candidate) { return candidate->provider->enabled; }))
      known.push_back(name);
  std::ranges::sort(known);
  std::vector<std::string> near;
  while (near.size() < most) {
    std::string next = yaml::nearest(wrong, known);
    if (next.empty()) break;
    std::erase(known, next);
    near.push_back(std::move(next));
  }
  return near;
}

namespace {

void write_texts(json::Writer& writer, const std::vector<std::string>& texts) {
  writer.begin_array();
  for (const std::string& text : texts) writer.string(text);
  writer.end_array();
}

template <class Section, std::size_t N>
void write_section(json::Writer& writer, const Setting<Section> (&table)[N], const Section& section) {
  writer.begin_object();
  for (const Setting<Section>& setting : table) {
    if (setting.number) {
      writer.member(setting.name, section.*setting.number);
    } else if (setting.flag) {
      writer.member(setting.name, section.*setting.flag);
    } else if (setting.maybe) {
      writer.key(setting.name);
      section.*setting.maybe ? writer.boolean(*(section.*setting.maybe)) : writer.null();
    } else if (setting.texts) {
      write_texts(writer.key(setting.name), section.*setting.texts);
    } else {
      writer.member(setting.name, section.*setting.text);
    }
  }
  writer.end_object();
}

void write_workloads(json::Writer& writer, std::span<const Workload> workloads) {
  writer.begin_array();
  for (const Workload& workload : workloads) {
    writer.begin_object();
    write_section(writer.key("workload"), workload_table, workload);
    write_section(writer.key("match"), match_table, workload.match);
    writer.key("headers").begin_object();
    for (const auto& [header, values] : workload.match.headers) write_texts(writer.key(header), values);
    writer.end_object();
    write_section(writer.key("require"), require_table, workload.require);
    write_section(writer.key("weights"), weights_table, workload.weights);
    write_section(writer.key("canary"), canary_table, workload.canary);
    write_section(writer.key("shadow"), shadow_table, workload.shadow);
    write_section(writer.key("cascade"), cascade_table, workload.cascade);
    writer.end_object();
  }
  writer.end_array();
}

}  // namespace

std::string Snapshot::json() const {
  std::string out;
  json::Writer w(out);
  w.begin_object();
  write_section(w.key("server"), server_table, parts_.server);
  write_section(w.key("retry"), retry_table, parts_.retry);
  write_section(w.key("breaker"), breaker_table, parts_.breaker);
  write_section(w.key("limits"), limits_table, parts_.limits);
  write_section(w.key("responses"), responses_table, parts_.responses);
  write_section(w.key("difficulty"), difficulty_table, parts_.difficulty);
  if (parts_.difficulty_model)
    w.member("difficulty_sha256", crypto::hex(crypto::sha256(difficulty::to_json(*parts_.difficulty_model))));
  write_section(w.key("ledger"), ledger_table, parts_.ledger);
  StoreSettings store = parts_.store;  // a password may be in its URL
  if (!store.url.empty()) store.url = "sha256:" + crypto::hex(crypto::sha256(store.url));
  write_section(w.key("store"), store_table, store);
  // Whoever knows a webhook's URL may post to it: of it, the digest is enough to tell one from another.
  AlertSettings alerts = parts_.alerts;
  if (!alerts.webhook.empty()) alerts.webhook = "sha256:" + crypto::hex(crypto::sha256(alerts.webhook));
  write_section(w.key("alerts"), alert_table, alerts);
  write_section(w.key("keys"), key_table, parts_.key_defaults);
  write_section(w.key("admin"), admin_table, parts_.admin);
  if (parts_.oidc.configured()) {
    write_section(w.key("oidc"), oidc_table, parts_.oidc);
    for (const auto& [name, texts] : {std::pair("oidc_audience", &parts_.oidc.audience),
                                      std::pair("oidc_allowed_domains", &parts_.oidc.allowed_domains)}) {
      w.key(name).begin_array();
      for (const std::string& text : *texts) w.string(text);
      w.end_array();
    }
    w.key("oidc_roles").begin_array();
    for (const OidcRule& rule : parts_.oidc.roles) {
      w.begin_object().member("claim", rule.claim).member("value", rule.value).member("role", rule.role);
      w.member("org", rule.org).member("team", rule.team).end_object();
    }
    w.end_array();
  }
  w.key("engines").begin_array();
  for (const EngineSettings& engine : parts_.engines) {
    w.begin_object().member("name", engine.name);
    write_section(w.key("settings"), engine_table, engine);
    w.key("args").begin_array();
    for (const std::string& argument : engine.args) w.string(argument);
    w.end_array().end_object();
  }
  w.end_array().key("providers").begin_array();
  for (const catalog::Provider& provider : parts_.providers) {
    if (!provider.enabled) continue;
    w.begin_object().member("id", provider.id.str()).member("dialect", chat::name(provider.dialect));
    w.member("host", provider.base_url.host_header).member("path", provider.base_url.path_prefix);
    w.member("tls", provider.base_url.endpoint.tls).member("aws_region", provider.aws.region);
    if (!provider.region.empty()) w.member("region", provider.region);
    w.member("azure_api_version", provider.quirks.azure_api_version).member("vertex", provider.quirks.vertex);
    w.member("stores_responses", provider.quirks.stores_responses).key("also").begin_array();
    for (const chat::DialectId also : provider.also) w.string(chat::name(also));
    w.end_array();
    w.member("max_in_flight", provider.max_in_flight).member("warm_connections", provider.warm_connections);
    w.member("http_version", provider.http == HttpVersion::http1   ? "http1"
                             : provider.http == HttpVersion::http2 ? "http2"
                                                                   : "auto");
    write_section(w.key("patience"), patience_table, provider.patience);
    w.member("ground", catalog::name(provider.ground)).member("auth", catalog::name(provider.auth));
    w.member("stream_usage", provider.quirks.stream_usage == catalog::StreamUsage::option ? "option" : "automatic");
    write_texts(w.key("internal_links"), provider.internal_links);
    w.key("headers").begin_array();
    for (const auto& [header, value] : provider.extra_headers) w.string(header + ": " + value);
    w.end_array().key("models").begin_array();
    for (const catalog::Model& model : parts_.models) {
      if (model.provider != provider.id) continue;
      w.begin_object()
          .member("name", model.name.str())
          .member("ground", catalog::name(model.ground))
          .member("context", model.context);
      w.member("max_output", model.max_output).member("tools", model.tools).member("images", model.images).end_object();
    }
    w.end_array().end_object();
  }
  w.end_array().key("prices").begin_array();
  for (const auto& [name, history] : book_.all())
    for (const catalog::PriceFact& fact : history.facts) {
      if (fact.source_kind != catalog::SourceKind::contract || !fact.recorded_at.empty())
        continue;  // the catalogue and the imported ones have digests of their own
      w.begin_object()
          .member("provider", name.first)
          .member("model", name.second)
          .member("kind", catalog::name(fact.kind))
          .member("service_tier", chat::name(fact.service_tier))
          .member("region", fact.region)
          .member("hours", fact.window ? catalog::window_text(*fact.window) : "")
          .key("pico")
          .begin_array();
      for (const std::int64_t rate : fact.rates.pico) w.integer(rate);
      w.end_array().member("effective_from", catalog::date_text(fact.effective_from));
      w.member("effective_to", fact.effective_to ? catalog::date_text(*fact.effective_to) : "")
          .key("tiers")
          .begin_array();
      for (const catalog::Tier& tier : fact.tiers) {
        w.begin_array().integer(tier.prompt_tokens).string(tier.op == catalog::Tier::Op::ge ? "ge" : "gt");
        w.boolean(tier.scope == catalog::Tier::Scope::marginal).boolean(tier.counts_cached);
        for (const std::int64_t rate : tier.rates.pico) w.integer(rate);
        w.end_array();
      }
      w.end_array().end_object();
    }
  w.end_array().key("models").begin_object();
  for (const Route& route : parts_.routes) {
    w.key(route.name).begin_object().key("candidates").begin_array();
    for (const std::string& candidate : route.candidates) w.string(candidate);
    w.end_array();
    write_section(w.key("settings"), route_table, route.settings);
    write_section(w.key("patience"), patience_table, route.settings.patience);
    w.end_object();
  }
  w.end_object();
  if (!parts_.workloads.empty()) write_workloads(w.key("workloads"), parts_.workloads);
  w.end_object();
  return out;
}

}  // namespace sluice::config
