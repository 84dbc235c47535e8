// `sluice plan calibrate`: measures an engine through a running server, or reads what its traffic has measured already,
// fits the roofline's law to it, and says how far the law is off on calls that it was not fitted to.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "catalog/date.h"
#include "cli/connection.h"
#include "cli/data_store.h"
#include "cli/duration.h"
#include "cli/load_config.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "json/json.h"
#include "plan/calibration.h"
#include "plan/quantity.h"
#include "plan/uncertainty.h"
#include "store/store.h"

namespace sluice::cli {
namespace {

using plan::MeasuredCall;
using plan::Wave;
using Clock = std::chrono::steady_clock;

constexpr std::size_t max_at_once = 64;  // threads of this program, each with a connection
constexpr std::size_t rows_per_read = 1000;
constexpr std::size_t fewest_waves = 16;         // however long they take: twelve for the fit, four to try it on
constexpr std::size_t ledger_wants_calls = 100;  // fewer say too little of sizes and load

struct CalibrateFlags {
  std::string model = "auto";
  std::string time = "10m";
  std::string prompts = "32,128,512,1024";
  std::string at_once = "1,2";
  std::int64_t output_tokens = 48;
  std::int64_t slots = 0;  // 0: as the configuration says
  std::string config;
  bool ledger = false;
  std::string since;
  std::string to = "calibration.yaml";
  std::string calls;
  ConnectionFlags connection;
};

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

Result<std::vector<double>> whole_numbers(const std::string& text, const char* flag, double most) {
  std::vector<double> all;
  std::size_t from = 0;
  while (from <= text.size()) {
    const std::size_t comma = std::min(text.find(',', from), text.size());
    const auto value = plan::parse_quantity(text.substr(from, comma - from));
    if (!value || value->value < 1 || value->value > most || value->value != std::floor(value->value))
      return usage_error(fmt::format("`{} {}` is no list of whole numbers from 1 to {}", flag, text, most),
                         fmt::format("write it like {} 1,2", flag));
    all.push_back(value->value);
    from = comma + 1;
  }
  return all;
}

// One call to make: when in its wave, how long its prompt and its answer.
struct Asked {
  double delay_s = 0;
  double prompt_tokens = 0;
  double output_tokens = 0;
};

// Waves for ever: of one length and load each, to fit the law; and every fourth of other lengths, coming one by one, to
// try it.
class Schedule {
 public:
  Schedule(std::vector<double> prompts, std::vector<double> at_once, double output)
      : prompts_(std::move(prompts)), at_once_(std::move(at_once)), output_(output) {}

  std::vector<Asked> next() {
    const std::size_t number = number_++;
    if (number % 4 == 3) return mixed();
    const std::size_t grid = plain_++;
    const double prompt = prompts_[grid % prompts_.size()];
    const double load = at_once_[grid / prompts_.size() % at_once_.size()];
    return std::vector<Asked>(static_cast<std::size_t>(load), {.prompt_tokens = prompt, .output_tokens = output_});
  }

  // One of each, so that a wave more or less does not decide what is known.
  std::size_t round() const { return (prompts_.size() * at_once_.size() * 4 + 2) / 3; }
  double random() { return random_.uniform(); }

 private:
  std::vector<Asked> mixed() {
    const auto [least, most] = std::ranges::minmax(prompts_);
    const auto load = static_cast<std::size_t>(2 * std::ranges::max(at_once_));
    std::vector<Asked> wave;
    double at = 0;
    for (std::size_t i = 0; i < load; ++i) {
      const double length = least * std::pow(most / least, random_.uniform());
      wave.push_back({at, std::round(length), std::round(output_ * (0.5 + random_.uniform()))});
      at += -std::log(1 - random_.uniform()) * 0.3;
    }
    return wave;
  }

