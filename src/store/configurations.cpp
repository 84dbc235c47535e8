#include "store/configurations.h"

#include <unistd.h>

#include "base/crypto.h"
#include "store/admin_acts.h"

namespace sluice::store {

Result<std::int64_t> newest_configuration(const Database& database) {
  return database.integer("SELECT coalesce(max(number), 0) FROM config_generations");
}

Result<ConfigGeneration> push_configuration(Database& database, std::string_view text, std::string_view said,
                                            std::int64_t now_us) {
  TRY(Transaction transaction, Transaction::begin(database));
  TRY(const std::int64_t newest, newest_configuration(database));
  const Doer& doer = database.doer();
  ConfigGeneration made{.number = newest + 1,
                        .text = std::string(text),
                        .sha256 = crypto::hex(crypto::sha256(text)),
                        .made_at_us = now_us,
                        .made_by = doer.id.empty() ? "user " + std::to_string(::getuid()) : doer.name,
                        .said = std::string(said)};
  TRY(Statement insert, database.prepare("INSERT INTO config_generations (number, text, sha256, made_at_us, made_by, "
                                         "said) VALUES (?,?,?,?,?,?)"));
  insert.bind(made.number).bind(made.text).bind(made.sha256).bind(made.made_at_us).bind(made.made_by).bind(made.said);
  CHECK_OK(insert.run());
  TRY(Statement forget, database.prepare("DELETE FROM config_generations WHERE number <= ?"));
  CHECK_OK(forget.bind(made.number - static_cast<std::int64_t>(most_generations)).run());
  CHECK_OK(note_act(database, "config_pushed", now_us, [&](json::Writer& to) {
    to.member("generation", made.number).member("sha256", made.sha256).member("said", made.said);
  }));
  CHECK_OK(database.tell_others());
  CHECK_OK(transaction.commit());
  return made;
}

Result<std::optional<ConfigGeneration>> configuration(const Database& database, std::optional<std::int64_t> number) {
  TRY(Statement select,
      database.prepare("SELECT number, sha256, made_at_us, made_by, said, text FROM "
                       "config_generations WHERE ?1 = 0 OR number = ?1 ORDER BY number DESC LIMIT 1"));
  TRY(const bool row, select.bind(number.value_or(0)).step());
  if (!row) return std::optional<ConfigGeneration>();
  return std::optional(ConfigGeneration{.number = select.integer(0),
                                        .text = select.text(5),
                                        .sha256 = select.text(1),
                                        .made_at_us = select.integer(2),
                                        .made_by = select.text(3),
                                        .said = select.text(4)});
}

Result<std::vector<ConfigGeneration>> list_configurations(const Database& database) {
  TRY(Statement select, database.prepare("SELECT number, sha256, made_at_us, made_by, said FROM config_generations "
                                         "ORDER BY number DESC"));
  std::vector<ConfigGeneration> all;
  while (true) {
    TRY(const bool row, select.step());
    if (!row) return all;
    all.push_back({.number = select.integer(0),
                   .text = {},
                   .sha256 = select.text(1),
                   .made_at_us = select.integer(2),
                   .made_by = select.text(3),
                   .said = select.text(4)});
  }
}

}  // namespace sluice::store
