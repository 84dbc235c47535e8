// What a new key gets when nobody says otherwise: the configuration's `keys:`. For the first key of a data directory
// and for `sluice keys create`.
#pragma once

#include "config/settings.h"
#include "store/key.h"

namespace sluice::serve {

// `defaults` are those of a Snapshot, so they have been checked.
store::NewKey default_key(const config::KeyDefaults& defaults);

}  // namespace sluice::serve
