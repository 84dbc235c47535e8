// Responses that Sluice keeps itself, so that previous_response_id works on every ground: also at providers that keep
// nothing, and with another model than the one that has answered.
#pragma once

#include <string>
#include <string_view>

#include "gateway/decode/decode.h"
#include "gateway/shared/gateway.h"

namespace sluice::gateway {

// Puts the conversation behind previous_response_id, and the items that `item_reference` names, in front of the
// request's own input, where Sluice keeps them; the request then stands for itself. What others keep stays as it is.
// Errors: request_too_large when the conversation is longer than a body may be; what Dialect::outline says.
async::Task<Result<void>> recall(Gateway& gateway, const std::string& owner, const dialects::Dialect& dialect,
                                 DecodedRequest& request, async::Deadline deadline);

// Does not wait. `data_class` is the request's: what goes on from the response is as restricted. `answer` is the
// response object as the client gets it; one that has not come to its end is not kept.
void keep_response(Gateway& gateway, const std::string& owner, const DecodedRequest& request, DataClass data_class,
                   std::string answer, std::int64_t now_us, const config::ResponsesSettings& settings);

// The body that answers a call about a response; empty when Sluice does not keep it. Errors: invalid_request for what
// can be done with a background response alone.
async::Task<Result<std::optional<std::string>>> answer_from_kept(Gateway& gateway, const std::string& owner,
                                                                 const dialects::ResourceCall& call,
                                                                 std::string_view query, std::size_t most_bytes,
                                                                 async::Deadline deadline);

// What an answer said, as items of an input. Reasoning whose state is not in it means nothing to anybody.
void append_output(json::Writer& writer, json::Value answer);

}  // namespace sluice::gateway
