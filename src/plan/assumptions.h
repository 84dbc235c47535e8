// What a plan takes for granted: value, range, unit, meaning and source of each, from data/plan/assumptions.yaml. A
// plan changes any of them; whatever is reported lists them all, and says which were changed.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "yaml/node.h"

namespace sluice::plan {

struct Assumption {
  std::string id;
  double value = 0;
  double low = 0;  // Monte Carlo draws a triangle over low, value, high
  double high = 0;
  std::optional<double> least;  // what a plan may say, where more than the sign decides
  std::optional<double> most;
  std::string unit;
  std::string meaning;
  std::string source;
  bool changed = false;  // the plan has said it
};

class Assumptions {
 public:
  // The defaults. They pass the build's tests: an error in them aborts.
  static const Assumptions& defaults();

  // An unknown id is a programmer's error: it aborts with the id.
  double operator[](std::string_view id) const { return at(id).value; }
  const Assumption& at(std::string_view id) const;
  Assumption* find(std::string_view id);
  Assumptions with(std::string_view id, double value) const;
  const std::vector<Assumption>& all() const { return all_; }

 private:
  std::vector<Assumption> all_;
};

// One file of data/plan as nodes: "gpus.yaml". Aborts when it is not there.
const yaml::Node& data_file(std::string_view name);
// A scalar member of one of its rows; aborts, or gives `otherwise`, when it is absent.
std::string data_text(const yaml::Node& row, std::string_view name, const char* otherwise = nullptr);
double data_number(const yaml::Node& row, std::string_view name, const char* otherwise = nullptr);

}  // namespace sluice::plan
