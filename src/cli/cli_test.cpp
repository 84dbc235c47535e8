// The verbs as a whole, over a data directory of their own and without a server.
#include "cli/cli.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "cli/checks.h"
#include "cli/testing_console.h"
#include "gateway/audit/audit.h"
#include "json/json.h"
#include "store/store.h"
#include "store/testing_ledger.h"

namespace sluice::cli {
namespace {

struct Verbs : testing::Test {
  std::filesystem::path folder = make_folder();
  TestingConsole test;

  Verbs() { test.environment["SLUICE_DATA"] = data(); }
  ~Verbs() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }

  static std::filesystem::path make_folder() {
    std::string name = (std::filesystem::temp_directory_path() / "sluice-cli-XXXXXX").string();
    if (!mkdtemp(name.data())) std::abort();
    return name;
  }
  std::string data() const { return (folder / "data").string(); }
  void write(const std::string& name, const std::string& text) const { std::ofstream(folder / name) << text; }
  std::string out() const { return test.out.str(); }
  std::string err() const { return test.err.str(); }

  json::Document run_json(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"-o", "json"});
    EXPECT_EQ(test.run(arguments), exit_ok) << err();
    auto document = json::Document::parse(out());
    if (!document) ADD_FAILURE() << out();
    return document ? *std::move(document) : *json::Document::parse("{}");
  }
};

// --- plan

TEST_F(Verbs, Plan_init_asks_on_a_terminal_explains_and_asks_again) {
  const std::string file = (folder / "asked.yaml").string();
  test.console.in_is_terminal = true;
  // name, use case (wrong, then right), then a default for each other question but the last ones.
  test.in.str("letters\nletter\ndocuments\n" + std::string(30, '\n'));
  EXPECT_EQ(test.run({"plan", "init", file, "--set", "tokens_per_month=5B"}), exit_ok) << err();
  for (const char* one : {"Use case", "Scale", "Team", "Cost structure", "Compliance", "Integration"})
    EXPECT_NE(out().find(one), std::string::npos) << one;
  EXPECT_NE(out().find("`letter` is none of: chat code documents batch"), std::string::npos) << out();
  EXPECT_EQ(out().find("How many tokens a month"), std::string::npos) << "it was answered by the flag";
  EXPECT_EQ(out().find("The least result in it"), std::string::npos) << "there is no eval";
  EXPECT_EQ(test.run({"plan", file}), exit_ok) << err();
  EXPECT_NE(out().find("letters"), std::string::npos);
}

