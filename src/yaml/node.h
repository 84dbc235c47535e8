// YAML as a tree of located values: the one door to libyaml. Scalars stay text: the schema that reads them decides
// what they mean, so `no` is the word no and 1.10 is not 1.1 (YAML 1.2, without its guesses). JSON is YAML, so it is
// read too. Refused with their place: duplicate keys, anchors and aliases (a few lines can unfold to gigabytes), tags,
// several documents, keys that are not scalars, texts and depths over the bounds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "yaml/diagnostics.h"

namespace sluice::yaml {

constexpr std::size_t max_source_bytes = 1 << 20;  // a configuration of a thousand providers is a tenth of this
constexpr std::size_t max_depth = 32;              // the deepest schema here needs 6
constexpr std::size_t max_nodes = 100'000;         // memory: 100 bytes and the text each

struct Member;

struct Node {
  enum class Kind : std::uint8_t { null, scalar, list, map };
  Kind kind = Kind::null;
  Place place;
  std::size_t length = 1;       // bytes in the source, for the caret; 1 for lists and maps
  std::string text;             // of a scalar
  bool quoted = false;          // a scalar in quotes, or a block scalar: never null, never a number
  std::vector<Node> items;      // of a list
  std::vector<Member> members;  // of a map, in the text's order

  bool is_null() const { return kind == Kind::null; }
  bool is_scalar() const { return kind == Kind::scalar; }
  bool is_list() const { return kind == Kind::list; }
  bool is_map() const { return kind == Kind::map; }
  const Member* find(std::string_view key) const;  // null for another kind or an absent key
};

struct Member {
  std::string key;
  Place key_place;
  std::size_t key_length = 1;
  Node value;
};

// "a list", "a map", "the text `yes`", "nothing": for messages.
std::string describe(const Node& node);

// The one document in `source`; an empty text is a null node. Empty, with errors added, when it cannot be read.
std::optional<Node> parse(const std::shared_ptr<const Source>& source, Diagnostics& diagnostics);

// The same of JSON whose scalars are all strings or null, as the build makes it of data/: no places, no quotes. Empty
// when it is not JSON.
std::optional<Node> from_json(std::string_view json);

}  // namespace sluice::yaml
