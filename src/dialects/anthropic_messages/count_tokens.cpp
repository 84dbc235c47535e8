#include "dialects/anthropic_messages/anthropic_messages.h"
#include "dialects/anthropic_messages/parts.h"
#include "dialects/side_call.h"

namespace sluice::dialects {
namespace {

// POST /messages/count_tokens. Source: https://platform.claude.com/docs/en/api/messages-count-tokens
class CountTokens : public CountingCall {
 public:
  CountTokens() : CountingCall(make_anthropic_messages()) {}
  DialectId id() const override { return DialectId::anthropic_count_tokens; }
  std::string path(std::string_view /*model*/, bool /*stream*/) const override { return "/messages/count_tokens"; }

  Result<RequestOutline> outline(std::string_view body, const json::Document& parsed,
                                 const RequestTarget& /*target*/) const override {
    return counting(anthropic::outline_of_prompt(body, parsed));
  }
  std::string encode_count(Tokens tokens) const override {
    std::string body;
    json::Writer(body).begin_object().member("input_tokens", tokens).end_object();
    return body;
  }
};

}  // namespace

std::unique_ptr<Dialect> make_anthropic_count_tokens() { return std::make_unique<CountTokens>(); }

}  // namespace sluice::dialects
