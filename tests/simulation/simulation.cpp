#include "simulation.h"

#include <algorithm>
#include <stdexcept>

#include "async/scope.h"
#include "base/crypto.h"
#include "check.h"
#include "config/load.h"
#include "dialects/anthropic_messages/anthropic_messages.h"
#include "dialects/openai_chat/openai_chat.h"
#include "gateway/listen/listen.h"
#include "store/testing_directory.h"

namespace sluice::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t most_requests = 24;

// Each request asks for a model of its own, `r0`, `r1`, ..., whose candidates stand in an order that the seed chooses:
// so its rows and calls can be told from those of others.
std::string configuration(World& world) {
  std::string text =
      "retry: { attempts: 3, connect_timeout_ms: 1000, first_token_timeout_ms: 5000, answer_timeout_ms: 8000,\n"
      "         stream_idle_timeout_ms: 3000, total_timeout_ms: 30000 }\n"
      "providers:\n";
  std::vector<std::string> names = {"openai-home", "openai-away", "anthropic-away"};
  for (const std::string& name : names)
    text += "  " + name + ": { kind: " + (name.starts_with("openai") ? "openai_compatible" : "anthropic_compatible") +
            ", base_url: \"http://" + name +
            ":9/v1\", api_key: k, ground: " + (name.ends_with("-home") ? "self_hosted" : "hosted_open") +
            ", prices: { \"*\": { input: " + std::to_string(1 + world.below(9)) +
            ".00, output: " + std::to_string(1 + world.below(40)) + ".00 } } }\n";
  text += "models:\n";
  for (std::size_t i = 0; i < most_requests; ++i) {
    std::string candidates;
    for (std::size_t left = names.size(); left > 0; --left) {
      std::swap(names[left - 1], names[world.below(left)]);
      candidates += (candidates.empty() ? "" : ", ") + names[left - 1] + "/m";
    }
    text += "  r" + std::to_string(i) + ": [" + candidates + "]\n";
  }
  return text;
}

std::string characters_of(std::size_t number) {
  return std::string(store::key_prefix) + std::string(store::key_random_characters - 1, 'x') + std::to_string(number);
}

std::shared_ptr<const store::Line> make_line(const char* id, const char* model, store::LimitUnit unit,
                                             std::int64_t amount) {
  const store::LimitLine rule{.id = id, .model = model, .unit = unit, .amount = amount};
  return std::make_shared<const store::Line>(store::Line{rule, std::make_shared<store::LineState>(store::Window{})});
}

