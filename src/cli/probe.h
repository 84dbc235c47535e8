// Looks whether somebody answers at an address, and whether it is a sluice. For `doctor`; blocks for 2 seconds at most.
#pragma once

#include <string>

#include "base/address.h"
#include "base/result.h"

namespace sluice::cli {

// Whether a server could listen there now: tries it, and lets go again. Errors: what keeps it from that, with the way
// out.
Result<void> try_to_listen(const Endpoint& endpoint);

// The status of GET url + path. Errors: nobody answers, or not in HTTP.
Result<int> probe(const std::string& url, const std::string& path);

}  // namespace sluice::cli