TEST_F(Verbs, Plan_init_writes_nothing_from_half_a_dialogue_or_answers_that_contradict_each_other) {
  const std::string file = (folder / "none.yaml").string();
  test.console.in_is_terminal = true;
  test.in.str("letters\n");
  EXPECT_EQ(test.run({"plan", "init", file}), exit_failed);
  EXPECT_NE(err().find("nothing is written"), std::string::npos) << err();
  test.console.in_is_terminal = false;
  EXPECT_EQ(test.run({"plan", "init", file, "--set", "data_class=restricted", "--set", "runs_engines=no"}),
            exit_failed);
  EXPECT_NE(err().find("no plan keeps all of these answers"), std::string::npos) << err();
  write("answers.yaml", "name: x\nuse_cases: chat\n");
  EXPECT_EQ(test.run({"plan", "init", file, "--answers", (folder / "answers.yaml").string()}), exit_failed);
  EXPECT_NE(err().find("answers.yaml:2: there is no question `use_cases`"), std::string::npos) << err();
  EXPECT_NE(err().find("did you mean `use_case`?"), std::string::npos) << err();
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST_F(Verbs, Plan_writes_a_plan_to_begin_with_and_answers_it) {
  const std::string file = (folder / "plan.yaml").string();
  EXPECT_EQ(test.run({"plan", "init", file}), exit_ok) << err();
  EXPECT_EQ(test.run({"plan", "init", file}), exit_failed);  // never over somebody's work
  EXPECT_NE(err().find("is there already"), std::string::npos);
  EXPECT_EQ(test.run({"plan", file}), exit_ok) << err();
  EXPECT_NE(out().find("support chat"), std::string::npos) << out();
  const json::Document answer = run_json({"plan", file});
  EXPECT_EQ(answer.root()["placement"]["feasible"].boolean(), true);
  EXPECT_EQ(test.run({"plan", file, "-o", "html"}), exit_ok);
  EXPECT_TRUE(out().starts_with("<!doctype html>"));
}

TEST_F(Verbs, Plan_says_what_is_wrong_with_a_file) {
  EXPECT_EQ(test.run({"plan"}), exit_usage);
  EXPECT_EQ(test.run({"plan", (folder / "none.yaml").string()}), exit_failed);
  EXPECT_NE(err().find("sluice plan init"), std::string::npos);
  write("wrong.yaml", "plan: x\noptions: [{ name: a, price: { input: 0.0000025, output: 15 } }]\n");
  EXPECT_EQ(test.run({"plan", (folder / "wrong.yaml").string()}), exit_failed);
  EXPECT_NE(err().find("USD per token: then write 2.5"), std::string::npos) << err();
  EXPECT_EQ(test.run({"plan", "x.yaml", "-o", "pdf"}), exit_usage);
}

TEST_F(Verbs, Plan_ends_with_a_failure_when_rules_contradict_each_other) {
  write("p.yaml",
        "plan: p\noptions: [{ name: a, price: { input: 1, output: 2 } }]\n"
        "workloads: [{ name: w, tokens_per_month: 1B, mix: 3, data_class: restricted }]\n");
  EXPECT_EQ(test.run({"plan", (folder / "p.yaml").string()}), exit_failed);
  EXPECT_NE(out().find("`w`: data_class restricted"), std::string::npos) << out();
}

// --- the command line itself

TEST_F(Verbs, Help_names_every_verb_and_each_verb_has_an_example) {
  EXPECT_EQ(test.run({"--help"}), exit_ok);
  for (const char* verb : {"serve", "chat", "run", "models", "route", "plan", "keys", "usage", "prices", "logs",
                           "config", "import", "doctor", "completion", "version"}) {
    EXPECT_EQ(test.run({"--help"}), exit_ok);
    EXPECT_NE(out().find(std::string("  ") + verb), std::string::npos) << verb;
    EXPECT_EQ(test.run({verb, "--help"}), exit_ok);
    EXPECT_NE(out().find(std::string("Example:\n  sluice ") + verb), std::string::npos) << out();
  }
  EXPECT_EQ(test.run({}), exit_ok);
  EXPECT_NE(out().find("serve"), std::string::npos);
}

TEST_F(Verbs, An_unknown_verb_is_a_usage_error_with_the_nearest_name) {
  EXPECT_EQ(test.run({"serv"}), exit_usage);
  EXPECT_EQ(err(), "sluice: sluice knows no verb `serv`; did you mean `serve`?\n  see: sluice --help\n");
  EXPECT_EQ(test.run({"keys", "crate"}), exit_usage);
  EXPECT_EQ(err(), "sluice: sluice keys knows no verb `crate`; did you mean `create`?\n  see: sluice keys --help\n");
  EXPECT_TRUE(out().empty());
}

TEST_F(Verbs, An_unknown_flag_is_a_usage_error_with_the_nearest_name) {
  EXPECT_EQ(test.run({"keys", "create", "--buget", "3"}), exit_usage);
  EXPECT_EQ(err(),
            "sluice: sluice keys create knows no flag `--buget`; did you mean `--budget`?\n  see: sluice keys create "
            "--help\n");
  EXPECT_FALSE(std::filesystem::exists(data())) << "a wrong command line changes nothing";
}

TEST_F(Verbs, A_group_without_a_verb_says_what_there_is) {
  EXPECT_EQ(test.run({"keys"}), exit_usage);
  EXPECT_EQ(err(), "sluice: sluice keys needs one of: create, list, revoke\n  see: sluice keys --help\n");
}

TEST_F(Verbs, A_wrong_word_names_the_right_ones) {
  EXPECT_EQ(test.run({"usage", "--by", "modle"}), exit_usage);
  EXPECT_NE(err().find("`modle` is not one of key, model, provider, ground, day, team, user, org, tag, workload; did "
                       "you mean `model`?"),
            std::string::npos)
      << err();
}

TEST_F(Verbs, A_wrong_number_names_the_range) {
  for (const char* wrong : {"0", "1.5", "x", "-1", "99999999999999999999"}) {
    EXPECT_EQ(test.run({"route", "explain", "auto", "--tokens", wrong}), exit_usage) << wrong;
    EXPECT_NE(err().find("must be a whole number from 1 to 1000000000"), std::string::npos) << err();
  }
}

TEST_F(Verbs, What_an_argument_holds_cannot_reach_the_terminal_as_an_escape) {
  EXPECT_EQ(test.run({"\x1b[2J"}), exit_usage);
  EXPECT_EQ(err().find('\x1b'), std::string::npos);
}

TEST_F(Verbs, Version_prints_the_version_for_people_and_for_programs) {
  EXPECT_EQ(test.run({"version"}), exit_ok);
  EXPECT_TRUE(out().starts_with("sluice 0.")) << out();
  EXPECT_EQ(run_json({"version"}).root()["name"].string(), "sluice");
}

// --- keys

TEST_F(Verbs, A_new_key_gets_the_configurations_defaults_for_what_is_not_given) {
  write("sluice.yaml",
        "keys: { budget_usd: 12.50, requests_per_minute: 30, tokens_per_minute: 4000, data_class: restricted }\n");
  test.environment["SLUICE_CONFIG"] = (folder / "sluice.yaml").string();
  const auto limits = [&](std::vector<std::string> flags) {
    flags.insert(flags.begin(), {"keys", "create", "--dry-run"});
    const json::Document key = run_json(flags);
    std::string text;
    for (const char* name : {"budget_usd", "rpm", "tpm", "data_class"}) text += key.root()[name].text() + " ";
    return text;
  };
  EXPECT_EQ(limits({}), R"("12.5" 30 4000 "restricted" )");
  EXPECT_EQ(limits({"--budget", "1", "--rpm", "2", "--tpm", "3", "--data-class", "public"}), R"("1.0" 2 3 "public" )");
  EXPECT_EQ(limits({"--budget", "none", "--rpm", "none", "--tpm", "none"}), R"(null null null "restricted" )");
  test.environment.erase("SLUICE_CONFIG");
  EXPECT_EQ(limits({}), R"(null null null "internal" )");
  EXPECT_EQ(limits({"--config", (folder / "sluice.yaml").string(), "--rpm", "7"}), R"("12.5" 7 4000 "restricted" )");
}

TEST_F(Verbs, A_key_is_made_listed_without_its_characters_and_revoked) {
  const json::Document created = run_json({"keys", "create", "--name", "app", "--budget", "2.50", "--rpm", "60",
                                           "--tpm", "9000", "--data-class", "restricted", "--expires", "30d"});
  const std::string key(created.root()["key"].string().value_or(""));
  const std::string id(created.root()["id"].string().value_or(""));
  EXPECT_TRUE(key.starts_with("sk-sluice-"));
  EXPECT_EQ(created.root()["budget_usd"].string(), "2.5");

  const json::Document listed = run_json({"keys", "list"});
  EXPECT_EQ(out().find(key), std::string::npos);
  const json::Value row = listed.root()["keys"].at(0);
  EXPECT_EQ(row["id"].string(), id);
  EXPECT_EQ(row["state"].string(), "active");
  EXPECT_EQ(row["rpm"].integer(), 60);
  EXPECT_EQ(row["tpm"].integer(), 9000);
  EXPECT_EQ(row["data_class"].string(), "restricted");
  EXPECT_EQ(row["spent_usd"].string(), "0.0");

  EXPECT_EQ(test.run({"keys", "revoke", "app"}), exit_ok);
  EXPECT_NE(out().find("revoked " + id), std::string::npos) << out();
  EXPECT_EQ(test.run({"keys", "list"}), exit_ok);
  EXPECT_EQ(out().find(id), std::string::npos);
  EXPECT_EQ(test.run({"keys", "list", "--all"}), exit_ok);
  EXPECT_NE(out().find("revoked"), std::string::npos);
}

TEST_F(Verbs, Keys_create_writes_only_the_key_to_standard_output) {
  EXPECT_EQ(test.run({"keys", "create", "--name", "app"}), exit_ok);
  EXPECT_TRUE(out().starts_with("sk-sluice-"));
  EXPECT_EQ(out().find('\n'), out().size() - 1);
  EXPECT_NE(err().find("app"), std::string::npos);
}

TEST_F(Verbs, A_wrong_limit_is_refused_before_anything_is_made) {
  for (const std::vector<std::string>& wrong : std::vector<std::vector<std::string>>{{"--budget", "lots"},
                                                                                     {"--budget", "-1"},
                                                                                     {"--rpm", "-3"},
                                                                                     {"--rpm", "0"},
                                                                                     {"--tpm", "1.5"},
                                                                                     {"--data-class", "secret"},
                                                                                     {"--expires", "soon"}}) {
    std::vector<std::string> arguments{"keys", "create"};
    arguments.insert(arguments.end(), wrong.begin(), wrong.end());
    EXPECT_EQ(test.run(arguments), exit_usage) << wrong[0] << ' ' << wrong[1];
    EXPECT_NE(err().find(wrong[0]), std::string::npos) << err();
  }
  EXPECT_FALSE(std::filesystem::exists(data()));
}

TEST_F(Verbs, A_dry_run_changes_nothing) {
  const json::Document planned = run_json({"keys", "create", "--name", "app", "--dry-run"});
  EXPECT_EQ(planned.root()["dry_run"].boolean(), true);
  EXPECT_FALSE(std::filesystem::exists(data()));
  ASSERT_EQ(test.run({"keys", "create", "--name", "app"}), exit_ok);
  EXPECT_EQ(test.run({"keys", "create", "--name", "app", "--dry-run"}), exit_failed) << "the name is in use";
  EXPECT_EQ(test.run({"keys", "revoke", "app", "--dry-run"}), exit_ok);
  EXPECT_EQ(run_json({"keys", "list"}).root()["keys"].at(0)["state"].string(), "active");
}

TEST_F(Verbs, Revoking_an_unknown_key_names_the_nearest_one) {
  ASSERT_EQ(test.run({"keys", "create", "--name", "billing"}), exit_ok);
  EXPECT_EQ(test.run({"keys", "revoke", "biling", "--dry-run"}), exit_failed);
  EXPECT_NE(err().find("billing"), std::string::npos) << err();
  EXPECT_EQ(test.run({"keys", "revoke", "biling"}), exit_failed);
  EXPECT_NE(err().find("billing"), std::string::npos) << err();
}

// --- usage and logs

TEST_F(Verbs, Reading_from_a_directory_that_is_not_there_fails_and_makes_none) {
  for (const std::vector<std::string>& verb :
       std::vector<std::vector<std::string>>{{"usage"}, {"logs", "tail"}, {"keys", "list"}}) {
    EXPECT_EQ(test.run(verb), exit_failed);
    EXPECT_NE(err().find("there is no data directory at " + data()), std::string::npos) << err();
  }
  EXPECT_FALSE(std::filesystem::exists(data()));
}

TEST_F(Verbs, Usage_of_an_empty_ledger_is_zero_in_every_view) {
  ASSERT_EQ(test.run({"keys", "create", "--name", "app"}), exit_ok);
  EXPECT_EQ(test.run({"usage"}), exit_ok);
  EXPECT_EQ(out(), "no requests recorded\n");
  const json::Document all = run_json({"usage"});
  for (const char* view : {"keys", "models", "providers", "grounds", "days"})
    EXPECT_TRUE(all.root()[view].is_array()) << view;
  EXPECT_EQ(all.root()["total"]["requests"].integer(), 0);
  EXPECT_EQ(all.root()["total"]["cost_usd"].string(), "0.0");
  const json::Document by_day = run_json({"usage", "--by", "day", "--since", "7d", "--key", "app"});
  EXPECT_TRUE(by_day.root()["days"].is_array());
  EXPECT_FALSE(by_day.root()["keys"].exists());
}

store::LedgerEntry call_of(const std::string& key, std::int64_t end_us, const std::string& model, Tokens input,
                           std::int64_t pico) {
  store::LedgerEntry entry;
  entry.request_id = RequestId("req_" + std::to_string(end_us));
  entry.start_us = end_us - 1'000;
  entry.end_us = end_us;
  entry.key_id = KeyId(key);
  entry.requested_model = "fast";
  entry.provider = ProviderId("acme");
  entry.model = ModelName(model);
  entry.usage = {.input = input, .reported = true};
  entry.cost = Money::pico(pico);
  return entry;
}

TEST_F(Verbs, Logs_audit_shows_the_newest_records_of_requests_and_of_acts) {
  ASSERT_EQ(test.run({"keys", "create", "--name", "app"}), exit_ok) << err();
  gateway::AuditRecord asked;
  asked.request_id = "req_1";
  asked.verdict_rule = "key_data_class";
  std::string request;
  encode(asked, request);
  const std::string act = R"({"act":"key_created","by":"ann"})";
  store::write_log(store::audit_path(data()), {act, request, "a record of tomorrow", act});
  ASSERT_EQ(test.run({"logs", "audit"}), exit_ok) << err();
  EXPECT_EQ(out(), act + "\n" + to_json(asked) + "\n" + act + "\n");
  EXPECT_NE(err().find("1 records that a newer sluice has written"), std::string::npos) << err();
  ASSERT_EQ(test.run({"logs", "audit", "-n", "1"}), exit_ok);
  EXPECT_EQ(out(), act + "\n") << "the newest";
  EXPECT_EQ(err(), "");
  ASSERT_EQ(test.run({"logs", "audit", "-o", "json", "--request", "req_1"}), exit_ok);
  EXPECT_EQ(out(), to_json(asked) + "\n");
  EXPECT_EQ(test.run({"logs", "audit", "--request", "req_2"}), exit_failed);
  EXPECT_NE(err().find("no request req_2"), std::string::npos) << err();
}

TEST_F(Verbs, Usage_explain_tells_why_a_period_costs_more_and_adds_up) {
  ASSERT_EQ(test.run({"teams", "create", "red"}), exit_ok) << err();
  const json::Document made = run_json({"keys", "create", "--name", "app", "--team", "red"});
  const std::string key(made.root()["id"].string().value_or(""));
  constexpr std::int64_t hour_us = 3'600'000'000;
  const std::int64_t now_us = store::wall_clock_us();
  std::vector<store::LedgerEntry> calls;
  for (const auto& [age_h, model, input, pico] :
       {std::tuple{30, "big", 100, 1'000}, {6, "big", 300, 3'000}, {5, "big", 100, 2'000}, {4, "small", 100, 10}})
    calls.push_back(call_of(key, now_us - age_h * hour_us, model, input, pico));
  store::write_ledger(data(), calls);
  // Five times as many tokens (+4,000), a fifth of them elsewhere (4,010 instead of 5,000), and the rest dearer.
  for (const char* by : {"team", "key"}) {
    const json::Document told = run_json({"usage", "explain", "--from", "40h..20h", "--to", "20h..", "--by", by});
    const json::Value total = told.root()["total"];
    EXPECT_EQ(total["before_usd"].string(), "0.000000001");
    EXPECT_EQ(total["after_usd"].string(), "0.00000000501");
    EXPECT_EQ(total["volume_usd"].string(), "0.000000004");
    EXPECT_EQ(total["mix_usd"].string(), "-0.00000000099");
    EXPECT_EQ(total["price_usd"].string(), "0.000000001");
    EXPECT_EQ(total["difference_usd"].string(), "0.00000000401");
    std::vector<std::string> names;
    for (const json::Value group : told.root()["groups"].elements())
      names.emplace_back(group["name"].string().value_or(""));
    EXPECT_EQ(names, std::vector<std::string>{by == std::string("team") ? "red" : "app"});
  }
  const json::Document by_model =
      run_json({"usage", "explain", "--from", "40h..20h", "--to", "20h..", "--by", "model"});
  std::size_t models = 0;
  for (const json::Value group : by_model.root()["groups"].elements()) {
    ++models;
    if (group["name"].string() == "acme/small") {
      EXPECT_EQ(group["volume_usd"].string(), "0.00000000001");
    }
  }
  EXPECT_EQ(models, 2u);
  EXPECT_EQ(test.run({"usage", "explain", "--from", "40h..20h", "--to", "20h..", "--by", "tag"}), exit_ok);
  EXPECT_NE(out().find("(none)"), std::string::npos) << out();
  EXPECT_EQ(test.run({"usage", "explain", "--from", "yesterday", "--to", "20h.."}), exit_usage);
  EXPECT_EQ(test.run({"usage", "explain", "--from", "20h..40h", "--to", "20h.."}), exit_usage);
  EXPECT_NE(err().find("ends before it begins"), std::string::npos) << err();
}

TEST_F(Verbs, Usage_refuses_a_wrong_time_and_an_unknown_key) {
  ASSERT_EQ(test.run({"keys", "create", "--name", "app"}), exit_ok);
  EXPECT_EQ(test.run({"usage", "--since", "yesterday"}), exit_usage);
  EXPECT_NE(err().find("--since: `yesterday`"), std::string::npos);
  EXPECT_EQ(test.run({"usage", "--key", "apq"}), exit_failed);
  EXPECT_NE(err().find("did you mean `app`?"), std::string::npos) << err();
}

// --- prices

constexpr const char* priced_catalogue = R"({"acme":{"models":{
  "big":{"cost":{"input":2,"output":10,"cache_read":0.2}},"odd":{"cost":{"input":1,"output":5,"cache_read":4}},
  "gratis":{"cost":{"input":0,"output":0}}}}})";

