#include "dialects/gemini/streamed_arguments.h"

#include <algorithm>
#include <charconv>

#include "dialects/provider_error.h"

namespace sluice::dialects::gemini {
namespace {

constexpr std::size_t max_bytes = 8 * 1024 * 1024;  // of all arguments, their paths included
constexpr std::size_t max_elements = 10'000;        // of one array or object
constexpr std::size_t max_depth = 64;

}  // namespace

// $.a.b[0]['c d'].e
Result<std::vector<StreamedArguments::Step>> StreamedArguments::steps_of(std::string_view path) {
  std::vector<Step> steps;
  if (path.starts_with('$')) path.remove_prefix(1);
  while (!path.empty()) {
    if (steps.size() >= max_depth) return not_the_protocol("arguments that are nested too deep");
    if (path.starts_with('.')) path.remove_prefix(1);
    if (!path.starts_with('[')) {
      const std::size_t end = std::min(path.find_first_of(".["), path.size());
      if (end == 0) return not_the_protocol("a path of arguments with an empty name");
      steps.push_back({.name = std::string(path.substr(0, end))});
      path.remove_prefix(end);
      continue;
    }
    const char quote = path.size() > 1 ? path[1] : '\0';
    const bool quoted = quote == '\'' || quote == '"';
    const std::size_t end = quoted ? path.find(std::string{quote, ']'}, 2) : path.find(']');
    if (end == std::string_view::npos) return not_the_protocol("a path of arguments without its end");
    if (quoted) {
      steps.push_back({.name = std::string(path.substr(2, end - 2))});
      path.remove_prefix(end + 2);
      continue;
    }
    Step step{.in_array = true};
    const auto [stop, fault] = std::from_chars(path.data() + 1, path.data() + end, step.index);
    if (fault != std::errc() || stop != path.data() + end || step.index >= max_elements)
      return not_the_protocol("a path of arguments with a wrong index");
    steps.push_back(std::move(step));
    path.remove_prefix(end + 1);
  }
  return steps;
}

Result<StreamedArguments::Node*> StreamedArguments::find(const std::vector<Step>& steps) {
  Node* node = &root_;
  for (const Step& step : steps) {
    const auto kind = step.in_array ? Node::Kind::array : Node::Kind::object;
    if (node->kind == Node::Kind::none) node->kind = kind;
    if (node->kind != kind) return not_the_protocol("arguments that are two things at one place");
    std::size_t place = step.index;
    if (!step.in_array)
      place = static_cast<std::size_t>(std::ranges::find(node->names, step.name) - node->names.begin());
    if (place >= max_elements) return not_the_protocol("arguments that are too large");
    if (place >= node->children.size()) {
      bytes_ += (place + 1 - node->children.size()) * sizeof(Node);
      if (bytes_ > max_bytes) return not_the_protocol("arguments that are too large");
      node->children.resize(place + 1);
      if (!step.in_array) node->names.push_back(step.name);
    }
    node = &node->children[place];
  }
  return node;
}

Result<void> StreamedArguments::add(json::Value piece) {
  const std::string_view path = piece["jsonPath"].string().value_or("");
  const auto text = piece["stringValue"].string();
  bytes_ += path.size() + sizeof(Node) + text.value_or("").size();
  if (bytes_ > max_bytes) return not_the_protocol("arguments that are too large");
  TRY(const std::vector<Step> steps, steps_of(path));
  if (steps.empty() || steps.front().in_array) return not_the_protocol("a piece of arguments without a name");
  TRY(Node * node, find(steps));
  if (node->kind == Node::Kind::object || node->kind == Node::Kind::array)
    return not_the_protocol("arguments that are two things at one place");
  if (text) {
    if (node->kind != Node::Kind::string) node->value.clear();
    node->kind = Node::Kind::string;
    node->value += *text;
    return {};
  }
  node->kind = Node::Kind::other;
  node->value = "null";
  for (const std::string_view name : {"numberValue", "boolValue"})
    if (piece[name].exists()) node->value = piece[name].text();
  return {};
}

void StreamedArguments::write(json::Writer& writer, const Node& node) {
  switch (node.kind) {
    case Node::Kind::none: writer.null(); return;
    case Node::Kind::string: writer.string(node.value); return;
    case Node::Kind::other: writer.raw(node.value); return;
    case Node::Kind::array:
      writer.begin_array();
      for (const Node& element : node.children) write(writer, element);
      writer.end_array();
      return;
    case Node::Kind::object:
      writer.begin_object();
      for (std::size_t i = 0; i < node.names.size(); ++i) {
        writer.key(node.names[i]);
        write(writer, node.children[i]);
      }
      writer.end_object();
      return;
  }
}

std::string StreamedArguments::text() const {
  std::string out;
  json::Writer writer(out);
  if (root_.kind == Node::Kind::none) return "{}";
  write(writer, root_);
  return out;
}

}  // namespace sluice::dialects::gemini
