// The exit codes of every verb. Scripts rely on them: docs/reference/cli.md lists them.
#pragma once

#include <string>

#include "base/result.h"

namespace sluice::cli {

enum ExitCode : int {
  exit_ok = 0,
  exit_failed = 1,         // the verb was understood and did not succeed
  exit_usage = 2,          // unknown verb or flag, a missing or malformed argument
  exit_not_serving = 3,    // chat, run: no sluice answers at the address
  exit_interrupted = 130,  // ctrl-C, as shells count it: 128 + SIGINT
};

// Error::code values that lead to another exit code than exit_failed.
constexpr const char* usage_code = "usage";
constexpr const char* not_serving_code = "not_serving";
constexpr const char* interrupted_code = "interrupted";

inline std::unexpected<Error> usage_error(std::string message, std::string hint = {}) {
  return std::unexpected(Error{
      .kind = ErrorKind::invalid_request, .message = std::move(message), .hint = std::move(hint), .code = usage_code});
}

inline int exit_code_of(const Error& error) {
  if (error.code == usage_code) return exit_usage;
  if (error.code == not_serving_code) return exit_not_serving;
  if (error.code == interrupted_code) return exit_interrupted;
  return exit_failed;
}

}  // namespace sluice::cli
