// Every verb in the order of the help text; each is defined in the file of its name, and cli.cpp has the list.
#pragma once

#include "cli/verb.h"

namespace sluice::cli {

void add_verbs(CLI::App& root, Invocation& invocation);

void add_serve(CLI::App& root, Invocation& invocation);
void add_reload(CLI::App& root, Invocation& invocation);
void add_upgrade(CLI::App& root, Invocation& invocation);
void add_chat(CLI::App& root, Invocation& invocation);
void add_run(CLI::App& root, Invocation& invocation);
void add_models(CLI::App& root, Invocation& invocation);
void add_route(CLI::App& root, Invocation& invocation);
void add_route_replay(CLI::App& group, Invocation& invocation);     // of `route`
void add_route_workloads(CLI::App& group, Invocation& invocation);  // of `route`
void add_route_train(CLI::App& group, Invocation& invocation);      // of `route`
void add_plan(CLI::App& root, Invocation& invocation);
void add_plan_init(CLI::App& plan, Invocation& invocation);
void add_plan_replay(CLI::App& plan, Invocation& invocation);
void add_plan_calibrate(CLI::App& plan, Invocation& invocation);
void add_advise(CLI::App& root, Invocation& invocation);
void add_keys(CLI::App& root, Invocation& invocation);
void add_admin_keys(CLI::App& root, Invocation& invocation);
void add_subjects(CLI::App& root, Invocation& invocation);  // orgs, teams, users
void add_limits(CLI::App& root, Invocation& invocation);    // budgets, limits
void add_sessions(CLI::App& root, Invocation& invocation);
void add_usage(CLI::App& root, Invocation& invocation);
void add_prices(CLI::App& root, Invocation& invocation);
void add_logs(CLI::App& root, Invocation& invocation);
void add_logs_audit(CLI::App& logs, Invocation& invocation);
void add_logs_export(CLI::App& logs, Invocation& invocation);
void add_config(CLI::App& root, Invocation& invocation);
void add_config_store(CLI::App& config, Invocation& invocation);
void add_import(CLI::App& root, Invocation& invocation);
void add_doctor(CLI::App& root, Invocation& invocation);
void add_completion(CLI::App& root, Invocation& invocation);
void add_version(CLI::App& root, Invocation& invocation);

}  // namespace sluice::cli
