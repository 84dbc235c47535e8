// listen: which path does what. Deny by default: what is not in the table below is a 404 in a shape the caller
// understands.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "gateway/shared/gateway.h"
#include "http/server.h"

namespace sluice::gateway {

class Listen : public http::Handler {
 public:
  explicit Listen(Gateway& gateway) : gateway_(gateway) {}
  async::Task<> handle(http::Exchange& exchange) override;
  std::string malformed(int status, std::string_view message, http::Headers& headers) override;
  void beyond_limit(std::string_view limit) override {
    if (gateway_.beyond_limit) gateway_.beyond_limit(limit);
  }

 private:
  async::Task<> chat(http::Exchange& exchange, dialects::DialectId dialect,
                     std::unique_ptr<dialects::RequestTarget> target);
  // An overload, not a default argument: g++ 12 copies such a temporary of a co_await byte by byte.
  async::Task<> chat(http::Exchange& exchange, dialects::DialectId dialect) { return chat(exchange, dialect, nullptr); }
  async::Task<> responses_socket(http::Exchange& client);
  async::Task<> models(http::Exchange& exchange, std::string_view wanted);
  async::Task<> live(http::Exchange& exchange);
  async::Task<> ready(http::Exchange& exchange);
  async::Task<> targets(http::Exchange& exchange);
  async::Task<> metrics(http::Exchange& exchange);
  async::Task<> refuse(http::Exchange& exchange, Error error, std::string_view allow = {});

  Gateway& gateway_;
};

}  // namespace sluice::gateway