TEST_F(Verbs, Prices_are_imported_shown_and_explained) {
  write("api.json", priced_catalogue);
  const std::string file = (folder / "api.json").string();
  {
    const auto report = run_json({"prices", "import", file, "--source", "test"});
    EXPECT_EQ(report.root()["added"].integer(), 3);
    EXPECT_EQ(report.root()["quarantined"].integer(), 2);
    EXPECT_EQ(report.root()["applied"].boolean(), false);
    EXPECT_FALSE(std::filesystem::exists(data() + "/prices")) << "nothing is written without --apply";
  }
  EXPECT_EQ(test.run({"prices", "import", file, "--source", "test", "--from", "2026-01-01", "--apply", "--accept",
                      "acme/gratis"}),
            exit_ok)
      << err();
  EXPECT_NE(out().find("in quarantine: acme/odd: a cached token is dearer than a fresh one"), std::string::npos)
      << out();
  EXPECT_NE(err().find("2 prices are in"), std::string::npos) << err();
  {
    const auto again = run_json({"prices", "import", file, "--source", "test", "--apply"});
    EXPECT_EQ(again.root()["taken"].integer(), 0);
    EXPECT_EQ(again.root()["same"].integer(), 2) << "the zero that was accepted as free, too";
  }
  {
    const auto shown = run_json({"prices", "show", "--provider", "acme", "--at", "2026-02-01"});
    ASSERT_EQ(shown.root()["prices"].size(), 2U);
    EXPECT_EQ(shown.root()["prices"].at(0)["usd"]["output"].string(), "10");
    EXPECT_EQ(shown.root()["prices"].at(1)["state"].string(), "free");
    EXPECT_EQ(run_json({"prices", "show", "--provider", "acme", "--at", "2025-12-31"}).root()["prices"].size(), 0U);
    EXPECT_EQ(run_json({"prices", "show", "--provider", "acme", "--known-at", "2020-01-01"}).root()["prices"].size(),
              0U);
    EXPECT_EQ(run_json({"prices", "diff", "--from", "2025-12-31", "--provider", "acme"}).root()["changes"].size(), 2U);
  }
  write("answer.json", R"({"model":"big","usage":{"prompt_tokens":1000,"completion_tokens":100,
    "prompt_tokens_details":{"cached_tokens":400}}})");
  const auto explained = run_json({"prices", "explain", "--provider", "acme", "--dialect", "openai_chat", "--response",
                                   (folder / "answer.json").string(), "--quantity", "gpu_hour=1"});
  EXPECT_EQ(explained.root()["total_usd"].string(), "0.00228");
  ASSERT_EQ(explained.root()["lines"].size(), 4U);
  EXPECT_EQ(explained.root()["lines"].at(2)["class"].string(), "cache_read");
  EXPECT_EQ(explained.root()["lines"].at(2)["amount_usd"].string(), "0.00008");
  EXPECT_EQ(explained.root()["lines"].at(2)["source"].string(), "test");
}

