// `sluice prices imports|withdraw`: what was imported into the store that several servers share, and taking it back.
#include <ostream>

#include "base/utc.h"
#include "cli/data_store.h"
#include "cli/duration.h"
#include "cli/prices_text.h"
#include "cli/table.h"
#include "json/json.h"

namespace sluice::cli {
namespace {

struct ImportNumber {
  std::int64_t number = 0;
};

void write(json::Writer& out, const store::PriceImport& one) {
  out.begin_object().member("number", one.number).member("name", one.name).member("sha256", one.sha256);
  out.member("at", utc_text(one.made_at_us)).member("by", one.made_by).member("withdrawn", one.withdrawn);
  out.end_object();
}

// Errors: invalid_request, where imports are files.
Result<store::Store> open_shared(const Invocation& invocation) {
  TRY(store::Store store, open_store(invocation, IfMissing::refuse));
  if (store.is_shared()) return store;
  return fail(ErrorKind::invalid_request, "this data directory keeps imported prices as files in its folder prices/",
              "move a file away to take its prices back, then `sluice reload`");
}

Result<int> list(const ImportNumber&, Invocation& invocation) {
  TRY(store::Store store, open_shared(invocation));
  TRY(const std::vector<store::PriceImport> all, store.list_price_imports());
  Console& console = invocation.console;
  if (invocation.json()) {
    std::string text;
    json::Writer out(text);
    out.begin_object().key("imports").begin_array();
    for (const store::PriceImport& one : all) write(out, one);
    out.end_array().end_object();
    console.out << text << '\n';
    return exit_ok;
  }
  using enum Column::Align;
  Table table({{"NUMBER", right}, {"NAME"}, {"AT"}, {"BY"}, {"SHA-256"}, {"STATE"}});
  for (const store::PriceImport& one : all)
    table.add({std::to_string(one.number), printable_line(one.name), utc_text(one.made_at_us),
               printable_line(one.made_by), one.sha256.substr(0, 12), one.withdrawn ? "withdrawn" : "counts"});
  if (all.empty())
    console.out << "no prices were imported; sluice prices import FILE --apply\n";
  else
    table.print(console.out, console.colour());
  return exit_ok;
}

Result<int> withdraw(const ImportNumber& flags, Invocation& invocation) {
  TRY(store::Store store, open_shared(invocation));
  TRY(const store::PriceImport import, store.withdraw_prices(flags.number, store::wall_clock_us()));
  if (invocation.json()) {
    std::string text;
    json::Writer out(text);
    write(out, import);
    invocation.console.out << text << '\n';
  } else {
    invocation.console.out << printable_line(import.name)
                           << " is withdrawn; every server prices without it within a second\n";
  }
  return exit_ok;
}

}  // namespace

void add_prices_store(CLI::App& group, Invocation& invocation) {
  const auto flags = std::make_shared<ImportNumber>();
  CLI::App& listing = add_verb(group, invocation,
                               {"imports", "Which imports the store of several servers has", "sluice prices imports"});
  on_selected(listing, invocation, flags, list);

  CLI::App& withdrawing = add_verb(
      group, invocation,
      {"withdraw", "Takes an import back that is in the store of several servers", "sluice prices withdraw 2"});
  withdrawing.add_option("number", flags->number, "Which import, as `sluice prices imports` lists it")
      ->required()
      ->type_name("NUMBER");
  on_selected(withdrawing, invocation, flags, withdraw);
}

}  // namespace sluice::cli
