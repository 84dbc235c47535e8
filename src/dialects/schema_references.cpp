#include "dialects/schema_references.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/percent.h"
#include "dialects/fields.h"
#include "json/json.h"

namespace sluice::dialects {
namespace {

// References to references could grow the schema without end, in size or, where nothing new is said, in work.
constexpr std::size_t most_bytes = 1024 * 1024;
constexpr std::size_t most_steps = 1024 * 1024;  // members and elements looked at: as many as 1 MB could hold
constexpr std::size_t most_levels = 256;         // of objects and arrays, as of any JSON that Sluice reads
constexpr std::size_t most_open = 64;            // references inside the parts of references: each costs stack

// What a value is where it stands: only in a schema do members have a meaning. "$ref" may also be a property's name,
// or a word in an example.
enum class Place : std::uint8_t { schema, map_of_schemas, data };

Place place_of(std::string_view member) {
  constexpr std::array<std::string_view, 6> maps = {"properties",  "patternProperties", "$defs",
                                                    "definitions", "dependentSchemas",  "dependencies"};
  constexpr std::array<std::string_view, 5> values = {"const", "enum", "default", "examples", "example"};
  if (std::ranges::find(maps, member) != maps.end()) return Place::map_of_schemas;
  return std::ranges::find(values, member) != values.end() ? Place::data : Place::schema;
}

// Members that no answer can fail to fit.
constexpr std::array<std::string_view, 12> descriptions = {"title",   "description", "default",   "examples",
                                                           "example", "$comment",    "readOnly",  "deprecated",
                                                           "$id",     "$anchor",     "writeOnly", "$schema"};

class Inliner {
 public:
  Inliner(json::Value root, std::string field) : root_(root), field_(std::move(field)), writer_(out_) {}

  Result<std::string> run() {
    CHECK_OK(write(root_, Place::schema));
    return std::move(out_);
  }

 private:
  // What an object or array holds, so that each reference costs one look-up however many parts there are.
  struct Contents {
    std::unordered_map<std::string_view, json::Value> members;
    std::vector<json::Value> elements;
  };

  // RFC 6901, as a fragment of the schema itself: "#/$defs/node".
  json::Value find(std::string_view reference) {
    if (!reference.starts_with('#')) return {};
    json::Value found = root_;
    for (std::size_t at = 1; at < reference.size() && found.exists();) {
      if (reference[at] != '/') return {};
      const std::size_t end = std::min(reference.find('/', at + 1), reference.size());
      found = step(found, reference.substr(0, at), reference.substr(at + 1, end - at - 1));
      at = end;
    }
    return found;
  }

  // A fragment may have its bytes percent-encoded. The view lasts as long as this object.
  std::string_view decoded(std::string_view reference) {
    if (!reference.contains('%')) return reference;
    auto plain = percent_decoded(reference, false);
    return plain ? std::string_view(*decoded_.insert(*std::move(plain)).first) : reference;
  }

  // `path` is the reference as far as `value`. Each value has one path only, or its contents would be listed again.
  json::Value step(json::Value value, std::string_view path, std::string_view name) {
    const auto [place, is_new] = contents_.try_emplace(path);
    Contents& contents = place->second;
    if (is_new) {
      contents.elements = value.elements();
      for (const auto& [member, held] : value.members()) contents.members.try_emplace(member, held);
    }
    if (value.is_array()) {
      std::size_t index = 0;
      const auto read = std::from_chars(name.data(), name.data() + name.size(), index);
      const bool canonical =
          read.ec == std::errc() && read.ptr == name.data() + name.size() && (name == "0" || !name.starts_with('0'));
      return canonical && index < contents.elements.size() ? contents.elements[index] : json::Value();
    }
    const auto plain = unescaped(name);
    if (!plain) return {};
    const auto member = contents.members.find(*plain);
    return member == contents.members.end() ? json::Value() : member->second;
  }

  static std::optional<std::string> unescaped(std::string_view step) {
    std::string name;
    for (std::size_t i = 0; i < step.size(); ++i) {
      if (step[i] != '~') {
        name += step[i];
        continue;
      }
      if (++i == step.size() || (step[i] != '0' && step[i] != '1')) return std::nullopt;
      name += step[i] == '1' ? '/' : '~';
    }
    return name;
  }

  std::unexpected<Error> refuse(std::string_view what) const {
    return bad_field(field_, "this provider takes no references, and without them the schema " + std::string(what),
                     "make it smaller, or ask for a model whose provider takes references");
  }