TEST_F(Verbs, Prices_refuse_what_makes_no_sense) {
  write("api.json", priced_catalogue);
  const std::string file = (folder / "api.json").string();
  EXPECT_EQ(test.run({"prices", "import", (folder / "none.json").string()}), exit_failed);
  EXPECT_EQ(test.run({"prices", "import", file, "--accept", "acme/big"}), exit_usage);
  EXPECT_NE(err().find("not in quarantine"), std::string::npos);
  EXPECT_EQ(test.run({"prices", "import", file, "--from", "soon"}), exit_usage);
  EXPECT_EQ(test.run({"prices", "explain", "--provider", "acme"}), exit_usage);
  EXPECT_EQ(test.run({"prices", "explain", "--provider", "acme", "--model", "m", "--quantity", "tea=1"}), exit_usage);
  write("hello.txt", "hello");
  EXPECT_EQ(test.run({"prices", "explain", "--provider", "openai", "--response", (folder / "hello.txt").string()}),
            exit_failed);
  EXPECT_NE(err().find("neither JSON nor a stream"), std::string::npos) << err();
  EXPECT_EQ(test.run({"prices", "reprice"}), exit_usage);
}

TEST_F(Verbs, Repricing_prices_what_was_unpriced_and_changes_what_was_wrong_once) {
  {
    ASSERT_TRUE(store::Store::open(data()));
    std::vector<store::LedgerEntry> calls;
    for (const char* model : {"big", "unknown", "big"}) {
      store::LedgerEntry& entry = calls.emplace_back();
      entry.request_id = RequestId("req_" + std::to_string(calls.size()));
      entry.start_us = 1'790'000'000'000'000;  // 2026-09-21
      entry.key_id = KeyId("key_a");
      entry.provider = ProviderId("acme");
      entry.model = ModelName(model);
      entry.usage = {.input = 1'000'000, .reported = true};
    }
    store::write_ledger(data(), calls);
  }
  write("api.json", priced_catalogue);
  ASSERT_EQ(test.run({"prices", "import", (folder / "api.json").string(), "--from", "2026-01-01", "--apply"}), exit_ok)
      << err();
  {
    const auto dry = run_json({"prices", "reprice", "--from", "2026-09-01", "--dry-run"});
    EXPECT_EQ(dry.root()["first_prices"].integer(), 2);
    EXPECT_EQ(run_json({"usage"}).root()["total"]["unpriced"].integer(), 3);
  }
  {
    const auto done = run_json({"prices", "reprice", "--from", "2026-09-01", "--to", "2026-10-01"});
    EXPECT_EQ(done.root()["rows"].integer(), 3);
    EXPECT_EQ(done.root()["sum_usd"].string(), "4.0");
    EXPECT_EQ(done.root()["still_unpriced"].integer(), 1);
  }
  {
    const auto usage = run_json({"usage"});
    EXPECT_EQ(usage.root()["total"]["unpriced"].integer(), 1);
    EXPECT_EQ(usage.root()["total"]["cost_usd"].string(), "4.0");
    EXPECT_EQ(usage.root()["total"]["corrections"].integer(), 2);
    EXPECT_EQ(usage.root()["total"]["requests"].integer(), 3);
  }
  EXPECT_EQ(run_json({"prices", "reprice", "--from", "2026-09-01"}).root()["corrections"].integer(), 0) << "once";
}

