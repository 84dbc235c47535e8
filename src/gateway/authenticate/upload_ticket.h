// What stands for a key in the URL of an upload that has begun: Google's SDKs send the pieces of a file to the URL that
// they were given, without a key. Any replica can check a ticket: it is signed with the digest of the key that began
// the upload, which no client knows of another's key. It names that key by its id, so that a revoked key's tickets end
// with it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "async/task.h"
#include "base/result.h"
#include "net/reactor.h"
#include "store/key_table.h"
#include "store/request_store.h"

namespace sluice::gateway {

// A piece that comes later is refused.
constexpr std::int64_t upload_ticket_us = 86'400'000'000;

// For the upload that `provider` calls `upload`. Safe in a URL.
std::string upload_ticket(const store::VirtualKey& key, std::string_view provider, std::string_view upload,
                          std::int64_t now_us);

struct UploadTicket {
  store::Principal principal;
  std::string provider;
};
// The upload is that of `upload`'s id. Errors: unauthenticated, with "invalid_upload_ticket", or with what has become
// of the key.
Result<UploadTicket> check_upload_ticket(std::string_view ticket, std::string_view upload, const store::KeyTable& keys,
                                         std::int64_t now_us);
// The same in the store's current table, as authenticate() asks it: where the ticket's key is unknown there, after one
// look of the store. Errors: also unavailable. Borrows all until it ends.
async::Task<Result<UploadTicket>> check_upload_ticket(std::string_view ticket, std::string_view upload,
                                                      store::RequestStore& store, net::Reactor& reactor,
                                                      async::Cancel& client_gone, std::int64_t now_us);

}  // namespace sluice::gateway
