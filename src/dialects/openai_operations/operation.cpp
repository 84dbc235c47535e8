#include <algorithm>

#include "dialects/fields.h"
#include "dialects/openai_chat/openai_chat.h"
#include "dialects/openai_chat/parts.h"
#include "dialects/openai_operations/openai_operations.h"
#include "dialects/shared_parts.h"
#include "dialects/side_call.h"

namespace sluice::dialects {
namespace {

constexpr std::int64_t max_choices = 128;   // the API's own limit on n and best_of
constexpr std::int64_t max_inputs = 2'048;  // the API's own limit on the inputs of one call

struct Operation {
  DialectId id;
  const char* path;
  const char* input;          // the member that holds what is to be worked on
  const char* default_model;  // empty: the model must be named
  bool generates;             // writes tokens, and may stream them
};

constexpr Operation embeddings{DialectId::openai_embeddings, "/embeddings", "input", "", false};
constexpr Operation completions{DialectId::openai_completions, "/completions", "prompt", "", true};
constexpr Operation moderations{DialectId::openai_moderations, "/moderations", "input", "omni-moderation-latest",
                                false};

class OpenAiOperation : public SideCall {
 public:
  explicit OpenAiOperation(const Operation& operation) : SideCall(make_openai_chat()), operation_(operation) {}

  DialectId id() const override { return operation_.id; }
  std::string path(std::string_view /*model*/, bool /*stream*/) const override { return operation_.path; }

  Result<RequestOutline> outline(std::string_view body, const json::Document& parsed,
                                 const RequestTarget& /*target*/) const override {
    TRY(const Fields fields, Fields::of(parsed.root(), ""));
    RequestOutline result;
    if (*operation_.default_model && !fields["model"].exists()) {
      result.model = operation_.default_model;
    } else {
      TRY(const std::string_view model, fields.required_string("model"));
      result.model = model;
    }
    const json::Value input = fields[operation_.input];
    if (!input.exists() && !operation_.generates)
      return bad_field(operation_.input, "this field is required", "a string or an array of strings");
    if (operation_.id == DialectId::openai_embeddings && input.is_array() && input.at(0).is_string() &&
        input.size() > static_cast<std::size_t>(max_inputs))
      return bad_field(operation_.input, "at most 2048 inputs are possible", "send several requests");
    if (operation_.generates) {
      CHECK_OK(outline_generation(fields, result));
    } else {
      result.max_output_tokens = 0;
    }
    TRY(const auto spans, json::find_members(body, {"model", "stream_options", operation_.input, "stream", "max_tokens",
                                                    "n", "best_of"}));
    if (spans[0]) {
      result.model_begin = spans[0]->begin;
      result.model_end = spans[0]->end;
    }
    result.stream_options = spans[1];
    return result;
  }

  // A body that names no model gets the model in front: the provider's default may be another one.
  std::string edit(std::string_view body, const RequestOutline& outline, const BodyEdit& edit) const override {
    if (outline.model_end > 0) return openai::edit(body, outline, edit);
    std::string member = "{\"model\":";
    json::append_quoted(member, edit.model);
    const std::size_t open = body.find('{') + 1;
    const bool empty = body.substr(open).find_first_not_of(" \t\r\n}") == std::string_view::npos;
    return member.append(empty ? "" : ",").append(body.substr(open));
  }

 private:
  static Result<void> outline_generation(const Fields& fields, RequestOutline& result) {
    constexpr Tokens default_max_tokens = 16;  // the API's own
    TRY(const auto stream, fields.boolean("stream"));
    result.stream = stream.value_or(false);
    TRY(const auto limit, fields.integer("max_tokens", 0, max_tokens_limit));
    result.max_output_tokens = limit.value_or(default_max_tokens);
    TRY(const auto choices, fields.integer("n", 0, max_choices));
    TRY(const auto best_of, fields.integer("best_of", 0, max_choices));
    const std::int64_t prompts = fields["prompt"].is_array() && !fields["prompt"].at(0).integer()
                                     ? static_cast<std::int64_t>(fields["prompt"].size())
                                     : 1;
    result.choices =
        std::max(choices.value_or(1), best_of.value_or(1)) * std::clamp<std::int64_t>(prompts, 1, max_inputs);
    if (!fields["stream_options"].exists()) return {};
    TRY(const Fields options, Fields::of(fields["stream_options"], "stream_options"));
    TRY(const auto include, options.boolean("include_usage"));
    result.wants_stream_usage = include.value_or(false);
    return {};
  }

  const Operation& operation_;
};

}  // namespace

std::unique_ptr<Dialect> make_openai_embeddings() { return std::make_unique<OpenAiOperation>(embeddings); }
std::unique_ptr<Dialect> make_openai_completions() { return std::make_unique<OpenAiOperation>(completions); }
std::unique_ptr<Dialect> make_openai_moderations() { return std::make_unique<OpenAiOperation>(moderations); }

}  // namespace sluice::dialects
