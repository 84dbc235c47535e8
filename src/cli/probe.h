// Looks whether somebody answers at an address, and whether it is a sluice. For `doctor` and `route explain`; blocks
// for 2 seconds at most.
#pragma once

#include <string>

#include "base/address.h"
#include "base/result.h"

namespace sluice::cli {

// Whether a server could listen there now: tries it, and lets go again. Errors: what keeps it from that, with the way
// out.
Result<void> try_to_listen(const Endpoint& endpoint);

struct Page {
  int status = 0;
  std::string body;
};
// GET url + path. Errors as of probe.
Result<Page> fetch_page(const std::string& url, const std::string& path);

// The status of GET url + path. Errors: nobody answers, or not in HTTP.
Result<int> probe(const std::string& url, const std::string& path);

}  // namespace sluice::cli
