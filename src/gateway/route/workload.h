// To which workload a request belongs: the first of the configuration whose `match` it fits. A pure function; the texts
// are looked at only where everything else of such a workload fits.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string_view>

#include "config/workload.h"
#include "gateway/route/signals.h"

namespace sluice::gateway {

// Borrows for the call.
struct WorkloadQuestion {
  std::string_view key_id;
  std::string_view key_name;
  std::string_view team;  // its id
  std::string_view tags;  // as store/tags.h keeps them, of the key and the request
  std::string_view model;
  std::string_view path;
  std::function<std::optional<std::string_view>(std::string_view name)> header;
  bool has_tools = false;
  bool has_images = false;
  bool has_audio = false;
  bool has_pdf = false;
  Tokens prompt_tokens = 0;  // expected
  std::function<const Signals&()> signals;
  std::function<double()> difficulty = {};  // from 0 to 1; empty: nothing says it
};

// Null: it belongs to none.
const config::Workload* workload_of(const WorkloadQuestion& question, std::span<const config::Workload> workloads);

}  // namespace sluice::gateway
