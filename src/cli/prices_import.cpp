// `sluice prices import`: what a catalogue would change of the price book, and with --apply what is not in quarantine.
#include <algorithm>
#include <filesystem>
#include <map>
#include <ostream>
#include <set>
#include <sstream>

#include "cli/data_store.h"
#include "cli/load_config.h"
#include "cli/prices_text.h"
#include "cli/table.h"
#include "json/json.h"
#include "prices/formats.h"
#include "prices/review.h"

namespace sluice::cli {
namespace {

using catalog::PriceFact;

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
  std::string path;     // empty: nothing was written
  bool shared = false;  // it is in the database of several servers, under that name
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
  TRY(store::Store store, open_store(invocation, IfMissing::create));
  imported.shared = store.is_shared();
  return store.import_prices(name(imported.read.format), catalog::write_import(import), store::wall_clock_us());
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
    text += std::string(name(rate.unit)) + " " + per_unit(rate.unit, rate.before) + " -> " +
            per_unit(rate.unit, rate.after);
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
               finding.doubts.empty() ? ""
               : finding.accepted     ? "accepted"
                                      : "quarantine"});
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
    console.err << imported.read.left_out.size()
                << " things of the file are not taken (-o json lists them), the first: "
                << printable_line(imported.read.left_out.front()) << '\n';
  if (imported.review.quarantined() > 0)
    console.err << "what is in quarantine is not taken; confirm each by name: --accept KEY\n";
  if (!apply)
    console.err << "nothing was written; add --apply\n";
  else if (imported.path.empty())
    console.err << "there is nothing to write\n";
  else
    console.err << imported.taken.size() << " prices are in " << printable_line(imported.path)
                << (imported.shared ? " of the store; every server takes them within a second\n"
                                    : "; a running server takes them with `sluice reload`\n");
}

Result<int> import(const ImportFlags& flags, Invocation& invocation) {
  TRY(const std::string text, read_prices_file(flags.file));
  const std::string today = catalog::date_text(catalog::today());
  TRY(const auto from, day_of(flags.from, "--from"));
  prices::ReadOptions options{
      .source = flags.source.empty() ? std::filesystem::path(flags.file).filename().string() : flags.source,
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
  auto read = prices::read_catalogue(text, prices::format_from_name(flags.format), options);
  if (!read) {
    Error error = std::move(read).error();
    error.message = "cannot read prices from " + flags.file + ": " + error.message;
    return std::unexpected(std::move(error));
  }
  imported.read = *std::move(read);
  if (!flags.only.empty()) {
    const auto other = [&](const ProviderId& id) {
      return std::ranges::find(flags.only, id.str()) == flags.only.end();
    };
    std::erase_if(imported.read.prices.facts, [&](const PriceFact& fact) { return other(fact.provider); });
    std::erase_if(imported.read.prices.fallbacks, [&](const auto& fallback) { return other(fallback.provider); });
  }
  TRY(const auto snapshot, load_snapshot(flags.config, invocation));
  imported.review = prices::review(imported.read.prices, snapshot->prices(), options.layer, options.source,
                                   flags.accept, options.from);
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

}  // namespace

void add_prices_import(CLI::App& group, Invocation& invocation) {
  CLI::App& importing = add_verb(group, invocation,
                                 {"import", "Compares a catalogue's file with the book, and takes it with --apply",
                                  "sluice prices import api.json --format models_dev\nsluice prices import api.json "
                                  "--apply --accept acme/free-model"});
  auto import_flags = std::make_shared<ImportFlags>();
  importing.add_option("file", import_flags->file, "The catalogue, or - for standard input")
      ->required()
      ->type_name(file_value);
  one_of(importing.add_option("--format", import_flags->format, "What it is (default: by its content)"),
         {"models_dev", "genai_prices", "litellm"});
  one_of(importing.add_option("--layer", import_flags->layer, "Whose word it is (default: community)"),
         {"community", "list", "contract"});
  importing.add_option("--from", import_flags->from, "The day on which undated prices begin (default: today)")
      ->type_name("DAY");
  importing.add_option("--source", import_flags->source, "Where it is from (default: the file's name)")
      ->type_name("TEXT");
  importing.add_option("--provider", import_flags->providers, "Another name of a provider, may be given again")
      ->type_name("THEIRS=OURS");
  importing.add_option("--only", import_flags->only, "Only this provider's, may be given again")->type_name("NAME");
  importing.add_option("--accept", import_flags->accept, "Takes this price out of quarantine, may be given again")
      ->type_name("KEY");
  importing.add_flag("--end-removed", import_flags->end_removed,
                     "Prices of the same source that are no longer in it end today");
  importing.add_flag("--apply", import_flags->apply, "Writes what is not in quarantine");
  add_config_flag(importing, import_flags->config);
  on_selected(importing, invocation, import_flags, import);
}

}  // namespace sluice::cli
