#include "gateway/resources/uploads.h"

#include <string>
#include <utility>

#include "base/percent.h"
#include "base/query.h"
#include "gateway/authenticate/upload_ticket.h"
#include "gateway/call/question.h"

namespace sluice::gateway {
namespace {

// What a proxy in front of here says that the client has used.
std::string_view scheme_of(const http::RequestHead& asked, bool tls) {
  const std::string_view forwarded = asked.get("x-forwarded-proto").value_or("");
  if (forwarded == "https" || forwarded == "http") return forwarded;
  return tls ? "https" : "http";
}

// A provider may repeat the key that it was asked with.
std::string without_key(std::string_view query) {
  std::string kept;
  while (const auto one = take_parameter(query))
    if (percent_decoded(one->name, true).value_or("") != "key") kept.append(kept.empty() ? "" : "&").append(one->text);
  return kept;
}

}  // namespace

Result<std::string_view> upload_of(std::string_view query) {
  std::string_view found;
  bool any = false;
  while (const auto one = take_parameter(query)) {
    if (percent_decoded(one->name, true).value_or("") != upload_id_parameter) continue;
    if (std::exchange(any, true) || one->name != upload_id_parameter)
      return std::unexpected(Error{.kind = ErrorKind::invalid_request,
                                   .message = "the query does not name one upload by upload_id",
                                   .hint = "send to the x-goog-upload-url as it is",
                                   .param = std::string(upload_id_parameter)});
    found = one->value;
  }
  return found;
}

// The provider refuses an offset that is not where the pieces before have ended.
bool brings_whole_file(const http::RequestHead& head) {
  const auto command = head.get("x-goog-upload-command");
  if (!command) return true;  // raw
  return *command == "upload, finalize" && head.get("x-goog-upload-offset") == "0";
}

Result<void> address_pieces_here(http::Headers& answer, const http::RequestHead& asked, bool tls,
                                 const store::VirtualKey& key, std::string_view provider, std::int64_t now_us) {
  for (const std::string_view name : {"x-goog-upload-url", "x-goog-upload-control-url"}) {
    const std::optional<std::string_view> theirs = answer.get(name);
    if (!theirs) continue;
    const std::size_t mark = theirs->find('?');
    const std::string query =
        without_key(mark == std::string_view::npos ? std::string_view() : theirs->substr(mark + 1));
    const std::string_view upload = query_value(query, upload_id_parameter);
    if (upload.empty())
      return std::unexpected(Error{.kind = ErrorKind::provider_unreachable,
                                   .message = "the provider has begun an upload without an id",
                                   .hint = "the operator should check its base_url"});
    std::string here(scheme_of(asked, tls));
    here.append("://").append(asked.get("host").value_or("")).append(asked.path).append("?");
    here.append(upload_ticket_parameter).append("=").append(upload_ticket(key, provider, upload, now_us));
    here.append("&").append(query);
    answer.set(std::string(name), std::move(here));
  }
  return {};
}

}  // namespace sluice::gateway