TEST_F(Verbs, Logs_tail_follows_until_it_is_interrupted) {
  ASSERT_EQ(test.run({"keys", "create", "--name", "app"}), exit_ok);
  EXPECT_EQ(test.run({"logs", "tail"}), exit_ok);
  EXPECT_EQ(out(), "no requests recorded\n");
  test.interrupted = true;
  EXPECT_EQ(test.run({"logs", "tail", "-f", "-n", "0"}), exit_ok);
  EXPECT_EQ(test.run({"logs", "tail", "-n", "10001"}), exit_usage);
}

// --- configuration, models, routes

constexpr const char* acme =
    "providers:\n"
    "  acme: { kind: openai_compatible, base_url: \"http://127.0.0.1:9001/v1\", api_key: k,\n"
    "          prices: { their-model: { input: 5.00, output: 25.00 } } }\n"
    "models:\n"
    "  auto: [acme/their-model, groq/llama-4-scout]\n";

TEST_F(Verbs, Config_validate_says_everything_that_is_wrong_with_its_place) {
  write("good.yaml", acme);
  EXPECT_EQ(test.run({"config", "validate", (folder / "good.yaml").string()}), exit_ok) << err();
  write("bad.yaml", "server:\n  lisen: 127.0.0.1:9\nprovders: {}\n");
  const std::string bad = (folder / "bad.yaml").string();
  EXPECT_EQ(test.run({"config", "validate", bad}), exit_failed);
  EXPECT_NE(err().find("bad.yaml:2:3"), std::string::npos) << err();
  EXPECT_NE(err().find("bad.yaml:3:1"), std::string::npos) << err();
  EXPECT_EQ(test.run({"config", "validate", "--config", bad, "-o", "json"}), exit_failed);
  const auto findings = json::Document::parse(out());
  ASSERT_TRUE(findings) << out();
  EXPECT_EQ(findings->root()["valid"].boolean(), false);
  EXPECT_EQ(findings->root()["findings"].at(0)["line"].integer(), 2);
  EXPECT_EQ(test.run({"config", "validate", (folder / "none.yaml").string()}), exit_failed);
  EXPECT_NE(err().find("No such file"), std::string::npos) << err();
}

