// A dialect that is spoken at another place than its vendor's own may have other paths there, and the model in them.
#pragma once

#include "base/address.h"
#include "catalog/provider.h"
#include "dialects/dialect.h"

namespace sluice::gateway {

// Makes of a request to the vendor itself one to the place where this provider is; nothing where that is the same.
// `model` is the provider's name for it. Errors: internal when the body has no model to
// be taken out; invalid_request, to be tried elsewhere, for an operation that is not offered there.
Result<void> adapt_to_host(const catalog::Quirks& quirks, std::string_view model, bool stream,
                           dialects::ProviderRequest& request);

// Of Google Cloud, where everything lives in an account: the "projects/p/locations/l" of a base URL's path
// "/v1/projects/p/locations/l/publishers/google". Empty for other places.
std::string_view account_of(const BaseUrl& place);
// Where such an account keeps things: beside the publishers of models. The same place elsewhere.
BaseUrl keeping_place(BaseUrl place);
// Where Google takes files.
BaseUrl upload_place(BaseUrl place);

}  // namespace sluice::gateway
