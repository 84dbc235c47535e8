// Who of several processes tells an alert, where they share nothing but Redis: the script that runs there. The same
// rules as store/alert_claims.h has for a shared database.
#pragma once

#include "redis/connection.h"

namespace sluice::redis {

// Keys, all behind KEYS[1] (the prefix):
//   w         sorted set of the alerts that were claimed and not told: until when, ms of the server's clock
//   w:NAME    hash: body, told; gone when the name may be claimed anew
//
// ARGV, and the answer:
//   claim NAME BODY LEASE_MS KEEP_MS    1: whoever asks tells it; 0: another one does, or has
//   renew LEASE_MS NAME...              how many are still theirs
//   told NAME                           0
//   overdue LEASE_MS COUNT              NAME BODY NAME BODY...: of those who have not come back, theirs who asks now
const Script& alerts_script();

}  // namespace sluice::redis
