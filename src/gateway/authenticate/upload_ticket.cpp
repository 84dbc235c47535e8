#include "gateway/authenticate/upload_ticket.h"

#include <charconv>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>

#include "base/crypto.h"
#include "gateway/authenticate/authenticate.h"

namespace sluice::gateway {
namespace {

std::string_view bytes_of(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string signature(const crypto::Sha256& digest, std::string_view said, std::string_view upload) {
  constexpr std::string_view purpose = "sluice upload\n";
  std::string text(purpose);
  text.append(said).append("\n").append(upload);
  return std::string(bytes_of(crypto::hmac_sha256(bytes_of(digest), text)));
}

// In the same time wherever they differ.
bool are_equal(std::string_view one, std::string_view other) {
  if (one.size() != other.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < one.size(); ++i)
    difference |= static_cast<unsigned char>(one[i]) ^ static_cast<unsigned char>(other[i]);
  return difference == 0;
}

std::unexpected<Error> no_ticket() {
  return std::unexpected(Error{.kind = ErrorKind::unauthenticated,
                               .message = "the URL is not one of an upload that has begun here within a day",
                               .hint = "begin the upload again, with a key, and send to the x-goog-upload-url of that",
                               .code = "invalid_upload_ticket"});
}

}  // namespace

std::string upload_ticket(const store::VirtualKey& key, std::string_view provider, std::string_view upload,
                          std::int64_t now_us) {
  std::string said = key.id.str();
  said.append("\n").append(provider).append("\n").append(std::to_string(now_us + upload_ticket_us));
  const std::string text = crypto::base64url(said);
  return text + "." + crypto::base64url(signature(key.digest, said, upload));
}

namespace {

// What a ticket says, signed or not: the key's id, the provider and the time, each in a line. Empty: it is none.
std::optional<std::string> said_by(std::string_view ticket) {
  constexpr std::size_t longest = 1'024;
  if (ticket.size() > longest) return std::nullopt;
  return crypto::from_base64url(ticket.substr(0, ticket.find('.')));
}

std::string_view key_of(std::string_view said) { return said.substr(0, said.find('\n')); }

}  // namespace

Result<UploadTicket> check_upload_ticket(std::string_view ticket, std::string_view upload, const store::KeyTable& keys,
                                         std::int64_t now_us) {
  const std::size_t dot = ticket.find('.');
  if (dot == std::string_view::npos || upload.empty()) return no_ticket();
  const auto said = said_by(ticket);
  const auto signed_with = crypto::from_base64url(ticket.substr(dot + 1));
  if (!said || !signed_with) return no_ticket();
  const std::size_t first = said->find('\n');
  const std::size_t second = first == std::string::npos ? first : said->find('\n', first + 1);
  if (second == std::string::npos) return no_ticket();
  std::int64_t until_us = 0;
  std::from_chars(said->data() + second + 1, said->data() + said->size(), until_us);
  const store::Principal* principal = keys.find_id(key_of(*said));
  if (!principal || !are_equal(signature(principal->key().digest, *said, upload), *signed_with) || until_us <= now_us)
    return no_ticket();
  CHECK_OK(check_usable(principal->key(), now_us));
  return UploadTicket{.principal = *principal, .provider = said->substr(first + 1, second - first - 1)};
}

async::Task<Result<UploadTicket>> check_upload_ticket(std::string_view ticket, std::string_view upload,
                                                      store::RequestStore& store, net::Reactor& reactor,
                                                      async::Cancel& client_gone, std::int64_t now_us) {
  CO_CHECK_OK(check_known(store));
  const auto said = said_by(ticket);
  const std::shared_ptr<const store::KeyTable> keys = store.keys();
  if (said && !keys->find_id(key_of(*said))) co_await look_for_keys(store, reactor, client_gone);
  co_return check_upload_ticket(ticket, upload, *store.keys(), now_us);
}

}  // namespace sluice::gateway
