#include "plan/schema.h"

#include <fmt/format.h>

#include <ranges>
#include <vector>

#include "json/json.h"
#include "plan/keys.h"

namespace sluice::plan {
namespace {

// A number may also be written as a text: 10B, 30 %, $33,000.
void write_number(json::Writer& out) { out.key("type").raw(R"(["number","string"])"); }

void write_key(json::Writer& out, const Key& key) {
  out.key(key.name).begin_object().member("description", key.meaning);
  const auto list = [&] { out.member("type", "array").key("items").begin_object(); };
  switch (key.kind) {
    case Kind::text: out.member("type", "string"); break;
    case Kind::texts:
      out.key("type").raw(R"(["string","array"])").key("items").begin_object().member("type", "string").end_object();
      break;
    case Kind::flag: out.member("type", "boolean"); break;
    case Kind::word:
      out.key("enum").begin_array();
      for (const auto word : key.words | std::views::split(' ')) out.string(std::string_view(word.begin(), word.end()));
      out.end_array();
      break;
    case Kind::mixes:
    case Kind::numbers:
    case Kind::shares:
      list();
      write_number(out);
      out.end_object();
      break;
    case Kind::map:
      out.member("type", "object").key("additionalProperties").begin_object();
      if (key.words.empty())
        write_number(out);
      else
        out.key("anyOf").raw(fmt::format(R"([{{"type":["number","string"]}},{{"$ref":"#/$defs/{}"}}])", key.words));
      out.end_object();
      break;
    case Kind::section: out.member("$ref", "#/$defs/" + std::string(key.words)); break;
    case Kind::sections:
      list();
      out.member("$ref", "#/$defs/" + std::string(key.words)).end_object();
      out.key("maxItems").number(key.most);
      break;
    case Kind::number:
    case Kind::share:
    case Kind::usd:
    case Kind::price:
    case Kind::tokens:
    case Kind::ms:
      write_number(out);
      out.key("minimum").number(key.least).key("maximum").number(key.most);
      break;
  }
  out.end_object();
}

void write_section(json::Writer& out, std::string_view section) {
  out.member("type", "object").member("additionalProperties", false).key("required").begin_array();
  for (const Key& key : keys())
    if (key.section == section && key.required) out.string(key.name);
  out.end_array().key("properties").begin_object();
  for (const Key& key : keys())
    if (key.section == section) write_key(out, key);
  out.end_object();
}

}  // namespace

std::string plan_schema() {
  std::string text;
  json::Writer out(text);
  out.begin_object().member("$schema", "https://json-schema.org/draft/2020-12/schema");
  out.member("title", "A plan of sluice: workloads, options, pools and assumptions");
  write_section(out, "plan");
  out.key("$defs").begin_object();
  std::string_view last = "plan";
  for (const Key& key : keys()) {
    if (key.section == last) continue;
    last = key.section;
    out.key(last).begin_object();
    write_section(out, last);
    out.end_object();
  }
  out.end_object().end_object();
  return text + "\n";
}

}  // namespace sluice::plan
