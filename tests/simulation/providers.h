// Simulated vendors of two dialects. Each call meets a fate that the seed chooses: an answer, an error, or one of the
// ways in which a connection can go wrong. They keep their own books: what they have told and billed.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "chat/usage.h"
#include "http/parse.h"
#include "wire.h"

namespace sluice::simulation {

enum class Fate : std::uint8_t {
  answer,
  rate_limited,       // 429 with retry-after
  server_error,       // 500
  overloaded,         // 529
  bad_request,        // 400: no other candidate would take it either
  error_with_200,     // a JSON error where an answer should be
  html,               // what a CDN says
  reset_at_once,      // before the first byte
  silent,             // never answers
  late,               // answers, but slowly
  cut,                // closes in the middle
  cut_by_reset,       // resets in the middle
  stalls,             // stops in the middle and stays
  half_an_event,      // a stream ends within an event
  no_end_marker,      // all of a stream but its last event
  malformed_event,    // one event of the stream is no JSON
  second_end_marker,  // says goodbye twice
  ends_early,         // ends the transfer in good order, in the middle of a stream
};
constexpr int fates = static_cast<int>(Fate::ends_early) + 1;

// One request as a provider has seen it.
struct Call {
  std::string provider;
  std::string request;  // its mark: "r17"
  Fate fate = Fate::answer;
  bool stream = false;
  std::string text;            // the whole answer's words
  chat::Usage usage;           // what it bills when it has answered to the end
  bool complete = false;       // all of the answer was sent, usage included
  std::size_t connection = 0;  // that it came on
  TimePoint asked_at{};
  TimePoint told_at = TimePoint::max();  // the last of the answer, where it has an end
  TimePoint free_at = TimePoint::max();  // when the connection was closed, or the next call came on it
};

class Providers;

// One connection to one provider.
class ProviderConnection : public Peer {
 public:
  ProviderConnection(Providers& providers, std::string name, std::size_t number)
      : providers_(providers), name_(std::move(name)), number_(number) {}
  void set_wire(const std::shared_ptr<Wire>& wire) { wire_ = wire; }
  void received(std::string_view bytes) override;
  void closed() override;
  void end_call();
  bool open() const { return open_; }
  const std::string& name() const { return name_; }

 private:
  void answer(std::string_view body);
  void answer_whole(const std::shared_ptr<Call>& call);
  void answer_stream(const std::shared_ptr<Call>& call);
  void refuse(int status, std::string_view body, std::string_view more_headers = {});
  bool speaks_anthropic() const;

  Providers& providers_;
  std::string name_;
  const std::size_t number_;
  std::shared_ptr<Call> call_;  // the newest
  std::weak_ptr<Wire> wire_;
  std::string input_;
  bool open_ = true;
};

class Providers : public net::Connector {
 public:
  Providers(World& world, net::Resolver& names) : Connector(world.reactor, names, nullptr), world_(world) {}
  // The host names are the providers' names.
  async::Task<Result<std::unique_ptr<net::Stream>>> open(Endpoint endpoint, async::Deadline deadline) override;

  // In percent: how often something else than an answer happens, and connecting fails.
  void set_trouble(unsigned fault_percent, unsigned connect_percent) {
    fault_percent_ = fault_percent;
    connect_percent_ = connect_percent;
  }
  const std::vector<std::shared_ptr<Call>>& calls() const { return calls_; }
  const std::vector<std::unique_ptr<ProviderConnection>>& connections() const { return connections_; }

 private:
  friend class ProviderConnection;
  Fate choose_fate();

  World& world_;
  unsigned fault_percent_ = 40;
  unsigned connect_percent_ = 5;
  std::vector<std::shared_ptr<Call>> calls_;
  std::vector<std::unique_ptr<ProviderConnection>> connections_;
};

}  // namespace sluice::simulation