  Result<void> count_steps(std::size_t steps = 1) {
    if (out_.size() > most_bytes) return refuse("is larger than 1 MB");
    steps_ += steps;
    if (steps_ > most_steps) return refuse("is more than can be written out");
    return {};
  }
  Result<void> count_text(std::string_view text) { return count_steps(1 + text.size() / 16); }

  Result<void> write(json::Value value, Place place) {
    CHECK_OK(count_steps());
    if (place == Place::data || (!value.is_array() && !value.is_object())) {
      writer_.raw(value.text());
      return {};
    }
    if (levels_ == most_levels) return refuse("has more than " + std::to_string(most_levels) + " levels");
    ++levels_;
    if (value.is_array()) {
      writer_.begin_array();
      for (const json::Value& each : value.elements()) CHECK_OK(write(each, place));
      writer_.end_array();
    } else {
      writer_.begin_object();
      CHECK_OK(place == Place::schema ? write_schema(value) : write_map(value));
      writer_.end_object();
    }
    --levels_;
    return {};
  }

  Result<void> write_map(json::Value map) {
    for (const auto& [name, schema] : map.members()) {
      writer_.key(name);
      CHECK_OK(write(schema, Place::schema));
    }
    return {};
  }

  // Members beside a reference add to what it leads to. Where both have one, the answer must fit both, so only what
  // describes may differ: then the one beside the reference is meant.
  Result<void> write_schema(json::Value schema) {
    std::unordered_map<std::string_view, json::Value> written;
    const std::size_t outside = open_.size();
    while (true) {
      const auto reference = schema["$ref"].string();
      for (const auto& [name, member] : schema.members()) {
        CHECK_OK(count_steps());
        if (reference && name == "$ref") continue;
        // What was referred to is in its places.
        if (member.is_object() && (name == "$defs" || name == "definitions")) continue;
        if (reference || open_.size() > outside) {
          const auto [place, is_first] = written.try_emplace(name, member);
          if (!is_first) {
            CHECK_OK(check_same(name, place->second, member));
            continue;
          }
        }
        writer_.key(name);
        CHECK_OK(write(member, place_of(name)));
      }
      if (!reference) break;
      CHECK_OK(count_text(*reference));
      CHECK_OK(open(decoded(*reference), schema));
    }
    open_.resize(outside);
    return {};
  }

  Result<void> check_same(std::string_view name, json::Value one, json::Value other) {
    if (std::ranges::find(descriptions, name) != descriptions.end()) return {};
    const std::string text = one.text();
    const std::string other_text = other.text();
    CHECK_OK(count_text(text));
    CHECK_OK(count_text(other_text));
    if (text == other_text) return {};
    return bad_field(field_,
                     "'" + std::string(name) +
                         "' stands beside a reference and, otherwise, in the part that it leads " +
                         "to, and this provider takes no references",
                     "write the part out, or ask for a model whose provider takes references");
  }

  // Puts the part that the reference leads to in the place of `schema`.
  Result<void> open(std::string_view reference, json::Value& schema) {
    constexpr std::size_t most_shown = 200;
    const std::string quoted =
        "'" + std::string(reference.substr(0, most_shown)) + (reference.size() > most_shown ? "...'" : "'");
    const json::Value target = find(reference);
    if (!target.is_object()) return bad_field(field_, "the reference " + quoted + " leads to no part of the schema");
    if (std::ranges::find(open_, reference) != open_.end() || reference == "#")
      return bad_field(field_, "the part " + quoted + " refers to itself, and this provider takes no such schema",
                       "write out as many levels as are needed, or ask for a model whose provider takes it");
    if (open_.size() == most_open)
      return bad_field(field_,
                       "the reference " + quoted + " is inside the parts of " + std::to_string(most_open) +
                           " others, and this provider takes no references",
                       "write some of them out, or ask for a model whose provider takes references");
    open_.push_back(reference);
    schema = target;
    return {};
  }

  json::Value root_;
  const std::string field_;
  std::string out_;
  json::Writer writer_;
  std::vector<std::string_view> open_;  // the references whose parts are being written
  std::unordered_map<std::string_view, Contents> contents_;
  std::unordered_set<std::string> decoded_;  // references that were percent-encoded
  std::size_t steps_ = 0;
  std::size_t levels_ = 0;
};

}  // namespace

Result<std::string> without_references(std::string_view schema, const std::string& field) {
  if (!schema.contains("\"$ref\"")) return std::string(schema);
  TRY(const json::Document parsed, json::Document::parse(schema));
  return Inliner(parsed.root(), field).run();
}

}  // namespace sluice::dialects
