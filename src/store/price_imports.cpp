#include "store/price_imports.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/crypto.h"
#include "store/admin_acts.h"
#include "store/price_files.h"

namespace sluice::store {
namespace {

constexpr std::string_view ending = ".jsonl";
constexpr std::size_t number_digits = 6;

std::string name_of(std::int64_t number, std::string_view label) {
  std::string digits = std::to_string(number);
  digits.insert(0, digits.size() < number_digits ? number_digits - digits.size() : 0, '0');
  return digits + "-" + std::string(label) + std::string(ending);
}

// The label within a file's name, "models_dev" of "000001-models_dev.jsonl".
std::string label_of(const std::string& path) {
  std::string name = std::filesystem::path(path).filename().string();
  if (name.ends_with(ending)) name.resize(name.size() - ending.size());
  const std::size_t dash = name.find('-');
  return dash == std::string::npos ? name : name.substr(dash + 1);
}

PriceImport read_one(const Statement& row) {
  return {.number = row.integer(0),
          .name = row.text(1),
          .sha256 = row.text(2),
          .made_at_us = row.integer(3),
          .made_by = row.text(4),
          .withdrawn = row.integer(5) != 0};
}

#define SLUICE_IMPORT_COLUMNS "number, name, sha256, made_at_us, made_by, withdrawn"

// Within a transaction.
Result<void> note_change(Database& database) {
  TRY(Statement version, database.prepare("INSERT INTO state AS s (name, value) VALUES ('prices_version', 1) "
                                          "ON CONFLICT (name) DO UPDATE SET value = s.value + 1"));
  CHECK_OK(version.run());
  return database.tell_others();
}

Result<void> record(Database& database, std::string_view what, const PriceImport& import, std::int64_t now_us) {
  return note_act(database, what, now_us, [&](json::Writer& to) {
    to.member("number", import.number).member("name", import.name).member("sha256", import.sha256);
  });
}

// Within a transaction.
Result<PriceImport> add(Database& database, std::string_view label, std::string_view text, std::int64_t now_us) {
  if (text.size() > max_price_import_bytes)
    return fail(ErrorKind::invalid_request,
                "an import of prices may have " + std::to_string(max_price_import_bytes >> 20) + " MB at most",
                "import what you use of it: --only PROVIDER");
  TRY(const std::int64_t newest, database.integer("SELECT coalesce(max(number), 0) FROM price_imports"));
  const Doer& doer = database.doer();
  PriceImport made{.number = newest + 1,
                   .name = name_of(newest + 1, label),
                   .sha256 = crypto::hex(crypto::sha256(text)),
                   .made_at_us = now_us,
                   .made_by = doer.id.empty() ? "user " + std::to_string(::getuid()) : doer.name};
  TRY(Statement insert,
      database.prepare("INSERT INTO price_imports (" SLUICE_IMPORT_COLUMNS ", text) VALUES (?,?,?,?,?,0,?)"));
  insert.bind(made.number).bind(made.name).bind(made.sha256).bind(made.made_at_us).bind(made.made_by).bind(text);
  CHECK_OK(insert.run());
  CHECK_OK(record(database, "prices_imported", made, now_us));
  CHECK_OK(note_change(database));
  return made;
}

}  // namespace

Result<std::int64_t> prices_version(const Database& database) {
  TRY(Statement select, database.prepare("SELECT value FROM state WHERE name = 'prices_version'"));
  TRY(const bool row, select.step());
  return row ? select.integer(0) : 0;
}

Result<PriceImport> add_price_import(Database& database, std::string_view label, std::string_view text,
                                     std::int64_t now_us) {
  TRY(Transaction transaction, Transaction::begin(database));
  TRY(PriceImport made, add(database, label, text, now_us));
  CHECK_OK(transaction.commit());
  return made;
}

Result<std::vector<catalog::ImportedFile>> read_price_imports(const Database& database) {
  TRY(Statement select, database.prepare("SELECT name, text FROM price_imports WHERE withdrawn = 0 ORDER BY number"));
  std::vector<catalog::ImportedFile> files;
  while (true) {
    TRY(const bool row, select.step());
    if (!row) return files;
    files.push_back({.name = select.text(0), .text = select.text(1)});
  }
}

Result<std::vector<PriceImport>> list_price_imports(const Database& database) {
  TRY(Statement select, database.prepare("SELECT " SLUICE_IMPORT_COLUMNS " FROM price_imports ORDER BY number"));
  std::vector<PriceImport> all;
  while (true) {
    TRY(const bool row, select.step());
    if (!row) return all;
    all.push_back(read_one(select));
  }
}

Result<PriceImport> withdraw_price_import(Database& database, std::int64_t number, std::int64_t now_us) {
  TRY(Transaction transaction, Transaction::begin(database));
  TRY(Statement select, database.prepare("SELECT " SLUICE_IMPORT_COLUMNS " FROM price_imports WHERE number = ?"));
  TRY(const bool there, select.bind(number).step());
  if (!there)
    return fail(ErrorKind::not_found, "there is no import of prices with the number " + std::to_string(number),
                "see: sluice prices imports");
  PriceImport import = read_one(select);
  select.reset();
  if (import.withdrawn)
    return fail(ErrorKind::invalid_request, "the import " + import.name + " was withdrawn already",
                "see: sluice prices imports");
  TRY(Statement update, database.prepare("UPDATE price_imports SET withdrawn = 1 WHERE number = ?"));
  CHECK_OK(update.bind(number).run());
  import.withdrawn = true;
  CHECK_OK(record(database, "prices_withdrawn", import, now_us));
  CHECK_OK(note_change(database));
  CHECK_OK(transaction.commit());
  return import;
}

Result<std::size_t> adopt_price_files(Database& database, const std::string& directory, std::int64_t now_us) {
  TRY(const std::vector<catalog::ImportedFile> files, read_price_files(directory));
  if (files.empty()) return 0;
  TRY(Transaction transaction, Transaction::begin(database));
  TRY(Statement known, database.prepare("SELECT count(*) FROM price_imports WHERE sha256 = ?"));
  std::size_t adopted = 0;
  for (const catalog::ImportedFile& file : files) {
    const std::string digest = crypto::hex(crypto::sha256(file.text));
    TRY(const bool row, known.bind(digest).step());
    const bool is_new = row && known.integer(0) == 0;
    known.reset();
    if (!is_new) continue;
    TRY(const PriceImport made, add(database, label_of(file.name), file.text, now_us));
    static_cast<void>(made);
    ++adopted;
  }
  CHECK_OK(transaction.commit());
  return adopted;
}

}  // namespace sluice::store
