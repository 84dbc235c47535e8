// resources: what is kept for clients, by providers or here, and whose it is. Between guard and route: what a request
// names decides who can answer it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dialects/resources/resources.h"
#include "gateway/call/call.h"
#include "gateway/decode/decode.h"
#include "gateway/route/route.h"
#include "gateway/shared/gateway.h"

namespace sluice::gateway {

// In whose name things are kept: the tenant's, or the key's when it has none. Never empty.
std::string owner_of(const store::VirtualKey& key);

// The provider that keeps what the request names; empty when it names nothing that a provider keeps. Errors: not_found
// for what is unknown or another's ("previous_response_not_found" for a response, "model_not_found" for a fine-tuned
// model); invalid_request when two providers keep parts of it.
async::Task<Result<std::string>> locate(Gateway& gateway, const std::string& owner, dialects::DialectId dialect,
                                        const DecodedRequest& request, async::Deadline deadline);

// The links that lead inside of all that an engine may open because of the request: also of the requests in a batch's
// file.
std::vector<InternalLink> links_of(const DecodedRequest& request);

// A plan for a call about kept things: one provider, and no model. It is the one that keeps them; for what is yet to
// be made the one that the client names, else the one whose API this is, else the only one that has this API. Google's
// caches are made of a `model`, in the client's words, and are kept by a provider that has it. Errors:
// as of route(), and invalid_request when the client must say which.
Result<Plan> route_resource(const dialects::ResourceCall& call, dialects::DialectId dialect, std::string_view model,
                            std::string_view kept_by, std::string_view asked_for, bool budgeted, const Verdict& verdict,
                            const config::Snapshot& snapshot, const EngineStates& engines,
                            std::span<const InternalLink> links = {}, const config::Workload* workload = nullptr);
constexpr std::string_view provider_header = "x-sluice-provider";

// These do not wait: who asks afterwards finds it, and what the disk does not take is the desk's problem.
// `whole_upload`: all of a file for Google, where it has come in one piece, else empty. It may hold requests for a
// batch; whether all that they name is the owner's is noted with it.
void remember_call(Gateway& gateway, const std::string& owner, const std::string& provider,
                   const dialects::ResourceCall& call, json::Value answer, std::string_view whole_upload);
// An answer that its provider keeps for 30 days, as OpenAI does. `now_us` is the start of the request.
void remember_answer(Gateway& gateway, const std::string& owner, const std::string& provider,
                     std::vector<std::string> ids, std::int64_t now_us);

// A list holds what all clients of the gateway have at the provider. Asks for its pages until the owner's part of them
// fills the page that the client wants, and gives that page. What is not a list goes as it is.
async::Task<CallOutcome> call_listing(Gateway& gateway, const Plan& plan, Question& question,
                                      const config::Snapshot& snapshot, std::string owner, async::Deadline deadline);

}  // namespace sluice::gateway
