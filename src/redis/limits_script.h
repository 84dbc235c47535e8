// The script that runs inside Redis and is all that changes shared limits: one atomic step for each call.
#pragma once

#include "redis/connection.h"

namespace sluice::redis {

// What it is told and answers stands at its head, in limits_script.cpp.
const Script& limits_script();

}  // namespace sluice::redis
