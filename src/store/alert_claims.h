// Who of several processes tells an alert to people: whoever claims its name first, for a while. Who does not come back
// in that time has died: then another one tells it. So each is told once normally, and at least once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/database.h"

namespace sluice::store {

// An alert under a name, which is the same whoever has seen it.
struct NamedAlert {
  std::string name;
  std::string body;  // for the webhook
};

// True: whoever asks tells it, and has `lease_us` for that. False: it is told by another one, or has been. The name is
// forgotten after `keep_us`; then it may be claimed anew.
Result<bool> claim_alert(Database& database, const NamedAlert& alert, std::int64_t lease_us, std::int64_t keep_us);
// More time for those that wait for the webhook. Those that another one has taken over by now are left alone.
Result<void> renew_alerts(Database& database, const std::vector<std::string>& names, std::int64_t lease_us);
// It was told, or nobody takes it.
Result<void> alert_told(Database& database, std::string_view name);
// At most `count` that were claimed and never told: theirs who asks from now on.
Result<std::vector<NamedAlert>> take_over_alerts(Database& database, std::int64_t lease_us, std::size_t count);

}  // namespace sluice::store
