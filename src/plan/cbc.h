// CBC, loaded when the first plan asks for it: with what it needs it is 15 libraries, and a server that never plans
// pays neither their start nor their memory. A machine without it runs everything else.
#pragma once

#ifdef SLUICE_HAVE_CBC

#include <coin/Cbc_C_Interface.h>

namespace sluice::plan {

// CBC's functions under their names without the prefix.
struct Cbc {
  decltype(&Cbc_newModel) new_model = nullptr;
  decltype(&Cbc_deleteModel) delete_model = nullptr;
  decltype(&Cbc_loadProblem) load_problem = nullptr;
  decltype(&Cbc_setInteger) set_integer = nullptr;
  decltype(&Cbc_setObjSense) set_objective_sense = nullptr;
  decltype(&Cbc_setLogLevel) set_log_level = nullptr;
  decltype(&Cbc_setParameter) set_parameter = nullptr;
  decltype(&Cbc_solve) solve = nullptr;
  decltype(&Cbc_isProvenInfeasible) is_proven_infeasible = nullptr;
  decltype(&Cbc_isProvenOptimal) is_proven_optimal = nullptr;
  decltype(&Cbc_getColSolution) column_solution = nullptr;
  decltype(&Cbc_getObjValue) objective_value = nullptr;

  // Null when this machine has no CBC, or one without these functions. Any thread; loads it once.
  static const Cbc* get();
};

}  // namespace sluice::plan

#endif
