// Shadow traffic: once a client has its answer, the same request is put to one more candidate, whose answer nobody
// gets. It is billed like any other call, marked as `shadow` in the ledger, bound by the same rules and limits, and
// bounded in number; what differs is counted (route/shadows.h).
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "gateway/decode/decode.h"
#include "gateway/route/shadows.h"
#include "gateway/shared/gateway.h"

namespace sluice::gateway {

// All that it needs, as the exchange that it comes from is over.
struct ShadowCall {
  std::shared_ptr<const config::Snapshot> snapshot;
  const config::Workload* workload = nullptr;  // of the Snapshot
  const dialects::Dialect* dialect = nullptr;
  std::string head;                       // the client's, as text and without what shows who it is
  std::optional<DecodedRequest> request;  // always there
  Plan plan;                              // with the one attempt
  store::LedgerEntry row;                 // but for what the call will have shown
  Hold hold;
  std::size_t text_bytes = 0;  // of the prompt
  std::int64_t images = 0;
  Shadows::Answer client;
};

// A head's text with these fields alone, which a ShadowCall can be read from again.
std::string head_text(const http::RequestHead& head);

// Runs in the gateway's background.
async::Task<> run_shadow(Gateway* gateway, std::unique_ptr<ShadowCall> call);

}  // namespace sluice::gateway
