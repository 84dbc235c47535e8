#include "dialects/openai_responses/openai_responses.h"
#include "dialects/openai_responses/parts.h"
#include "dialects/side_call.h"

namespace sluice::dialects {
namespace {

// POST /responses/input_tokens. Source: OpenAI's OpenAPI document 2.3.0.
class InputTokens : public CountingCall {
 public:
  InputTokens() : CountingCall(make_openai_responses()) {}
  DialectId id() const override { return DialectId::openai_input_tokens; }
  std::string path(std::string_view /*model*/, bool /*stream*/) const override { return "/responses/input_tokens"; }

  Result<RequestOutline> outline(std::string_view body, const json::Document& parsed,
                                 const RequestTarget& /*target*/) const override {
    return counting(responses::outline(body, parsed));
  }
  std::string encode_count(Tokens tokens) const override {
    std::string body;
    json::Writer out(body);
    out.begin_object().member("object", "response.input_tokens").member("input_tokens", tokens).end_object();
    return body;
  }
};

}  // namespace

std::unique_ptr<Dialect> make_openai_input_tokens() { return std::make_unique<InputTokens>(); }

}  // namespace sluice::dialects
