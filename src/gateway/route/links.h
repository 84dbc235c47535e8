// Links of a request that lead inside: an engine of one's own that opens them would read what only the own network may.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "json/json.h"

namespace sluice::gateway {

struct InternalLink {
  std::string member;  // "image_url"
  std::string host;    // as internal_host_of says it
};

// Of a body in any client's dialect, in the order in which they stand there; each host once. What stands in the
// client's own data (metadata, tools but for a server that has them, what they are called with) is opened by nobody.
std::vector<InternalLink> internal_links(json::Value body);
// The same of a file of requests for a batch, a JSON object in each line with the request as its `body`. Other lines
// are passed over.
std::vector<InternalLink> internal_links_of_batch(std::string_view lines);

}  // namespace sluice::gateway
