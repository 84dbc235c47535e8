// `sluice models`: what may be called as things stand here, and with --all everything that the catalogue knows, with
// what to do to switch it on. Goes by this shell's configuration and environment; asks nobody.
#include <ostream>

#include "cli/load_config.h"
#include "cli/retirement.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "json/json.h"

namespace sluice::cli {
namespace {

struct ModelsFlags {
  bool all = false;
  std::string config;
};

constexpr Tokens million = 1'000'000;

const catalog::Model nothing_known{.provider = {}, .name = {}};

// Picodollars per token as USD per million tokens: "2.5".
std::string usd_per_million(std::int64_t pico_per_token) { return cost_of(million, pico_per_token).usd(); }

struct Price {
  std::string state;                  // "metered", "free", "self_hosted", "unpriced"
  std::string input_usd_per_million;  // empty unless metered
  std::string output_usd_per_million;
};

Price price_of(const config::Candidate& candidate) {
  const catalog::Quote quote = candidate.quote(catalog::today());
  Price price{.state = std::string(quote.state()), .input_usd_per_million = {}, .output_usd_per_million = {}};
  if (!quote.priced() || quote.fact()->kind != catalog::PriceKind::metered) return price;
  const catalog::Rates& rates = quote.rates(0);
  price.input_usd_per_million = usd_per_million(rates[catalog::Unit::input]);
  price.output_usd_per_million = usd_per_million(rates[catalog::Unit::output]);
  return price;
}

bool retired(const config::Candidate& candidate) {
  return candidate.model && candidate.model->retired(catalog::today());
}

bool callable(const config::Candidate& candidate) { return candidate.provider->enabled && !retired(candidate); }

std::string why_not(const config::Candidate& candidate) {
  const catalog::Provider& provider = *candidate.provider;
  if (retired(candidate)) return retirement_text(*candidate.model->retires, catalog::today());
  if (provider.enabled) return "";
  return provider.how_to_enable.empty() ? "switched off in the configuration" : provider.how_to_enable;
}

std::vector<std::string> callable_names(const config::Target& route) {
  std::vector<std::string> names;
  for (const config::Candidate* candidate : route.candidates)
    if (callable(*candidate)) names.push_back(candidate->name);
  return names;
}

std::string count_text(Tokens count) { return count > 0 ? std::to_string(count) : "-"; }

void print_models(const config::Snapshot& snapshot, bool all, Console& console) {
  using enum Column::Align;
  std::vector<Column> columns{
      {"MODEL"}, {"GROUND"}, {"CONTEXT", right}, {"INPUT USD/M", right}, {"OUTPUT USD/M", right}};
  if (all) columns.insert(columns.end(), {{"LICENCE"}, {"STATE"}});
  Table table(columns);
  for (const config::Target& route : snapshot.routes()) {
    const std::vector<std::string> names = callable_names(route);
    if (names.empty() && !all) continue;
    std::vector<std::string> cells{route.name, "(route)", "", "", ""};
    if (all) cells.insert(cells.end(), {"", names.empty() ? "off: none of its candidates may be called" : "on"});
    table.add(std::move(cells));
  }
  for (const auto& candidate : snapshot.candidates()) {
    if (!all && !callable(*candidate)) continue;
    const Price price = price_of(*candidate);
    const bool metered = !price.input_usd_per_million.empty();
    std::vector<std::string> cells{candidate->name, std::string(name(candidate->ground)),
                                   count_text(candidate->model ? candidate->model->context : 0),
                                   metered ? price.input_usd_per_million : price.state,
                                   metered ? price.output_usd_per_million : price.state};
    if (all) {
      cells.push_back(candidate->model ? candidate->model->licence : "");
      const std::string soon = retires_soon(*candidate, catalog::today())
                                   ? "; " + retirement_text(*candidate->model->retires, catalog::today())
                                   : "";
      cells.push_back(callable(*candidate) ? "on" + soon : "off: " + why_not(*candidate));
    }
    table.add(std::move(cells));
  }
  if (table.empty())
    console.out << "nothing may be called; see what could be: sluice models --all\n";
  else
    table.print(console.out, console.colour());
  for (const auto& candidate : snapshot.candidates())
    if (!all && callable(*candidate) && retires_soon(*candidate, catalog::today()))
      console.err << printable_line(candidate->name + ": " +
                                    retirement_text(*candidate->model->retires, catalog::today()))
                  << '\n';
  for (const auto& candidate : snapshot.candidates())
    if (candidate->provider->engine && callable(*candidate))
      console.err << printable_line(candidate->name)
                  << ": whether its engine is up, only the running server knows (sluice doctor)\n";
}

void write_text_or_null(json::Writer& out, std::string_view key, const std::string& value) {
  out.key(key);
  value.empty() ? out.null() : out.string(value);
}

void write_count_or_null(json::Writer& out, std::string_view key, Tokens count) {
  out.key(key);
  count > 0 ? out.integer(count) : out.null();
}

// A model that is not in the catalogue has none that is known of.
void write_capabilities(json::Writer& out, const catalog::Model* known) {
  const catalog::Model& model = known ? *known : nothing_known;
  out.member("kind", catalog::name(model.kind)).member("tools", model.tools).member("images", model.images);
  out.member("audio", model.audio).member("video", model.video).member("pdf", model.pdf);
  out.member("makes_images", model.makes_images).member("makes_audio", model.makes_audio);
  out.member("structured_output", model.structured_output).member("reasoning", model.reasoning);
  out.member("refuses_prefill", model.refuses_prefill);
  write_text_or_null(out, "region", model.region);
}

void write_takes(json::Writer& out, const chat::Takes& takes) {
  out.member("sampling", chat::name(takes.sampling)).key("efforts").begin_array();
  for (const chat::Effort one : chat::every_effort)
    if (takes.efforts.contains(one)) out.string(chat::name(one));
  out.end_array();
  write_text_or_null(out, "unasked_effort", takes.unasked ? std::string(chat::name(*takes.unasked)) : "");
  out.member("chat_tools_without_effort", takes.chat_tools_without_effort);
  out.member("system_within", takes.system_within);
}

void write_retirement(json::Writer& out, const catalog::Model* model) {
  const catalog::Retirement* retirement = model && model->retires ? &*model->retires : nullptr;
  write_text_or_null(out, "retires", retirement ? catalog::date_text(retirement->day) : "");
  write_text_or_null(out, "successor", retirement ? retirement->successor : "");
}

void write_benchmarks(json::Writer& out, const catalog::Model* model) {
  out.key("benchmarks").begin_array();
  if (model)
    for (const catalog::Benchmark& benchmark : model->benchmarks)
      out.begin_object()
          .member("metric", benchmark.metric)
          .member("value", benchmark.value)
          .member("source", benchmark.source)
          .end_object();
  out.end_array();
}

void write_candidate(json::Writer& out, const config::Candidate& candidate) {
  const catalog::Model* model = candidate.model;
  const Price price = price_of(candidate);
  out.begin_object().member("name", candidate.name).member("provider", candidate.provider->id.str());
  out.member("model", candidate.model_name.str()).member("ground", name(candidate.ground));
  write_count_or_null(out, "context", model ? model->context : 0);
  write_count_or_null(out, "max_output", model ? model->max_output : 0);
  write_text_or_null(out, "licence", model ? model->licence : "");
  write_text_or_null(out, "released", model ? model->released : "");
  write_capabilities(out, model);
  write_takes(out, candidate.takes);
  write_retirement(out, model);
  write_benchmarks(out, model);
  out.member("price", price.state);
  write_text_or_null(out, "input_usd_per_million", price.input_usd_per_million);
  write_text_or_null(out, "output_usd_per_million", price.output_usd_per_million);
  out.member("callable", callable(candidate)).member("engine", candidate.provider->engine);
  write_text_or_null(out, "why_not", why_not(candidate));
  out.end_object();
}

std::string models_json(const config::Snapshot& snapshot, bool all) {
  std::string text;
  json::Writer out(text);
  out.begin_object().key("routes").begin_array();
  for (const config::Target& route : snapshot.routes()) {
    const std::vector<std::string> names = callable_names(route);
    if (names.empty() && !all) continue;
    out.begin_object().member("name", route.name).key("candidates").begin_array();
    for (const config::Candidate* candidate : route.candidates)
      if (all || callable(*candidate)) out.string(candidate->name);
    out.end_array().member("callable", !names.empty()).end_object();
  }
  out.end_array().key("models").begin_array();
  for (const auto& candidate : snapshot.candidates())
    if (all || callable(*candidate)) write_candidate(out, *candidate);
  out.end_array().end_object();
  return text;
}

Result<int> models(const ModelsFlags& flags, Invocation& invocation) {
  TRY(const auto snapshot, load_snapshot(flags.config, invocation));
  if (invocation.json())
    invocation.console.out << models_json(*snapshot, flags.all) << '\n';
  else
    print_models(*snapshot, flags.all, invocation.console);
  return exit_ok;
}

}  // namespace

void add_models(CLI::App& root, Invocation& invocation) {
  CLI::App& verb = add_verb(root, invocation,
                            {"models", "What may be called, where it stands and what it costs", "sluice models --all"});
  auto flags = std::make_shared<ModelsFlags>();
  verb.add_flag("--all", flags->all, "The whole catalogue, with what to do to switch on what is off");
  add_config_flag(verb, flags->config);
  on_selected(verb, invocation, flags, models);
}

}  // namespace sluice::cli
