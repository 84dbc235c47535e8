// One map of a plan file, read by the declarations of keys.h: kinds and bounds are checked here, once.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "plan/keys.h"
#include "yaml/fields.h"

namespace sluice::plan {

class Section {
 public:
  // `what`: "the workload `chat`". Checks that the required keys are there.
  Section(const yaml::Node& node, std::string_view section, std::string what, const yaml::Report& report);
  ~Section() = default;

  std::string text(std::string_view name, std::string otherwise = {});
  std::vector<std::string> texts(std::string_view name);
  bool flag(std::string_view name, bool otherwise);
  std::optional<double> number(std::string_view name);
  double number(std::string_view name, double otherwise) { return number(name).value_or(otherwise); }
  std::optional<double> mix(std::string_view name);
  std::vector<double> numbers(std::string_view name);  // also of mixes and shares
  std::map<std::string, double> map(std::string_view name);
  const yaml::Member* member(std::string_view name);  // of a section within
  std::vector<const yaml::Node*> list(std::string_view name);
  // The declared names that were not asked for count as unknown nowhere: this refuses what no declaration names.
  void refuse_others();

  const yaml::Node& node() const { return node_; }
  // The value's node, else the map's: for messages.
  const yaml::Node& place(std::string_view name) const;
  const yaml::Report& report() const { return report_; }
  const std::string& what() const { return what_; }

 private:
  std::optional<double> quantity(const yaml::Node& node, const Key& key, std::string_view called);
  const yaml::Node& node_;
  std::string_view section_;
  std::string what_;
  const yaml::Report& report_;
  yaml::Fields fields_;
};

}  // namespace sluice::plan
