#include "gateway/respond/answer_check.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace sluice::gateway {
namespace {

using chat::DialectId;
using config::Check;
using json::Value;

void add_text(std::string& out, Value value) {
  if (const auto text = value.string()) out += *text;
}

void read_openai_chat(Value answer, AnswerText& into) {
  const Value choice = answer["choices"].at(0);
  const Value message = choice["message"];
  add_text(into.text, message["content"]);
  for (const Value& part : message["content"].elements()) add_text(into.text, part["text"]);
  into.calls_tool = message["tool_calls"].size() > 0 || message["function_call"].is_object();
  into.cut = choice["finish_reason"].string() == "length";
  into.refused = message["refusal"].is_string() || choice["finish_reason"].string() == "content_filter";
}

void read_anthropic(Value answer, AnswerText& into) {
  for (const Value& block : answer["content"].elements()) {
    if (block["type"].string() == "text") add_text(into.text, block["text"]);
    into.calls_tool = into.calls_tool || block["type"].string() == "tool_use";
  }
  const std::string_view why = answer["stop_reason"].string().value_or("");
  into.cut = why == "max_tokens" || why == "model_context_window_exceeded";
  into.refused = why == "refusal";
}

void read_responses(Value answer, AnswerText& into) {
  for (const Value& item : answer["output"].elements()) {
    const std::string_view type = item["type"].string().value_or("");
    into.calls_tool = into.calls_tool || type.ends_with("_call");
    if (type != "message") continue;
    for (const Value& part : item["content"].elements()) {
      add_text(into.text, part["text"]);
      into.refused = into.refused || part["type"].string() == "refusal";
    }
  }
  const std::string_view why = answer["incomplete_details"]["reason"].string().value_or("");
  into.cut = why == "max_output_tokens";
  into.refused = into.refused || why == "content_filter";
}

void read_gemini(Value answer, AnswerText& into) {
  const Value candidate = answer["candidates"].at(0);
  for (const Value& part : candidate["content"]["parts"].elements()) {
    if (part["thought"].boolean() != true) add_text(into.text, part["text"]);
    into.calls_tool = into.calls_tool || part["functionCall"].is_object();
  }
  const std::string_view why = candidate["finishReason"].string().value_or("");
  into.cut = why == "MAX_TOKENS";
  constexpr std::string_view filters[] = {
      "SAFETY",       "PROHIBITED_CONTENT",       "BLOCKLIST",       "RECITATION", "LANGUAGE", "SPII",
      "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"};
  into.refused =
      answer["promptFeedback"]["blockReason"].is_string() || std::ranges::find(filters, why) != std::end(filters);
}

// How answers begin that refuse in words. Of short ones alone: a long text may begin with an apology.
bool sounds_refused(std::string_view text) {
  constexpr std::size_t longest = 400;
  constexpr std::string_view beginnings[] = {"I'm sorry, but I can",   "I’m sorry, but I can", "Sorry, but I can",
                                             "I can't help with",      "I can’t help with",    "I cannot help with",
                                             "I can't assist",         "I can’t assist",       "I cannot assist",
                                             "I'm unable to",          "I’m unable to",        "I am unable to",
                                             "I won't be able to help"};
  return text.size() <= longest &&
         std::ranges::any_of(beginnings, [&](std::string_view one) { return text.starts_with(one); });
}

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

// Of a member that may be written in Google's two ways.
Value either(Value object, const char* name, const char* other) {
  return object[name].exists() ? object[name] : object[other];
}

std::optional<Value> wanted_of_gemini(Value request) {
  const Value config = either(request, "generationConfig", "generation_config");
  if (either(config, "responseMimeType", "response_mime_type").string() != "application/json") return std::nullopt;
  return either(config, "responseJsonSchema", "response_json_schema");  // its other form is no JSON Schema
}

// The schema that the request has asked for; missing: any JSON. Empty: it has asked for no JSON.
std::optional<Value> wanted_form(DialectId dialect, Value request) {
  const Value format = dialect == DialectId::openai_chat          ? request["response_format"]
                       : dialect == DialectId::openai_responses   ? request["text"]["format"]
                       : dialect == DialectId::anthropic_messages ? request["output_format"]
                                                                  : Value();
  const std::string_view type = format["type"].string().value_or("");
  if (type == "json_schema") return format["schema"].is_object() ? format["schema"] : format["json_schema"]["schema"];
  if (type == "json_object") return Value();
  if (dialect == DialectId::anthropic_messages && request["output_config"]["format"].is_object())
    return request["output_config"]["format"]["schema"];
  if (dialect == DialectId::gemini) return wanted_of_gemini(request);
  return std::nullopt;
}

// --- JSON Schema

constexpr int deepest = 64;  // a schema that refers to itself goes on as deep as the value
// Of members and elements looked at, and of 16 bytes of text each. Both the schema and what the answer holds can be a
// client's making, and parts that refer to each other twice would take twice as long with every level.
constexpr std::size_t most_steps = 1024 * 1024;

class SchemaCheck {
 public:
  explicit SchemaCheck(Value root) : root_(root) {}

