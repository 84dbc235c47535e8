// One sentence for a failed system call on a file, with what to do about it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice::store {

// "cannot write /data/ledger/0.log: No space left on device", unavailable; the hint depends on the errno.
std::unexpected<Error> file_error(std::string_view doing, const std::string& path, int error_number);

}  // namespace sluice::store
