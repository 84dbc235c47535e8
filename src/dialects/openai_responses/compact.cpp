#include "dialects/openai_responses/openai_responses.h"
#include "dialects/openai_responses/parts.h"
#include "dialects/side_call.h"

namespace sluice::dialects {
namespace {

// POST /responses/compact: a conversation made shorter by its model. What comes of it only its provider can read, so it
// is never translated. Source: OpenAI's OpenAPI document 2.3.0.
class Compact : public SideCall {
 public:
  Compact() : SideCall(make_openai_responses()) {}
  DialectId id() const override { return DialectId::openai_compact; }
  std::string path(std::string_view /*model*/, bool /*stream*/) const override { return "/responses/compact"; }

  Result<RequestOutline> outline(std::string_view body, const json::Document& parsed,
                                 const RequestTarget& /*target*/) const override {
    Result<RequestOutline> prompt = responses::outline(body, parsed);
    if (prompt) prompt->stream = false;  // it has none
    return prompt;
  }
  std::string edit(std::string_view body, const RequestOutline& outline, const BodyEdit& edit) const override {
    return api().edit(body, outline, edit);
  }
  std::vector<std::string> read_states(std::string_view body, const json::Document& parsed) const override {
    return api().read_states(body, parsed);
  }
};

}  // namespace

std::unique_ptr<Dialect> make_openai_compact() { return std::make_unique<Compact>(); }

}  // namespace sluice::dialects
