#include <algorithm>

#include "dialects/fields.h"
#include "dialects/form_data.h"
#include "dialects/openai_chat/openai_chat.h"
#include "dialects/openai_chat/parts.h"
#include "dialects/openai_operations/openai_operations.h"
#include "dialects/openai_operations/parts.h"
#include "dialects/shared_parts.h"
#include "dialects/side_call.h"

namespace sluice::dialects {
namespace {

constexpr std::int64_t max_choices = 128;   // the API's own limit on n and best_of
constexpr std::int64_t max_inputs = 2'048;  // the API's own limit on the inputs of one call

struct Operation {
  enum class Kind : std::uint8_t {
    reads,      // tokens come in, none go out
    generates,  // writes tokens, and may stream them
    opaque,     // sound and images: forms come in, and anything goes out
  };
  DialectId id;
  const char* path;
  const char* input;          // the member that holds what is to be worked on
  const char* default_model;  // empty: the model must be named
  Kind kind;
  const char* streams_if = "stream";  // the member that asks for events ...
  const char* stream_value = "true";  // ... with this value
};

using Kind = Operation::Kind;
constexpr Operation embeddings{DialectId::openai_embeddings, "/embeddings", "input", "", Kind::reads};
constexpr Operation completions{DialectId::openai_completions, "/completions", "prompt", "", Kind::generates};
constexpr Operation moderations{DialectId::openai_moderations, "/moderations", "input", "omni-moderation-latest",
                                Kind::reads};
constexpr Operation speech{
    DialectId::openai_speech, "/audio/speech", "input", "", Kind::opaque, "stream_format", "sse"};
constexpr Operation transcriptions{DialectId::openai_transcriptions, "/audio/transcriptions", "file", "", Kind::opaque};
constexpr Operation translations{DialectId::openai_translations, "/audio/translations", "file", "", Kind::opaque};
constexpr Operation images{DialectId::openai_images, "/images/generations", "prompt", "dall-e-2", Kind::opaque};
constexpr Operation image_edits{DialectId::openai_image_edits, "/images/edits", "prompt", "gpt-image-1.5",
                                Kind::opaque};
constexpr Operation image_variations{DialectId::openai_image_variations, "/images/variations", "image", "dall-e-2",
                                     Kind::opaque};
constexpr Operation reranking{DialectId::rerank, "/rerank", "documents", "", Kind::reads};

class OpenAiOperation : public SideCall {
 public:
  explicit OpenAiOperation(const Operation& operation) : SideCall(make_openai_chat()), operation_(operation) {}

  DialectId id() const override { return operation_.id; }
  bool opaque() const override { return operation_.kind == Kind::opaque; }
  std::string path(std::string_view /*model*/, bool /*stream*/) const override { return operation_.path; }

  Result<RequestOutline> outline(std::string_view body, const json::Document& parsed,
                                 const RequestTarget& target) const override {
    if (is_form(target.content_type)) return outline_form(body, target);
    TRY(const Fields fields, Fields::of(parsed.root(), ""));
    RequestOutline result;
    if (*operation_.default_model && !fields["model"].exists()) {
      result.model = operation_.default_model;
    } else {
      TRY(const std::string_view model, fields.required_string("model"));
      result.model = model;
    }
    const json::Value input = fields[operation_.input];
    if (!input.exists() && operation_.kind != Kind::generates)
      return bad_field(operation_.input, "this field is required",
                       operation_.kind == Kind::reads ? "a string or an array of strings" : "");
    if (operation_.id == DialectId::openai_embeddings && input.is_array() && input.at(0).is_string() &&
        input.size() > static_cast<std::size_t>(max_inputs))
      return bad_field(operation_.input, "at most 2048 inputs are possible", "send several requests");
    if (operation_.kind == Kind::generates) {
      CHECK_OK(outline_generation(fields, result));
    } else if (operation_.kind == Kind::reads) {
      result.max_output_tokens = 0;
    } else {
      const json::Value streams = fields[operation_.streams_if];
      result.stream = streams.string().value_or(streams.boolean() == true ? "true" : "") == operation_.stream_value;
    }
    TRY(const auto spans, json::find_members(body, {"model", "stream_options", operation_.input, "stream", "max_tokens",
                                                    "n", "best_of", "stream_format"}));
    if (spans[0]) {
      result.model_begin = spans[0]->begin;
      result.model_end = spans[0]->end;
    }
    result.stream_options = spans[1];
    return result;
  }

