// decode: from the client's bytes to what the later stages need. The body is parsed once, whole, so that nobody after
// this meets anything that is not JSON; what lane 1 sends on are the client's own bytes.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/task.h"
#include "base/data_class.h"
#include "dialects/dialects.h"
#include "http/server.h"
#include "json/json.h"

namespace sluice::gateway {

struct DecodedRequest {
  std::string body;       // the client's bytes, unchanged but where decode() says so
  json::Document parsed;  // of `body`; an empty object when that is a form
  dialects::RequestOutline outline;
  dialects::RequestTarget target;
  // Where what it stands on has been put in front of its input (resources/conversation.h):
  std::string own_input = {};                         // what stood there, as JSON
  std::string previous_response_id = {};              // that it named
  DataClass recalled_class = DataClass::public_data;  // the strictest of what was put there
  // Of a body in the Responses API's form, what Chat Completions cannot say.
  std::vector<std::string> dropped_params = {};
};

// Some clients (Cursor, for newer models) send Responses-shaped bodies, `input` instead of `messages`, to Chat
// Completions, and read its answers: such a body is told anew as one of Chat Completions. Errors: what
// Exchange::read_body and Dialect::outline say; unsupported_media for a compressed body; invalid_request for anything
// that is neither a JSON object nor, for opaque calls, a form. Without an error `decoded` is set. `of_path`: what the
// path said; null: nothing.
async::Task<Result<void>> decode(http::Exchange& client, const dialects::Dialects& dialects,
                                 const dialects::Dialect& dialect, std::unique_ptr<dialects::RequestTarget> of_path,
                                 std::optional<DecodedRequest>& decoded);

}  // namespace sluice::gateway
