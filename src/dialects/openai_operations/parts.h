// What the calls with sound and images report of themselves.
#pragma once

#include <memory>

#include "dialects/dialect.h"

namespace sluice::dialects::operations {

// Of an answer or of a stream's last event. Tokens in OpenAI's older or newer names, or Jina's total alone; reported =
// false for anything else, such as seconds or search units.
chat::Usage read_usage(json::Value usage);

std::unique_ptr<StreamWatcher> watch_stream();

}  // namespace sluice::dialects::operations
