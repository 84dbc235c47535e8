// `sluice prices show|diff|import|explain|reprice`: the price book as it stands or stood, what a catalogue would change of
// it, what a recorded answer costs line by line, and the ledger's past at the prices that are known now.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <ostream>
#include <set>
#include <sstream>

#include "cli/data_store.h"
#include "cli/duration.h"
#include "cli/load_config.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "json/json.h"
#include "prices/answer.h"
#include "prices/formats.h"
#include "prices/review.h"
#include "store/price_files.h"

namespace sluice::cli {
namespace {

using catalog::Moment;
using catalog::PriceFact;
using catalog::Unit;

constexpr std::size_t most_file_bytes = 64u << 20;  // the largest catalogue has 2 MB, a recorded stream a few
constexpr std::size_t reprice_batch = 5'000;

Result<Moment> moment_of(const std::string& text, const char* flag) {
  const Time now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  if (text.empty()) return std::chrono::floor<std::chrono::seconds>(now);
  TRY(const Time at, parse_time(text, now, flag));
  return std::chrono::floor<std::chrono::seconds>(at);
}

Result<std::optional<catalog::Date>> day_of(const std::string& text, const char* flag) {
  if (text.empty()) return std::nullopt;
  const auto day = catalog::parse_date(text);
  if (!day) return usage_error(std::string(flag) + ": `" + text + "` is no day", "write YYYY-MM-DD");
  return day;
}

std::string moment_text(Moment at) { return time_text(Time(at)); }

Result<std::string> read_file(const std::string& path) {
  std::ostringstream text;
  if (path == "-") {
    text << std::cin.rdbuf();
  } else {
    std::ifstream file(path, std::ios::binary);
    if (file) text << file.rdbuf();
    if (!file || !text)
      return fail(ErrorKind::not_found, "cannot read " + path, "name a file that is there, or - for standard input");
  }
  if (text.view().size() > most_file_bytes)
    return fail(ErrorKind::invalid_request, path + " is larger than 64 MiB", "no catalogue and no answer is so long");
  return std::move(text).str();
}

// --- what the verbs show of a price

std::string per_unit(Unit unit, std::int64_t pico) { return catalog::usd_text(unit, pico); }

std::string rates_text(const catalog::Rates& rates) {
  std::string text;
  for (std::size_t i = 0; i < catalog::unit_count; ++i) {
    const Unit unit = static_cast<Unit>(i);
    const bool follows = catalog::whole_of(unit) == unit ? rates[unit] == 0 : rates[unit] == rates[catalog::whole_of(unit)];
    if (follows && unit != Unit::input && unit != Unit::output) continue;
    if (!text.empty()) text += ", ";
    text += std::string(name(unit)) + " " + per_unit(unit, rates[unit]);
  }
  return text;
}

std::string tier_text(const catalog::Tier& tier) {
  return std::string(tier.op == catalog::Tier::Op::ge ? "from " : "above ") + std::to_string(tier.prompt_tokens) +
         " prompt tokens" + (tier.counts_cached ? "" : " without cached ones") +
         (tier.scope == catalog::Tier::Scope::marginal ? ", what is beyond it" : "");
}

std::string price_text(const PriceFact& fact) {
  if (fact.kind != catalog::PriceKind::metered) return std::string(name(fact.kind));
  std::string text = rates_text(fact.rates);
  for (const catalog::Tier& tier : fact.tiers) text += "; " + tier_text(tier) + ": " + rates_text(tier.rates);
  return text;
}

void write_rates(json::Writer& out, const catalog::Rates& rates) {
  out.begin_object();
  for (std::size_t i = 0; i < catalog::unit_count; ++i) {
    const Unit unit = static_cast<Unit>(i);
    const bool follows = catalog::whole_of(unit) == unit ? rates[unit] == 0 : rates[unit] == rates[catalog::whole_of(unit)];
    if (!follows || unit == Unit::input || unit == Unit::output) out.member(name(unit), per_unit(unit, rates[unit]));
  }
  out.end_object();
}

void write_fact(json::Writer& out, const PriceFact& fact) {
  out.begin_object().member("key", catalog::price_key(fact)).member("provider", fact.provider.str());
  out.member("model", fact.model.str()).member("state", name(fact.kind)).member("layer", name(fact.source_kind));
  out.member("service_tier", chat::name(fact.service_tier)).member("region", fact.region);
  out.member("hours", fact.window ? catalog::window_text(*fact.window) : "").key("usd");
  write_rates(out, fact.rates);
  out.key("tiers").begin_array();
  for (const catalog::Tier& tier : fact.tiers) {
    out.begin_object().member("prompt_tokens", tier.prompt_tokens);
    out.member("op", tier.op == catalog::Tier::Op::ge ? "ge" : "gt");
    out.member("scope", tier.scope == catalog::Tier::Scope::marginal ? "marginal" : "whole_request");
    out.member("counts_cached", tier.counts_cached).key("usd");
    write_rates(out, tier.rates);
    out.end_object();
  }
  out.end_array().member("effective_from", catalog::date_text(fact.effective_from)).key("effective_to");
  fact.effective_to ? out.string(catalog::date_text(*fact.effective_to)) : out.null();
  out.member("source", fact.source).member("observed_at", fact.observed_at).member("recorded_at", fact.recorded_at);
  out.member("note", fact.note).end_object();
}

// --- show

struct ShowFlags {
  std::string provider;
  std::string model;
  std::string at;
  std::string known_at;
  bool history = false;
  std::string config;
};

// The prices of one model that hold at the moment: the first of each service tier, region and hours.
std::vector<const PriceFact*> in_force(const catalog::PriceHistory& history, Moment at) {
  std::vector<const PriceFact*> facts;
  std::set<std::string> keys;
  for (const PriceFact& fact : history.facts)
    if (fact.effective_from <= at && (!fact.effective_to || at < *fact.effective_to) &&
        keys.insert(catalog::price_key(fact)).second)
      facts.push_back(&fact);
  return facts;
}

Result<int> show(const ShowFlags& flags, Invocation& invocation) {
  TRY(const Moment at, moment_of(flags.at, "--at"));
  TRY(const auto known, day_of(flags.known_at, "--known-at"));
  TRY(const auto snapshot, load_snapshot(flags.config, invocation, known));
  std::vector<const PriceFact*> facts;
  for (const auto& [name, history] : snapshot->prices().all()) {
    if (!flags.provider.empty() && name.first != flags.provider) continue;
    if (!flags.model.empty() && name.second.find(flags.model) == std::string::npos) continue;
    if (flags.history)
      for (const PriceFact& fact : history.facts) facts.push_back(&fact);
    else
      for (const PriceFact* fact : in_force(history, at)) facts.push_back(fact);
  }
  Console& console = invocation.console;
  if (invocation.json()) {
    std::string text;
    json::Writer out(text);
    out.begin_object().member("at", moment_text(at)).key("prices").begin_array();
    for (const PriceFact* fact : facts) write_fact(out, *fact);
    out.end_array().end_object();
    console.out << text << '\n';
    return exit_ok;
  }
  if (facts.empty()) {
    console.out << "no price is known " << (flags.history ? "" : "then ") << "for that; what is not known is unpriced\n";
    return exit_ok;
  }
  Table table({{"PRICE"}, {"LAYER"}, {"FROM"}, {"UNTIL"}, {"USD PER MILLION"}, {"SOURCE"}});
  for (const PriceFact* fact : facts)
    table.add({catalog::price_key(*fact), std::string(name(fact->source_kind)),
               fact->effective_from == catalog::Date() ? "ever" : catalog::date_text(fact->effective_from),
               fact->effective_to ? catalog::date_text(*fact->effective_to) : "", price_text(*fact), fact->source});
  table.print(console.out, console.colour());
  return exit_ok;
}

// --- diff

struct DiffFlags {
  std::string from;
  std::string to;
  std::string provider;
  std::string config;
};

Result<int> diff(const DiffFlags& flags, Invocation& invocation) {
  if (flags.from.empty()) return usage_error("from which day on?", "sluice prices diff --from 2026-07-01");
  TRY(const Moment from, moment_of(flags.from, "--from"));
  TRY(const Moment to, moment_of(flags.to, "--to"));
  TRY(const auto snapshot, load_snapshot(flags.config, invocation));
  struct Row {
    std::string key;
    const PriceFact* before;
    const PriceFact* after;
  };
  std::vector<Row> rows;
  for (const auto& [name, history] : snapshot->prices().all()) {
    if (!flags.provider.empty() && name.first != flags.provider) continue;
    std::map<std::string, Row> by_key;
    for (const PriceFact* fact : in_force(history, from)) by_key[catalog::price_key(*fact)].before = fact;
    for (const PriceFact* fact : in_force(history, to)) by_key[catalog::price_key(*fact)].after = fact;
    for (auto& [key, row] : by_key) {
      const bool same = row.before && row.after && row.before->kind == row.after->kind &&
                        row.before->rates == row.after->rates && row.before->tiers == row.after->tiers;
      if (!same) rows.push_back({key, row.before, row.after});
    }
  }
  Console& console = invocation.console;
  if (invocation.json()) {
    std::string text;
    json::Writer out(text);
    out.begin_object().member("from", moment_text(from)).member("to", moment_text(to)).key("changes").begin_array();
    for (const Row& row : rows) {
      out.begin_object().member("key", row.key);
      out.member("change", !row.before ? "added" : row.after ? "changed" : "removed").key("before");
      row.before ? write_fact(out, *row.before) : void(out.null());
      out.key("after");
      row.after ? write_fact(out, *row.after) : void(out.null());
      out.end_object();
    }
    out.end_array().end_object();
    console.out << text << '\n';
    return exit_ok;
  }
  if (rows.empty()) {
    console.out << "no price differs between the two\n";
    return exit_ok;
  }
  Table table({{"PRICE"}, {"CHANGE"}, {"BEFORE"}, {"AFTER"}});
  for (const Row& row : rows)
    table.add({row.key, !row.before ? "added" : row.after ? "changed" : "removed",
               row.before ? price_text(*row.before) : "", row.after ? price_text(*row.after) : ""});
  table.print(console.out, console.colour());
  return exit_ok;
}

// --- import

struct ImportFlags {
  std::string file;
  std::string format;
  std::string layer = "community";
  std::string from;
  std::string source;
  std::vector<std::string> providers;  // THEIRS=OURS
  std::vector<std::string> only;
  std::vector<std::string> accept;
  bool end_removed = false;
  bool apply = false;
  std::string config;
};

struct Imported {
  prices::ReadCatalogue read;
  prices::Review review;
  std::vector<PriceFact> taken;
  std::size_t ended = 0;
  std::string path;  // empty: nothing was written
};

Result<std::string> write_import(const ImportFlags& flags, const Invocation& invocation, const std::string& source,
                                 const std::string& today, Imported& imported) {
  catalog::PriceImport import{.source = source, .recorded_at = today, .prices = {}, .ends = {}};
  import.prices.facts = imported.taken;
  // Names of what is taken; the others' came with their own import.
  std::set<std::pair<std::string, std::string>> models;
  for (const PriceFact& fact : imported.taken) models.insert({fact.provider.str(), fact.model.str()});
  for (const catalog::PriceAlias& alias : imported.read.prices.aliases)
    if (models.contains({alias.provider.str(), alias.model.str()})) import.prices.aliases.push_back(alias);
  if (!imported.taken.empty()) import.prices.fallbacks = imported.read.prices.fallbacks;
  if (flags.end_removed)
    for (const prices::Finding& finding : imported.review.findings)
      if (finding.change == prices::Change::removed)
        import.ends.push_back({finding.key, finding.fact.source_kind, *catalog::parse_date(today)});
  imported.ended = import.ends.size();
  if (import.prices.facts.empty() && import.ends.empty()) return std::string();
  return store::add_price_file(invocation.data_dir, name(imported.read.format), catalog::write_import(import));
}

void write_import_json(json::Writer& out, const Imported& imported) {
  std::map<std::string_view, std::int64_t> counts;
  for (const prices::Finding& finding : imported.review.findings) ++counts[name(finding.change)];
  out.begin_object().member("format", name(imported.read.format)).member("applied", !imported.path.empty());
  out.member("file", imported.path);
  for (const char* change : {"added", "changed", "removed"}) out.member(change, counts[change]);
  out.member("same", static_cast<std::int64_t>(imported.review.same));
  out.member("quarantined", static_cast<std::int64_t>(imported.review.quarantined()));
  out.member("taken", static_cast<std::int64_t>(imported.taken.size()));
  out.member("ended", static_cast<std::int64_t>(imported.ended)).key("findings").begin_array();
  for (const prices::Finding& finding : imported.review.findings) {
    out.begin_object().member("key", finding.key).member("change", name(finding.change));
    out.member("accepted", finding.accepted);
    out.member("quarantined", !finding.doubts.empty() && !finding.accepted).key("doubts").begin_array();
    for (const std::string& doubt : finding.doubts) out.string(doubt);
    out.end_array().key("rates").begin_array();
    for (const prices::RateChange& rate : finding.rates) {
      out.begin_object().member("unit", name(rate.unit)).member("before_usd", per_unit(rate.unit, rate.before));
      out.member("after_usd", per_unit(rate.unit, rate.after)).key("ratio");
      rate.before > 0 ? out.number(rate.ratio()) : out.null();
      out.end_object();
    }
    out.end_array().member("compared_with", finding.before_source).key("price");
    write_fact(out, finding.fact);
    out.end_object();
  }
  out.end_array().key("left_out").begin_array();
  for (const std::string& what : imported.read.left_out) out.string(what);
  out.end_array().key("negative").begin_array();
  for (const std::string& key : imported.read.negative) out.string(key);
  out.end_array().end_object();
}

std::string change_text(const prices::Finding& finding) {
  if (finding.rates.empty()) return price_text(finding.fact);
  std::string text;
  for (const prices::RateChange& rate : finding.rates) {
    if (!text.empty()) text += ", ";
    text += std::string(name(rate.unit)) + " " + per_unit(rate.unit, rate.before) + " -> " + per_unit(rate.unit, rate.after);
    if (rate.before > 0) {
      std::ostringstream ratio;
      ratio.precision(3);
      ratio << " (x" << rate.ratio() << ")";
      text += ratio.str();
    }
  }
  return text;
}

void print_import(const Imported& imported, bool apply, Console& console) {
  Table table({{"PRICE"}, {"CHANGE"}, {"USD PER MILLION"}, {"STATE"}});
  std::map<std::string_view, std::size_t> counts;
  for (const prices::Finding& finding : imported.review.findings) {
    ++counts[name(finding.change)];
    table.add({finding.key, std::string(name(finding.change)), change_text(finding),
               finding.doubts.empty() ? "" : finding.accepted ? "accepted" : "quarantine"});
  }
  if (!table.empty()) table.print(console.out, console.colour());
  for (const prices::Finding& finding : imported.review.findings)
    if (!finding.accepted)
      for (const std::string& doubt : finding.doubts)
        console.out << printable_line("in quarantine: " + finding.key + ": " + doubt) << '\n';
  console.out << counts["added"] << " added, " << counts["changed"] << " changed, " << counts["removed"] << " removed, "
              << imported.review.same << " as they were, " << imported.review.quarantined() << " in quarantine\n";
  for (const std::string& key : imported.read.negative)
    console.err << printable_line(key + " has a price below zero and is left out") << '\n';
  if (!imported.read.left_out.empty())
    console.err << imported.read.left_out.size() << " things of the file are not taken (-o json lists them), the first: "
                << printable_line(imported.read.left_out.front()) << '\n';
  if (imported.review.quarantined() > 0)
    console.err << "what is in quarantine is not taken; confirm each by name: --accept KEY\n";
  if (!apply)
    console.err << "nothing was written; add --apply\n";
  else if (imported.path.empty())
    console.err << "there is nothing to write\n";
  else
    console.err << imported.taken.size() << " prices are in " << printable_line(imported.path)
                << "; a running server takes them by itself or by `sluice reload`\n";
}

Result<int> import(const ImportFlags& flags, Invocation& invocation) {
  TRY(const std::string text, read_file(flags.file));
  const std::string today = catalog::date_text(catalog::today());
  TRY(const auto from, day_of(flags.from, "--from"));
  prices::ReadOptions options{.source = flags.source.empty()
                                            ? std::filesystem::path(flags.file).filename().string()
                                            : flags.source,
                              .observed = today,
                              .layer = *catalog::source_kind_from_name(flags.layer),
                              .from = from.value_or(catalog::today()),
                              .providers = {}};
  for (const std::string& pair : flags.providers) {
    const std::size_t equals = pair.find('=');
    if (equals == std::string::npos)
      return usage_error("--provider: `" + pair + "` names one provider", "write THEIRS=OURS");
    options.providers.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
  }
  Imported imported;
  TRY(imported.read, prices::read_catalogue(text, prices::format_from_name(flags.format), options));
  if (!flags.only.empty()) {
    const auto other = [&](const ProviderId& id) { return std::ranges::find(flags.only, id.str()) == flags.only.end(); };
    std::erase_if(imported.read.prices.facts, [&](const PriceFact& fact) { return other(fact.provider); });
    std::erase_if(imported.read.prices.fallbacks, [&](const auto& fallback) { return other(fallback.provider); });
  }
  TRY(const auto snapshot, load_snapshot(flags.config, invocation));
  imported.review = prices::review(imported.read.prices, snapshot->prices(), options.layer, options.source, flags.accept,
                                   options.from);
  if (!flags.only.empty())
    std::erase_if(imported.review.findings, [&](const prices::Finding& finding) {
      return std::ranges::find(flags.only, finding.fact.provider.str()) == flags.only.end();
    });
  if (!imported.review.unknown_accepts.empty())
    return usage_error("--accept: `" + imported.review.unknown_accepts.front() + "` is not in quarantine",
                       "`sluice prices import FILE` lists the keys that are");
  imported.taken = prices::accepted_facts(imported.review);
  if (flags.apply) {
    TRY(imported.path, write_import(flags, invocation, options.source, today, imported));
  }
  if (invocation.json()) {
    std::string json;
    json::Writer out(json);
    write_import_json(out, imported);
    invocation.console.out << json << '\n';
  } else {
    print_import(imported, flags.apply, invocation.console);
  }
  return exit_ok;
}

// --- explain

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
  TRY(const std::string text, read_file(flags.response));
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

// --- reprice

struct RepriceFlags {
  std::string from;
  std::string to;
  bool dry_run = false;
  std::string config;
};

struct Repriced {
  std::uint64_t rows = 0;
  std::uint64_t first_prices = 0;
  std::uint64_t differences = 0;
  std::uint64_t unpriced = 0;
  MoneySum sum = 0;
  struct Model {
    std::uint64_t rows = 0;
    MoneySum sum = 0;
    std::string source;
  };
  std::map<std::string, Model> models;
};

// The row that mends another's cost; empty when it is right.
std::optional<store::LedgerEntry> correction_of(const store::PricedRow& row, const config::Snapshot& snapshot,
                                                std::int64_t now_us, Repriced& total) {
  const store::LedgerEntry& entry = row.entry;
  const catalog::Provider* provider = snapshot.find_provider(entry.provider.str());
  const catalog::Quote quote =
      snapshot.prices().quote(entry.provider, entry.model, Moment(std::chrono::seconds(entry.start_us / 1'000'000)),
                              provider ? std::string_view(provider->aws.region) : std::string_view());
  const auto cost = catalog::cost(quote, entry.usage);
  if (!cost) {
    total.unpriced += row.cost ? 0 : 1;
    return std::nullopt;
  }
  if (row.cost == cost) return std::nullopt;
  store::LedgerEntry mended = entry;
  mended.correction = row.cost ? store::Correction::difference : store::Correction::first_price;
  mended.cost = *cost - row.cost.value_or(Money());
  mended.usage = {.reported = true, .service_tier = entry.usage.service_tier};
  mended.final = false;
  mended.end_us = now_us;
  mended.ttft_us = -1;
  mended.total_us = 0;
  const PriceFact* fact = quote.fact(entry.usage.service_tier);
  mended.price_source = fact->source;
  ++(row.cost ? total.differences : total.first_prices);
  total.sum += mended.cost->pico();
  Repriced::Model& model = total.models[entry.provider.str() + "/" + entry.model.str()];
  ++model.rows;
  model.sum += mended.cost->pico();
  model.source = fact->source;
  return mended;
}

Result<int> reprice(const RepriceFlags& flags, Invocation& invocation) {
  if (flags.from.empty()) return usage_error("from which day on?", "sluice prices reprice --from 2026-07-01");
  TRY(const Moment from, moment_of(flags.from, "--from"));
  TRY(const Moment to, moment_of(flags.to, "--to"));
  TRY(const auto snapshot, load_snapshot(flags.config, invocation));
  TRY(store::Store store, open_ledger(invocation));
  const auto us = [](Moment at) {
    return std::chrono::duration_cast<std::chrono::microseconds>(at.time_since_epoch()).count();
  };
  const std::int64_t now_us = store::wall_clock_us();
  Repriced total;
  std::int64_t after = 0;
  while (true) {
    TRY(const std::vector<store::PricedRow> rows, store.priced_rows(us(from), us(to), after, reprice_batch));
    if (rows.empty()) break;
    std::vector<store::LedgerEntry> corrections;
    for (const store::PricedRow& row : rows) {
      ++total.rows;
      if (auto mended = correction_of(row, *snapshot, now_us, total)) corrections.push_back(*std::move(mended));
    }
    after = rows.back().row;
    if (!flags.dry_run) {
      TRY(const std::uint64_t written, store.correct(corrections));
      static_cast<void>(written);
    }
  }
  Console& console = invocation.console;
  if (invocation.json()) {
    std::string text;
    json::Writer out(text);
    const auto number = [](std::uint64_t n) { return static_cast<std::int64_t>(n); };
    out.begin_object().member("dry_run", flags.dry_run).member("from", moment_text(from)).member("to", moment_text(to));
    out.member("rows", number(total.rows)).member("corrections", number(total.first_prices + total.differences));
    out.member("first_prices", number(total.first_prices)).member("differences", number(total.differences));
    out.member("still_unpriced", number(total.unpriced)).member("sum_usd", store::usd(total.sum)).key("models");
    out.begin_array();
    for (const auto& [key, model] : total.models)
      out.begin_object()
          .member("model", key)
          .member("corrections", number(model.rows))
          .member("sum_usd", store::usd(model.sum))
          .member("source", model.source)
          .end_object();
    out.end_array().end_object();
    console.out << text << '\n';
    return exit_ok;
  }
  if (!total.models.empty()) {
    using enum Column::Align;
    Table table({{"MODEL"}, {"CORRECTIONS", right}, {"SUM USD", right}, {"SOURCE"}});
    for (const auto& [key, model] : total.models)
      table.add({key, std::to_string(model.rows), store::usd(model.sum), model.source});
    table.print(console.out, console.colour());
  }
  console.out << total.rows << " rows looked at, " << total.first_prices << " priced for the first time, "
              << total.differences << " differ, " << total.unpriced << " unpriced still; " << store::usd(total.sum)
              << " USD in all" << (flags.dry_run ? " (nothing was written)" : "") << '\n';
  return exit_ok;
}

}  // namespace

void add_prices(CLI::App& root, Invocation& invocation) {
  CLI::App& group = add_group(root, {"prices", "The price book: what holds, what a catalogue changes, what an answer costs",
                                     "sluice prices show --provider anthropic\n"
                                     "sluice prices explain --provider openai --response answer.json"});

  CLI::App& shown = add_verb(group, invocation, {"show", "The prices that hold at a moment", "sluice prices show --provider openai --model gpt-5 --at 2026-07-15"});
  auto show_flags = std::make_shared<ShowFlags>();
  shown.add_option("--provider", show_flags->provider, "Only this provider's")->type_name("NAME");
  shown.add_option("--model", show_flags->model, "Only models with this in their name")->type_name("TEXT");
  shown.add_option("--at", show_flags->at, "When (default: now)")->type_name("TIME");
  shown.add_option("--known-at", show_flags->known_at, "As the book was known on that day: without later imports")->type_name("DAY");
  shown.add_flag("--history", show_flags->history, "Every fact, whenever it holds");
  add_config_flag(shown, show_flags->config);
  on_selected(shown, invocation, show_flags, show);

  CLI::App& differing = add_verb(group, invocation, {"diff", "What differs between two moments", "sluice prices diff --from 2026-07-01 --to 2026-09-01"});
  auto diff_flags = std::make_shared<DiffFlags>();
  differing.add_option("--from", diff_flags->from, "The earlier moment")->type_name("TIME");
  differing.add_option("--to", diff_flags->to, "The later one (default: now)")->type_name("TIME");
  differing.add_option("--provider", diff_flags->provider, "Only this provider's")->type_name("NAME");
  add_config_flag(differing, diff_flags->config);
  on_selected(differing, invocation, diff_flags, diff);

  CLI::App& importing = add_verb(group, invocation, {"import", "Compares a catalogue's file with the book, and takes it with --apply", "sluice prices import api.json --format models_dev\nsluice prices import api.json --apply --accept acme/free-model"});
  auto import_flags = std::make_shared<ImportFlags>();
  importing.add_option("file", import_flags->file, "The catalogue, or - for standard input")->required()->type_name(file_value);
  one_of(importing.add_option("--format", import_flags->format, "What it is (default: by its content)"), {"models_dev", "genai_prices", "litellm"});
  one_of(importing.add_option("--layer", import_flags->layer, "Whose word it is (default: community)"), {"community", "list", "contract"});
  importing.add_option("--from", import_flags->from, "The day on which undated prices begin (default: today)")->type_name("DAY");
  importing.add_option("--source", import_flags->source, "Where it is from (default: the file's name)")->type_name("TEXT");
  importing.add_option("--provider", import_flags->providers, "Another name of a provider, may be given again")->type_name("THEIRS=OURS");
  importing.add_option("--only", import_flags->only, "Only this provider's, may be given again")->type_name("NAME");
  importing.add_option("--accept", import_flags->accept, "Takes this price out of quarantine, may be given again")->type_name("KEY");
  importing.add_flag("--end-removed", import_flags->end_removed, "Prices of the same source that are no longer in it end today");
  importing.add_flag("--apply", import_flags->apply, "Writes what is not in quarantine");
  add_config_flag(importing, import_flags->config);
  on_selected(importing, invocation, import_flags, import);

  CLI::App& explaining = add_verb(group, invocation, {"explain", "What a recorded answer costs, line by line", "sluice prices explain --provider anthropic --response answer.json -o json"});
  auto explain_flags = std::make_shared<ExplainFlags>();
  explaining.add_option("--provider", explain_flags->provider, "Who answered")->required()->type_name("NAME");
  explaining.add_option("--model", explain_flags->model, "Which model (default: the one that the answer names)")->type_name("NAME");
  explaining.add_option("--response", explain_flags->response, "The answer: JSON, or the events of a stream; - for standard input")->type_name(file_value);
  explaining.add_option("--at", explain_flags->at, "When it was asked (default: now)")->type_name("TIME");
  explaining.add_option("--known-at", explain_flags->known_at, "As the book was known on that day: without later imports")->type_name("DAY");
  explaining.add_option("--dialect", explain_flags->dialect, "How it is written (default: the provider's)")->type_name("NAME");
  one_of(explaining.add_option("--service-tier", explain_flags->service_tier, "Instead of the one that the answer names"),
         {chat::service_tier_names.begin(), chat::service_tier_names.end()});
  explaining.add_option("--region", explain_flags->region, "Of the provider (default: the configuration's)")->type_name("NAME");
  explaining.add_option("--quantity", explain_flags->quantities, "Of a unit that the answer does not count, may be given again")->type_name("UNIT=N");
  add_config_flag(explaining, explain_flags->config);
  on_selected(explaining, invocation, explain_flags, explain);

  CLI::App& repricing = add_verb(group, invocation, {"reprice", "Writes what ledger rows cost more or less by the prices known now", "sluice prices reprice --from 2026-07-01 --dry-run"});
  auto reprice_flags = std::make_shared<RepriceFlags>();
  repricing.add_option("--from", reprice_flags->from, "Requests that started at or after")->type_name("TIME");
  repricing.add_option("--to", reprice_flags->to, "Requests that started before (default: now)")->type_name("TIME");
  repricing.add_flag("--dry-run", reprice_flags->dry_run, "Shows it and writes nothing");
  add_config_flag(repricing, reprice_flags->config);
  on_selected(repricing, invocation, reprice_flags, reprice);
}

}  // namespace sluice::cli
