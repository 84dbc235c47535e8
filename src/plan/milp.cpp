#include "plan/milp.h"

#include <fmt/format.h>

#include <cmath>
#include <memory>

#include "plan/cbc.h"

namespace sluice::plan {

int Milp::add(Column column) {
  columns.push_back(std::move(column));
  return static_cast<int>(columns.size()) - 1;
}

Milp::Row& Milp::row(std::string name, Sense sense, double bound) {
  rows.push_back({.name = std::move(name), .columns = {}, .factors = {}, .sense = sense, .bound = bound});
  return rows.back();
}

std::string lp_text(const Milp& milp) {
  // A line in this format may not grow without bound: one term a line.
  std::string text = "Minimize\n cost:";
  for (std::size_t i = 0; i < milp.columns.size(); ++i) text += fmt::format("\n {:+.17g} x{}", milp.columns[i].cost, i);
  text += "\nSubject To\n";
  for (std::size_t r = 0; r < milp.rows.size(); ++r) {
    const Milp::Row& row = milp.rows[r];
    text += fmt::format(" r{}:", r);
    for (std::size_t i = 0; i < row.columns.size(); ++i)
      text += fmt::format("\n {:+.17g} x{}", row.factors[i], row.columns[i]);
    if (row.columns.empty()) text += "\n +0 x0";  // the format has no empty rows
    text += fmt::format("\n {} {:.17g}\n",
                        row.sense == Milp::Sense::equal     ? "="
                        : row.sense == Milp::Sense::at_most ? "<="
                                                            : ">=",
                        row.bound);
  }
  text += "Bounds\n";
  for (std::size_t i = 0; i < milp.columns.size(); ++i)
    text += fmt::format(" {:.17g} <= x{} <= {:.17g}\n", milp.columns[i].least, i, milp.columns[i].most);
  text += "Generals\n";
  for (std::size_t i = 0; i < milp.columns.size(); ++i)
    if (milp.columns[i].integer) text += fmt::format(" x{}\n", i);
  return text + "End\n";
}

#ifdef SLUICE_HAVE_CBC

bool have_cbc() { return Cbc::get() != nullptr; }

Result<std::optional<MilpSolution>> solve(const Milp& milp) {
  const Cbc* cbc = Cbc::get();
  if (!cbc)
    return fail(ErrorKind::unavailable, "this machine has no solver for plans of this kind",
                "install coinor-libcbc3 (Debian's name; it brings " SLUICE_CBC_SONAME ")");
  const std::unique_ptr<Cbc_Model, void (*)(Cbc_Model*)> model(cbc->new_model(), cbc->delete_model);
  // Column by column, each with its entries.
  std::vector<std::vector<std::pair<int, double>>> entries(milp.columns.size());
  for (std::size_t r = 0; r < milp.rows.size(); ++r)
    for (std::size_t i = 0; i < milp.rows[r].columns.size(); ++i)
      entries[static_cast<std::size_t>(milp.rows[r].columns[i])].emplace_back(static_cast<int>(r),
                                                                              milp.rows[r].factors[i]);
  std::vector<CoinBigIndex> starts;
  std::vector<int> indices;
  std::vector<double> factors;
  std::vector<double> least;
  std::vector<double> most;
  std::vector<double> costs;
  for (std::size_t c = 0; c < milp.columns.size(); ++c) {
    starts.push_back(static_cast<CoinBigIndex>(indices.size()));
    for (const auto& [row, factor] : entries[c]) {
      indices.push_back(row);
      factors.push_back(factor);
    }
    least.push_back(milp.columns[c].least);
    most.push_back(milp.columns[c].most);
    costs.push_back(milp.columns[c].cost);
  }
  starts.push_back(static_cast<CoinBigIndex>(indices.size()));
  std::vector<double> low;
  std::vector<double> high;
  for (const Milp::Row& row : milp.rows) {
    low.push_back(row.sense == Milp::Sense::at_most ? -INFINITY : row.bound);
    high.push_back(row.sense == Milp::Sense::at_least ? INFINITY : row.bound);
  }
  cbc->load_problem(model.get(), static_cast<int>(milp.columns.size()), static_cast<int>(milp.rows.size()),
                    starts.data(), indices.data(), factors.data(), least.data(), most.data(), costs.data(), low.data(),
                    high.data());
  for (std::size_t c = 0; c < milp.columns.size(); ++c)
    if (milp.columns[c].integer) cbc->set_integer(model.get(), static_cast<int>(c));
  cbc->set_objective_sense(model.get(), 1);
  cbc->set_log_level(model.get(), 0);
  const std::string seconds = fmt::format("{}", milp_seconds);
  cbc->set_parameter(model.get(), "seconds", seconds.c_str());
  cbc->set_parameter(model.get(), "ratioGap", "1e-8");
  cbc->set_parameter(model.get(), "allowableGap", "0");
  cbc->set_parameter(model.get(), "integerTolerance", "1e-8");
  cbc->solve(model.get());
  if (cbc->is_proven_infeasible(model.get())) return std::optional<MilpSolution>();
  if (!cbc->is_proven_optimal(model.get()))
    return fail(ErrorKind::unavailable, fmt::format("the plan was not solved within {} s", milp_seconds),
                "group workloads that are alike, or forbid options that cannot matter with `only:`");
  const double* values = cbc->column_solution(model.get());
  MilpSolution solution{.cost = cbc->objective_value(model.get()) + milp.constant,
                        .values = {values, values + milp.columns.size()}};
  return std::optional(std::move(solution));
}

#else

bool have_cbc() { return false; }

Result<std::optional<MilpSolution>> solve(const Milp&) {
  return fail(ErrorKind::unavailable, "this build has no solver for plans of this kind",
              "build it where coinor-libcbc-dev is installed");
}

#endif

}  // namespace sluice::plan
