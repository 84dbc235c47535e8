// A mixed-integer linear program as plain rows and columns, and who solves it: CBC where it is installed. Also written
// as text in CPLEX LP format, so that another solver can be asked for the same.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace sluice::plan {

struct Milp {
  struct Column {
    std::string name;
    double least = 0;
    double most = 1;
    double cost = 0;  // per unit; the sum is minimised
    bool integer = false;
  };
  enum class Sense : char { at_most = 'L', equal = 'E', at_least = 'G' };
  struct Row {
    std::string name;
    std::vector<int> columns;
    std::vector<double> factors;
    Sense sense = Sense::at_most;
    double bound = 0;
  };
  std::vector<Column> columns;
  std::vector<Row> rows;
  double constant = 0;

  int add(Column column);
  Row& row(std::string name, Sense sense, double bound);
};

struct MilpSolution {
  double cost = 0;
  std::vector<double> values;
};

constexpr double milp_seconds = 60;  // a plan that takes longer is refused with words, never answered with a guess

bool have_cbc();
// Empty: there is no solution. Errors: the time was not enough, or there is no solver.
Result<std::optional<MilpSolution>> solve(const Milp& milp);

std::string lp_text(const Milp& milp);

}  // namespace sluice::plan
