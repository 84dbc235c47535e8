// A dialect that is spoken at another place than its vendor's own may have other paths there, and the model in them.
#pragma once

#include "catalog/provider.h"
#include "dialects/dialect.h"

namespace sluice::gateway {

// Makes of a request to the vendor itself one to the place where this provider is; nothing where that is the same.
// `model` is the provider's name for it. Errors: internal when the body has no model to
// be taken out; invalid_request, to be tried elsewhere, for an operation that is not offered there.
Result<void> adapt_to_host(const catalog::Quirks& quirks, std::string_view model, bool stream,
                           dialects::ProviderRequest& request);

}  // namespace sluice::gateway