  // Empty: as it should be, or there was too much to look at.
  std::string fault(Value schema, Value value, const std::string& at, int depth) {
    if (!may_go_on(1 + schema.size() + at.size() / 16)) return {};
    if (depth == deepest || schema.boolean() == true || !schema.is_object())
      return schema.boolean() == false ? at + " must not be there" : std::string();
    if (const auto reference = schema["$ref"].string()) {
      const Value target = find(*reference);
      return target.exists() ? fault(target, value, at, depth + 1) : std::string();
    }
    if (!has_type(schema["type"], value)) return at + " is no " + schema["type"].text();
    if (schema["enum"].is_array() && !is_one_of(schema["enum"], value))
      return at + " is none of " + schema["enum"].text();
    if (schema["const"].exists() && text_of(schema["const"]) != text_of(value))
      return at + " is not " + schema["const"].text();
    if (const std::string wrong = bounds(schema, value, at); !wrong.empty()) return wrong;
    for (const Value& one : schema["allOf"].elements())
      if (const std::string wrong = fault(one, value, at, depth + 1); !wrong.empty()) return wrong;
    for (const char* choice : {"anyOf", "oneOf"}) {
      const std::vector<Value> ways = schema[choice].elements();
      if (!ways.empty() &&
          std::ranges::none_of(ways, [&](Value one) { return fault(one, value, at, depth + 1).empty(); }))
        return at + " fits none of `" + choice + "`";
    }
    if (value.is_object()) return object(schema, value, at, depth);
    if (value.is_array()) return array(schema, value, at, depth);
    return {};
  }

 private:
  bool may_go_on(std::size_t steps) {
    steps_left_ -= std::min(steps, steps_left_);
    return steps_left_ > 0;
  }

  std::string text_of(Value value) {
    std::string text = value.text();
    (void)may_go_on(text.size() / 16);
    return text;
  }

  Value find(std::string_view reference) {
    if (!reference.starts_with('#')) return {};
    Value at = root_;
    reference.remove_prefix(1);
    while (!reference.empty() && may_go_on(1 + at.size())) {
      reference.remove_prefix(1);
      const std::size_t end = std::min(reference.find('/'), reference.size());
      at = at[reference.substr(0, end)];
      reference.remove_prefix(end);
    }
    return at;
  }

  static bool is(std::string_view type, Value value) {
    switch (value.type()) {
      case json::Type::null: return type == "null";
      case json::Type::boolean: return type == "boolean";
      case json::Type::integer: return type == "integer" || type == "number";
      case json::Type::number: {
        const double number = value.number().value_or(0.5);
        return type == "number" || (type == "integer" && number == std::trunc(number));
      }
      case json::Type::string: return type == "string";
      case json::Type::array: return type == "array";
      case json::Type::object: return type == "object";
      case json::Type::missing: return false;
    }
    return false;
  }

  bool has_type(Value types, Value value) {
    if (const auto one = types.string()) return is(*one, value);
    const std::vector<Value> several = types.elements();
    return several.empty() || !may_go_on(several.size()) ||
           std::ranges::any_of(several, [&](Value type) { return is(type.string().value_or(""), value); });
  }

  bool is_one_of(Value list, Value value) {
    const std::string text = text_of(value);
    const std::vector<Value> all = list.elements();
    return !may_go_on(all.size()) || std::ranges::any_of(all, [&](Value one) { return text_of(one) == text; });
  }