  // A body that names no model gets the model in front: the provider's default may be another one.
  std::string edit(std::string_view body, const RequestOutline& outline, const BodyEdit& edit) const override {
    if (!outline.form_type.empty()) return edit_form(body, outline, edit.model);
    // The flag for usage is for streams of text.
    if (outline.model_end > 0) return openai::edit(body, outline, opaque() ? BodyEdit{.model = edit.model} : edit);
    std::string member = "{\"model\":";
    json::append_quoted(member, edit.model);
    const std::size_t open = body.find('{') + 1;
    const bool empty = body.substr(open).find_first_not_of(" \t\r\n}") == std::string_view::npos;
    return member.append(empty ? "" : ",").append(body.substr(open));
  }
  const EmbeddingCall* embeddings() const override {
    return operation_.id == DialectId::openai_embeddings ? &openai::embeddings() : nullptr;
  }

  chat::Usage read_usage(const json::Document& parsed) const override {
    return operations::read_usage(parsed.root()["usage"]);
  }
  std::unique_ptr<StreamWatcher> watch_stream(bool hide_usage_event) const override {
    return opaque() ? operations::watch_stream() : SideCall::watch_stream(hide_usage_event);
  }

 private:
  // The files of a form are no text. Its model may be in the path, as a deployment of Azure's.
  Result<RequestOutline> outline_form(std::string_view body, const RequestTarget& target) const {
    TRY(const std::vector<FormField> fields, read_form(body, target.content_type));
    RequestOutline result{.model = target.model.empty() ? operation_.default_model : target.model,
                          .form_type = target.content_type};
    TRY(const FormField* model, find_field(fields, "model"));
    if (model) {
      result.model = body.substr(model->value.begin, model->value.end - model->value.begin);
      result.model_begin = model->value.begin;
      result.model_end = model->value.end;
    }
    if (result.model.empty()) return bad_field("model", "this field is required");
    TRY(const FormField* streams, find_field(fields, operation_.streams_if));
    result.stream = streams && http::equal_ignoring_case(
                                   body.substr(streams->value.begin, streams->value.end - streams->value.begin),
                                   operation_.stream_value);
    for (const FormField& field : fields)
      if (field.file) result.image_bytes += field.value.end - field.value.begin;
    return result;
  }

  static std::string edit_form(std::string_view body, const RequestOutline& outline, std::string_view model) {
    if (outline.model_end == 0) return form_field(outline.form_type, "model", model).append(body);
    std::string edited(body.substr(0, outline.model_begin));
    return edited.append(model).append(body.substr(outline.model_end));
  }

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
    if (prompts > max_inputs) return bad_field("prompt", "at most 2048 prompts are possible", "send several requests");
    result.choices =
        std::max<std::int64_t>({choices.value_or(1), best_of.value_or(1), 1}) * std::max<std::int64_t>(prompts, 1);
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
std::unique_ptr<Dialect> make_openai_speech() { return std::make_unique<OpenAiOperation>(speech); }
std::unique_ptr<Dialect> make_openai_transcriptions() { return std::make_unique<OpenAiOperation>(transcriptions); }
std::unique_ptr<Dialect> make_openai_translations() { return std::make_unique<OpenAiOperation>(translations); }
std::unique_ptr<Dialect> make_openai_images() { return std::make_unique<OpenAiOperation>(images); }
std::unique_ptr<Dialect> make_openai_image_edits() { return std::make_unique<OpenAiOperation>(image_edits); }
std::unique_ptr<Dialect> make_openai_image_variations() { return std::make_unique<OpenAiOperation>(image_variations); }
std::unique_ptr<Dialect> make_rerank() { return std::make_unique<OpenAiOperation>(reranking); }

}  // namespace sluice::dialects