TEST_F(Verbs, Config_schema_is_json) {
  EXPECT_EQ(test.run({"config", "schema"}), exit_ok);
  const auto schema = json::Document::parse(out());
  ASSERT_TRUE(schema);
  EXPECT_TRUE(schema->root()["properties"]["providers"].exists());
}

TEST_F(Verbs, Import_prints_a_configuration_that_is_valid_and_says_what_is_not_carried_over) {
  write("litellm.yaml",
        "model_list:\n"
        "  - model_name: chat\n"
        "    litellm_params: {model: openai/gpt-5.4, api_key: os.environ/SOME_KEY, weight: 2}\n"
        "  - model_name: chat\n"
        "    litellm_params: {model: hosted_vllm/qwen, api_base: \"http://10.1.2.3:8000/v1\", timeout: 20}\n"
        "    model_info: {input_cost_per_token: 1e-7, output_cost_per_token: 2.5e-7}\n");
  EXPECT_EQ(test.run({"import", "litellm", (folder / "litellm.yaml").string()}), exit_ok) << err();
  EXPECT_NE(err().find("weights are not carried over"), std::string::npos) << err();
  write("sluice.yaml", out());
  test.environment["SOME_KEY"] = "k";
  EXPECT_EQ(test.run({"config", "validate", (folder / "sluice.yaml").string()}), exit_ok) << err();
  EXPECT_EQ(test.run({"route", "explain", "chat", "--config", (folder / "sluice.yaml").string()}), exit_ok) << err();
  EXPECT_NE(out().find("vllm/qwen"), std::string::npos) << out();

  write("other.yaml", "models: {}");
  EXPECT_EQ(test.run({"import", "litellm", (folder / "other.yaml").string()}), exit_failed);
  EXPECT_NE(err().find("model_list"), std::string::npos) << err();
  EXPECT_EQ(test.run({"import", "litellm", (folder / "none.yaml").string()}), exit_failed);
  write("odd.yaml", "model_list: [{model_name: a, litellm_params: {model: groq/x, max_parallel_requests: many}}]");
  EXPECT_EQ(test.run({"import", "litellm", (folder / "odd.yaml").string()}), exit_failed);
  EXPECT_NE(err().find("max_in_flight"), std::string::npos) << err();
}

