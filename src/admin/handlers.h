// The functions that answer the routes, each group in a file of its own. All give the answer's JSON.
#pragma once

#include "admin/route.h"
#include "admin/visible.h"

namespace sluice::admin {

// subjects_api.cpp: organisations, teams, users
Result<std::string> list_organisations(Call& call);
Result<std::string> create_organisation(Call& call);
Result<std::string> get_organisation(Call& call);
Result<std::string> remove_organisation(Call& call);
Result<std::string> list_teams(Call& call);
Result<std::string> create_team(Call& call);
Result<std::string> get_team(Call& call);
Result<std::string> remove_team(Call& call);
Result<std::string> list_users(Call& call);
Result<std::string> create_user(Call& call);
Result<std::string> get_user(Call& call);
Result<std::string> remove_user(Call& call);

// keys_api.cpp
Result<std::string> list_keys(Call& call);
Result<std::string> create_key(Call& call);
Result<std::string> get_key(Call& call);
Result<std::string> change_key(Call& call);
Result<std::string> revoke_key(Call& call);
Result<std::string> rotate_key(Call& call);
Result<std::string> block_key(Call& call);
// Those of a team and a user (ids or names; empty = whosever), as far as they are seen. Errors: invalid_request, about
// `team` or `user`.
Result<store::KeyFilter> keys_of(const Visible& visible, const std::string& team, const std::string& user);
std::string key_text(const store::KeyReport& report, std::int64_t now_us);
Result<std::string> unblock_key(Call& call);

// limits_api.cpp: budgets and limits
Result<std::string> list_limits(Call& call);
Result<std::string> set_limit(Call& call);
Result<std::string> get_limit(Call& call);
Result<std::string> remove_limit(Call& call);

// usage_api.cpp
Result<std::string> sum_usage(Call& call);
Result<std::string> explain_usage(Call& call);
Result<std::string> list_ledger(Call& call);
Result<std::string> list_acts(Call& call);

// prices_api.cpp
Result<std::string> list_prices(Call& call);
Result<std::string> explain_price(Call& call);
Result<std::string> compare_prices(Call& call);

// server_api.cpp
Result<std::string> list_models(Call& call);
Result<std::string> show_health(Call& call);

// administrators_api.cpp
Result<std::string> who_am_i(Call& call);
Result<std::string> list_administrators(Call& call);
Result<std::string> create_administrator(Call& call);
Result<std::string> revoke_administrator(Call& call);

}  // namespace sluice::admin
