// An answer's facts, for people and for programs.
#pragma once

#include <string>

#include "cli/chat_transport.h"

namespace sluice::cli {

// "local/smollm2-135m-instruct, self_hosted, 23 tokens in, 45 out, 0.0 USD"; what the server did not say is left out.
std::string facts_line(const Answer& answer);

// The whole answer as one JSON object: docs/reference/cli.md.
std::string answer_json(const Answer& answer);

}  // namespace sluice::cli