// One with all it wants, one whose money may run out, one that may not ask often. Above them one budget for everybody,
// one for one provider's models, and places for that one: each may be what ends first.
std::vector<store::Principal> make_keys(World& world) {
  std::vector<store::Principal> keys;
  const auto some_money = [&] { return static_cast<std::int64_t>(world.below(40)) * 1'000'000'000; };  // to 0.04 USD
  store::Lines shared;
  if (world.chance(40)) shared.push_back(make_line("lim_all", "*", store::LimitUnit::money, some_money()));
  if (world.chance(40))
    shared.push_back(make_line("lim_of_openai", "openai-*/m", store::LimitUnit::money, some_money()));
  if (world.chance(30))
    shared.push_back(make_line("lim_at_once", "openai-home/*", store::LimitUnit::places, 1 + world.below(3)));
  for (std::size_t i = 0; i < 3; ++i) {
    store::VirtualKey key;
    key.id = KeyId("key_" + std::to_string(i));
    key.name = "key" + std::to_string(i);
    key.digest = crypto::sha256(characters_of(i));
    if (i == 1) key.budget = Money::pico(static_cast<std::int64_t>(world.below(20)) * 1'000'000'000);  // up to 0.02 USD
    if (i == 2) key.rpm = 1 + static_cast<std::int64_t>(world.below(10));
    store::Lines lines = store::own_lines(key);
    lines.insert(lines.end(), shared.begin(), shared.end());
    keys.emplace_back(std::make_shared<const store::VirtualKey>(std::move(key)), std::make_shared<store::KeyState>(),
                      std::make_shared<const store::Lines>(std::move(lines)));
  }
  return keys;
}

dialects::Dialects make_dialects() {
  std::vector<std::unique_ptr<dialects::Dialect>> all;
  all.push_back(dialects::make_openai_chat());
  all.push_back(dialects::make_anthropic_messages());
  return dialects::Dialects(std::move(all));
}

std::uint64_t mix(std::uint64_t digest, std::string_view bytes) {
  for (const char byte : bytes) digest = (digest ^ static_cast<unsigned char>(byte)) * 1'099'511'628'211u;  // FNV-1a
  return digest;
}

class Run {
 public:
  explicit Run(std::uint64_t seed) : world_(seed), keys_(make_keys(world_)), store_(world_, keys_) {
    config::Loaded loaded = config::load({.text = configuration(world_)});
    if (!loaded.snapshot) throw std::runtime_error(loaded.diagnostics.render(false));
    snapshots_.store(loaded.snapshot);
    gateway_.jitter.seed(static_cast<std::uint32_t>(world_.below(1'000'000)));
    providers_.set_trouble(static_cast<unsigned>(world_.below(90)), static_cast<unsigned>(world_.below(20)));
  }

  Report run() {
    plan_clients();
    plan_disk();
    // Longer than any timeout: at the end everything has ended by itself.
    world_.run(World::begin + seconds(300));
    Report report;
    report.violations = check({.asked = asked_,
                               .providers = providers_,
                               .store = store_,
                               .rows = rows_,
                               .audits = audits_,
                               .keys = keys_,
                               .begun = begun_,
                               .in_flight = admission_.in_flight()});
    if (connections_.size() != 0)
      report.violations.push_back(std::to_string(connections_.size()) + " client connections are still served");
    report.requests = asked_.size();
    report.calls = providers_.calls().size();
    report.rows = rows_.size();
    report.digest = digest();
    return report;
  }

 private:
  void plan_clients() {
    const std::size_t requests = 1 + world_.below(most_requests);
    while (asked_.size() < requests) {
      std::vector<Asked*> on_one_connection;
      const std::size_t count = std::min<std::size_t>(1 + world_.below(3), requests - asked_.size());
      const bool anthropic = world_.chance(50);
      for (std::size_t i = 0; i < count; ++i) {
        auto asked = std::make_unique<Asked>();
        asked->mark = "r" + std::to_string(asked_.size());
        asked->anthropic = anthropic;
        asked->stream = world_.chance(60);
        asked->restricted = world_.chance(20);
        asked->key = characters_of(world_.below(3));
        on_one_connection.push_back(asked.get());
        asked_.push_back(std::move(asked));
      }
      clients_.push_back(std::make_unique<Client>(world_, std::move(on_one_connection)));
      world_.after(world_.between({}, seconds(5)), [this, client = clients_.back().get()] {
        auto wire = std::make_shared<Wire>(world_, *client);
        connections_.spawn(serve_one, this, wire->make_stream());
        client->start(wire);
      });
    }
  }

  static async::Task<> serve_one(Run* run, std::unique_ptr<net::Stream> stream) {
    co_await http::serve_connection(run->world_.reactor, std::move(stream), run->limits_, run->listen_, run->stop_);
  }

  void plan_disk() {
    if (!world_.chance(25)) return;
    const Duration from = world_.between({}, seconds(5));
    world_.after(from, [this] { set_disk_works(false); });
    world_.after(from + world_.between(milliseconds(10), seconds(20)), [this] { set_disk_works(true); });
  }
  void set_disk_works(bool works) {
    store_.ledger().set_disk_works(works);
    store_.audit().set_disk_works(works);
  }

  // Request ids are random, and nothing depends on them.
  std::uint64_t digest() const {
    std::uint64_t digest = 14'695'981'039'346'656'037u;
    for (const auto& asked : asked_)
      digest = mix(digest, asked->mark + std::to_string(asked->status) + (asked->ended ? "e" : "") +
                               std::to_string(asked->body.size()));
    for (const store::LedgerEntry& row : rows_)
      digest = mix(digest, row.requested_model + row.provider.str() + std::to_string(row.usage.output) +
                               std::string(store::name(row.outcome)) + std::to_string(row.end_us));
    return digest;
  }

  World world_;
  WorldTime time_{world_};
  std::vector<store::Principal> keys_;
  SimulatedStore store_;
  net::Resolver resolver_{world_.reactor};
  Providers providers_{world_, resolver_};
  http::ConnectionPool pool_{providers_, http::ClientLimits{}};
  gateway::GoogleTokens google_tokens_{world_.reactor, pool_};
  const dialects::Dialects dialects_ = make_dialects();
  gateway::SnapshotCell snapshots_{nullptr};
  store::TestingDirectory directory_;  // of what is kept for clients: nothing here
  std::unique_ptr<store::ResourceDesk> desk_ = std::move(*store::ResourceDesk::start(directory_.path()));
  gateway::Admission admission_{gateway::Admission::Limits{}};
  gateway::Health health_;
  gateway::Speeds speeds_;
  gateway::Canaries canaries_;
  gateway::Shadows shadows_;
  gateway::Places places_;
  gateway::IssuerMemory issuers_;
  gateway::Affinity affinity_;
  std::vector<store::LedgerEntry> rows_;
  std::vector<std::string> audits_;
  std::int64_t begun_ = 0;
  gateway::Gateway gateway_{
      .reactor = world_.reactor,
      .providers = pool_,
      .dialects = dialects_,
      .snapshots = snapshots_,
      .time = time_,
      .store = store_,
      .desk = *desk_,
      .admission = admission_,
      .health = health_,
      .speeds = speeds_,
      .canaries = canaries_,
      .shadows = shadows_,
      .places = places_,
      .books = {.ledger = &store_.ledger(),
                .on_entry = [this](const store::LedgerEntry& entry, store::Appended) { rows_.push_back(entry); }},
      .engines = {.state = [](const ProviderId&) { return gateway::EngineState::absent; },
                  .endpoint = [](const ProviderId&) { return std::optional<Endpoint>(); }},
      .google_tokens = google_tokens_,
      .issuers = issuers_,
      .affinity = affinity_,
      .on_begin = [this](chat::DialectId) { ++begun_; },
      .on_end = [this](const gateway::AuditRecord& record, store::Appended, const gateway::Timing&,
                       const Error*) { audits_.emplace_back(record.requested_model); },
      .metrics_page = [] { return std::string(); },
      .readiness_problem = [] { return std::string(); }};
  gateway::Listen listen_{gateway_};
  const http::ServerLimits limits_;
  async::Cancel stop_;
  std::vector<std::unique_ptr<Asked>> asked_;
  std::vector<std::unique_ptr<Client>> clients_;
  async::Scope connections_;
};

}  // namespace

Report simulate(std::uint64_t seed) { return Run(seed).run(); }

}  // namespace sluice::simulation
