// What one request sees of configuration, catalogue and prices, from its start to its end. Immutable and shared: a
// reload makes a new one. Names are resolved when it is made, so that routing only follows pointers.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "catalog/catalog.h"
#include "catalog/takes_by_name.h"
#include "config/oidc_settings.h"
#include "config/settings.h"
#include "config/workload.h"
#include "difficulty/model.h"

namespace sluice::config {

// One model at one provider. All pointers borrow from the Snapshot.
struct Candidate {
  std::string name;                               // "groq/llama-4-scout", as it was written
  const catalog::Provider* provider = nullptr;    // never null
  const catalog::Model* model = nullptr;          // null: not in the catalogue
  ModelName model_name;                           // what is sent to the provider
  const catalog::PriceHistory* prices = nullptr;  // null: unpriced
  catalog::Ground ground = catalog::Ground::proprietary;
  const catalog::Licence* licence = nullptr;  // of its weights; null: not known
  chat::Takes takes = {};                     // the model's, or that of the one whose name its own has in it

  // Whether an effort or a budget for thinking is known to mean something to it.
  bool reasons() const { return (model && model->reasoning) || !takes.efforts.empty(); }
  catalog::Quote quote(catalog::Moment when) const {
    return prices ? prices->quote(when, provider->aws.region) : catalog::Quote();
  }
};

// What a model name of a client stands for: an ordered list of candidates.
struct Target {
  enum class Kind : std::uint8_t {
    route,   // a name under `models:`, or `auto`
    direct,  // "provider/model"
    bare,    // a model's own name, at every provider that offers it
  };
  std::string name;
  Kind kind = Kind::route;
  std::vector<const Candidate*> candidates;
  RouteSettings settings = {};
};

// A name under `models:`, as it was written.
struct Route {
  std::string name;
  std::vector<std::string> candidates;  // "provider/model", validated
  RouteSettings settings = {};
};

class Snapshot {
 public:
  // Everything that a Snapshot is made of; the loader fills it.
  struct Parts {
    ServerSettings server;
    RetrySettings retry;
    BreakerSettings breaker;
    LimitSettings limits;
    ResponsesSettings responses;
    DifficultySettings difficulty;
    std::shared_ptr<const difficulty::Model> difficulty_model;  // null: there is none
    LedgerSettings ledger;
    StoreSettings store;
    AlertSettings alerts;
    KeyDefaults key_defaults;
    AdminSettings admin;
    OidcSettings oidc;
    std::vector<EngineSettings> engines;
    std::vector<catalog::Provider> providers;  // known and configured ones, enabled or not, in order of preference
    std::vector<catalog::Model> models;
    std::vector<catalog::Licence> licences;
    std::vector<catalog::PriceFact> prices;
    catalog::PriceFacts imported_prices;
    std::string imported_prices_sha256;  // empty: there are none
    std::vector<Route> routes;
    std::vector<Workload> workloads;  // in the order in which they are looked at
    std::string catalog_sha256;
  };
  explicit Snapshot(Parts parts);
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

  const ServerSettings& server() const { return parts_.server; }
  const RetrySettings& retry() const { return parts_.retry; }
  const BreakerSettings& breaker() const { return parts_.breaker; }
  const LimitSettings& limits() const { return parts_.limits; }
  const ResponsesSettings& responses() const { return parts_.responses; }
  // Null: nothing says how hard a request is.
  const difficulty::Model* difficulty_model() const { return parts_.difficulty_model.get(); }
  const LedgerSettings& ledger() const { return parts_.ledger; }
  const StoreSettings& store() const { return parts_.store; }
  const AlertSettings& alerts() const { return parts_.alerts; }
  const KeyDefaults& key_defaults() const { return parts_.key_defaults; }
  const AdminSettings& admin() const { return parts_.admin; }
  const OidcSettings& oidc() const { return parts_.oidc; }
  std::span<const EngineSettings> engines() const { return parts_.engines; }
  std::span<const Workload> workloads() const { return parts_.workloads; }
  std::span<const catalog::Licence> licences() const { return parts_.licences; }
  std::span<const catalog::Provider> providers() const { return parts_.providers; }
  // Whether any enabled provider is an engine of one's own, which opens links from inside.
  bool has_own_engine() const { return has_own_engine_; }
  const catalog::Provider* find_provider(std::string_view id) const;
  const catalog::PriceBook& prices() const { return book_; }
  const catalog::TakesByName& takes_by_name() const { return takes_by_name_; }

  // The target of a name that is known: a route, "provider/model" of the catalogue, or a bare model name. Null
  // otherwise.
  const Target* find(std::string_view name) const;
  // "provider/model" of a known provider, with a model that the catalogue does not know. What it takes is left to
  // takes_by_name(): only a request that is translated asks for it.
  // Empty provider in the answer: no such provider or no slash.
  Candidate outside_catalog(std::string_view name) const;

  // All routes in order, and all candidates of the catalogue (also of providers that are not enabled): for listings.
  std::span<const Target> routes() const { return routes_; }
  std::span<const std::unique_ptr<Candidate>> candidates() const { return candidates_; }
  // The names a client may have meant, nearest first, at most `most`.
  std::vector<std::string> names_like(std::string_view wrong, std::size_t most = 3) const;

  // Lower-case hexadecimal SHA-256 of the effective configuration and the catalogue; keys of providers are not in it.
  const std::string& sha256() const { return sha256_; }
  // The effective configuration as JSON, without secrets. What sha256() is the digest of.
  std::string json() const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };
  void resolve();

  Parts parts_;
  catalog::PriceBook book_;
  catalog::TakesByName takes_by_name_;
  std::vector<std::unique_ptr<Candidate>> candidates_;
  std::vector<std::unique_ptr<Candidate>> outside_;  // of routes, with models that the catalogue does not know
  std::vector<Target> routes_;
  std::unordered_map<std::string, Target, Hash, std::equal_to<>> targets_;
  bool has_own_engine_ = false;
  std::string sha256_;
};

}  // namespace sluice::config