TEST_F(Verbs, Models_shows_what_may_be_called_and_with_all_how_to_switch_on_the_rest) {
  write("sluice.yaml", acme);
  test.environment["SLUICE_CONFIG"] = (folder / "sluice.yaml").string();
  const json::Document some = run_json({"models"});
  bool found = false;
  for (const json::Value& model : some.root()["models"].elements()) {
    EXPECT_EQ(model["callable"].boolean(), true);
    if (model["name"].string() != "acme/their-model") continue;
    found = true;
    EXPECT_EQ(model["input_usd_per_million"].string(), "5.0");
    EXPECT_EQ(model["output_usd_per_million"].string(), "25.0");
  }
  EXPECT_TRUE(found);
  EXPECT_EQ(some.root()["routes"].at(0)["name"].string(), "auto");
  EXPECT_EQ(test.run({"models", "--all"}), exit_ok);
  EXPECT_NE(out().find("GROQ_API_KEY"), std::string::npos) << out();
  const json::Document all = run_json({"models", "--all"});
  EXPECT_GT(all.root()["models"].size(), some.root()["models"].size());
}

TEST_F(Verbs, Route_explain_names_the_choice_and_the_rejected) {
  write("sluice.yaml", acme);
  const std::string config = (folder / "sluice.yaml").string();
  const json::Document plan = run_json({"route", "explain", "auto", "--config", config});
  EXPECT_EQ(plan.root()["choice"].string(), "acme/their-model");
  EXPECT_EQ(plan.root()["rejected"].size(), 1u);
  const json::Document restricted =
      run_json({"route", "explain", "auto", "--config", config, "--data-class", "restricted"});
  EXPECT_EQ(restricted.root()["rejected"].size(), 2u);
  EXPECT_EQ(test.run({"route", "explain", "auto", "--config", config}), exit_ok);
  EXPECT_NE(out().find("acme/their-model"), std::string::npos);
  EXPECT_EQ(test.run({"route", "explain", "no-such-model", "--config", config}), exit_failed);
  EXPECT_NE(err().find("no-such-model"), std::string::npos);
}

TEST_F(Verbs, What_only_the_running_server_knows_of_an_engine_is_said_to_be_unknown) {
  const std::string said = "only the running server knows";
  EXPECT_EQ(test.run({"route", "explain", "auto"}), exit_ok);
  EXPECT_NE(out().find("local/smollm2-135m-instruct: taken for ready"), std::string::npos) << out();
  EXPECT_NE(out().find(said), std::string::npos) << out();
  EXPECT_EQ(run_json({"route", "explain", "auto"}).root()["candidates"].at(0)["engine"].boolean(), true);
  EXPECT_EQ(test.run({"models"}), exit_ok);
  EXPECT_NE(err().find("local/smollm2-135m-instruct: whether its engine is up, " + said), std::string::npos) << err();
  EXPECT_EQ(run_json({"models"}).root()["models"].at(0)["engine"].boolean(), true);
  test.environment["SLUICE_ENGINE"] = "none";
  test.environment["GROQ_API_KEY"] = "k";
  EXPECT_EQ(test.run({"route", "explain", "auto"}), exit_ok);
  EXPECT_EQ(out().find(said), std::string::npos) << out();
  EXPECT_EQ(test.run({"models"}), exit_ok);
  EXPECT_EQ(err().find(said), std::string::npos) << err();
}

TEST_F(Verbs, Route_explain_takes_a_keys_data_class) {
  write("sluice.yaml", acme);
  ASSERT_EQ(test.run({"keys", "create", "--name", "secret-app", "--data-class", "restricted"}), exit_ok);
  const json::Document plan =
      run_json({"route", "explain", "auto", "--config", (folder / "sluice.yaml").string(), "--key", "secret-app"});
  EXPECT_EQ(plan.root()["rejected"].size(), 2u);
}

// --- run and chat without a server

TEST_F(Verbs, Run_and_chat_say_how_to_start_a_server_when_there_is_none) {
  for (const char* verb : {"run", "chat"}) {
    EXPECT_EQ(test.run({verb, "auto"}), verb == std::string("run") ? exit_usage : exit_not_serving);
    test.in.clear();
    test.in.str("Hello");
    EXPECT_EQ(test.run({verb, "auto"}), exit_not_serving) << err();
    EXPECT_NE(err().find("start it with: sluice serve"), std::string::npos) << err();
  }
}

