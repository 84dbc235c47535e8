#include "admin/routes.h"

#include <algorithm>
#include <iterator>

#include "admin/handlers.h"
#include "base/percent.h"

namespace sluice::admin {
namespace {

using enum Resource;
using enum Verb;

#define SLUICE_PAGE                                                          \
  {"limit", "integer", "Most items of the page: 1 to 500, 100 unless told"}, \
      {"cursor", "string", "The `next` of the page before"}

constexpr Field page_query[] = {SLUICE_PAGE};
constexpr Field member_query[] = {SLUICE_PAGE, {"organisation", "string", "Only of this one, by id or name"}};
constexpr Field key_query[] = {SLUICE_PAGE,
                               {"team", "string", "Only of this team, by id or name"},
                               {"user", "string", "Only of this user, by id or name"},
                               {"revoked", "boolean", "Revoked ones, too"}};
constexpr Field limit_query[] = {SLUICE_PAGE,
                                 {"scope", "=everybody|org|team|user|key|tag", "Only of this kind"},
                                 {"subject", "string", "Only of this one, by id or name"}};
constexpr Field usage_query[] = {
    SLUICE_PAGE,
    {"by", "=key|model|provider|ground|day|team|user|organisation|tag|workload", "What to sum by; `key` unless told"},
    {"since", "time", "Requests that ended at or after"},
    {"until", "time", "Requests that ended before"},
    {"key", "string", "Only this key's, by id or name"},
    {"team", "string", "Only this team's"},
    {"user", "string", "Only this user's"},
    {"model", "string", "Only this model's: its name, or provider/model"},
    {"tag", "string", "Only what has this tag"},
    {"workload", "string", "Only what this workload's rules have placed"}};
constexpr Field difference_query[] = {
    SLUICE_PAGE,
    {"before_since", "time", "The earlier period: from", true},
    {"before_until", "time", "... to before", true},
    {"since", "time", "The later period: from", true},
    {"until", "time", "... to before; now unless told"},
    {"by", "=all|key|team|model|route|tag|workload", "What to tell apart; `all` unless told"},
    {"key", "string", "Only this key's, by id or name"},
    {"team", "string", "Only this team's"},
    {"user", "string", "Only this user's"}};
constexpr Field ledger_query[] = {SLUICE_PAGE,
                                  {"since", "time", "Requests that started at or after"},
                                  {"until", "time", "Requests that started before"},
                                  {"key", "string", "Only this key's, by id or name"},
                                  {"team", "string", "Only this team's"},
                                  {"user", "string", "Only this user's"},
                                  {"workload", "string", "Only what this workload's rules have placed"}};
constexpr Field price_query[] = {SLUICE_PAGE,
                                 {"provider", "string", "Only this provider's"},
                                 {"model", "string", "Only models with this in their name"},
                                 {"at", "time", "When; now unless told"}};
constexpr Field explain_query[] = {
    {"provider", "string", "Who answered", true},
    {"model", "string", "Which model; the one that the answer names unless told"},
    {"at", "time", "When it was asked; now unless told"},
    {"dialect", "string", "How the answer is written; as the provider writes unless told"}};
constexpr Field compare_query[] = {
    {"format", "=models_dev|genai_prices|litellm", "What it is; by its content unless told"},
    {"layer", "=community|list|contract", "Whose word it is; `community` unless told"},
    {"source", "string", "Where it is from"}};
constexpr Field model_query[] = {{"provider", "string", "Only this provider's"}};
constexpr Field administrator_query[] = {SLUICE_PAGE, {"revoked", "boolean", "Revoked ones, too"}};

constexpr Field organisation_body[] = {{"name", "string", "Unique among organisations", true}};
constexpr Field member_body[] = {{"name", "string", "Unique among its kind", true},
                                 {"organisation", "string", "To which it belongs, by id or name; that never changes"}};
constexpr Field key_body[] = {{"name", "string", "Unique among the keys that are not revoked; its id unless told"},
                              {"team", "string", "By id or name"},
                              {"user", "string", "By id or name"},
                              {"tags", "[string]", "By which spend is told apart"},
                              {"tenant", "string", "Keys of one tenant share what they keep at providers"},
                              {"budget_usd", "usd", "Most that the key may ever spend"},
                              {"rpm", "integer", "Requests per minute"},
                              {"tpm", "integer", "Tokens per minute"},
                              {"data_class", "=public|internal|restricted", "Where its requests may go"},
                              {"expires_at", "time", "From then on it is refused"}};
constexpr Field key_change_body[] = {
    {"name", "string", "Unique among the keys that are not revoked"},
    {"budget_usd", "usd", "Of a key that has one; for another set a limit. null: none any more"},
    {"rpm", "integer", "Requests per minute. null: any"},
    {"tpm", "integer", "Tokens per minute. null: any"},
    {"expires_at", "time", "From then on it is refused. null: never"}};
constexpr Field limit_body[] = {{"scope", "=everybody|org|team|user|key|tag", "For whom", true},
                                {"subject", "string", "The organisation, team, user or key, by id or name; or the tag"},
                                {"usd", "usd", "A budget: most that may be spent in the window"},
                                {"window", "string", "total, 24h, 30d, hour, day, week or month; `total` unless told"},
                                {"zone", "string", "Time zone of a calendar's window, such as Europe/Berlin"},
                                {"rpm", "integer", "Requests per minute"},
                                {"tpm", "integer", "Tokens per minute"},
                                {"concurrent", "integer", "Requests at the same time"},
                                {"model", "string", "Only of these: provider/model, with * for any characters"},
                                {"downgrade_to", "string", "Model or route that is asked instead at the limit"},
                                {"downgrade_percent", "integer", "From so many per cent on; 100 unless told"}};
constexpr Field administrator_body[] = {
    {"name", "string", "Unique among those that are not revoked; its id unless told"},
    {"role", "=owner|admin|member|viewer|auditor", "What it may do", true},
    {"organisation", "string", "Only within this one"},
    {"team", "string", "Only within this one"},
    {"expires_at", "time", "From then on it is refused"}};

#define SLUICE_KEY_FIELDS                                                                                            \
  {"id", "string"}, {"name", "string"}, {"state", "=active|blocked|expired|revoked|damaged"}, {"tenant", "string?"}, \
      {"team", "string?"}, {"user", "string?"}, {"tags", "[string]"}, {"budget_usd", "usd?"}, {"rpm", "integer?"},   \
      {"tpm", "integer?"}, {"data_class", "=public|internal|restricted"}, {"spent_usd", "usd"},                      \
      {"requests", "integer"}, {"created_at", "time"}, {"expires_at", "time?"}, {"blocked_at", "time?"},             \
      {"revoked_at", "time?"}, {"last_used_at", "time?"}
#define SLUICE_ADMINISTRATOR_FIELDS                                                                     \
  {"id", "string"}, {"name", "string"}, {"role", "=owner|admin|member|viewer|auditor"},                 \
      {"scope", "=everything|org|team"}, {"scope_id", "string?"}, {"state", "=active|expired|revoked"}, \
      {"created_at", "time"}, {"expires_at", "time?"}, {"revoked_at", "time?"}
#define SLUICE_SUM_FIELDS                                                                                           \
  {"requests", "integer", "That ended here"}, {"failed", "integer"},                                                \
      {"extra_attempts", "integer", "Calls that did not end a request"}, {"input_tokens", "integer", "Read fresh"}, \
      {"cache_read_tokens", "integer"}, {"cache_write_tokens", "integer"}, {"output_tokens", "integer"},            \
      {"estimated", "integer", "Rows whose tokens no provider reported"},                                           \
      {"unpriced", "integer", "Rows without a price: not in the cost"}, {"cost_usd", "usd"},                        \
      {"corrections", "integer"}, {"corrected_usd", "usd"}

constexpr Field organisation_fields[] = {
    {"id", "string"}, {"name", "string"}, {"keys", "integer", "That are not revoked"}, {"created_at", "time"}};
constexpr Field member_fields[] = {{"id", "string"},
                                   {"name", "string"},
                                   {"organisation", "string?"},
                                   {"keys", "integer", "That are not revoked"},
                                   {"created_at", "time"}};
constexpr Field key_fields[] = {SLUICE_KEY_FIELDS};
constexpr Field new_key_fields[] = {
    SLUICE_KEY_FIELDS, {"key", "string?", "The characters, this once; null in an answer that is given again"}};
constexpr Field limit_fields[] = {{"id", "string"},
                                  {"scope", "=everybody|org|team|user|key|tag"},
                                  {"subject", "string?", "An id, or the tag"},
                                  {"subject_name", "string?"},
                                  {"model", "string"},
                                  {"unit", "=usd|rpm|tpm|concurrent"},
                                  {"usd", "usd?"},
                                  {"amount", "integer?", "Of what is no money"},
                                  {"window", "string?"},
                                  {"zone", "string?"},
                                  {"spent_usd", "usd?", "In the window, as far as the ledger has been folded"},
                                  {"resets_at", "time?"},
                                  {"downgrade_to", "string?"},
                                  {"downgrade_percent", "integer"},
                                  {"created_at", "time"}};
constexpr Field usage_row_fields[] = {{"name", "string"}, {"key_id", "string?"}, SLUICE_SUM_FIELDS};
constexpr Field sums_fields[] = {SLUICE_SUM_FIELDS};
constexpr Field usage_fields[] = {{"by", "string"},
                                  {"data", "[UsageRow]", "The dearest first; days: the oldest first"},
                                  {"next", "string?", "The `cursor` of the next page; null at the end"},
                                  {"total", "Sums", "Of all pages"}};
constexpr Field period_fields[] = {
    {"requests", "integer"}, {"tokens", "integer", "Of rows that have a price"}, {"unpriced", "integer"}};
constexpr Field difference_fields[] = {{"name", "string"},
                                       {"before_usd", "usd"},
                                       {"after_usd", "usd"},
                                       {"difference_usd", "usd", "The sum of the five effects, exactly"},
                                       {"volume_usd", "usd", "More or fewer tokens"},
                                       {"mix_usd", "usd", "Other models and kinds of tokens"},
                                       {"cache_usd", "usd", "Other shares of cached tokens"},
                                       {"tier_usd", "usd", "Other shares of tiers"},
                                       {"price_usd", "usd", "Other prices, and corrections"},
                                       {"before", "PeriodSums"},
                                       {"after", "PeriodSums"}};
constexpr Field explained_fields[] = {{"by", "string"},
                                      {"data", "[UsageDifference]", "The largest first"},
                                      {"next", "string?", "The `cursor` of the next page; null at the end"},
                                      {"total", "UsageDifference", "Of all pages"}};
constexpr Field entry_fields[] = {{"row", "integer"},
                                  {"started_at", "time"},
                                  {"request_id", "string"},
                                  {"key_id", "string"},
                                  {"key_name", "string?"},
                                  {"dialect", "string"},
                                  {"requested_model", "string"},
                                  {"provider", "string"},
                                  {"model", "string"},
                                  {"ground", "string"},
                                  {"stream", "boolean"},
                                  {"status", "integer"},
                                  {"outcome", "string"},
                                  {"attempt", "integer"},
                                  {"final", "boolean", "It ended its request"},
                                  {"correction", "boolean", "It mends the cost of another row"},
                                  {"input_tokens", "integer"},
                                  {"cache_read_tokens", "integer"},
                                  {"cache_write_tokens", "integer"},
                                  {"output_tokens", "integer"},
                                  {"reasoning_tokens", "integer"},
                                  {"reported", "boolean"},
                                  {"cost_usd", "usd?", "null: unpriced"},
                                  {"tags", "[string]"},
                                  {"workload", "string?", "Whose rules have placed it"},
                                  {"price_source", "string?"},
                                  {"first_token_us", "integer?"},
                                  {"total_us", "integer"}};
constexpr Field act_fields[] = {{"number", "integer"}, {"act", "any", "As the audit log has it"}};
constexpr Field price_fields[] = {{"key", "string"},
                                  {"provider", "string"},
                                  {"model", "string"},
                                  {"state", "=metered|free|self_hosted"},
                                  {"layer", "=community|list|contract"},
                                  {"service_tier", "string"},
                                  {"region", "string?"},
                                  {"hours", "string?"},
                                  {"usd", "any", "By unit: per million tokens, or each"},
                                  {"tiers", "[Tier]"},
                                  {"effective_from", "string?"},
                                  {"effective_to", "string?"},
                                  {"source", "string"},
                                  {"observed_at", "string?"},
                                  {"recorded_at", "string?"},
                                  {"note", "string?"}};
constexpr Field tier_fields[] = {{"prompt_tokens", "integer"},
                                 {"op", "=gt|ge"},
                                 {"scope", "=whole_request|marginal"},
                                 {"counts_cached", "boolean"},
                                 {"usd", "any"}};
constexpr Field bill_line_fields[] = {{"class", "string"},
                                      {"quantity", "integer"},
                                      {"unit_price_usd", "string"},
                                      {"per", "integer"},
                                      {"amount_usd", "usd"}};
constexpr Field bill_fields[] = {{"provider", "string"},
                                 {"model", "string"},
                                 {"at", "time"},
                                 {"service_tier", "string"},
                                 {"state", "=metered|free|self_hosted|unpriced"},
                                 {"price", "Price?"},
                                 {"lines", "[BillLine]"},
                                 {"total_usd", "usd?", "null: unpriced"},
                                 {"other_tier", "boolean", "The service tier has no price of its own"}};
constexpr Field rate_fields[] = {{"unit", "string"}, {"before_usd", "string"}, {"after_usd", "string"}};
constexpr Field finding_fields[] = {{"key", "string"},
                                    {"change", "=added|changed|removed|same"},
                                    {"quarantined", "boolean"},
                                    {"doubts", "[string]"},
                                    {"rates", "[RateChange]"}};
constexpr Field review_fields[] = {{"format", "string"},
                                   {"applied", "boolean"},
                                   {"added", "integer"},
                                   {"changed", "integer"},
                                   {"removed", "integer"},
                                   {"same", "integer"},
                                   {"quarantined", "integer"},
                                   {"left_out", "integer", "Things of the file that are not taken"},
                                   {"findings", "[Finding]", "The first 500"}};
constexpr Field route_fields[] = {{"name", "string"}, {"candidates", "[string]"}};
constexpr Field model_fields[] = {{"name", "string"},
                                  {"provider", "string"},
                                  {"model", "string"},
                                  {"ground", "string"},
                                  {"price", "=metered|free|self_hosted|unpriced"},
                                  {"context_tokens", "integer?"},
                                  {"max_output_tokens", "integer?"},
                                  {"licence", "string?"}};
constexpr Field models_fields[] = {{"routes", "[ModelRoute]"}, {"data", "[Model]"}};
constexpr Field target_fields[] = {{"target", "string"},
                                   {"state", "string"},
                                   {"again_in_ms", "integer"},
                                   {"calls", "integer"},
                                   {"failures", "integer"}};
constexpr Field health_fields[] = {{"ready", "boolean"}, {"problem", "string?"}, {"targets", "[TargetHealth]"}};
constexpr Field administrator_fields[] = {SLUICE_ADMINISTRATOR_FIELDS};
constexpr Field new_administrator_fields[] = {
    SLUICE_ADMINISTRATOR_FIELDS,
    {"key", "string?", "The characters, this once; null in an answer that is given again"}};
constexpr Field actor_fields[] = {{"id", "string"},
                                  {"name", "string?"},
                                  {"way", "string"},
                                  {"role", "=owner|admin|member|viewer|auditor"},
                                  {"scope", "=everything|org|team"},
                                  {"scope_id", "string?"},
                                  {"may", "[string]", "\"keys:create\""}};
constexpr Field problem_fields[] = {
    {"type", "string"}, {"title", "string"}, {"status", "integer"}, {"detail", "string", "What was wrong"}};
// Pages are {"data":[...],"next":...}.
#define SLUICE_PAGE_OF(item) \
  {"data", "[" item "]"}, {"next", "string?", "The `cursor` of the next page; null at the end"}
constexpr Field organisation_page[] = {SLUICE_PAGE_OF("Organisation")};
constexpr Field team_page[] = {SLUICE_PAGE_OF("Team")};
constexpr Field user_page[] = {SLUICE_PAGE_OF("User")};
constexpr Field key_page[] = {SLUICE_PAGE_OF("Key")};
constexpr Field limit_page[] = {SLUICE_PAGE_OF("Limit")};
constexpr Field entry_page[] = {SLUICE_PAGE_OF("LedgerEntry")};
constexpr Field act_page[] = {SLUICE_PAGE_OF("Act")};
constexpr Field price_page[] = {SLUICE_PAGE_OF("Price")};
constexpr Field administrator_page[] = {SLUICE_PAGE_OF("Administrator")};

constexpr Schema schema_table[] = {
    {"Organisation", organisation_fields},
    {"Team", member_fields},
    {"User", member_fields},
    {"Key", key_fields},
    {"NewKey", new_key_fields},
    {"Limit", limit_fields},
    {"Sums", sums_fields},
    {"UsageRow", usage_row_fields},
    {"Usage", usage_fields},
    {"PeriodSums", period_fields},
    {"UsageDifference", difference_fields},
    {"UsageExplained", explained_fields},
    {"LedgerEntry", entry_fields},
    {"Act", act_fields},
    {"Price", price_fields},
    {"Tier", tier_fields},
    {"BillLine", bill_line_fields},
    {"Bill", bill_fields},
    {"RateChange", rate_fields},
    {"Finding", finding_fields},
    {"PriceReview", review_fields},
    {"ModelRoute", route_fields},
    {"Model", model_fields},
    {"Models", models_fields},
    {"TargetHealth", target_fields},
    {"Health", health_fields},
    {"Administrator", administrator_fields},
    {"NewAdministrator", new_administrator_fields},
    {"Actor", actor_fields},
    {"OrganisationPage", organisation_page},
    {"TeamPage", team_page},
    {"UserPage", user_page},
    {"KeyPage", key_page},
    {"LimitPage", limit_page},
    {"LedgerPage", entry_page},
    {"ActPage", act_page},
    {"PricePage", price_page},
    {"AdministratorPage", administrator_page},
    {"Problem", problem_fields},
};

Result<std::string> show_openapi(Call&) { return openapi(); }

constexpr Route route_table[] = {
    {"GET", "/admin/v1/openapi.json", health, read, "This file", {}, {}, nullptr, 200, show_openapi},
    {"GET",
     "/admin/v1/whoami",
     health,
     read,
     "Who the caller is, and what they may do",
     {},
     {},
     "Actor",
     200,
     who_am_i},
    {"GET",
     "/admin/v1/organisations",
     organisations,
     read,
     "Organisations",
     page_query,
     {},
     "OrganisationPage",
     200,
     list_organisations},
    {"POST",
     "/admin/v1/organisations",
     organisations,
     create,
     "Make an organisation",
     {},
     organisation_body,
     "Organisation",
     201,
     create_organisation},
    {"GET",
     "/admin/v1/organisations/{id}",
     organisations,
     read,
     "One organisation",
     {},
     {},
     "Organisation",
     200,
     get_organisation},
    {"DELETE",
     "/admin/v1/organisations/{id}",
     organisations,
     remove,
     "Remove one that has nothing left",
     {},
     {},
     "Organisation",
     200,
     remove_organisation},
    {"GET", "/admin/v1/teams", teams, read, "Teams", member_query, {}, "TeamPage", 200, list_teams},
    {"POST", "/admin/v1/teams", teams, create, "Make a team", {}, member_body, "Team", 201, create_team},
    {"GET", "/admin/v1/teams/{id}", teams, read, "One team", {}, {}, "Team", 200, get_team},
    {"DELETE",
     "/admin/v1/teams/{id}",
     teams,
     remove,
     "Remove one that has nothing left",
     {},
     {},
     "Team",
     200,
     remove_team},
    {"GET", "/admin/v1/users", users, read, "Users", member_query, {}, "UserPage", 200, list_users},
    {"POST", "/admin/v1/users", users, create, "Make a user", {}, member_body, "User", 201, create_user},
    {"GET", "/admin/v1/users/{id}", users, read, "One user", {}, {}, "User", 200, get_user},
    {"DELETE",
     "/admin/v1/users/{id}",
     users,
     remove,
     "Remove one that has nothing left",
     {},
     {},
     "User",
     200,
     remove_user},
    {"GET", "/admin/v1/keys", keys, read, "Virtual keys", key_query, {}, "KeyPage", 200, list_keys},
    {"POST",
     "/admin/v1/keys",
     keys,
     create,
     "Make a key; its characters are in this answer alone",
     {},
     key_body,
     "NewKey",
     201,
     create_key,
     true},
    {"GET", "/admin/v1/keys/{id}", keys, read, "One key", {}, {}, "Key", 200, get_key},
    {"PATCH",
     "/admin/v1/keys/{id}",
     keys,
     change,
     "Change what is named; the rest stays",
     {},
     key_change_body,
     "Key",
     200,
     change_key,
     true},
    {"DELETE",
     "/admin/v1/keys/{id}",
     keys,
     remove,
     "Revoke a key; it is refused from then on",
     {},
     {},
     "Key",
     200,
     revoke_key,
     true},
    {"POST",
     "/admin/v1/keys/{id}/rotate",
     keys,
     change,
     "Give a key new characters; the old ones are refused",
     {},
     {},
     "NewKey",
     200,
     rotate_key,
     true},
    {"POST",
     "/admin/v1/keys/{id}/block",
     keys,
     change,
     "Refuse a key until it is let in again",
     {},
     {},
     "Key",
     200,
     block_key,
     true},
    {"POST",
     "/admin/v1/keys/{id}/unblock",
     keys,
     change,
     "Let a blocked key in again",
     {},
     {},
     "Key",
     200,
     unblock_key,
     true},
    {"GET", "/admin/v1/limits", limits, read, "Budgets and limits", limit_query, {}, "LimitPage", 200, list_limits},
    {"POST",
     "/admin/v1/limits",
     limits,
     create,
     "Set one, or change the amount of the same one",
     {},
     limit_body,
     "Limit",
     200,
     set_limit,
     true},
    {"GET", "/admin/v1/limits/{id}", limits, read, "One limit", {}, {}, "Limit", 200, get_limit},
    {"DELETE",
     "/admin/v1/limits/{id}",
     limits,
     remove,
     "Remove one; it no longer counts",
     {},
     {},
     "Limit",
     200,
     remove_limit,
     true},
    {"GET",
     "/admin/v1/usage",
     usage,
     read,
     "Requests, tokens and cost, from the ledger",
     usage_query,
     {},
     "Usage",
     200,
     sum_usage},
    {"GET",
     "/admin/v1/usage/explain",
     usage,
     read,
     "Why one period costs more than another: volume, mix, cache, tier and price, which add up",
     difference_query,
     {},
     "UsageExplained",
     200,
     explain_usage},
    {"GET",
     "/admin/v1/ledger",
     ledger,
     read,
     "The ledger's rows, newest first",
     ledger_query,
     {},
     "LedgerPage",
     200,
     list_ledger},
    {"GET",
     "/admin/v1/acts",
     acts,
     read,
     "What administrators have done, newest first",
     page_query,
     {},
     "ActPage",
     200,
     list_acts},
    {"GET",
     "/admin/v1/prices",
     prices,
     read,
     "The prices that hold at a moment",
     price_query,
     {},
     "PricePage",
     200,
     list_prices},
    {"POST",
     "/admin/v1/prices/explain",
     prices,
     read,
     "What a recorded answer of a provider costs, line by line",
     explain_query,
     {},
     "Bill",
     200,
     explain_price,
     false,
     "The answer: its JSON, or the events of a stream as they came"},
    {"POST",
     "/admin/v1/prices/compare",
     prices,
     read,
     "What a catalogue would change; nothing is written",
     compare_query,
     {},
     "PriceReview",
     200,
     compare_prices,
     false,
     "The catalogue's file"},
    {"GET",
     "/admin/v1/models",
     models,
     read,
     "Routes, and the models of enabled providers",
     model_query,
     {},
     "Models",
     200,
     list_models},
    {"GET",
     "/admin/v1/health",
     health,
     read,
     "Whether the server and its targets are well",
     {},
     {},
     "Health",
     200,
     show_health},
    {"GET",
     "/admin/v1/administrators",
     administrators,
     read,
     "Administration keys",
     administrator_query,
     {},
     "AdministratorPage",
     200,
     list_administrators},
    {"POST",
     "/admin/v1/administrators",
     administrators,
     create,
     "Make an administration key; its characters are in this answer alone",
     {},
     administrator_body,
     "NewAdministrator",
     201,
     create_administrator},
    {"DELETE",
     "/admin/v1/administrators/{id}",
     administrators,
     remove,
     "Revoke one; it is refused from then on",
     {},
     {},
     "Administrator",
     200,
     revoke_administrator},
};

// Whether `path` is of this pattern; its part for {id} goes to `id`, as it was sent.
bool fits(std::string_view pattern, std::string_view path, std::string_view& id) {
  const std::size_t hole = pattern.find("{id}");
  if (hole == std::string_view::npos) return pattern == path;
  const std::string_view tail = pattern.substr(hole + 4);
  if (path.size() <= hole + tail.size() || path.substr(0, hole) != pattern.substr(0, hole) || !path.ends_with(tail))
    return false;
  id = path.substr(hole, path.size() - hole - tail.size());
  return id.find('/') == std::string_view::npos;
}

}  // namespace

std::span<const Route> routes() { return route_table; }
std::span<const Schema> schemas() { return schema_table; }

Found find_route(std::string_view method, std::string_view path) {
  return find_route(is_native(path) ? routes() : litellm_routes(), method, path);
}

Found find_route(std::span<const Route> among, std::string_view method, std::string_view path) {
  Found found;
  for (const Route& route : among) {
    std::string_view id;
    if (!fits(route.path, path, id)) continue;
    if (route.method == method || (method == "HEAD" && std::string_view(route.method) == "GET")) {
      const auto decoded = percent_decoded(id, false);
      if (!decoded) return Found{};
      found.route = &route;
      found.id = *decoded;
      return found;
    }
    found.allow += (found.allow.empty() ? "" : ", ") + std::string(route.method);
  }
  return found;
}

}  // namespace sluice::admin
