// data_bundle OUT.cpp ROOT: puts every ROOT/**/*.yaml into a C++ file, as JSON. A program that starts reads JSON thirty
// times as fast as YAML, and what is wrong with a file stops the build.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "json/json.h"
#include "yaml/node.h"

namespace {

namespace fs = std::filesystem;
using sluice::yaml::Node;

// Scalars become strings: what they mean is the schema's to say.
void write(sluice::json::Writer& to, const Node& node) {
  switch (node.kind) {
    case Node::Kind::null: to.null(); break;
    case Node::Kind::scalar: to.string(node.text); break;
    case Node::Kind::list:
      to.begin_array();
      for (const Node& item : node.items) write(to, item);
      to.end_array();
      break;
    case Node::Kind::map:
      to.begin_object();
      for (const sluice::yaml::Member& member : node.members) write(to.key(member.key), member.value);
      to.end_object();
      break;
  }
}

std::string bytes_of(const std::string& text) {
  std::string out;
  for (const char c : text) out += std::to_string(static_cast<unsigned char>(c)) + ",";
  return out;
}

int bundle(const fs::path& out, const fs::path& root) {
  std::vector<std::string> paths;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root))
    if (entry.path().extension() == ".yaml") paths.push_back(fs::relative(entry.path(), root).generic_string());
  std::ranges::sort(paths);
  std::string arrays;
  std::string table;
  sluice::yaml::Diagnostics diagnostics;
  for (std::size_t n = 0; n < paths.size(); ++n) {
    std::ifstream file(root / paths[n], std::ios::binary);
    const auto source = std::make_shared<sluice::yaml::Source>(sluice::yaml::Source{
        .name = "data/" + paths[n], .text = std::string(std::istreambuf_iterator<char>(file), {})});
    const std::optional<Node> node = sluice::yaml::parse(source, diagnostics);
    if (!node) continue;
    std::string json;
    sluice::json::Writer writer(json);
    write(writer, *node);
    const std::string name = "file_" + std::to_string(n);
    arrays += "constexpr unsigned char " + name + "[] = {" + bytes_of(json) + "0};\n";
    table += "      {\"" + paths[n] + "\", text(" + name + ", sizeof " + name + " - 1), true},\n";
  }
  if (!diagnostics.ok()) {
    std::fputs(diagnostics.render().c_str(), stderr);
    return 1;
  }
  std::ofstream(out) << "// Made from data/ by tools/bundle.\n#include \"catalog/catalog.h\"\n\n"
                        "namespace sluice::catalog {\nnamespace {\n"
                     << arrays
                     << "std::string_view text(const unsigned char* bytes, std::size_t size) {\n"
                        "  return {reinterpret_cast<const char*>(bytes), size};\n}\n}  // namespace\n\n"
                        "std::vector<DataFile> embedded_files() {\n  return {\n"
                     << table << "  };\n}\n\n}  // namespace sluice::catalog\n";
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  if (count == 3) return bundle(arguments[1], arguments[2]);
  std::fputs("usage: data_bundle OUT.cpp ROOT\n", stderr);
  return 2;
}
