// What shows a provider who asks: a key in a field, a token, or a signature over the finished request.
#pragma once

#include "dialects/dialect.h"
#include "gateway/shared/gateway.h"

namespace sluice::gateway {

// Adds the provider's configured fields and its authentication to a request that goes to `place`. Nothing of it may
// change afterwards: a signature covers its path, fields and body. Errors: no access token can be had.
async::Task<Result<void>> authenticate(Gateway& gateway, const catalog::Provider& provider, const BaseUrl& place,
                                       dialects::ProviderRequest& request, async::Deadline deadline);

}  // namespace sluice::gateway
