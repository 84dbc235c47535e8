#include "plan/calibration.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "plan/capacity.h"
#include "plan/quantity.h"
#include "plan/section.h"

namespace sluice::plan {
namespace {

constexpr std::size_t fewest_calls = 12;       // six coefficients, twice over
constexpr double prompt_span = 2;              // longest over shortest, or slope and offset are one
constexpr double iteration_tokens = 2048;      // of prompts that engines read in one step by default
constexpr double least_coefficient_s = 1e-12;  // below it nothing is measured
constexpr double least_error = 0.01;           // no forecast is better than that
constexpr double most_error = 0.9;             // a throughput is more than nothing
constexpr std::size_t max_rounds = 60;         // over all coefficients at one step's width

double quantile95(std::vector<double> all) {
  std::ranges::sort(all);
  return all[static_cast<std::size_t>(std::ceil(0.95 * static_cast<double>(all.size()))) - 1];
}

double wave_tokens(const Wave& wave) {
  double sum = 0;
  for (const MeasuredCall& one : wave) sum += one.input - one.cached + one.output;
  return sum;
}
double wave_seconds(const Wave& wave) {
  double end = 0;
  for (const MeasuredCall& one : wave) end = std::max(end, one.at_s + one.total_s);
  return std::max(end - wave.front().at_s, 1e-9);
}

// A call inside the engine.
struct Running {
  std::size_t call = 0;
  double unread = 0;  // fresh tokens of the prompt
  double kept = 0;    // tokens in its cache
  double left = 0;    // of the answer
};

// An engine's iterations over one wave.
class Engine {
 public:
  Engine(const EngineLaw& law, const Wave& wave) : law_(law), wave_(wave), out_(wave) {}

  std::vector<MeasuredCall> run() {
    const auto slots = static_cast<std::size_t>(std::max(1.0, law_.slots));
    while (next_ < wave_.size() || !running_.empty()) {
      if (running_.empty()) now_ = std::max(now_, wave_[next_].at_s);
      while (next_ < wave_.size() && running_.size() < slots && wave_[next_].at_s <= now_) take();
      iterate();
    }
    return std::move(out_);
  }

 private:
  void take() {
    const MeasuredCall& one = wave_[next_];
    running_.push_back({.call = next_++,
                        .unread = std::max(1.0, one.input - one.cached),
                        .kept = one.cached,
                        .left = std::max(1.0, one.output)});
  }

  // As in real engines, prompts are read in the order of their coming, beside one step of all that are being answered.
  void iterate() {
    double budget = iteration_tokens;
    double seconds = 0;
    double answering = 0;
    double kept = 0;
    std::vector<std::size_t> first;  // whose prompt ends now
    for (std::size_t i = 0; i < running_.size(); ++i) {
      Running& one = running_[i];
      if (one.unread <= 0) {
        ++answering;
        kept += one.kept;
        continue;
      }
      const double read = std::min(one.unread, budget);
      if (read <= 0) continue;
      budget -= read;
      seconds += read * law_.prefill_per_token + read * (one.kept + read / 2) * law_.prefill_per_pair;
      one.unread -= read;
      one.kept += read;
      if (one.unread <= 0) first.push_back(i);
    }
    if (budget < iteration_tokens) seconds += law_.prefill;
    if (answering > 0) seconds += law_.step + answering * law_.step_per_sequence + kept * law_.step_per_kept;
    now_ += std::max(seconds, least_coefficient_s);
    for (std::size_t i = 0; i < running_.size(); ++i) {
      Running& one = running_[i];
      const bool begins = std::ranges::find(first, i) != first.end();
      if (one.unread > 0) continue;
      if (begins) out_[one.call].ttft_s = now_ - wave_[one.call].at_s;
      ++one.kept;
      --one.left;
      if (one.left <= 0) out_[one.call].total_s = now_ - wave_[one.call].at_s;
    }
    std::erase_if(running_, [](const Running& one) { return one.unread <= 0 && one.left <= 0; });
  }