  static std::string bounds(Value schema, Value value, const std::string& at) {
    if (const auto number = value.number()) {
      if (const auto least = schema["minimum"].number(); least && *number < *least) return at + " is below its minimum";
      if (const auto most = schema["maximum"].number(); most && *number > *most) return at + " is above its maximum";
    }
    const bool is_text = value.is_string();
    if (!is_text && !value.is_array()) return {};
    const auto size = static_cast<std::int64_t>(is_text ? value.string()->size() : value.size());
    if (const auto least = schema[is_text ? "minLength" : "minItems"].integer(); least && size < *least)
      return at + " is too short";
    // Of a text the bytes are counted: it may have fewer characters.
    const auto most = schema[is_text ? "maxLength" : "maxItems"].integer();
    if (most && (is_text ? (size + 3) / 4 : size) > *most) return at + " is too long";
    return {};
  }

  std::string object(Value schema, Value value, const std::string& at, int depth) {
    const std::vector<std::pair<std::string_view, Value>> members = value.members();
    for (const Value& name : schema["required"].elements()) {
      if (!may_go_on(1 + members.size())) return {};
      if (const auto key = name.string(); key && !value[*key].exists()) return at + " has no " + std::string(*key);
    }
    const Value properties = schema["properties"];
    const std::size_t named = properties.size();
    for (const auto& [key, member] : members) {
      if (!may_go_on(1 + named)) return {};
      const Value own = properties[key];
      const Value rule = own.exists() ? own : schema["additionalProperties"];
      if (!rule.exists()) continue;
      if (std::string wrong = fault(rule, member, at + "." + std::string(key), depth + 1); !wrong.empty()) return wrong;
    }
    return {};
  }

  std::string array(Value schema, Value value, const std::string& at, int depth) {
    const Value items = schema["items"];
    if (!items.exists()) return {};
    std::size_t number = 0;
    for (const Value& one : value.elements()) {
      if (steps_left_ == 0) return {};
      if (std::string wrong = fault(items, one, at + "[" + std::to_string(number++) + "]", depth + 1); !wrong.empty())
        return wrong;
    }
    return {};
  }

  Value root_;
  std::size_t steps_left_ = most_steps;
};

constexpr DialectId readable[] = {DialectId::openai_chat, DialectId::anthropic_messages, DialectId::openai_responses,
                                  DialectId::gemini};

bool fails(Check check, const config::Cascade& cascade, DialectId dialect, Value request, const AnswerText& answer) {
  const std::string_view text = trimmed(answer.text);
  switch (check) {
    case Check::empty: return text.empty() && !answer.calls_tool && !answer.refused;
    case Check::refusal: return answer.refused || sounds_refused(text);
    case Check::length: return answer.cut;
    case Check::too_short:
      return !answer.calls_tool && static_cast<std::int64_t>(text.size()) < cascade.min_answer_bytes;
    case Check::schema: {
      const std::optional<Value> form = wanted_form(dialect, request);
      if (!form || answer.calls_tool) return false;
      const auto value = json::Document::parse(text);
      return !value || (form->exists() && !schema_fault(*form, value->root()).empty());
    }
  }
  return false;
}

}  // namespace

AnswerText read_answer(DialectId dialect, Value answer) {
  AnswerText text;
  switch (dialect) {
    case DialectId::openai_chat: read_openai_chat(answer, text); break;
    case DialectId::anthropic_messages: read_anthropic(answer, text); break;
    case DialectId::openai_responses: read_responses(answer, text); break;
    case DialectId::gemini: read_gemini(answer, text); break;
    default: break;
  }
  return text;
}

std::string schema_fault(Value schema, Value value) { return SchemaCheck(schema).fault(schema, value, "$", 0); }

std::optional<Check> failed_check(const config::Cascade& cascade, DialectId dialect, Value request,
                                  std::string_view answer) {
  if (std::ranges::find(readable, dialect) == std::end(readable)) return std::nullopt;
  const auto parsed = json::Document::parse(answer);
  if (!parsed) return std::nullopt;  // what is no JSON has been refused before
  return failed_check(cascade, dialect, request, read_answer(dialect, parsed->root()));
}

std::optional<Check> failed_check(const config::Cascade& cascade, DialectId dialect, Value request,
                                  const AnswerText& answer) {
  for (const Check check : cascade.checks)
    if (fails(check, cascade, dialect, request, answer)) return check;
  return std::nullopt;
}

}  // namespace sluice::gateway
