#include "dialects/gemini/gemini.h"
#include "dialects/gemini/message.h"
#include "dialects/gemini/parts.h"
#include "dialects/side_call.h"

namespace sluice::dialects {
namespace {

// POST /models/M:countTokens. The body is {"contents":...}, or a whole request as {"generateContentRequest":...}.
class CountTokens : public CountingCall {
 public:
  CountTokens() : CountingCall(make_gemini()) {}
  DialectId id() const override { return DialectId::gemini_count_tokens; }
  std::string path(std::string_view model, bool /*stream*/) const override {
    return gemini::path_of_call(model, "countTokens");
  }

  Result<RequestOutline> outline(std::string_view body, const json::Document& parsed,
                                 const RequestTarget& target) const override {
    TRY(const gemini::Message request, gemini::Message::of(parsed.root(), ""));
    if (!request["generateContentRequest"].exists()) return counting(gemini::outline(body, parsed, target));
    TRY(const auto whole, gemini::find_once(body, {"generateContentRequest"}));
    const json::Span place = *whole.front();
    const std::string_view text = body.substr(place.begin, place.end - place.begin);
    TRY(const json::Document inner, json::Document::parse(text));
    TRY(RequestOutline result, counting(gemini::outline(text, inner, target)));
    TRY(const auto model, gemini::find_once(text, {"model"}));
    if (model.front()) {
      result.model_begin = place.begin + model.front()->begin;
      result.model_end = place.begin + model.front()->end;
    }
    return result;
  }
  std::string edit(std::string_view body, const RequestOutline& outline, const BodyEdit& edit) const override {
    if (outline.model_end == 0) return api().edit(body, outline, edit);
    std::string out(body.substr(0, outline.model_begin));
    json::append_quoted(out, gemini::resource_name(edit.model));
    BodyEdit of_copy = edit;
    of_copy.kept = nullptr;  // `out` does not outlive this
    return api().edit(out.append(body.substr(outline.model_end)), outline, of_copy);
  }
  std::string encode_count(Tokens tokens) const override {
    std::string body;
    json::Writer(body).begin_object().member("totalTokens", tokens).end_object();
    return body;
  }
};

}  // namespace

std::unique_ptr<Dialect> make_gemini_count_tokens() { return std::make_unique<CountTokens>(); }

}  // namespace sluice::dialects
