#include "plan/cbc.h"

#ifdef SLUICE_HAVE_CBC

#include <dlfcn.h>

#include <optional>

namespace sluice::plan {
namespace {

template <typename Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

std::optional<Cbc> load() {
  void* library = dlopen(SLUICE_CBC_SONAME, RTLD_NOW | RTLD_LOCAL);  // stays until the process ends
  if (!library) return std::nullopt;
  Cbc cbc;
  const bool whole =
      find(library, "Cbc_newModel", cbc.new_model) && find(library, "Cbc_deleteModel", cbc.delete_model) &&
      find(library, "Cbc_loadProblem", cbc.load_problem) && find(library, "Cbc_setInteger", cbc.set_integer) &&
      find(library, "Cbc_setObjSense", cbc.set_objective_sense) &&
      find(library, "Cbc_setLogLevel", cbc.set_log_level) && find(library, "Cbc_setParameter", cbc.set_parameter) &&
      find(library, "Cbc_solve", cbc.solve) && find(library, "Cbc_isProvenInfeasible", cbc.is_proven_infeasible) &&
      find(library, "Cbc_isProvenOptimal", cbc.is_proven_optimal) &&
      find(library, "Cbc_getColSolution", cbc.column_solution) && find(library, "Cbc_getObjValue", cbc.objective_value);
  return whole ? std::optional(cbc) : std::nullopt;
}

}  // namespace

const Cbc* Cbc::get() {
  static const std::optional<Cbc> cbc = load();
  return cbc ? &*cbc : nullptr;
}

}  // namespace sluice::plan

#endif