TEST_F(Verbs, A_server_that_does_not_answer_is_told_by_its_address) {
  test.environment["SLUICE_API_KEY"] = "sk-sluice-x";
  test.in.str("Hello");
  EXPECT_EQ(test.run({"run", "auto", "--url", "http://127.0.0.1:1"}), exit_not_serving);
  EXPECT_NE(err().find("no sluice is serving at http://127.0.0.1:1"), std::string::npos) << err();
  test.in.clear();
  test.in.str("Hello");
  EXPECT_EQ(test.run({"run", "auto", "--url", "nonsense"}), exit_usage);
}

// --- doctor

TEST_F(Verbs, Doctor_reports_each_check_with_what_to_do) {
  write("sluice.yaml", acme);
  const std::string config = (folder / "sluice.yaml").string();
  ASSERT_EQ(test.run({"keys", "create", "--name", "app"}), exit_ok);
  test.run({"doctor", "--config", config, "--listen", "127.0.0.1:0", "-o", "json"});
  const auto report = json::Document::parse(out());
  ASSERT_TRUE(report) << out();
  std::map<std::string, std::string> states;
  for (const json::Value& check : report->root()["checks"].elements())
    states[std::string(check["name"].string().value_or(""))] = check["state"].string().value_or("");
  for (const char* name : {"data directory", "ledger", "configuration", "server", "providers"})
    EXPECT_EQ(states[name], "ok") << name;
  for (const char* name : {"disk space", "certificates", "clock", "open files"})
    EXPECT_FALSE(states[name].empty()) << name;
}

TEST_F(Verbs, Doctor_fails_when_something_does_and_points_to_the_way_out) {
  write("data", "a file where a directory should be");
  write("bad.yaml", "provders: {}\n");
  EXPECT_EQ(test.run({"doctor", "--config", (folder / "bad.yaml").string()}), exit_failed);
  EXPECT_NE(out().find("is not a directory"), std::string::npos) << out();
  EXPECT_NE(out().find("sluice config validate"), std::string::npos) << out();
}

TEST(Checks, Judge_with_which_authorities_providers_are_verified) {
  const net::Authorities none{.file = "/etc/bundle.pem", .directory = "/etc/certs"};
  const Check failed = judge_certificates(none);
  EXPECT_EQ(failed.state, Check::State::fail);
  EXPECT_NE(failed.detail.find("/etc/bundle.pem"), std::string::npos) << failed.detail;
  EXPECT_NE(failed.todo.find("apt-get install ca-certificates"), std::string::npos) << failed.todo;
  EXPECT_EQ(judge_certificates({.file = "f", .directory = "d", .in_file = 140}).state, Check::State::ok);
  EXPECT_EQ(judge_certificates({.file = "f", .directory = "d", .in_directory = 140}).state, Check::State::ok);
  const Check named = judge_certificates({.file = "f", .directory = "d", .file_is_named = true, .in_directory = 140});
  EXPECT_EQ(named.state, Check::State::warn) << "the file that was asked for has none";
  EXPECT_NE(named.todo.find("SSL_CERT_FILE"), std::string::npos);
}

TEST(Checks, Warn_of_a_route_whose_model_ends_within_two_months_or_has_ended) {
  const auto snapshot = [](const char* day) {
    config::Snapshot::Parts parts;
    parts.providers = {{.id = ProviderId("acme"), .enabled = true}};
    parts.models = {{.provider = ProviderId("acme"),
                     .name = ModelName("old"),
                     .id = "old",
                     .retires = catalog::Retirement{
                         .day = *catalog::parse_date(day), .successor = "new", .source = "the vendor's page"}}};
    parts.routes = {{"auto", {"acme/old"}}};
    return std::make_unique<config::Snapshot>(std::move(parts));
  };
  const catalog::Date when = *catalog::parse_date("2026-11-01");
  EXPECT_EQ(check_retirements(*snapshot("2027-06-01"), when).state, Check::State::ok);
  const Check ending = check_retirements(*snapshot("2026-12-31"), when);
  EXPECT_EQ(ending.state, Check::State::warn);
  EXPECT_EQ(ending.detail, "acme/old in `auto` retires on 2026-12-31; its provider names new as its successor");
  const Check ended = check_retirements(*snapshot("2026-11-01"), when);
  EXPECT_EQ(ended.detail, "acme/old in `auto` retired on 2026-11-01; its provider names new as its successor");
}

TEST(Checks, Judge_the_room_on_the_disk_and_the_files_that_may_be_open) {
  EXPECT_EQ(judge_disk_space(warn_below_free_bytes).state, Check::State::ok);
  EXPECT_EQ(judge_disk_space(warn_below_free_bytes - 1).state, Check::State::warn);
  EXPECT_EQ(judge_disk_space(fail_below_free_bytes - 1).state, Check::State::fail);
  EXPECT_EQ(judge_open_files(wanted_open_files).state, Check::State::ok);
  EXPECT_EQ(judge_open_files(4096).state, Check::State::warn);
  EXPECT_EQ(judge_open_files(256).state, Check::State::fail);
}

}  // namespace
}  // namespace sluice::cli
