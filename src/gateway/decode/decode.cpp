#include "gateway/decode/decode.h"

#include "dialects/form_data.h"

namespace sluice::gateway {

async::Task<Result<void>> decode(http::Exchange& client, const dialects::Dialect& dialect,
                                 dialects::RequestTarget target, std::optional<DecodedRequest>& decoded) {
  if (const auto encoding = client.head().get("content-encoding");
      encoding && !http::equal_ignoring_case(*encoding, "identity"))
    co_return fail(ErrorKind::unsupported_media,
                   "the request body is compressed (content-encoding: " + std::string(*encoding) + ")",
                   "send it uncompressed");
  CO_TRY(std::string body, co_await client.read_body());
  if (dialect.opaque()) {
    target.content_type = client.head().get("content-type").value_or("application/json");
    if (dialects::is_form(target.content_type) || (target.resource && body.empty())) {
      CO_TRY(json::Document nothing, json::Document::parse("{}"));
      CO_TRY(dialects::RequestOutline outline, dialect.outline(body, nothing, target));
      decoded = DecodedRequest{std::move(body), std::move(nothing), std::move(outline), std::move(target)};
      co_return Result<void>();
    }
  }
  if (body.empty()) co_return fail(ErrorKind::invalid_request, "the request has no body", "send a JSON object");
  CO_TRY(json::Document parsed, json::Document::parse_in_place(body));
  if (!parsed.root().is_object())
    co_return fail(ErrorKind::invalid_request, "the request body is not a JSON object",
                   "send {\"model\": ..., \"messages\": [...]}");
  CO_TRY(dialects::RequestOutline outline, dialect.outline(body, parsed, target));
  decoded = DecodedRequest{std::move(body), std::move(parsed), std::move(outline), std::move(target)};
  co_return Result<void>();
}

}  // namespace sluice::gateway
