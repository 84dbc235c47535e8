// Simulated clients of two dialects. Each has one connection and a few requests on it; it may leave at any moment, send
// slowly or read slowly. It judges for itself whether what it gets is one answer and nothing else.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "http/chunked.h"
#include "http/parse.h"
#include "wire.h"

namespace sluice::simulation {

// One request as its client has seen it.
struct Asked {
  std::string mark;  // "r17": also the model that it asks for
  bool anthropic = false;
  bool stream = false;
  bool restricted = false;
  std::string key;
  bool sent = false;    // all of it
  bool left = false;    // the client went away before it had the end ...
  TimePoint left_at{};  // ... then
  int status = 0;       // 0: no answer's head has come
  std::string request_id;
  std::string body;    // of the answer, without framing
  bool ended = false;  // the answer has come to its end, as HTTP sees it
  bool cut = false;    // the connection ended within it
  std::string fault;   // what no client should ever see
};

class Client : public Peer {
 public:
  Client(World& world, std::vector<Asked*> requests) : world_(world), requests_(std::move(requests)) {}
  void start(const std::shared_ptr<Wire>& wire);
  void received(std::string_view bytes) override;
  void closed() override;

 private:
  void next();
  void leave();
  void send_in_pieces(std::string text);
  void take();
  Asked& now() { return *requests_[current_]; }

  World& world_;
  std::vector<Asked*> requests_;
  std::shared_ptr<Wire> wire_;
  std::size_t current_ = 0;
  std::string input_;
  bool reading_body_ = false;
  std::optional<std::uint64_t> length_;
  http::ChunkedDecoder chunked_;
  bool is_chunked_ = false;
  bool gone_ = false;
};

}  // namespace sluice::simulation