  const EngineLaw& law_;
  const Wave& wave_;
  std::vector<MeasuredCall> out_;
  std::vector<Running> running_;
  std::size_t next_ = 0;
  double now_ = 0;
};

double log_error(double forecast, double measured) {
  if (forecast <= 0 || measured <= 0) return 0;
  return std::abs(std::log(forecast / measured));
}

// The mean over the calls of how far the times are off: to the first token and of each token after it, or to the end
// where that is all that is known. Logarithms, so that twice and half are alike, and absolute, so that a call during
// which the machine was busy with something else does not bend the law.
double loss(const EngineLaw& law, std::span<const Wave> waves) {
  double sum = 0;
  double count = 0;
  for (const Wave& wave : waves) {
    const std::vector<MeasuredCall> got = forecast(law, wave);
    for (std::size_t i = 0; i < wave.size(); ++i) {
      sum += wave[i].ttft_s > 0 ? log_error(got[i].ttft_s, wave[i].ttft_s) : log_error(got[i].total_s, wave[i].total_s);
      ++count;
      if (wave[i].tpot_s() <= 0) continue;
      sum += log_error(got[i].tpot_s(), wave[i].tpot_s());
      ++count;
    }
    sum += log_error(wave_seconds(got), wave_seconds(wave));
    ++count;
  }
  return count > 0 ? sum / count : 0;
}

constexpr std::array coefficients = {&EngineLaw::prefill, &EngineLaw::prefill_per_token, &EngineLaw::prefill_per_pair,
                                     &EngineLaw::step,    &EngineLaw::step_per_sequence, &EngineLaw::step_per_kept};

double median(std::vector<double> all) {
  if (all.empty()) return 0;
  std::ranges::nth_element(all, all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2));
  return all[all.size() / 2];
}

// Where the search begins: everything from the medians, shared out evenly.
EngineLaw first_guess(std::span<const Wave> waves, double slots) {
  std::vector<double> per_token;
  std::vector<double> steps;
  std::vector<double> kept;
  for (const Wave& wave : waves)
    for (const MeasuredCall& one : wave) {
      if (one.ttft_s <= 0) continue;
      per_token.push_back(one.ttft_s / std::max(1.0, one.input - one.cached) / static_cast<double>(wave.size()));
      kept.push_back(one.input + one.output / 2);
      if (one.output > 1) steps.push_back(one.tpot_s());
    }
  const double token = std::max(median(per_token), least_coefficient_s);
  const double step = std::max(median(steps), least_coefficient_s);
  const double context = std::max(median(kept), 1.0);
  return {.prefill = 20 * token,
          .prefill_per_token = token * 0.8,
          .prefill_per_pair = token * 0.2 / context,
          .step = step * 0.5,
          .step_per_sequence = step * 0.3,
          .step_per_kept = step * 0.1 / context,
          .slots = slots};
}

}  // namespace

double prefill_s(const EngineLaw& law, double fresh, double input) {
  return law.prefill + fresh * law.prefill_per_token + fresh * (input - fresh / 2) * law.prefill_per_pair;
}

double step_s(const EngineLaw& law, double batch, double context) {
  return law.step + batch * law.step_per_sequence + batch * context * law.step_per_kept;
}

std::vector<Wave> waves_of(std::vector<MeasuredCall> calls) {
  std::ranges::sort(calls, {}, &MeasuredCall::at_s);
  std::vector<Wave> waves;
  double busy_until = 0;
  for (const MeasuredCall& one : calls) {
    if (waves.empty() || one.at_s >= busy_until) waves.emplace_back();
    waves.back().push_back(one);
    busy_until = std::max(busy_until, one.at_s + one.total_s);
  }
  return waves;
}

std::vector<MeasuredCall> forecast(const EngineLaw& law, const Wave& wave) { return Engine(law, wave).run(); }

