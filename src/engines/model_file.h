// Is a model file what it should be? A damaged file makes an engine crash or talk nonsense, so it is refused before the
// start, with the way to mend it.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice::engines {

// The model that set-up fetches: SmolLM2-135M-Instruct, Q4_1, Apache-2.0, 98 MB.
inline constexpr std::string_view default_model_file = "SmolLM2-135M-Instruct.Q4_1.gguf";
inline constexpr std::string_view default_model_sha256 =
    "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";

// Reads the whole file when a digest is given (64 hexadecimal digits), else only its first bytes, which must be GGUF's.
// About 0.1 s for 100 MB. Errors: not_found; invalid_request when it is damaged, naming both digests; unavailable when
// it cannot be read to its end, or `stopping` said that nobody wants to know any more.
Result<void> check_model_file(
    const std::string& path, std::string_view sha256, const std::function<bool()>& stopping = [] { return false; });

}  // namespace sluice::engines
