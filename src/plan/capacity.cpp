#include "plan/capacity.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "plan/calibration.h"
#include "plan/quantity.h"

namespace sluice::plan {
namespace {

constexpr double usable_memory = 0.9;  // the rest is for activations, the engine and fragmentation
// Time per layer and step for the exchange between GPUs: two all-reduces over NVLink.
constexpr double exchange_s_per_layer = 20e-6;

std::unexpected<Error> impossible(std::string message, std::string hint) {
  return fail(ErrorKind::invalid_request, std::move(message), std::move(hint));
}

NodeSpeed node_of(const Option& option, const Pool& pool, const Assumptions& assumptions) {
  return {.bandwidth = pool.gpus * pool.gpu->bandwidth * assumptions["capacity.memory_efficiency"],
          .flops = pool.gpus * flops_of(*pool.gpu, option.bytes_per_weight) * assumptions["capacity.mfu"],
          .memory = pool.gpus * pool.gpu->memory_bytes * usable_memory,
          .exchange_s = pool.gpus > 1 ? option.model->layers * exchange_s_per_layer : 0};
}

// One decode step of `batch` sequences that are on average `context` long.
double decode_step(const Option& option, const NodeSpeed& node, double batch, double context) {
  if (option.calibration) return step_s(option.calibration->law, batch, context);
  const ModelShape& model = *option.model;
  const double bytes = weight_bytes_touched(model, option.bytes_per_weight, batch) +
                       batch * context * kv_bytes_per_token(model, option.bytes_per_kv);
  return std::max(bytes / node.bandwidth, 2 * model.active * batch / node.flops) + node.exchange_s;
}

double prefill(const Option& option, const NodeSpeed& node, const Shape& shape) {
  const ModelShape& model = *option.model;
  const double fresh = shape.input * (1 - shape.prefix_hit);
  if (option.calibration) return prefill_s(option.calibration->law, fresh, shape.input);
  const double attention = 4 * model.layers * model.hidden * fresh * shape.input / 2;  // causal: half of the square
  return std::max((2 * model.active * fresh + attention) / node.flops,
                  model.total * option.bytes_per_weight / node.bandwidth * std::min(1.0, fresh / 512));
}

// Of a request when `batch` run at once: its prefill delays the others, so the node's time per request is prefill plus
// its share of the decode steps.
double node_seconds_per_request(const Option& option, const NodeSpeed& node, const Shape& shape, double batch,
                                double prefill_s) {
  const double context = shape.input + shape.output / 2;
  return prefill_s + shape.output * decode_step(option, node, batch, context) / batch;
}

}  // namespace

double kv_bytes_per_token(const ModelShape& model, double bytes_per_element) {
  return model.kv_elements * bytes_per_element;
}

double weight_bytes_touched(const ModelShape& model, double bytes_per_weight, double batch) {
  const double stored = model.total * bytes_per_weight;
  if (model.experts <= 0) return stored;
  const double hit = 1 - std::pow(1 - model.experts_per_token / model.experts, batch);
  return stored * (1 - model.expert_share) + stored * model.expert_share * hit;
}

double flops_of(const Gpu& gpu, double bytes_per_weight) {
  return bytes_per_weight >= 2 ? gpu.bf16 : bytes_per_weight >= 1 ? gpu.fp8 : gpu.fp4;
}

double needed_mfu(const Option& option, const Pool& pool, double total_tokens_per_s) {
  return total_tokens_per_s * 2 * option.model->active / (pool.gpus * flops_of(*pool.gpu, option.bytes_per_weight));
}

Result<Capacity> capacity(const Option& option, const Pool& pool, const Shape& shape, const Assumptions& assumptions) {
  const ModelShape& model = *option.model;
  const double peak = flops_of(*pool.gpu, option.bytes_per_weight);
  const std::string where = fmt::format("{} on {} {}", model.name, short_number(pool.gpus), pool.gpu->name);
  if (peak <= 0)
    return impossible(
        fmt::format("{} has no {} arithmetic", pool.gpu->name, option.bytes_per_weight >= 1 ? "fp8" : "fp4"),
        "use another number format: weights: bf16");
  const NodeSpeed node = node_of(option, pool, assumptions);
  const double stored = model.total * option.bytes_per_weight;
  const double kv = kv_bytes_per_token(model, option.bytes_per_kv);
  const double tokens_kept = shape.input + shape.output;
  const double slots = (node.memory - stored) / (kv * tokens_kept);
  if (slots < 1)
    return impossible(
        fmt::format("{} does not fit: weights of {:.1f} GB and one request's cache of {:.1f} GB in {:.1f} GB", where,
                    stored / 1e9, kv * tokens_kept / 1e9, node.memory / 1e9),
        "more or larger GPUs, fewer bytes per weight, or shorter requests");

  Capacity out;
  out.kv_bytes_per_token = kv;
  out.prefill_s = prefill(option, node, shape);
  const double context = shape.input + shape.output / 2;
  if (shape.ttft_ms > 0 && out.prefill_s * 1000 > shape.ttft_ms)
    return impossible(fmt::format("{} needs {:.0f} ms for the first token of {} input tokens, and {} ms are allowed",
                                  where, out.prefill_s * 1000, short_number(shape.input), short_number(shape.ttft_ms)),
                      "more GPUs per node, shorter prompts, or a larger ttft_p95_ms");
  if (shape.tpot_ms > 0 && decode_step(option, node, 1, context) * 1000 > shape.tpot_ms)
    return impossible(fmt::format("{} needs {:.1f} ms per token even alone, and {} ms are allowed", where,
                                  decode_step(option, node, 1, context) * 1000, short_number(shape.tpot_ms)),
                      "more GPUs per node, fewer bytes per weight, or a larger tpot_ms");
  // What was measured holds for as many sequences as were measured.
  const double at_once = option.calibration ? std::min(option.calibration->law.slots, max_batch) : max_batch;
  const double most = std::min(std::floor(slots), at_once);
  double batch = most;
  out.bound_by = slots < at_once ? "memory for the KV cache" : "sequences at once";
  if (shape.tpot_ms > 0 && decode_step(option, node, most, context) * 1000 > shape.tpot_ms) {
    double low = 1;  // the step grows with the batch: halve the interval
    for (int i = 0; i < 40; ++i) {
      const double middle = (low + batch) / 2;
      (decode_step(option, node, middle, context) * 1000 <= shape.tpot_ms ? low : batch) = middle;
    }
    batch = std::max(1.0, std::floor(low));
    out.bound_by = "time per token";
  }
  out.batch = batch;
  out.decode_step_s = decode_step(option, node, batch, context);
  const double seconds = node_seconds_per_request(option, node, shape, batch, out.prefill_s);
  if (!option.calibration && 2 * model.active * batch / node.flops >= out.decode_step_s - node.exchange_s - 1e-12 &&
      out.bound_by != "time per token")
    out.bound_by = "arithmetic";
  out.requests_per_s = 1 / seconds;
  out.source = "roofline";
  if (option.calibration) {
    const Efficiencies found = efficiencies_of(option.calibration->law, option, pool);
    // A part of the hardware's peak is all that an engine can have reached.
    if (found.mfu > 1)
      return impossible(fmt::format("the calibration of {} needs MFU {:.2f} of {}: impossible",
                                    option.calibration->name, found.mfu, where),
                        "was it measured on other hardware, with another model, or with prompts from a cache?");
    out.source = fmt::format("{}; MFU {:.2g}, memory {:.2g}", in_words(*option.calibration), found.mfu, found.memory);
  }
  out.service_s = out.prefill_s + shape.output * out.decode_step_s;
  if (option.measured_output_tokens_per_s > 0) {
    const double measured = option.measured_output_tokens_per_s * (1 + option.measured_mix);
    if (const double mfu = needed_mfu(option, pool, measured); mfu > 1)
      return impossible(
          fmt::format("{} output tokens/s of {} needs MFU {:.2f}: impossible",
                      short_number(option.measured_output_tokens_per_s), where, mfu),
          fmt::format("the arithmetic of the hardware ends at {} output tokens/s at {}:1; about half of that is "
                      "reached. Was it of several nodes, or of another model?",
                      short_number(option.measured_output_tokens_per_s / mfu), short_number(option.measured_mix)));
    // Both kinds of token take the same arithmetic, so what was measured at one mix holds in total at another.
    out.requests_per_s = measured / (shape.input * (1 - shape.prefix_hit) + shape.output);
    out.source = fmt::format("measured: {} output tokens/s at {}:1, MFU {:.2f}",
                             short_number(option.measured_output_tokens_per_s), short_number(option.measured_mix),
                             needed_mfu(option, pool, measured));
  }
  out.requests_per_s *= assumptions["hardware.throughput_factor"];
  out.total_tokens_per_s = out.requests_per_s * (shape.input + shape.output);
  out.output_tokens_per_s = out.requests_per_s * shape.output;
  return out;
}

Shape shape_of(const Workload& workload) {
  return {.input = workload.input_tokens,
          .output = workload.output_tokens,
          .ttft_ms = workload.ttft_p95_ms,
          .tpot_ms = workload.tpot_ms};
}

SlotTime::SlotTime(const Option& option, const Pool& pool, const Shape& mean, const Capacity& served,
                   const Assumptions& assumptions)
    : option_(option),
      node_(node_of(option, pool, assumptions)),
      batch_(served.batch),
      decode_step_s_(served.decode_step_s) {
  scale_ = served.batch / served.requests_per_s / work(mean.input, mean.output);
}

double SlotTime::prefill_s(double input) const { return prefill(option_, node_, {.input = input}); }

double SlotTime::work(double input, double output) const { return batch_ * prefill_s(input) + output * decode_step_s_; }

double SlotTime::seconds(double input, double output) const { return scale_ * work(input, output); }

}  // namespace sluice::plan
