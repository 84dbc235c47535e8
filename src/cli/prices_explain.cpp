// `sluice prices explain`: what a recorded answer of a provider costs, line by line.
#include <ostream>

#include "cli/load_config.h"
#include "cli/prices_text.h"
#include "cli/table.h"
#include "json/json.h"
#include "prices/answer.h"
#include "prices/formats.h"

namespace sluice::cli {
namespace {

using catalog::Moment;

struct ExplainFlags {
  std::string provider;
  std::string model;
  std::string at;
  std::string known_at;
  std::string response;
  std::string dialect;
  std::string service_tier;
  std::string region;
  std::vector<std::string> quantities;  // unit=N
  std::string config;
};

Result<prices::RecordedAnswer> read_response(const ExplainFlags& flags, const catalog::Provider* provider,
                                             std::string& dialect_name) {
  TRY(const std::string text, read_prices_file(flags.response));
  std::vector<chat::DialectId> tried;
  if (!flags.dialect.empty()) {
    const auto id = chat::dialect_from_name(flags.dialect);
    if (!id || !prices::make_dialect(*id))
      return usage_error("--dialect: `" + flags.dialect + "` has no answers with usage",
                         "openai_chat, openai_responses, anthropic_messages, gemini or bedrock_converse, for example");
    tried.push_back(*id);
  } else if (provider) {
    tried.push_back(provider->dialect);
    for (const chat::DialectId also : provider->also) tried.push_back(also);
  } else {
    return usage_error("the provider `" + flags.provider + "` is not known, so its answers' dialect is not",
                       "name it with --dialect");
  }
  std::optional<Error> first;
  for (const chat::DialectId id : tried) {
    const auto dialect = prices::make_dialect(id);
    if (!dialect) continue;
    auto answer = prices::read_answer(*dialect, text);
    if (answer) {
      dialect_name = chat::name(id);
      return answer;
    }
    if (!first) first = std::move(answer).error();
  }
  return std::unexpected(first.value_or(Error{.kind = ErrorKind::invalid_request,
                                              .message = "no dialect of this provider tells usage in its answers",
                                              .hint = "name another one with --dialect"}));
}

std::vector<std::string> doubt_words(const chat::Usage& usage) {
  std::vector<std::string> words;
  if (usage.has(chat::Doubt::negative)) words.emplace_back("a count below zero was taken for zero");
  if (usage.has(chat::Doubt::overflow)) words.emplace_back("a count beyond any answer was cut");
  if (usage.has(chat::Doubt::inconsistent)) words.emplace_back("a part was larger than its whole, or no whole number");
  if (usage.has(chat::Doubt::second_model)) words.emplace_back("tokens of a second model (an advisor) are not in it");
  return words;
}

Result<int> explain(const ExplainFlags& flags, Invocation& invocation) {
  TRY(const Moment at, moment_of(flags.at, "--at"));
  TRY(const auto known, day_of(flags.known_at, "--known-at"));
  if (flags.response.empty() && flags.quantities.empty())
    return usage_error("what is to be priced?", "--response FILE, a recorded answer; or --quantity input=1000");
  TRY(const auto snapshot, load_snapshot(flags.config, invocation, known));
  const catalog::Provider* provider = snapshot->find_provider(flags.provider);
  prices::RecordedAnswer answer;
  std::string dialect;
  catalog::Quantities used = {};
  if (!flags.response.empty()) {
    TRY(answer, read_response(flags, provider, dialect));
    used = catalog::quantities(answer.usage);
  }
  for (const std::string& given : flags.quantities) {
    const std::size_t equals = given.find('=');
    const auto unit = catalog::unit_from_name(given.substr(0, equals));
    const auto count = equals == std::string::npos ? std::nullopt : prices::scaled(given.substr(equals + 1), 0);
    if (!unit || !count || *count < 0)
      return usage_error("--quantity: `" + given + "` is no unit and number", "write for example gpu_hour=3");
    used[static_cast<std::size_t>(*unit)] = *count;
  }
  if (!flags.service_tier.empty()) answer.usage.service_tier = *chat::service_tier_from_name(flags.service_tier);
  const std::string model = flags.model.empty() ? answer.model : flags.model;
  if (model.empty()) return usage_error("the answer does not say which model it is from", "name it with --model");
  const std::string region = !flags.region.empty() ? flags.region : provider ? provider->aws.region : "";
  const catalog::Quote quote = snapshot->prices().quote(ProviderId(flags.provider), ModelName(model), at, region);
  const prices::Bill bill = prices::bill(quote, answer.usage.service_tier, used);
  std::vector<std::string> notes = doubt_words(answer.usage);
  if (bill.other_tier)
    notes.push_back("no price is known for the service tier " + std::string(chat::name(answer.usage.service_tier)) +
                    ": the standard one was taken");

  Console& console = invocation.console;
  if (invocation.json()) {
    std::string text;
    json::Writer out(text);
    out.begin_object().member("provider", flags.provider).member("model", model);
    out.member("answered_model", answer.model).member("at", moment_text(at)).member("dialect", dialect);
    out.member("stream", answer.stream).member("service_tier", chat::name(answer.usage.service_tier));
    out.member("state", bill.fact ? name(bill.fact->kind) : "unpriced").key("price");
    bill.fact ? write_fact(out, *bill.fact) : void(out.null());
    out.key("usage").begin_object();
    for (std::size_t i = 0; i < catalog::unit_count; ++i)
      if (used[i] > 0) out.member(catalog::unit_names[i], used[i]);
    out.end_object().member("raw_usage", answer.usage.raw.text()).key("lines").begin_array();
    for (const catalog::CostLine& line : bill.lines) {
      out.begin_object().member("class", name(line.unit)).member("quantity", line.quantity);
      out.member("unit_price_usd", per_unit(line.unit, line.pico_per_unit));
      out.member("per", catalog::is_per_million(line.unit) ? "1000000" : "1");
      out.member("unit_price_pico", line.pico_per_unit);
      out.member("condition", line.tier ? tier_text(*line.tier) : "").member("source", bill.fact->source);
      out.member("amount_usd", line.amount.usd()).member("amount_pico", line.amount.pico()).end_object();
    }
    out.end_array().key("total_usd");
    bill.total ? out.string(bill.total->usd()) : out.null();
    out.key("total_pico");
    bill.total ? out.integer(bill.total->pico()) : out.null();
    out.key("notes").begin_array();
    for (const std::string& note : notes) out.string(note);
    out.end_array().end_object();
    console.out << text << '\n';
    return exit_ok;
  }
  using enum Column::Align;
  if (!bill.fact) {
    console.out << printable_line(flags.provider + "/" + model) << " is unpriced at " << moment_text(at) << '\n';
    return exit_ok;
  }
  Table table({{"CLASS"}, {"QUANTITY", right}, {"USD", right}, {"PER"}, {"CONDITION"}, {"AMOUNT USD", right}});
  for (const catalog::CostLine& line : bill.lines)
    table.add({std::string(name(line.unit)), std::to_string(line.quantity), per_unit(line.unit, line.pico_per_unit),
               catalog::is_per_million(line.unit) ? "million" : "each", line.tier ? tier_text(*line.tier) : "",
               line.amount.usd()});
  table.add({"total", "", "", "", "", bill.total->usd()});
  table.print(console.out, console.colour());
  console.out << printable_line(catalog::price_key(*bill.fact) + ", " + std::string(name(bill.fact->source_kind)) +
                                " price since " + catalog::date_text(bill.fact->effective_from) + ": " +
                                bill.fact->source)
              << '\n';
  for (const std::string& note : notes) console.err << printable_line(note) << '\n';
  return exit_ok;
}

}  // namespace

void add_prices_explain(CLI::App& group, Invocation& invocation) {
  CLI::App& explaining = add_verb(group, invocation,
                                  {"explain", "What a recorded answer costs, line by line",
                                   "sluice prices explain --provider anthropic --response answer.json -o json"});
  auto explain_flags = std::make_shared<ExplainFlags>();
  explaining.add_option("--provider", explain_flags->provider, "Who answered")->required()->type_name("NAME");
  explaining.add_option("--model", explain_flags->model, "Which model (default: the one that the answer names)")
      ->type_name("NAME");
  explaining
      .add_option("--response", explain_flags->response,
                  "The answer: JSON, or the events of a stream; - for standard input")
      ->type_name(file_value);
  explaining.add_option("--at", explain_flags->at, "When it was asked (default: now)")->type_name("TIME");
  explaining
      .add_option("--known-at", explain_flags->known_at, "As the book was known on that day: without later imports")
      ->type_name("DAY");
  explaining.add_option("--dialect", explain_flags->dialect, "How it is written (default: the provider's)")
      ->type_name("NAME");
  one_of(
      explaining.add_option("--service-tier", explain_flags->service_tier, "Instead of the one that the answer names"),
      {chat::service_tier_names.begin(), chat::service_tier_names.end()});
  explaining.add_option("--region", explain_flags->region, "Of the provider (default: the configuration's)")
      ->type_name("NAME");
  explaining
      .add_option("--quantity", explain_flags->quantities,
                  "Of a unit that the answer does not count, may be given again")
      ->type_name("UNIT=N");
  add_config_flag(explaining, explain_flags->config);
  on_selected(explaining, invocation, explain_flags, explain);
}

}  // namespace sluice::cli
