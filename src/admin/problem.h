// Errors of the administration's API: problem+json (RFC 9457), with the field that is wrong and what to do about it.
#pragma once

#include "admin/message.h"
#include "base/result.h"

namespace sluice::admin {

int status_of(const Error& error);
// Members: type ("urn:sluice:problem:invalid_request"), title, status, detail, and where they are known `hint`, `field`
// and `code`.
Answer problem(const Error& error);

// The same as LiteLLM writes it: {"error":{"message","type","param","code"}}.
Answer litellm_problem(const Error& error);

// invalid_request about one field, "name" or "models[0]".
std::unexpected<Error> wrong_field(std::string_view field, std::string message, std::string hint);

}  // namespace sluice::admin
