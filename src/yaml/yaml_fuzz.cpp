// Whatever a person's text is: it becomes a tree within the bounds whose places are in the text, or something is told.
#include <algorithm>
#include <cstdlib>

#include "yaml/node.h"

namespace {

using sluice::yaml::Node;

void check(const Node& node, std::size_t lines, std::size_t depth) {
  if (depth > sluice::yaml::max_depth || node.place.line > lines + 1) std::abort();
  for (const Node& item : node.items) check(item, lines, depth + 1);
  for (const auto& member : node.members) check(member.value, lines, depth + 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::yaml;
  const auto source = std::make_shared<Source>(
      Source{"fuzz.yaml", std::string(reinterpret_cast<const char*>(data), size), {"api_key"}});
  Diagnostics diagnostics;
  const auto node = parse(source, diagnostics);
  if (!node && diagnostics.ok()) std::abort();
  // U+0085, U+2028 and U+2029 break lines, too, for libyaml.
  const auto breaks = std::ranges::count_if(
      source->text, [](char c) { return c == '\n' || c == '\r' || c == '\x85' || c == '\xa8' || c == '\xa9'; });
  if (node) check(*node, static_cast<std::size_t>(breaks) + 1, 0);
  if (diagnostics.render().empty() != (diagnostics.errors() == 0)) std::abort();
  return 0;
}
