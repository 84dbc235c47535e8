#include "yaml/node.h"

#include <yaml.h>

#include <algorithm>
#include <unordered_map>

#include "json/json.h"

namespace sluice::yaml {
namespace {

// libyaml counts characters; people's editors and our carets are shown bytes of a line.
class Places {
 public:
  explicit Places(std::string_view text) {
    if (std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; })) return;
    while (true) {
      const std::size_t end = text.find('\n');
      lines_.push_back(text.substr(0, end));
      if (end == std::string_view::npos) break;
      text.remove_prefix(end + 1);
    }
  }

  Place operator()(const yaml_mark_t& mark) const {
    std::size_t column = mark.column;
    if (mark.line < lines_.size()) column = bytes(lines_[mark.line], column);
    return {static_cast<std::uint32_t>(mark.line + 1), static_cast<std::uint32_t>(column + 1)};
  }

 private:
  // Of a line's first so many characters.
  static std::size_t bytes(std::string_view line, std::size_t characters) {
    std::size_t at = 0;
    for (; characters > 0 && at < line.size(); --characters) do
        ++at;
      while (at < line.size() && (static_cast<unsigned char>(line[at]) & 0xc0) == 0x80);
    return at;
  }

  std::vector<std::string_view> lines_;  // empty when all of the text is ASCII
};

// Builds the tree from libyaml's events.
class Builder {
 public:
  Builder(const std::shared_ptr<const Source>& source, Diagnostics& diagnostics)
      : source_(source), diagnostics_(diagnostics), places_(source->text) {}

  // False after the first thing that cannot be represented, which is told.
  bool take(const yaml_event_t& event) {
    switch (event.type) {
      case YAML_DOCUMENT_START_EVENT:
        if (++documents_ > 1)
          refuse(places_(event.start_mark), "the text has several documents", "remove the `---` and what follows it");
        break;
      case YAML_ALIAS_EVENT:
        refuse(places_(event.start_mark), "aliases are not read here", "write the value again");
        break;
      case YAML_SCALAR_EVENT: scalar(event); break;
      case YAML_SEQUENCE_START_EVENT:
        open(Node::Kind::list, event, event.data.sequence_start.tag, event.data.sequence_start.anchor);
        break;
      case YAML_MAPPING_START_EVENT:
        open(Node::Kind::map, event, event.data.mapping_start.tag, event.data.mapping_start.anchor);
        break;
      case YAML_SEQUENCE_END_EVENT:
      case YAML_MAPPING_END_EVENT: close(); break;
      default: break;
    }
    return !failed_;
  }

  Node root() { return std::move(root_); }
  const Places& places() const { return places_; }

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

  void check_plain(const yaml_event_t& event, const yaml_char_t* tag, const yaml_char_t* anchor) {
    const Place place = places_(event.start_mark);
    if (anchor) refuse(place, "anchors are not read here", "write the value where it is needed");
    if (tag) refuse(place, "tags are not read here", std::string("remove ") + reinterpret_cast<const char*>(tag));
    if (++nodes_ > max_nodes) refuse(place, "there are more than 100,000 values", "is this the right file?");
  }

  void scalar(const yaml_event_t& event) {
    const auto& scalar = event.data.scalar;
    check_plain(event, scalar.tag, scalar.anchor);
    if (failed_) return;
    Node node;
    node.place = places_(event.start_mark);
    node.text.assign(reinterpret_cast<const char*>(scalar.value), scalar.length);
    node.quoted = scalar.style != YAML_PLAIN_SCALAR_STYLE;
    node.kind = !node.quoted && (node.text.empty() || node.text == "~" || node.text == "null") ? Node::Kind::null
                                                                                               : Node::Kind::scalar;
    const Place end = places_(event.end_mark);
    node.length =
        std::max<std::size_t>(end.line == node.place.line ? end.column - node.place.column : node.text.size(), 1);
    if (node.is_null()) node.text.clear();
    add(std::move(node));
  }

  void open(Node::Kind kind, const yaml_event_t& event, const yaml_char_t* tag, const yaml_char_t* anchor) {
    check_plain(event, tag, anchor);
    const Place place = places_(event.start_mark);
    if (open_.size() >= max_depth) refuse(place, "this is nested deeper than 32 levels", "is this the right file?");
    if (!open_.empty() && open_.back().node.is_map() && !open_.back().has_key)
      refuse(place, "a key must be a single word or text", "");
    if (failed_) return;
    Open level;
    level.node.kind = kind;
    level.node.place = place;
    open_.push_back(std::move(level));
  }

  void close() {
    Node node = std::move(open_.back().node);
    open_.pop_back();
    add(std::move(node));
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
  const Places places_;
  Node root_;
  std::vector<Open> open_;
  std::size_t nodes_ = 0;
  int documents_ = 0;
  bool failed_ = false;
};

// Each is libyaml's to be freed.
struct Parser {
  Parser() { ready = yaml_parser_initialize(&yaml) != 0; }
  ~Parser() { yaml_parser_delete(&yaml); }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;
  yaml_parser_t yaml = {};
  bool ready = false;
};
struct Event {
  Event() = default;
  ~Event() { yaml_event_delete(&yaml); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  yaml_event_t yaml = {};
};

// "did not find expected ',' or ']', while parsing a flow sequence"
std::string problem_of(const yaml_parser_t& parser) {
  std::string problem = parser.problem ? parser.problem : "there is no memory to read it";
  if (parser.context) problem += std::string(", ") + parser.context;
  return problem;
}

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
  Parser parser;
  if (!parser.ready) {
    diagnostics.add({.source = source, .message = "there is no memory to read the text"});
    return std::nullopt;
  }
  yaml_parser_set_encoding(&parser.yaml, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&parser.yaml, reinterpret_cast<const unsigned char*>(source->text.data()),
                               source->text.size());
  Builder builder(source, diagnostics);
  while (true) {
    Event event;
    if (!yaml_parser_parse(&parser.yaml, &event.yaml)) {
      diagnostics.add({.source = source,
                       .place = builder.places()(parser.yaml.problem_mark),
                       .message = "this is not YAML: " + problem_of(parser.yaml),
                       .help = "check indentation, colons, brackets and quotes here and in the line above"});
      return std::nullopt;
    }
    if (event.yaml.type == YAML_STREAM_END_EVENT) return builder.root();
    if (!builder.take(event.yaml)) return std::nullopt;
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
