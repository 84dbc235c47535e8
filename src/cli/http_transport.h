// ChatTransport over HTTP: a client of a running sluice, in the OpenAI Chat Completions dialect. Blocks its caller and
// looks at Console::interrupted while it waits.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "async/scheduler.h"
#include "base/secret.h"
#include "cli/chat_transport.h"
#include "dialects/dialect.h"

namespace sluice::cli {

struct HttpTarget {
  std::string url;  // "http://127.0.0.1:8080", without /v1, or "unix:/run/sluice.sock"
  Secret key;
};

// Errors: a usage error when the URL is none. `interrupted` must outlive the transport. `now`: when it is made.
Result<std::unique_ptr<ChatTransport>> http_transport(HttpTarget target, std::unique_ptr<dialects::Dialect> dialect,
                                                      std::atomic<bool>& interrupted,
                                                      async::TimePoint now = async::Clock::now());

}  // namespace sluice::cli