  std::vector<double> prompts_;
  std::vector<double> at_once_;
  double output_;
  std::size_t number_ = 0;
  std::size_t plain_ = 0;
  plan::Random random_{7};
};

// About so many tokens that no cache has: the first words differ in every prompt.
std::string prompt_of(double tokens, double words_per_token, double head, Schedule& schedule) {
  constexpr std::array words = {"river", "stone", "light",  "garden", "window", "paper",  "north",  "silver",
                                "bread", "music", "letter", "winter", "green",  "travel", "number", "house"};
  std::string text = "Tell a long story with these words:";
  const double count = std::max(1.0, (tokens - head) * words_per_token);
  for (double i = 0; i < count; ++i)
    text += fmt::format(" {}", words[static_cast<std::size_t>(schedule.random() * words.size())]);
  return text;
}

chat::ChatRequest request_of(const std::string& model, std::string prompt, double output_tokens) {
  chat::ChatRequest request;
  request.model = model;
  request.messages.push_back({.role = chat::Role::user, .blocks = {chat::Text{std::move(prompt)}}});
  request.max_output_tokens = static_cast<std::int64_t>(output_tokens);
  request.stream = true;
  return request;
}

// Asks one call and measures it. `begin`: of the run.
Result<MeasuredCall> measure(ChatTransport& transport, const chat::ChatRequest& request, Clock::time_point begin,
                             std::string& served_by) {
  MeasuredCall one{.at_s = seconds_since(begin)};
  double first = 0;
  TRY(const Answer answer, transport.ask(request, [&](std::string_view) {
    if (first == 0) first = seconds_since(begin);
  }));
  const double end = seconds_since(begin);
  one.input = static_cast<double>(answer.usage.total_input());
  one.cached = static_cast<double>(answer.usage.cached_input());
  one.output = static_cast<double>(answer.usage.total_output());
  one.ttft_s = (first > 0 ? first : end) - one.at_s;
  one.total_s = end - one.at_s;
  if (!answer.facts.provider.empty()) served_by = answer.facts.provider + "/" + answer.facts.model;
  return one;
}

// The connections of a run; call i of a wave takes the i-th.
class Lines {
 public:
  static Result<Lines> open(const Connection& connection, std::size_t count) {
    Lines out;
    for (std::size_t i = 0; i < count; ++i) {
      TRY(auto line, connection.another());
      out.all_.push_back(std::move(line));
    }
    return out;
  }

  // All calls of a wave at their times. Errors: the first of them that failed.
  Result<Wave> run(const std::vector<Asked>& asked, const std::vector<chat::ChatRequest>& requests,
                   Clock::time_point begin, std::string& served_by) {
    std::mutex lock;
    Wave wave;
    std::optional<Error> failed;
    const Clock::time_point start = Clock::now();
    {
      std::vector<std::jthread> threads;
      for (std::size_t i = 0; i < asked.size(); ++i)
        threads.emplace_back([&, i] {
          std::this_thread::sleep_until(
              start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(asked[i].delay_s)));
          std::string place;
          Result<MeasuredCall> got = measure(*all_[i], requests[i], begin, place);
          const std::scoped_lock held(lock);
          if (!got) {
            if (!failed) failed = got.error();
            return;
          }
          served_by = place;
          wave.push_back(*got);
        });
    }
    if (failed) return std::unexpected(*failed);
    std::ranges::sort(wave, {}, &MeasuredCall::at_s);
    return wave;
  }

