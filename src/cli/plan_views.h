// A plan's answer for people at a terminal, and for whatever -o asks for.
#pragma once

#include "cli/verb.h"
#include "plan/answer.h"

namespace sluice::cli {

void print_answer(const plan::Answer& answer, Console& console);

// As -o says: table, json or html.
void print_plan(const plan::Answer& answer, Invocation& invocation);

}  // namespace sluice::cli
