#include "dialects/schema_references.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "dialects/fields.h"
#include "json/json.h"

namespace sluice::dialects {
namespace {

constexpr std::size_t most_bytes = 1024 * 1024;  // references to references could grow it without end

class Inliner {
 public:
  Inliner(json::Value root, std::string field) : root_(root), field_(std::move(field)), writer_(out_) {}

  Result<std::string> run() {
    CHECK_OK(write(root_));
    return std::move(out_);
  }

 private:
  // RFC 6901, as a fragment of the schema itself: "#/$defs/node".
  json::Value find(std::string_view reference) const {
    if (!reference.starts_with('#')) return {};
    json::Value found = root_;
    for (std::string_view rest = reference.substr(1); !rest.empty();) {
      if (!rest.starts_with('/')) return {};
      rest.remove_prefix(1);
      const std::string_view step = rest.substr(0, rest.find('/'));
      rest.remove_prefix(step.size());
      std::size_t index = 0;
      if (found.is_array() && std::from_chars(step.data(), step.data() + step.size(), index).ec == std::errc())
        found = found.at(index);
      else
        found = found[unescaped(step)];
    }
    return found;
  }

  static std::string unescaped(std::string_view step) {
    std::string name;
    for (std::size_t i = 0; i < step.size(); ++i) {
      const bool escape = step[i] == '~' && i + 1 < step.size();
      name += !escape ? step[i] : step[++i] == '1' ? '/' : '~';
    }
    return name;
  }

  Result<void> write(json::Value value) {
    if (out_.size() > most_bytes)
      return bad_field(field_, "this provider takes no references, and without them the schema is larger than 1 MB",
                       "make it smaller, or ask for a model whose provider takes references");
    if (value.is_array()) {
      writer_.begin_array();
      for (const json::Value& each : value.elements()) CHECK_OK(write(each));
      writer_.end_array();
      return {};
    }
    if (!value.is_object()) {
      writer_.raw(value.text());
      return {};
    }
    writer_.begin_object();
    CHECK_OK(write_members(value, {}));
    writer_.end_object();
    return {};
  }

  // Members beside a reference add to what it leads to, and win over its own.
  Result<void> write_members(json::Value object, const std::vector<std::string_view>& but) {
    std::vector<std::string_view> written = but;
    const auto reference = object["$ref"].string();
    for (const auto& [name, member] : object.members()) {
      if (std::ranges::find(written, name) != written.end() || (reference && name == "$ref")) continue;
      // What was referred to is in its places.
      if (name == "$defs" || (name == "definitions" && member.is_object() && open_.empty())) continue;
      if (reference) written.push_back(name);
      writer_.key(name);
      CHECK_OK(write(member));
    }
    if (!reference) return {};
    const json::Value target = find(*reference);
    if (!target.is_object())
      return bad_field(field_, "the reference '" + std::string(*reference) + "' leads to no part of the schema");
    if (std::ranges::find(open_, *reference) != open_.end() || *reference == "#")
      return bad_field(
          field_, "the part '" + std::string(*reference) + "' refers to itself, and this provider takes no such schema",
          "write out as many levels as are needed, or ask for a model whose provider takes it");
    open_.push_back(*reference);
    CHECK_OK(write_members(target, written));
    open_.pop_back();
    return {};
  }

  json::Value root_;
  const std::string field_;
  std::string out_;
  json::Writer writer_;
  std::vector<std::string_view> open_;  // the references whose parts are being written
};

}  // namespace

Result<std::string> without_references(std::string_view schema, const std::string& field) {
  if (!schema.contains("\"$ref\"")) return std::string(schema);
  TRY(const json::Document parsed, json::Document::parse(schema));
  return Inliner(parsed.root(), field).run();
}

}  // namespace sluice::dialects
