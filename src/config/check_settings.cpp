#include "config/check_settings.h"

#include <algorithm>
#include <array>

#include "redis/connection.h"

namespace sluice::config {
namespace {

void check_ledger(LedgerSettings& ledger, const TellSetting& wrong) {
  ledger.strict = ledger.durability == "strict";
  if (!ledger.strict && ledger.durability != "group")
    wrong("ledger", "durability", "`" + ledger.durability + "` is neither `group` nor `strict`",
          "`group` does not wait for the disk, `strict` does");
}

void check_alerts(AlertSettings& alerts, const TellSetting& wrong) {
  if (const auto least = Money::parse_usd(alerts.anomaly_least_usd))
    alerts.anomaly_least = *least;
  else
    wrong("alerts", "anomaly_least_usd", "`" + alerts.anomaly_least_usd + "` is no amount in USD",
          "write for example 2.50");
  if (!alerts.webhook.empty()) {
    const std::string_view whole = alerts.webhook;
    const std::size_t query = std::min(whole.find('?'), whole.size());
    const bool printable = std::ranges::all_of(whole, [](char c) { return c > ' ' && c < 0x7f && c != '#'; });
    auto url = parse_base_url(whole.substr(0, query));
    if (url && !printable)
      url = fail(ErrorKind::invalid_request, "the webhook's URL has a `#`, a blank or a character beyond ASCII",
                 "write it as a browser does: with %20 and the like");
    if (url) {
      alerts.webhook_url = *std::move(url);
      alerts.webhook_query = whole.substr(query);
    } else {
      wrong("alerts", "webhook", url.error().message, url.error().hint);
    }
  }
}

void check_admin(AdminSettings& admin, const TellSetting& wrong) {
  if (!admin.listen.empty()) {
    if (auto own = parse_listen_address(admin.listen))
      admin.listen_endpoint = *std::move(own);
    else
      wrong("admin", "listen", own.error().message, own.error().hint);
  }
  for (std::string_view rest = admin.hosts; !rest.empty();) {
    std::string_view one = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    if (!one.empty()) admin.host_names.emplace_back(one);
  }
}

void check_store(const StoreSettings& store, const TellSetting& wrong) {
  if (store.backend != "sqlite" && store.backend != "postgres")
    wrong("store", "backend", "`" + store.backend + "` is no kind of store", "use sqlite or postgres");
  if (store.on_postgres() && store.url.empty())
    wrong("store", "url", "`postgres` needs a database", "name it: url: ${DATABASE_URL}");
  if (!store.on_postgres() && !store.url.empty())
    wrong("store", "url", "this store is a file, and there is a database's URL",
          "say backend: postgres, or leave it out");
  const bool is_identifier = !store.schema.empty() && store.schema.size() <= 48 &&  // its notices' channel has 63
                             std::ranges::all_of(store.schema, [](char c) {
                               return c == '_' || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
                             });
  if (!is_identifier || store.schema.starts_with("pg_"))
    wrong("store", "schema", "`" + store.schema + "` is no name of a schema",
          "use lower-case letters, digits and _, at most 48, and not pg_ at the beginning");
  if (store.configuration != "file" && store.configuration != "store")
    wrong("store", "configuration", "`" + store.configuration + "` is neither file nor store",
          "`file`: this one; `store`: what `sluice config push` has put there");
  if (store.when_stale != "fail_closed" && store.when_stale != "serve_stale")
    wrong("store", "when_stale", "`" + store.when_stale + "` is neither fail_closed nor serve_stale",
          "use one of the two");
}

void check_limits(LimitSettings& limits, const FindVariable& env, const TellSetting& wrong) {
  if (limits.backend != "local" && limits.backend != "redis")
    wrong("limits", "backend", "`" + limits.backend + "` is no place to count limits", "use local or redis");
  if (limits.backend == "redis")
    if (const auto address = redis::Address::parse(limits.url); !address)
      wrong("limits", "url", address.error().message, address.error().hint);
  constexpr std::array store_down_words = {"", "fail_closed", "local_slice_only", "fail_open"};
  if (std::ranges::find(store_down_words, limits.store_down) == store_down_words.end())
    wrong("limits", "store_down", "`" + limits.store_down + "` is nothing that a limit can do",
          "use fail_closed, local_slice_only or fail_open");
  if (!limits.password_env.empty()) {
    if (const auto password = env(limits.password_env); password && !password->empty())
      limits.password = Secret(*password);
    else if (limits.backend == "redis")
      wrong("limits", "password_env", "the environment has no `" + limits.password_env + "`",
            "set it, or leave password_env out when Redis asks for no password");
  }
}

void check_keys(KeyDefaults& keys, const TellSetting& wrong) {
  const auto data_class = data_class_from_name(keys.data_class);
  if (data_class)
    keys.data_class_value = *data_class;
  else
    wrong("keys", "data_class", "`" + keys.data_class + "` is no data class", "use public, internal or restricted");
  if (!keys.budget_usd.empty() && !Money::parse_usd(keys.budget_usd))
    wrong("keys", "budget_usd", "`" + keys.budget_usd + "` is no amount in USD", "write for example 12.50");
}

}  // namespace

void check_settings(Snapshot::Parts& parts, const FindVariable& env, const TellSetting& wrong) {
  check_ledger(parts.ledger, wrong);
  check_alerts(parts.alerts, wrong);
  check_admin(parts.admin, wrong);
  check_store(parts.store, wrong);
  check_limits(parts.limits, env, wrong);
  check_keys(parts.key_defaults, wrong);
}

}  // namespace sluice::config
