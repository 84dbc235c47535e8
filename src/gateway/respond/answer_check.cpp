#include "gateway/respond/answer_check.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
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
  into.cut = answer["stop_reason"].string() == "max_tokens";
  into.refused = answer["stop_reason"].string() == "refusal";
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
  into.refused = answer["promptFeedback"]["blockReason"].is_string() || why == "SAFETY" ||
                 why == "PROHIBITED_CONTENT" || why == "BLOCKLIST" || why == "RECITATION" || why == "SPII";
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
  if (dialect == DialectId::gemini && request["generationConfig"]["responseMimeType"].string() == "application/json")
    return request["generationConfig"]["responseJsonSchema"];  // its other form is no JSON Schema
  return std::nullopt;
}

// --- JSON Schema

constexpr int deepest = 64;  // a schema that refers to itself goes on as deep as the value
// Members and elements. A client's schema may refer to itself several times at each level; what it says beyond this is
// taken for kept. Answers of models need a hundredth.
constexpr std::size_t most_looked_at = 200'000;

class SchemaCheck {
 public:
  explicit SchemaCheck(Value root) : root_(root) {}

  // Empty: as it should be.
  std::string fault(Value schema, Value value, const std::string& at, int depth) {
    if (depth == deepest || schema.boolean() == true || !schema.is_object())
      return schema.boolean() == false ? at + " must not be there" : std::string();
    if (!may_look_at(1 + schema.size())) return {};
    if (const auto reference = schema["$ref"].string()) {
      const Value target = find(*reference);
      return target.exists() ? fault(target, value, at, depth + 1) : std::string();
    }
    if (!has_type(schema["type"], value)) return at + " is no " + schema["type"].text();
    if (schema["enum"].is_array() && may_look_at(schema["enum"].size()) && !is_one_of(schema["enum"], value))
      return at + " is none of " + schema["enum"].text();
    if (schema["const"].exists() && schema["const"].text() != value.text())
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
  bool may_look_at(std::size_t parts) {
    looked_at_ += parts;
    return looked_at_ <= most_looked_at;
  }

  Value find(std::string_view reference) {
    if (!reference.starts_with('#')) return {};
    Value at = root_;
    reference.remove_prefix(1);
    while (!reference.empty()) {
      reference.remove_prefix(1);
      const std::size_t end = std::min(reference.find('/'), reference.size());
      if (!may_look_at(at.size())) return {};
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

  static bool has_type(Value types, Value value) {
    if (const auto one = types.string()) return is(*one, value);
    const std::vector<Value> several = types.elements();
    return several.empty() ||
           std::ranges::any_of(several, [&](Value type) { return is(type.string().value_or(""), value); });
  }

  static bool is_one_of(Value list, Value value) {
    const std::string text = value.text();
    const std::vector<Value> all = list.elements();
    return std::ranges::any_of(all, [&](Value one) { return one.text() == text; });
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
    const std::size_t members = value.size();
    for (const Value& name : schema["required"].elements()) {
      if (!may_look_at(1 + members)) return {};
      if (const auto key = name.string(); key && !value[*key].exists()) return at + " has no " + std::string(*key);
    }
    const Value properties = schema["properties"];
    const std::size_t known = properties.size();
    for (const auto& [key, member] : value.members()) {
      if (!may_look_at(1 + known)) return {};
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
    for (const Value& one : value.elements())
      if (std::string wrong = fault(items, one, at + "[" + std::to_string(number++) + "]", depth + 1); !wrong.empty())
        return wrong;
    return {};
  }

  Value root_;
  std::size_t looked_at_ = 0;
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
