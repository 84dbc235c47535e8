// What a node can serve: roofline throughput of a model on GPUs, under latency limits. Measured figures are checked
// against the same roofline: one that needs more arithmetic than the hardware has is refused.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "plan/plan.h"

namespace sluice::plan {

constexpr double max_batch = 4096;  // sequences per node; engines stop below this

// What a request looks like on average.
struct Shape {
  double input = 0;
  double output = 0;
  double prefix_hit = 0;  // share of the input whose KV is there already
  double ttft_ms = 0;     // limits; 0 = none
  double tpot_ms = 0;
};

struct Capacity {
  double total_tokens_per_s = 0;  // input and output, of one node when it is full
  double output_tokens_per_s = 0;
  double requests_per_s = 0;
  double batch = 0;          // sequences at once under the limits
  double prefill_s = 0;      // of one request
  double decode_step_s = 0;  // at that batch
  double service_s = 0;      // of one request
  double kv_bytes_per_token = 0;
  std::string bound_by;  // "memory for the KV cache", "arithmetic", "time per token"
  std::string source;    // "measured", "roofline"
};

// Bytes that a token's keys and values take.
double kv_bytes_per_token(const ModelShape& model, double bytes_per_element);
// Bytes of weights that a decode step with this batch reads: all of a dense model, of a mixture the experts hit.
double weight_bytes_touched(const ModelShape& model, double bytes_per_weight, double batch);
double flops_of(const Gpu& gpu, double bytes_per_weight);
// Share of the node's peak that so many tokens a second take.
double needed_mfu(const Option& option, const Pool& pool, double total_tokens_per_s);

// Errors: the model does not fit, the format is not there, a limit cannot be met at any batch, or a measured figure is
// impossible; each with the numbers that say why.
Result<Capacity> capacity(const Option& option, const Pool& pool, const Shape& shape, const Assumptions& assumptions);

// What of a node's peaks is reached.
struct NodeSpeed {
  double bandwidth = 0;  // bytes/s
  double flops = 0;
  double memory = 0;      // bytes for weights and caches
  double exchange_s = 0;  // between its GPUs, of each step
};

// What a workload's mean request asks for.
Shape shape_of(const Workload& workload);

// How long one request of any size keeps its place in a full batch, in seconds: its part of the node's time, times the
// places. Of the mean request it is batch / requests_per_s, so places and throughput say the same. The engine's own
// prefix cache is not counted. Borrows the option.
class SlotTime {
 public:
  SlotTime(const Option& option, const Pool& pool, const Shape& mean, const Capacity& served,
           const Assumptions& assumptions);
  double seconds(double input, double output) const;
  double prefill_s(double input) const;

 private:
  double work(double input, double output) const;
  const Option& option_;
  NodeSpeed node_;
  double batch_;
  double decode_step_s_;
  double scale_ = 1;
};

}  // namespace sluice::plan