 private:
  std::vector<std::unique_ptr<ChatTransport>> all_;
};

struct Run {
  std::vector<Wave> waves;
  std::string served_by;
  double slots = 0;
  double seconds = 0;
};

// How many sequences that engine takes at once: as the flag says, else as the configuration does.
Result<double> slots_of(const std::string& served_by, const CalibrateFlags& flags, const Invocation& invocation) {
  if (flags.slots > 0) return static_cast<double>(flags.slots);
  TRY(const auto snapshot, load_snapshot(flags.config, invocation));
  for (const config::EngineSettings& engine : snapshot->engines())
    if (served_by.starts_with(engine.name + "/")) return static_cast<double>(engine.parallel);
  return usage_error(fmt::format("{} is no engine of the configuration, so nothing says how many sequences it takes at "
                                 "once",
                                 served_by.empty() ? "what answers" : served_by),
                     "say it: --slots 8 (of vLLM --max-num-seqs, of llama-server --parallel)");
}

Result<Run> measure_engine(const CalibrateFlags& flags, Invocation& invocation) {
  TRY(const std::chrono::seconds limit, parse_duration(flags.time, "--for"));
  TRY(const std::vector<double> prompts, whole_numbers(flags.prompts, "--prompts", 1e6));
  TRY(const std::vector<double> at_once, whole_numbers(flags.at_once, "--at-once", max_at_once / 2));
  TRY(const Connection connection, Connection::open(flags.connection, invocation));
  Console& console = invocation.console;
  console.catch_interrupts();
  Schedule schedule(prompts, at_once, static_cast<double>(flags.output_tokens));
  TRY(Lines lines, Lines::open(connection, static_cast<std::size_t>(2 * std::ranges::max(at_once))));
  Run run;
  const Clock::time_point begin = Clock::now();
  // How many tokens a word is, and how many a prompt has before its first word: two calls, which also wake the engine.
  std::array<double, 2> sizes{};
  const std::array<double, 2> words = {8, 108};
  for (std::size_t i = 0; i < 2; ++i) {
    TRY(const Wave wave,
        lines.run({{}}, {request_of(flags.model, prompt_of(words[i], 1, 0, schedule), 1)}, begin, run.served_by));
    sizes[i] = wave.front().input;
  }
  TRY(run.slots, slots_of(run.served_by, flags, invocation));
  const double words_per_token = (words[1] - words[0]) / std::max(1.0, sizes[1] - sizes[0]);
  const double head = std::max(0.0, sizes[0] - words[0] / words_per_token);

  const auto until = static_cast<double>(limit.count());
  double said = -INFINITY;
  while ((seconds_since(begin) < until || run.waves.size() < fewest_waves) && !console.interrupted) {
    const std::vector<Asked> asked = schedule.next();
    std::vector<chat::ChatRequest> requests;
    for (const Asked& one : asked)
      requests.push_back(
          request_of(flags.model, prompt_of(one.prompt_tokens, words_per_token, head, schedule), one.output_tokens));
    TRY(Wave wave, lines.run(asked, requests, begin, run.served_by));
    run.waves.push_back(std::move(wave));
    run.seconds = seconds_since(begin);
    if (run.seconds - said < 5) continue;
    said = run.seconds;
    console.err << fmt::format("{:.0f} of {:.0f} s: {} waves of calls, {} in one round\n", run.seconds, until,
                               run.waves.size(), schedule.round())
                << std::flush;
  }
  return run;
}

// What the ledger has measured of one model: answers that ended well. Of those that were no streams the end alone is
// known; they had their places in the engine all the same.
Result<Run> read_ledger(const CalibrateFlags& flags, Invocation& invocation) {
  TRY(const auto since, parse_time_us(flags.since.empty() ? "30d" : flags.since, "--since"));
  TRY(store::Store store, open_ledger(invocation));
  store::EntryRange range;
  range.since_us = since;
  std::map<std::string, std::vector<MeasuredCall>> models;
  std::int64_t first_us = 0;
  while (true) {
    TRY(const std::vector<store::LoggedEntry> entries, store.entries_in(range, rows_per_read));
    for (const store::LoggedEntry& logged : entries) {
      const store::LedgerEntry& entry = logged.entry;
      const bool answered = entry.outcome == store::Outcome::ok || entry.outcome == store::Outcome::shadow ||
                            entry.outcome == store::Outcome::escalated;
      if (entry.ground != catalog::Ground::self_hosted || !answered || entry.usage.total_output() < 1) continue;
      if (first_us == 0) first_us = entry.start_us;
      std::vector<MeasuredCall>& calls = models[entry.provider.str() + "/" + entry.model.str()];
      if (calls.size() == plan::max_calibration_calls) continue;
      calls.push_back({.at_s = static_cast<double>(entry.start_us - first_us) / 1e6,
                       .input = static_cast<double>(entry.usage.total_input()),
                       .cached = static_cast<double>(entry.usage.cached_input()),
                       .output = static_cast<double>(entry.usage.total_output()),
                       .ttft_s = entry.stream && entry.ttft_us > 0 ? static_cast<double>(entry.ttft_us) / 1e6 : 0,
                       .total_s = static_cast<double>(entry.total_us) / 1e6});
    }
    if (entries.size() < rows_per_read) break;
    range.after_row = entries.back().row;
  }
  const auto most = std::ranges::max_element(models, {}, [](const auto& one) { return one.second.size(); });
  const auto named = flags.model == "auto" ? most : models.find(flags.model);
  const std::size_t found = named == models.end() ? 0 : named->second.size();
  if (found < ledger_wants_calls)
    return fail(ErrorKind::not_found,
                fmt::format("the ledger has {} streamed answers of {}, and {} are needed", found,
                            named == models.end() ? (flags.model == "auto" ? "engines of your own" : flags.model)
                                                  : named->first,
                            ledger_wants_calls),
                "measure it instead: leave out --ledger");
  Run run{.served_by = named->first};
  TRY(run.slots, slots_of(run.served_by, flags, invocation));
  const double begin = std::ranges::min(named->second, {}, &MeasuredCall::at_s).at_s;
  run.waves = plan::waves_of(std::move(named->second));
  run.seconds = run.waves.back().front().at_s - begin;
  return run;
}

void print_table(const plan::Calibration& made, const plan::Accuracy& seen, const plan::Accuracy& held,
                 const std::string& to, Console& console) {
  using enum Column::Align;
  console.out << printable_line(fmt::format("{}: {}", made.name, made.source)) << '\n';
  const plan::EngineLaw& law = made.law;
  console.out << fmt::format(
      "a prompt: {:.2f} ms + {:.4f} ms a token; a step: {:.2f} ms + {:.2f} ms a sequence + {:.5f} ms a kept token\n",
      law.prefill * 1e3, law.prefill_per_token * 1e3, law.step * 1e3, law.step_per_sequence * 1e3,
      law.step_per_kept * 1e3);
  Table table({{"CALLS"},
               {"COUNT", right},
               {"THROUGHPUT OFF BY", right},
               {"TIME PER TOKEN OFF BY", right},
               {"TTFT P95", right},
               {"OFF BY", right}});
  const auto row = [&](const char* name, const plan::Accuracy& one) {
    table.add({name, std::to_string(one.calls), fmt::format("{:.1f} %", one.throughput_mape * 100),
               fmt::format("{:.1f} %", one.tpot_mape * 100), fmt::format("{:.0f} ms", one.ttft_p95_s * 1e3),
               fmt::format("{:.1f} %", one.ttft_p95_error * 100)});
  };
  row("in the fit", seen);
  row("held out", held);
  table.print(console.out, console.colour());
  if (held.throughput_mape > plan::throughput_target || held.ttft_p95_error > plan::ttft_target)
    console.out << fmt::format("a forecast should reach {:.0f} and {:.0f} %: measure for longer, on a quiet machine\n",
                               plan::throughput_target * 100, plan::ttft_target * 100);
  console.out << "wrote " << printable_line(to) << "; use it: `calibration_file: " << printable_line(to)
              << "` of the option, or sluice plan plan.yaml --calibration " << printable_line(to) << '\n';
}

// Every measured call with its forecast, for those who want to see where it is off.
Result<void> write_calls(const std::string& path, const plan::EngineLaw& law, const plan::Split& split) {
  std::ofstream file(path, std::ios::trunc);
  file << "part,wave,at_s,input,cached,output,ttft_s,total_s,forecast_ttft_s,forecast_total_s\n";
  for (const auto& [part, waves] : {std::pair("fit", &split.fitted), std::pair("held_out", &split.held_out)})
    for (std::size_t w = 0; w < waves->size(); ++w) {
      const Wave& wave = (*waves)[w];
      const std::vector<MeasuredCall> got = plan::forecast(law, wave);
      for (std::size_t i = 0; i < wave.size(); ++i)
        file << fmt::format("{},{},{:.6f},{},{},{},{:.6f},{:.6f},{:.6f},{:.6f}\n", part, w, wave[i].at_s, wave[i].input,
                            wave[i].cached, wave[i].output, wave[i].ttft_s, wave[i].total_s, got[i].ttft_s,
                            got[i].total_s);
    }
  file.flush();
  if (!file) return fail(ErrorKind::unavailable, fmt::format("{} cannot be written", path), "name another file");
  return {};
}

void write_accuracy(json::Writer& out, std::string_view name, const plan::Accuracy& one) {
  out.key(name).begin_object().member("calls", static_cast<std::int64_t>(one.calls));
  out.member("waves", static_cast<std::int64_t>(one.waves)).key("throughput_error").number(one.throughput_mape);
  out.key("tpot_error").number(one.tpot_mape);
  out.key("ttft_p95_s").number(one.ttft_p95_s);
  out.key("ttft_p95_error").number(one.ttft_p95_error).end_object();
}

Result<int> run_calibrate(const CalibrateFlags& flags, Invocation& invocation) {
  if (!flags.ledger && !flags.since.empty())
    return usage_error("--since is for --ledger", "sluice plan calibrate --ledger --since 7d");
  TRY(Run run, flags.ledger ? read_ledger(flags, invocation) : measure_engine(flags, invocation));
  const std::size_t all_waves = run.waves.size();
  const plan::Split split = plan::split_waves(std::move(run.waves));
  if (split.held_out.empty())
    return fail(ErrorKind::invalid_request,
                fmt::format("{} waves of calls were measured: none is left to try the fit on", all_waves),
                flags.ledger
                    ? "the traffic has too few pauses to be cut into waves: measure the engine, without --ledger"
                    : "measure for longer: --for 10m");
  TRY(const plan::EngineLaw law, plan::fit_law(split.fitted, run.slots));
  const plan::Accuracy seen = plan::accuracy_of(law, split.fitted);
  const plan::Accuracy held = plan::accuracy_of(law, split.held_out);
  const plan::Calibration made{
      .name = run.served_by.empty() ? flags.model : run.served_by,
      .measured_on = catalog::date_text(catalog::today()),
      .source = fmt::format("sluice plan calibrate{}: {} calls in {:.0f} s, {} of them outside the fit",
                            flags.ledger ? " --ledger" : "", seen.calls + held.calls, run.seconds, held.calls),
      .law = law,
      .throughput_error = held.throughput_mape,
      .tpot_error = held.tpot_mape,
      .ttft_p95_error = held.ttft_p95_error};
  std::ofstream file(flags.to, std::ios::binary | std::ios::trunc);
  file << plan::calibration_yaml(made) << std::flush;
  if (!file)
    return fail(ErrorKind::unavailable, fmt::format("{} cannot be written", flags.to), "name another file with --to");
  if (!flags.calls.empty()) CHECK_OK(write_calls(flags.calls, law, split));
  if (!invocation.json()) {
    print_table(made, seen, held, flags.to, invocation.console);
    return exit_ok;
  }
  std::string text;
  json::Writer out(text);
  out.begin_object().member("name", made.name).member("source", made.source).member("written_to", flags.to);
  write_accuracy(out, "fitted", seen);
  write_accuracy(out, "held_out", held);
  out.end_object();
  invocation.console.out << text << '\n';
  return exit_ok;
}

}  // namespace