Accuracy accuracy_of(const EngineLaw& law, std::span<const Wave> waves) {
  Accuracy out{.waves = waves.size()};
  std::vector<double> measured;
  std::vector<double> expected;
  double steps = 0;
  for (const Wave& wave : waves) {
    const std::vector<MeasuredCall> got = forecast(law, wave);
    out.throughput_mape +=
        std::abs(wave_tokens(got) / wave_seconds(got) / (wave_tokens(wave) / wave_seconds(wave)) - 1);
    for (std::size_t i = 0; i < wave.size(); ++i) {
      ++out.calls;
      if (wave[i].ttft_s <= 0) continue;
      measured.push_back(wave[i].ttft_s);
      expected.push_back(got[i].ttft_s);
      if (wave[i].tpot_s() <= 0) continue;
      out.tpot_mape += std::abs(got[i].tpot_s() / wave[i].tpot_s() - 1);
      ++steps;
    }
  }
  if (out.calls == 0 || measured.empty()) return out;
  out.throughput_mape /= static_cast<double>(out.waves);
  if (steps > 0) out.tpot_mape /= steps;
  out.ttft_p95_s = quantile95(std::move(measured));
  if (out.ttft_p95_s > 0) out.ttft_p95_error = std::abs(quantile95(std::move(expected)) / out.ttft_p95_s - 1);
  return out;
}

Result<EngineLaw> fit_law(std::span<const Wave> waves, double slots) {
  std::size_t calls = 0;
  double shortest = INFINITY;
  double longest = 0;
  for (const Wave& wave : waves)
    for (const MeasuredCall& one : wave) {
      ++calls;
      shortest = std::min(shortest, one.input - one.cached);
      longest = std::max(longest, one.input - one.cached);
    }
  if (calls < fewest_calls)
    return fail(ErrorKind::invalid_request,
                fmt::format("{} calls were measured, and a fit needs {}", calls, fewest_calls),
                "measure for longer: --for 10m");
  if (calls > max_calibration_calls)
    return fail(ErrorKind::request_too_large, fmt::format("more than {} calls to fit", max_calibration_calls),
                "take a shorter time: --since 1d");
  if (longest < prompt_span * std::max(shortest, 1.0))
    return fail(ErrorKind::invalid_request,
                fmt::format("all prompts have {} to {} fresh tokens: what a prompt costs and what a token of it costs "
                            "cannot be told apart",
                            short_number(shortest), short_number(longest)),
                "measure prompts of several lengths: --prompts 32,128,512");
  EngineLaw law = first_guess(waves, slots);
  double least = loss(law, waves);
  for (const double width : {3.0, 1.7, 1.3, 1.12, 1.05, 1.02}) {
    for (std::size_t round = 0; round < max_rounds; ++round) {
      const double before = least;
      for (const auto one : coefficients)
        for (const double factor : {width, 1 / width}) {
          EngineLaw tried = law;
          tried.*one *= factor;
          const double got = loss(tried, waves);
          if (got >= least) continue;
          least = got;
          law = tried;
        }
      if (before - least < 1e-5) break;
    }
  }
  return law;
}

Split split_waves(std::vector<Wave> waves) {
  Split out;
  for (std::size_t i = 0; i < waves.size(); ++i)
    (i % 4 == 3 ? out.held_out : out.fitted).push_back(std::move(waves[i]));
  return out;
}

Efficiencies efficiencies_of(const EngineLaw& law, const Option& option, const Pool& pool) {
  Efficiencies out;
  const double bandwidth = pool.gpus * pool.gpu->bandwidth;
  const double flops = pool.gpus * flops_of(*pool.gpu, option.bytes_per_weight);
  if (law.step > 0 && bandwidth > 0)
    out.memory = weight_bytes_touched(*option.model, option.bytes_per_weight, 1) / law.step / bandwidth;
  if (law.prefill_per_token > 0 && flops > 0) out.mfu = 2 * option.model->active / law.prefill_per_token / flops;
  return out;
}

