// Uploads to Google in pieces: where a client sends them to.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "http/headers.h"
#include "http/parse.h"
#include "store/key.h"

namespace sluice::gateway {

// Google's answer to the beginning of an upload names a URL for its pieces, to which clients send without a key. It
// becomes one of this gateway: the one that was asked, with the upload's own query and a ticket. `tls`: clients come
// with TLS, where nothing in front of here says otherwise. Errors: provider_unreachable for a URL without an upload's
// id.
Result<void> address_pieces_here(http::Headers& answer, const http::RequestHead& asked, bool tls,
                                 const store::VirtualKey& key, std::string_view provider, std::int64_t now_us);

// What names an upload in the query of its pieces.
inline constexpr std::string_view upload_id_parameter = "upload_id";
// The upload whose piece comes with this query; empty for what begins one. Errors: invalid_request for a name that is
// there twice, or in other letters (%75pload_id): the provider could read another one.
Result<std::string_view> upload_of(std::string_view query);

// Whether all of the file comes with this request of an upload.
bool brings_whole_file(const http::RequestHead& head);

}  // namespace sluice::gateway
