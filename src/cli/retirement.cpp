#include "cli/retirement.h"

namespace sluice::cli {

bool retires_soon(const config::Candidate& candidate, catalog::Date when) {
  const catalog::Model* model = candidate.model;
  return model && model->retires && !model->retired(when) && model->retires->day <= when + soon;
}

std::string retirement_text(const catalog::Retirement& retirement, catalog::Date when) {
  std::string text = retirement.earliest ? "may retire from " : retirement.day <= when ? "retired on " : "retires on ";
  text += catalog::date_text(retirement.day) + (retirement.earliest ? " on" : "");
  if (!retirement.successor.empty()) text += "; its provider names " + retirement.successor + " as its successor";
  return text;
}

}  // namespace sluice::cli
