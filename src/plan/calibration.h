// What an engine was measured to do, and what that says of traffic it was not measured with. The law is the roofline's,
// added up instead of overlapped: reading the weights, arithmetic for each sequence, reading the cache. It is fitted to
// measured times, and its error is told on calls that the fit has not seen.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "plan/plan.h"
#include "yaml/fields.h"

namespace sluice::plan {

constexpr std::size_t max_calibration_calls = 20'000;  // the fit replays them some hundred times: seconds

// Seconds until a prompt has been read, of `input` tokens of which `fresh` are not in the engine's cache.
double prefill_s(const EngineLaw& law, double fresh, double input);
// Seconds of one decode step of `batch` sequences that have `context` tokens on average.
double step_s(const EngineLaw& law, double batch, double context);

// One answer as it was measured.
struct MeasuredCall {
  double at_s = 0;    // when it was asked for, since the run's begin
  double input = 0;   // tokens, those in the engine's cache included
  double cached = 0;  // of them
  double output = 0;
  double ttft_s = 0;  // 0: not known, as of an answer that was no stream
  double total_s = 0;
  double tpot_s() const { return output > 1 && ttft_s > 0 ? (total_s - ttft_s) / (output - 1) : 0; }
};
// Calls that were at work together: nobody was there before the first and after the last.
using Wave = std::vector<MeasuredCall>;

// Calls cut into waves, where the engine had nothing to do.
std::vector<Wave> waves_of(std::vector<MeasuredCall> calls);

// What the law says of a wave: its calls' times as an engine with continuous batching has them, first come, first
// served, by as many slots as there are. The order is the wave's.
std::vector<MeasuredCall> forecast(const EngineLaw& law, const Wave& wave);

struct Accuracy {
  std::size_t waves = 0;
  std::size_t calls = 0;
  double throughput_mape = 0;  // of the waves' tokens a second; shares
  double tpot_mape = 0;        // of the calls' time per output token
  double ttft_p95_s = 0;       // measured
  double ttft_p95_error = 0;   // share by which the forecast's p95 differs
};
Accuracy accuracy_of(const EngineLaw& law, std::span<const Wave> waves);

// The law with the least mean logarithmic error over the waves. `slots`: sequences that the engine takes at once.
// Errors: too few calls, or prompts all of one length: no law can be told from them.
Result<EngineLaw> fit_law(std::span<const Wave> waves, double slots);

// Every fourth wave, from the fourth on: what the fit does not see.
struct Split {
  std::vector<Wave> fitted;
  std::vector<Wave> held_out;
};
Split split_waves(std::vector<Wave> waves);

// What the law means in the roofline's words for that model on that hardware.
struct Efficiencies {
  double memory = 0;  // share of the bandwidth that reading the weights reaches
  double mfu = 0;     // share of the arithmetic that a prompt reaches
};
Efficiencies efficiencies_of(const EngineLaw& law, const Option& option, const Pool& pool);

// The calibration as the file that `sluice plan --calibration` reads and the section that an option may have.
std::string calibration_yaml(const Calibration& calibration);
Calibration read_calibration(const yaml::Node& node, const std::string& what, const yaml::Report& report);
// Empty when diagnostics has errors.
std::optional<Calibration> read_calibration(std::string name, std::string text, yaml::Diagnostics& diagnostics);

// Where every own option is calibrated and the plan says nothing of hardware.throughput_factor, its range is their
// largest error of the throughput, from 1 to 90 %.
void range_by_calibration(Plan& plan);

// "calibrated 2026-11-28 on local/x (throughput within 4.1 %, TTFT p95 within 12 %)".
std::string in_words(const Calibration& calibration);

constexpr double throughput_target = 0.15;
constexpr double ttft_target = 0.25;

}  // namespace sluice::plan
