#include "yaml/node.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <sstream>
#include <unordered_map>

#include "json/json.h"

namespace sluice::yaml {
namespace {

Place place_of(const YAML::Mark& mark) {
  return {static_cast<std::uint32_t>(mark.line + 1), static_cast<std::uint32_t>(mark.column + 1)};
}

// Builds the tree from yaml-cpp's events. After the first thing that cannot be represented it only counts brackets.
class Builder : public YAML::EventHandler {
 public:
  Builder(const std::shared_ptr<const Source>& source, Diagnostics& diagnostics)
      : source_(source), diagnostics_(diagnostics) {}

  Node take() { return std::move(root_); }
  bool failed() const { return failed_; }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Node node;
    node.place = place_of(mark);
    if (plain(mark, "", anchor)) add(std::move(node));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    refuse(place_of(mark), "aliases are not read here", "write the value again");
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node node;
    node.kind = Node::Kind::scalar;
    node.place = place_of(mark);
    node.text = value;
    node.quoted = tag == "!";  // what yaml-cpp calls a scalar in quotes
    node.length = std::max<std::size_t>(value.size() + (node.quoted ? 2 : 0), 1);
    if (!node.quoted && (value == "~" || value == "null")) node.kind = Node::Kind::null;
    if (plain(mark, node.quoted ? "" : tag, anchor)) add(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Node::Kind::list, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Node::Kind::map, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    Node node;
    bool has_key = false;
    Member member;                                             // whose value comes next
    std::unordered_map<std::string, std::uint32_t> keys = {};  // of a map, with their lines: it may have thousands
  };

  void refuse(Place place, std::string message, std::string help) {
    if (!failed_)
      diagnostics_.add({.source = source_, .place = place, .message = std::move(message), .help = std::move(help)});
    failed_ = true;
  }

  bool plain(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (anchor != 0) refuse(place_of(mark), "anchors are not read here", "write the value where it is needed");
    if (!tag.empty() && tag != "?") refuse(place_of(mark), "tags are not read here", "remove " + tag);
    if (++nodes_ > max_nodes) refuse(place_of(mark), "there are more than 100,000 values", "is this the right file?");
    return !failed_;
  }

  void open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    plain(mark, tag, anchor);
    if (open_.size() >= max_depth)
      refuse(place_of(mark), "this is nested deeper than 32 levels", "is this the right file?");
    if (!open_.empty() && open_.back().node.is_map() && !open_.back().has_key && !failed_)
      refuse(place_of(mark), "a key must be a single word or text", "");
    Open level;
    level.node.kind = kind;
    level.node.place = place_of(mark);
    if (open_.size() < max_depth + 1) open_.push_back(std::move(level));
    ++depth_;
  }

  void close() {
    if (depth_-- > open_.size() || open_.empty()) return;  // beyond the bound nothing was kept
    Node node = std::move(open_.back().node);
    open_.pop_back();
    if (!failed_) add(std::move(node));
  }

  void add(Node node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& level = open_.back();
    if (level.node.is_list()) {
      level.node.items.push_back(std::move(node));
    } else if (level.has_key) {
      level.member.value = std::move(node);
      level.node.members.push_back(std::move(level.member));
      level.member = {};
      level.has_key = false;
    } else {
      add_key(level, node);
    }
  }

  void add_key(Open& level, const Node& node) {
    if (!node.is_scalar() && !node.is_null()) return refuse(node.place, "a key must be a single word or text", "");
    const std::string key = node.is_null() ? "null" : node.text;
    if (const auto [first, fresh] = level.keys.emplace(key, node.place.line); !fresh)
      diagnostics_.add({.source = source_,
                        .place = node.place,
                        .length = node.length,
                        .message = "`" + key + "` is given twice",
                        .help = "it was given first in line " + std::to_string(first->second)});
    level.member = {.key = key, .key_place = node.place, .key_length = node.length, .value = {}};
    level.has_key = true;
  }

  const std::shared_ptr<const Source>& source_;
  Diagnostics& diagnostics_;
  Node root_;
  std::vector<Open> open_;
  std::size_t depth_ = 0;
  std::size_t nodes_ = 0;
  bool failed_ = false;
};

}  // namespace

const Member* Node::find(std::string_view key) const {
  const auto found = std::ranges::find(members, key, &Member::key);
  return found == members.end() ? nullptr : &*found;
}

std::string describe(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null: return "nothing";
    case Node::Kind::list: return "a list";
    case Node::Kind::map: return "a map";
    case Node::Kind::scalar: break;
  }
  return "`" + (node.text.size() > 40 ? node.text.substr(0, 40) + "..." : node.text) + "`";
}

std::optional<Node> parse(const std::shared_ptr<const Source>& source, Diagnostics& diagnostics) {
  if (source->text.size() > max_source_bytes) {
    diagnostics.add({.source = source, .message = "the text is larger than 1 MiB", .help = "is this the right file?"});
    return std::nullopt;
  }
  try {
    std::istringstream stream(source->text);
    YAML::Parser parser(stream);
    Builder builder(source, diagnostics);
    if (!parser.HandleNextDocument(builder)) return Node();
    if (builder.failed()) return std::nullopt;
    Node node = builder.take();
    Builder second(source, diagnostics);
    if (parser.HandleNextDocument(second)) {
      diagnostics.add({.source = source,
                       .message = "the text has several documents",
                       .help = "remove the `---` and what follows it"});
      return std::nullopt;
    }
    return node;
  } catch (const YAML::Exception& problem) {
    diagnostics.add({.source = source,
                     .place = place_of(problem.mark),
                     .message = "this is not YAML: " + problem.msg,
                     .help = "check indentation, colons, brackets and quotes here and in the line above"});
    return std::nullopt;
  }
}

namespace {

Node node_of(json::Value value) {
  Node node;
  if (value.is_array()) {
    node.kind = Node::Kind::list;
    for (const json::Value item : value.elements()) node.items.push_back(node_of(item));
  } else if (value.is_object()) {
    node.kind = Node::Kind::map;
    for (const auto& [key, member] : value.members())
      node.members.push_back({.key = std::string(key), .key_place = {}, .value = node_of(member)});
  } else if (const auto text = value.string()) {
    node.kind = Node::Kind::scalar;
    node.text = *text;
  }
  return node;
}

}  // namespace

std::optional<Node> from_json(std::string_view json) {
  const auto document = json::Document::parse(json);
  return document ? std::optional(node_of(document->root())) : std::nullopt;
}

}  // namespace sluice::yaml