std::string in_words(const Calibration& one) {
  return fmt::format(
      "calibrated {} on {}: on calls outside the fit throughput is off by {:.1f} %, TTFT p95 by {:.1f} %",
      one.measured_on, one.name, one.throughput_error * 100, one.ttft_p95_error * 100);
}

void range_by_calibration(Plan& plan) {
  Assumption& factor = *plan.assumptions.find("hardware.throughput_factor");
  double error = 0;
  bool any = false;
  for (const Option& option : plan.options) {
    if (!option.self_hosted()) continue;
    if (!option.calibration) return;
    any = true;
    error = std::max(error, option.calibration->throughput_error);
  }
  if (!any || factor.changed) return;
  error = std::clamp(error, least_error, most_error);
  factor.low = factor.value * (1 - error);
  factor.high = factor.value * (1 + error);
  factor.source = fmt::format("the calibrations of this plan: throughput off by at most {:.1f} %", error * 100);
}

std::string calibration_yaml(const Calibration& one) {
  const auto text = [](const std::string& value) {
    std::string quoted = "\"";
    for (const char c : value) {
      if (c == '"' || c == '\\') quoted += '\\';
      quoted += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
    return quoted + "\"";
  };
  return fmt::format(
      "# What an engine was measured to do: `calibration_file: THIS-FILE` of an option, `sluice plan plan.yaml\n"
      "# --calibration THIS-FILE`, or the same lines under `calibration:`. Microseconds; errors are of calls that the\n"
      "# fit has not seen, and what the draws of `hardware.throughput_factor` range over.\n"
      "name: {}\n"
      "measured_on: {}\n"
      "source: {}\n"
      "slots: {:.0f}\n"
      "prefill_us: {:.6g}\n"
      "prefill_us_per_token: {:.6g}\n"
      "prefill_us_per_pair: {:.6g}\n"
      "step_us: {:.6g}\n"
      "step_us_per_sequence: {:.6g}\n"
      "step_us_per_kept: {:.6g}\n"
      "throughput_error: {:.4g}\n"
      "tpot_error: {:.4g}\n"
      "ttft_p95_error: {:.4g}\n",
      text(one.name), one.measured_on, text(one.source), one.law.slots, one.law.prefill * 1e6,
      one.law.prefill_per_token * 1e6, one.law.prefill_per_pair * 1e6, one.law.step * 1e6,
      one.law.step_per_sequence * 1e6, one.law.step_per_kept * 1e6, one.throughput_error, one.tpot_error,
      one.ttft_p95_error);
}

Calibration read_calibration(const yaml::Node& node, const std::string& what, const yaml::Report& report) {
  Section in(node, "calibration", what, report);
  Calibration out{.name = in.text("name"), .measured_on = in.text("measured_on"), .source = in.text("source")};
  const auto us = [&](std::string_view name) { return in.number(name, 0) / 1e6; };
  out.law = {.prefill = us("prefill_us"),
             .prefill_per_token = us("prefill_us_per_token"),
             .prefill_per_pair = us("prefill_us_per_pair"),
             .step = us("step_us"),
             .step_per_sequence = us("step_us_per_sequence"),
             .step_per_kept = us("step_us_per_kept"),
             .slots = in.number("slots", 1)};
  out.throughput_error = in.number("throughput_error", 0);
  out.tpot_error = in.number("tpot_error", 0);
  out.ttft_p95_error = in.number("ttft_p95_error", 0);
  in.refuse_others();
  return out;
}

std::optional<Calibration> read_calibration(std::string name, std::string text, yaml::Diagnostics& diagnostics) {
  const auto source =
      std::make_shared<const yaml::Source>(yaml::Source{.name = std::move(name), .text = std::move(text)});
  const auto node = yaml::parse(source, diagnostics);
  if (!node) return std::nullopt;
  Calibration out = read_calibration(*node, "the calibration", {source, diagnostics});
  if (!diagnostics.ok()) return std::nullopt;
  return out;
}

}  // namespace sluice::plan
