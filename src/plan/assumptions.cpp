#include "plan/assumptions.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "catalog/catalog.h"
#include "plan/quantity.h"

namespace sluice::plan {
namespace {

[[noreturn]] void broken(std::string_view what) {
  std::fprintf(stderr, "data/plan: %.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}

std::optional<double> bound(const yaml::Node& row, const char* name) {
  if (!row.find(name)) return std::nullopt;
  return data_number(row, name);
}

std::map<std::string, yaml::Node, std::less<>> read_files() {
  std::map<std::string, yaml::Node, std::less<>> files;
  yaml::Diagnostics diagnostics;
  for (const catalog::DataFile& file : catalog::embedded_files()) {
    if (!file.path.starts_with("plan/")) continue;
    const auto source =
        std::make_shared<yaml::Source>(yaml::Source{.name = std::string(file.path), .text = std::string(file.text)});
    auto node = file.json ? yaml::from_json(file.text) : yaml::parse(source, diagnostics);
    if (!node || !node->is_list()) broken(file.path);
    files.emplace(file.path.substr(5), std::move(*node));
  }
  return files;
}

}  // namespace

const yaml::Node& data_file(std::string_view name) {
  static const auto files = read_files();
  const auto at = files.find(name);
  if (at == files.end()) broken(name);
  return at->second;
}

std::string data_text(const yaml::Node& row, std::string_view name, const char* otherwise) {
  const yaml::Member* member = row.find(name);
  if (member && member->value.is_scalar()) return member->value.text;
  if (!otherwise) broken(name);
  return otherwise;
}

double data_number(const yaml::Node& row, std::string_view name, const char* otherwise) {
  const auto quantity = parse_quantity(data_text(row, name, otherwise));
  if (!quantity) broken(name);
  return quantity->value;
}

const Assumptions& Assumptions::defaults() {
  static const Assumptions defaults = [] {
    Assumptions read;
    for (const yaml::Node& row : data_file("assumptions.yaml").items)
      read.all_.push_back({.id = data_text(row, "id"),
                           .value = data_number(row, "value"),
                           .low = data_number(row, "low"),
                           .high = data_number(row, "high"),
                           .least = bound(row, "least"),
                           .most = bound(row, "most"),
                           .unit = data_text(row, "unit"),
                           .meaning = data_text(row, "meaning"),
                           .source = data_text(row, "source")});
    return read;
  }();
  return defaults;
}

Assumption* Assumptions::find(std::string_view id) {
  const auto at = std::ranges::find(all_, id, &Assumption::id);
  return at == all_.end() ? nullptr : &*at;
}

const Assumption& Assumptions::at(std::string_view id) const {
  const auto at = std::ranges::find(all_, id, &Assumption::id);
  if (at == all_.end()) broken(id);
  return *at;
}

Assumptions Assumptions::with(std::string_view id, double value) const {
  Assumptions changed = *this;
  Assumption* assumption = changed.find(id);
  if (!assumption) broken(id);
  assumption->value = value;
  return changed;
}

}  // namespace sluice::plan
