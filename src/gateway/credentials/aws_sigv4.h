// Signatures of AWS, version 4. Source: AWS, "Create a signed AWS API request".
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "catalog/provider.h"
#include "http/headers.h"

namespace sluice::gateway {

// A request as it goes out.
struct AwsCall {
  std::string_view method = "POST";
  std::string_view target;  // path and query, encoded as they are sent
  std::string_view host;    // the host field's value
  std::string_view body;
};

// Adds x-amz-date, x-amz-security-token where the key has one, and authorization. Signed are host, content-type and
// every x-amz- field, so those must be there already; the body must not change any more.
void sign_aws(http::Headers& headers, const AwsCall& call, const catalog::AwsKey& key, std::string_view service,
              std::chrono::sys_seconds now);

}  // namespace sluice::gateway
