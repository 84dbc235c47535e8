#include "features.h"

#include <algorithm>

#include "dialects/seal.h"
#include "dialects/tool_names.h"

namespace sluice::golden {
namespace {

template <class T, class Test>
bool any_block(const chat::ChatRequest& request, Test test) {
  for (const chat::Message& message : request.messages)
    for (const chat::Block& block : message.blocks)
      if (const auto* found = std::get_if<T>(&block); found && test(*found, message)) return true;
  return false;
}

bool has_extra(const chat::ChatRequest& request, std::string_view name) {
  return std::ranges::any_of(request.extras, [&](const auto& extra) {
    return extra.first == name ||
           (name.size() > 1 && extra.first.contains(name));  // "include.message.output_text.logprobs"
  });
}

bool chooses(const Asked& asked, chat::ToolChoice::Mode mode) {
  return asked.request.tool_choice && asked.request.tool_choice->mode == mode;
}

bool has_state_of_issuer(const Asked& asked) {
  return any_block<chat::Thinking>(asked.request, [&](const chat::Thinking& thinking, const auto&) {
    return asked.native ? !thinking.signature.empty() || !thinking.text.empty() : thinking.issuer == asked.issuer;
  });
}
bool has_state_of_another(const Asked& asked) {
  return any_block<chat::Thinking>(asked.request, [&](const chat::Thinking& thinking, const auto&) {
    return thinking.issuer.empty() ? !asked.native : thinking.issuer != asked.issuer;
  });
}

template <class Part>
bool has_result_with(const Asked& asked) {
  return any_block<chat::ToolResult>(asked.request, [](const auto& result, const auto&) {
    return std::ranges::any_of(result.content, [](const auto& part) { return std::holds_alternative<Part>(part); });
  });
}
bool has_media(const Asked& asked) {
  return any_block<chat::Image>(asked.request, [](const auto&, const auto&) { return true; }) ||
         any_block<chat::Document>(asked.request, [](const auto&, const auto&) { return true; });
}
bool has_marked_error(const Asked& asked) {
  return any_block<chat::ToolResult>(asked.request, [](const auto& result, const auto&) {
    if (result.content.empty()) return false;
    const auto* text = std::get_if<chat::Text>(&result.content[0]);
    return text && text->text.starts_with("Error: ");
  });
}

bool has_cache_mark(const Asked& asked) {
  const auto marked = [](const auto& part) { return part.cache != chat::CacheMark::none; };
  if (std::ranges::any_of(asked.request.system, marked) || std::ranges::any_of(asked.request.tools, marked))
    return true;
  for (const chat::Message& message : asked.request.messages)
    for (const chat::Block& block : message.blocks)
      if (std::visit(
              [&](const auto& part) {
                if constexpr (requires { part.cache; })
                  return marked(part);
                else
                  return false;
              },
              block))
        return true;
  return false;
}

template <class T, class Test>
std::ptrdiff_t count(const Told& told, Test test) {
  return std::ranges::count_if(told.response.blocks, [&](const chat::Block& block) {
    const auto* found = std::get_if<T>(&block);
    return found && test(*found);
  });
}

bool has_text(const Told& told) {
  return count<chat::Text>(told, [](const chat::Text& text) { return !text.text.empty(); }) > 0;
}
std::ptrdiff_t calls(const Told& told) {
  return count<chat::ToolCall>(told, [](const auto&) { return true; });
}

using Mode = chat::ToolChoice::Mode;
using Kind = Feature::Kind;

std::vector<Feature> of_requests() {
  return {
      {.name = "system prompt", .dialects = "CRMG", .asked = [](const Asked& a) { return !a.request.system.empty(); }},
      {.name = "system message within the conversation",
       .dialects = "CRM",
       .asked =
           [](const Asked& a) {
             return std::ranges::any_of(a.request.messages,
                                        [](const chat::Message& each) { return each.role == chat::Role::system; });
           },
       .losses = {"messages.role", "input.role"}},
      {.name = "turns of both sides",
       .dialects = "CRMG",
       .asked =
           [](const Asked& a) {
             return any_block<chat::Text>(a.request, [](const auto&, const chat::Message& message) {
               return message.role == chat::Role::assistant;
             });
           }},
      {.name = "a last turn of the assistant to go on from",
       .dialects = "M",
       .asked =
           [](const Asked& a) {
             return !a.request.messages.empty() && a.request.messages.back().role == chat::Role::assistant;
           },
       .refusals = {"the last one is the assistant's"}},
      {.name = "image in the body",
       .dialects = "CRMG",
       .asked =
           [](const Asked& a) {
             return any_block<chat::Image>(a.request,
                                           [](const auto& image, const auto&) { return !image.base64.empty(); });
           }},
      {.name = "image by its address",
       .dialects = "CRM",
       .asked =
           [](const Asked& a) {
             return any_block<chat::Image>(a.request,
                                           [](const auto& image, const auto&) { return !image.url.empty(); });
           },
       .refusals = {"image by its address", "fetches no image"}},
      {.name = "audio",
       .dialects = "CG",
       .asked =
           [](const Asked& a) {
             return any_block<chat::Audio>(a.request, [](const auto&, const auto&) { return true; });
           },
       .refusals = {"no audio"}},
      {.name = "video",
       .dialects = "G",
       .asked =
           [](const Asked& a) {
             return any_block<chat::Video>(a.request, [](const auto&, const auto&) { return true; });
           },
       .refusals = {"no video"}},
      {.name = "document in the body",
       .dialects = "CRMG",
       .asked =
           [](const Asked& a) {
             return any_block<chat::Document>(a.request,
                                              [](const auto& document, const auto&) { return document.url.empty(); });
           },
       .asked_otherwise =  // its text; that all of the words are there is looked at anyway
       [](const Asked& a) { return any_block<chat::Text>(a.request, [](const auto&, const auto&) { return true; }); },
       .losses = {"messages.content.document.name"}},
      {.name = "a document's context, and that it is to be cited",
       .dialects = "M",
       .asked =
           [](const Asked& a) {
             return any_block<chat::Document>(a.request, [](const auto& document, const auto&) {
               return !document.context.empty() || document.citations.has_value();
             });
           },
       .losses = {"messages.content.citations", "messages.content.context"}},
      {.name = "search results",
       .dialects = "M",
       .asked =
           [](const Asked& a) {
             return any_block<chat::SearchResult>(a.request, [](const auto&, const auto&) { return true; });
           },
       .asked_otherwise = [](const Asked& a) { return a.body.contains("Elbe\\nhttps://elbe.example/"); },
       .losses = {"messages.content.citations"}},
      {.name = "document by its address",
       .dialects = "RM",
       .asked =
           [](const Asked& a) {
             return any_block<chat::Document>(a.request,
                                              [](const auto& document, const auto&) { return !document.url.empty(); });
           },
       .refusals = {"fetches no document", "fetch documents from a URL", "document by its address"}},
      {.name = "file kept at a vendor",
       .dialects = "CRMG",
       .asked =
           [](const Asked& a) {
             return a.body.contains("\"file_id\"") || a.body.contains("googleapis.com/v1beta/files/");
           },
       .refusals = {"this file lives at", "of type 'file'"}},
      {.name = "tools",
       .dialects = "CRMG",
       .asked =
           [](const Asked& a) {
             return !chooses(a, Mode::none) &&
                    std::ranges::any_of(a.request.tools, [](const chat::Tool& tool) { return !tool.custom; });
           },
       .losses = {"tools.defer_loading", "functionCallingConfig.mode", "tools.strict"}},
      {.name = "tool names that not every API takes",
       .dialects = "CRMG",
       .asked =
           [](const Asked& a) {
             return std::ranges::any_of(a.request.tools, [](const chat::Tool& tool) {
               return !dialects::allows(dialects::ToolNameRule{}, tool.name);
             });
           },
       .asked_otherwise = [](const Asked& a) { return !a.request.tools.empty(); }},
      {.name = "tool choice: any of them",
       .dialects = "CRMG",
       .asked = [](const Asked& a) { return chooses(a, Mode::required); },
       .losses = {"functionCallingConfig.mode"}},
      {.name = "tool choice: this one",
       .dialects = "CRMG",
       .asked = [](const Asked& a) { return chooses(a, Mode::named); }},
      {.name = "tool choice: none",
       .dialects = "CRMG",
       .asked = [](const Asked& a) { return chooses(a, Mode::none); },
       .asked_otherwise = [](const Asked& a) { return a.request.tools.empty(); },
       .losses = {"tool_choice", "tools="}},
      {.name = "one tool call at most",
       .dialects = "CRM",
       .asked = [](const Asked& a) { return a.request.parallel_tool_calls == false; },
       .losses = {"parallel_tool_calls"}},
      {.name = "tools that take free text",
       .dialects = "CR",
       .asked =
           [](const Asked& a) {
             return std::ranges::any_of(a.request.tools, [](const chat::Tool& tool) { return tool.custom; });
           },
       .asked_otherwise = [](const Asked& a) { return !a.request.tools.empty(); },
       .losses = {"tools.custom.format"}},
      {.name = "groups of tools",
       .dialects = "R",
       .asked =
           [](const Asked& a) {
             return std::ranges::any_of(a.request.tools,
                                        [](const chat::Tool& tool) { return !tool.name_space.empty(); });
           },
       .asked_otherwise = [](const Asked& a) { return !a.request.tools.empty(); },
       .losses = {"tools.namespace.description"}},
      {.name = "tools that run at a vendor",
       .dialects = "RMG",
       .asked =
           [](const Asked& a) {
             return a.body.contains("\"web_search") || a.body.contains("\"googleSearch\"") ||
                    a.body.contains("\"file_search\"");
           },
       .losses = {"tools.web_search"},
       .refusals = {"' runs at "}},
      {.name = "tool calls and their results",
       .dialects = "CRMG",
       .asked =
           [](const Asked& a) {
             return any_block<chat::ToolResult>(a.request, [](const auto&, const auto&) { return true; });
           },
       .losses = {"tools="},
       .refusals = {"the arguments of the tool call"}},
      {.name = "a tool result that is an error",
       .dialects = "M",
       .asked =
           [](const Asked& a) {
             return any_block<chat::ToolResult>(a.request,
                                                [](const auto& result, const auto&) { return result.is_error; });
           },
       .asked_otherwise = has_marked_error,
       .losses = {"messages.content.is_error", "tool_result.is_error"}},
      {.name = "a tool result with an image or a document",
       .dialects = "RM",
       .asked = [](const Asked& a) { return has_result_with<chat::Image>(a) || has_result_with<chat::Document>(a); },
       .asked_otherwise = has_media},
      {.name = "JSON that fits a schema",
       .dialects = "CRMG",
       .asked = [](const Asked& a) { return a.request.output_schema.has_value(); },
       .losses = {"response_format.strict="},
       .refusals = {"refers to itself"}},
      {.name = "JSON of any form",
       .dialects = "CRG",
       .asked = [](const Asked& a) { return a.request.json_object; },
       .refusals = {"JSON without a schema"}},
      {.name = "reasoning effort",
       .dialects = "CRMG",
       .asked = [](const Asked& a) { return a.request.reasoning && a.request.reasoning->effort; },
       .losses = {"=reasoning", "reasoning.effort", "reasoning.budget=", "reasoning.visible"}},
      {.name = "thinking budget",
       .dialects = "CMG",
       .asked = [](const Asked& a) { return a.request.reasoning && a.request.reasoning->budget; },
       .losses = {"=reasoning", "reasoning.budget=", "reasoning.budget", "reasoning.visible"},
       .refusals = {"it must be less than max_tokens"}},
      {.name = "reasoning state, back to its issuer",
       .dialects = "CRMG",
       .asked = [](const Asked& a) { return has_state_of_issuer(a); },
       .asked_otherwise = [](const Asked& a) { return a.body.contains("\"thought_signature\""); }},
      {.name = "reasoning state of another issuer",
       .dialects = "CRMG",
       .asked = [](const Asked& a) { return has_state_of_another(a); },
       .losses = {"messages.content.thinking", "messages.tool_calls.extra_content"}},
      {.name = "prompt cache marks", .dialects = "CM", .asked = has_cache_mark, .losses = {"cache_control"}},
      {.name = "prompt cache key",
       .dialects = "CR",
       .asked = [](const Asked& a) { return !a.request.prompt_cache_key.empty(); },
       .losses = {"prompt_cache_key"}},
      {.name = "output limit",
       .dialects = "CRMG",
       .asked = [](const Asked& a) { return a.request.max_output_tokens.has_value(); },
       .refusals = {"takes no limit below 16"}},
      {.name = "no output limit",
       .dialects = "CRG",
       .asked = [](const Asked& a) { return !a.request.max_output_tokens; },
       .losses = {"max_tokens="}},
      {.name = "temperature, top_p",
       .dialects = "CRMG",
       .asked = [](const Asked& a) { return a.request.temperature || a.request.top_p; },
       .losses = {"temperature", "top_p", "topP"},
       .refusals = {"temperature: this provider takes 0 to 1"}},
      {.name = "top_k",
       .dialects = "CMG",
       .asked = [](const Asked& a) { return a.request.top_k.has_value(); },
       .losses = {"top_k"}},
      {.name = "stop sequences",
       .dialects = "CMG",
       .asked = [](const Asked& a) { return !a.request.stop.empty(); },
       .refusals = {"no stop sequences", "takes at most 4", "takes at most 5"}},
      {.name = "seed",
       .dialects = "CG",
       .asked = [](const Asked& a) { return a.request.seed.has_value(); },
       .losses = {"seed"}},
      {.name = "frequency and presence penalties",
       .dialects = "CG",
       .asked = [](const Asked& a) { return a.request.frequency_penalty || a.request.presence_penalty; },
       .losses = {"frequency_penalty", "presence_penalty"}},
      {.name = "several answers",
       .dialects = "CG",
       .asked =
           [](const Asked& a) {
             return has_extra(a.request, "n") || (a.native && a.body.contains("\"candidateCount\""));
           },
       .refusals = {"n: this provider", "candidateCount"}},
      {.name = "log probabilities",
       .dialects = "CRG",
       .asked = [](const Asked& a) { return a.request.logprobs.has_value() || has_extra(a.request, "logprobs"); },
       .refusals = {"log probabilities"}},
      {.name = "logit bias",
       .dialects = "C",
       .asked = [](const Asked& a) { return has_extra(a.request, "logit_bias"); },
       .refusals = {"logit_bias"}},
      {.name = "images or speech as the answer",
       .dialects = "CG",
       .asked =
           [](const Asked& a) {
             return has_extra(a.request, "modalities") ||
                    (a.body.contains("responseModalities") && a.body.contains("\"IMAGE\""));
           },
       .refusals = {"modalities", "responseModalities"}},
      {.name = "verbosity",
       .dialects = "CR",
       .asked = [](const Asked& a) { return has_extra(a.request, "verbosity"); },
       .losses = {"verbosity"}},
      {.name = "service tier",
       .dialects = "CRMG",
       .asked = [](const Asked& a) { return !a.request.service_tier.empty(); },
       .losses = {"service_tier"}},
      {.name = "the end user's id",
       .dialects = "CRM",
       .asked = [](const Asked& a) { return !a.request.user.empty(); },
       .losses = {"user"}},
      {.name = "metadata, labels",
       .dialects = "CRG",
       .asked = [](const Asked& a) { return has_extra(a.request, "metadata") || has_extra(a.request, "labels"); },
       .losses = {"metadata", "labels"}},
      {.name = "state kept at a vendor",
       .dialects = "CRMG",
       .asked =
           [](const Asked& a) {
             return a.body.contains("\"previous_response_id\"") || a.body.contains("\"cachedContent\"") ||
                    a.body.contains("\"container\"") || a.body.contains("\"context_management\"") ||
                    has_extra(a.request, "store");
           },
       .losses = {"store", "context_management"},
       .refusals = {"previous_response_id", "cachedContent", "container", "background", "item_reference", "store"}},
      {.name = "safety settings",
       .dialects = "G",
       .asked = [](const Asked& a) { return a.body.contains("\"safetySettings\""); },
       .losses = {"safetySettings"},
       .refusals = {"no filter that could be set so"}},
      {.name = "names, details, client metadata",
       .dialects = "CRG",
       .losses = {"mediaResolution", "messages.content.image_url.detail", "messages.name", "client_metadata"},
       .bytes = {"\"detail\"", "mediaResolution", "client_metadata"}},
      {.name = "a request that is wrong",
       .dialects = "CRMG",
       .refusals = {"is expected", "it is empty", "at least one element", "no earlier ", "is given twice",
                    "it is there twice", "this field is required"}},
  };
}

std::vector<Feature> of_answers() {
  return {
      {.name = "text", .dialects = "CRMGB", .told = [](const Told& t) { return !t.streamed && has_text(t); }},
      {.name = "images that the model made",
       .dialects = "RG",
       .losses = {"answer.content.image", "inlineData", "image_generation_call"},
       .bytes = {"image_generation_call", "image/png"}},
      {.name = "text, streamed", .dialects = "CRMGB", .told = [](const Told& t) { return t.streamed && has_text(t); }},
      {.name = "a tool call", .dialects = "CRMGB", .told = [](const Told& t) { return !t.streamed && calls(t) == 1; }},
      {.name = "a tool call, streamed",
       .dialects = "CRMGB",
       .told = [](const Told& t) { return t.streamed && calls(t) == 1; }},
      {.name = "several tool calls", .dialects = "CRMGB", .told = [](const Told& t) { return calls(t) > 1; }},
      {.name = "thinking",
       .dialects = "CRMGB",
       .told =
           [](const Told& t) {
             return count<chat::Thinking>(t, [](const chat::Thinking& thinking) { return !thinking.text.empty(); }) > 0;
           }},
      {.name = "reasoning state",
       .dialects = "RMGB",
       .told =
           [](const Told& t) {
             return count<chat::Thinking>(
                        t, [](const chat::Thinking& thinking) { return !thinking.signature.empty(); }) > 0;
           },
       .told_otherwise = [](const Told& t) { return t.body.contains(dialects::seal_mark); }},
      {.name = "citations",
       .dialects = "CRMGB",
       .told =
           [](const Told& t) {
             return count<chat::Text>(t, [](const chat::Text& text) { return !text.citations.empty(); }) > 0;
           },
       .losses = {"citation"}},
      {.name = "parts of tools that ran at the vendor",
       .dialects = "RMGB",

       .losses = {"answer.images", "extra_content", "answer.content.", "answer.groundingMetadata", "server_tool_use",
                  "web_search_call", "executableCode", "codeExecutionResult", "pause_turn", "tool_result"},
       .bytes = {"server_tool_use\"", "web_search_call", "codeExecutionResult"}},
      {.name = "members of an answer that no other API has",
       .dialects = "G",
       .losses = {"answer.safetyRatings", "answer.avgLogprobs", "answer.urlContextMetadata", "answer.citationMetadata",
                  "answer.promptFeedback", "answer.candidates", "answer.groundingMetadata."},
       .bytes = {"safetyRatings"}},
      {.name = "refusal", .dialects = "CRM", .told = [](const Told& t) { return !t.response.refusal.empty(); }},
      {.name = "stopped by a filter",
       .dialects = "CRMGB",
       .told = [](const Told& t) { return t.response.stop == chat::StopReason::content_filter; }},
      {.name = "output limit reached",
       .dialects = "CRMGB",
       .told = [](const Told& t) { return t.response.stop == chat::StopReason::max_tokens; }},
      {.name = "stop sequence met",
       .dialects = "MB",
       .told = [](const Told& t) { return t.response.stop == chat::StopReason::stop_sequence; },
       .told_otherwise = [](const Told& t) { return t.response.stop == chat::StopReason::end_turn; },
       .losses = {"answer.stop_sequence"}},
      {.name = "usage: read from a prompt cache",
       .dialects = "CRMGB",
       .told = [](const Told& t) { return t.usage_asked && t.response.usage.cache_read > 0; }},
      {.name = "usage: written to a prompt cache",
       .dialects = "MB",
       .told =
           [](const Told& t) {
             return t.usage_asked && t.response.usage.cache_write_5m + t.response.usage.cache_write_1h > 0;
           },
       .told_otherwise = [](const Told& t) { return t.response.usage.input > 0; }},
      {.name = "usage: reasoning",
       .dialects = "CRMG",
       .told = [](const Told& t) { return t.usage_asked && t.response.usage.reasoning > 0; }},
      {.name = "usage: of images, sound, video",
       .dialects = "G",
       .told = [](const Told& t) { return t.usage_asked && t.response.usage.has_other_than_text(); },
       .losses = {"answer.usage.details"}},
      {.name = "a served tier that the client's API has no word for",
       .dialects = "B",
       .losses = {"answer.service_tier"}},
      {.name = "error: too many requests", .dialects = "CRMGB", .kind = Kind::rate_limit},
      {.name = "error: another status", .dialects = "CRMGB", .kind = Kind::error_status},
      {.name = "error: a stream that fails or breaks off", .dialects = "CRMGB", .kind = Kind::error_in_stream},
  };
}

}  // namespace

std::span<const Feature> features() {
  static const std::vector<Feature> all = [] {
    std::vector<Feature> list = of_requests();
    for (Feature& feature : of_answers()) {
      feature.of_answer = true;
      list.push_back(std::move(feature));
    }
    return list;
  }();
  return all;
}

}  // namespace sluice::golden