void add_plan_calibrate(CLI::App& plan, Invocation& invocation) {
  CLI::App& verb = add_verb(plan, invocation,
                            {"calibrate", "Measure an engine of your own, so that forecasts of it are its own",
                             "sluice plan calibrate local/smollm2-135m-instruct --for 10m\n"
                             "sluice plan calibrate --ledger --since 7d"});
  auto flags = std::make_shared<CalibrateFlags>();
  verb.add_option("model", flags->model, "A model's name, provider/model, or auto (the default)")->type_name("MODEL");
  verb.add_option("--for", flags->time, "How long to measure, and at least 16 waves of calls (default: 10m)")
      ->type_name("TIME");
  verb.add_option("--prompts", flags->prompts, "Lengths of prompts in tokens (default: 32,128,512,1024)")
      ->type_name("LIST");
  verb.add_option("--at-once", flags->at_once, "Calls at the same time (default: 1,2)")->type_name("LIST");
  whole_number(verb.add_option("--output-tokens", flags->output_tokens, "Tokens of an answer"), 2, 100'000, "48");
  whole_number(verb.add_option("--slots", flags->slots,
                               "Sequences that the engine takes at once (default: engine.parallel of the "
                               "configuration)"),
               1, 4096, "");
  verb.add_flag("--ledger", flags->ledger, "Ask nothing: take the times that the ledger has of its traffic");
  verb.add_option("--since", flags->since, "Of the ledger: calls that ended at or after (default: 30d ago)")
      ->type_name("TIME");
  verb.add_option("--to", flags->to, "Where to write it (default: calibration.yaml)")->type_name(file_value);
  verb.add_option("--calls", flags->calls, "Also write every measured call with its forecast, as CSV")
      ->type_name(file_value);
  add_config_flag(verb, flags->config);
  add_connection_flags(verb, flags->connection);
  on_selected(verb, invocation, flags, run_calibrate);
}

}  // namespace sluice::cli
