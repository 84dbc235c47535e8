// Every setting of a workload once, as settings_table.h has the others.
#pragma once

#include "config/settings_table.h"
#include "config/workload.h"

namespace sluice::config {

constexpr std::int64_t most_match_tokens = 100'000'000;

inline constexpr Setting<Workload> workload_table[] = {
    {.name = "name", .meaning = "What it is called in logs, answers and `route explain`.", .text = &Workload::name},
    {.name = "route",
     .meaning = "A name under `models` whose candidates are asked in place of what the client named; empty = as the "
                "client named.",
     .text = &Workload::route},
    {.name = "objective",
     .meaning = "Which of the eligible candidates is asked first: `listed` (the order of the list), `cheapest` (what "
                "this request will probably cost), `fastest` (as measured), `best` (the benchmark `quality`) or "
                "`weighted` (`weights`). The others follow in the same order.",
     .text = &Workload::objective},
    {.name = "quality",
     .meaning = "The benchmark for `best`, `weights.quality` and `require.min_quality`, as the catalogue calls it: "
                "SWE-bench Verified.",
     .text = &Workload::quality},
    {"expected_output_tokens",
     "What an answer is expected to have, for `cheapest` and `fastest`; a request's own limit counts when it is lower.",
     &Workload::expected_output_tokens, 1, 10'000'000},
    {"cheapest_below_percent",
     "When less than so many percent of a budget of the request are left, `cheapest` is the objective; 0 = never.",
     &Workload::cheapest_below_percent, 0, 100},
    {"best_from_difficulty_percent",
     "From that difficulty on `best` is the objective, and the objective below it; 0 = never. The score comes from "
     "`difficulty.model`.",
     &Workload::best_from_difficulty_percent, 0, 100},
    {.name = "learn",
     .meaning = "Whether the audit log keeps what a difficulty score can learn from: which check of the cascade an "
                "answer has failed, and of the request 16 numbers and the places of its words in a table of 512. No "
                "text; but whoever has the log can test whether a word may have been there.",
     .flag = &Workload::learn},
};

inline constexpr Setting<WorkloadMatch> match_table[] = {
    {.name = "keys", .meaning = "Names or ids of virtual keys.", .texts = &WorkloadMatch::keys},
    {.name = "teams", .meaning = "Ids of teams.", .texts = &WorkloadMatch::teams},
    {.name = "tags", .meaning = "Tags of the key or the request.", .texts = &WorkloadMatch::tags},
    {.name = "models", .meaning = "What the client names as the model.", .texts = &WorkloadMatch::models},
    {.name = "paths",
     .meaning = "Paths of the API: /v1/messages; with * at the end, how they begin.",
     .texts = &WorkloadMatch::paths},
    {.name = "languages",
     .meaning = "Of the newest message, as a guess from its letters and most common words: de, en, es, fr, it, nl, pt; "
                "ar, el, he, hi, ja, ko, ru, th, zh.",
     .texts = &WorkloadMatch::languages},
    {.name = "code", .meaning = "Whether a message has program code.", .maybe = &WorkloadMatch::code},
    {.name = "pii",
     .meaning = "Whether a message has an e-mail address, a telephone number with its country, an IBAN, a payment "
                "card's number or a US social security number, by their form and check digits.",
     .maybe = &WorkloadMatch::pii},
    {.name = "secrets",
     .meaning = "Whether a message has a private key or a token of a known form (AWS, GitHub, GitLab, Google, OpenAI, "
                "Slack, Stripe, JWT).",
     .maybe = &WorkloadMatch::secrets},
    {.name = "tools", .meaning = "Whether it brings tools.", .maybe = &WorkloadMatch::tools},
    {.name = "images", .meaning = "Whether it brings images.", .maybe = &WorkloadMatch::images},
    {.name = "audio", .meaning = "Whether it brings sound.", .maybe = &WorkloadMatch::audio},
    {.name = "pdf", .meaning = "Whether it brings PDF documents.", .maybe = &WorkloadMatch::pdf},
    {"min_prompt_tokens", "Of the estimate from its size; 0 = no bound.", &WorkloadMatch::min_prompt_tokens, 0,
     most_match_tokens},
    {"max_prompt_tokens", "Of the estimate from its size; 0 = no bound.", &WorkloadMatch::max_prompt_tokens, 0,
     most_match_tokens},
    {"min_turns", "Messages of the user; 0 = no bound.", &WorkloadMatch::min_turns, 0, 1'000'000},
    {"max_turns", "Messages of the user; 0 = no bound.", &WorkloadMatch::max_turns, 0, 1'000'000},
    {"min_difficulty_percent",
     "How probable it is, by `difficulty.model`, that a cheap answer fails its checks; 0 = no bound.",
     &WorkloadMatch::min_difficulty_percent, 0, 100},
    {"max_difficulty_percent", "The same; 100 = no bound.", &WorkloadMatch::max_difficulty_percent, 0, 100},
};

inline constexpr Setting<WorkloadRequire> require_table[] = {
    {.name = "data_class",
     .meaning =
         "The least data class of these requests: with `restricted` they reach self-hosted engines only. A key or "
         "a request can only be stricter.",
     .text = &WorkloadRequire::data_class},
    {.name = "grounds", .meaning = "self_hosted, hosted_open, proprietary.", .texts = &WorkloadRequire::grounds},
    {.name = "providers", .meaning = "Certified vendors: nobody else is asked.", .texts = &WorkloadRequire::providers},
    {.name = "regions",
     .meaning = "Where the data may be worked on: eu is also eu-central-1. By the model's region in the catalogue, "
                "`region` of the provider, or that of `aws`.",
     .texts = &WorkloadRequire::regions},
    {.name = "licences",
     .meaning = "Of the weights, as the catalogue names them: Apache-2.0, MIT.",
     .texts = &WorkloadRequire::licences},
    {.name = "without_terms",
     .meaning = "Terms that the licence must not have: notice, display, naming, user_cap, revenue_cap, non_commercial, "
                "field_of_use, territory, training, litigation.",
     .texts = &WorkloadRequire::without_terms},
    {"min_context", "Tokens that the model's window must have, beside what the request needs; 0 = no bound.",
     &WorkloadRequire::min_context, 0, most_match_tokens},
    {"days_to_retirement", "A model that its provider retires sooner is out; 0 = what is retired is.",
     &WorkloadRequire::days_to_retirement, 0, 3'650},
    {.name = "min_quality",
     .meaning = "Least result in the benchmark `quality`.",
     .text = &WorkloadRequire::min_quality},
    {.name = "max_usd_per_request",
     .meaning = "What the longest answer to the request may cost, in USD.",
     .text = &WorkloadRequire::max_usd_per_request},
    {.name = "max_input_usd",
     .meaning = "Price of a million input tokens, in USD.",
     .text = &WorkloadRequire::max_input_usd},
    {.name = "max_output_usd",
     .meaning = "Price of a million output tokens, in USD.",
     .text = &WorkloadRequire::max_output_usd},
    {"max_first_token_ms",
     "Measured time to the first token of late; who is slower is asked when nobody else is left. 0 = no ceiling.",
     &WorkloadRequire::max_first_token_ms, 0, an_hour_ms},
    {"max_error_percent",
     "Measured share of failed calls of late; who has more is asked when nobody else is left. 100 = no ceiling.",
     &WorkloadRequire::max_error_percent, 0, 100},
};

inline constexpr Setting<WorkloadWeights> weights_table[] = {
    {"price", "What the request will probably cost.", &WorkloadWeights::price, 0, 1'000},
    {"latency", "How long its answer will probably take.", &WorkloadWeights::latency, 0, 1'000},
    {"quality", "The benchmark `quality`.", &WorkloadWeights::quality, 0, 1'000},
    {"errors", "Share of failed calls.", &WorkloadWeights::errors, 0, 1'000},
};

inline constexpr Setting<Canary> canary_table[] = {
    {.name = "target", .meaning = "The candidate, provider/model; by the same rules.", .text = &Canary::target},
    {"percent", "Of the workload's requests that go to it; the others are its fallbacks.", &Canary::percent, 0, 100},
    {"min_requests", "Of the canary and of the others, before anything is judged.", &Canary::min_requests, 1,
     1'000'000},
    {"max_error_increase_percent",
     "Its share goes back to 0 when more of its calls fail than of the others, by so many percentage points.",
     &Canary::max_error_increase_percent, 0, 100},
    {"max_latency_increase_percent",
     "Or when its answers (of streams the first token) take so many percent longer in the mean.",
     &Canary::max_latency_increase_percent, 0, 10'000},
};

inline constexpr Setting<Shadow> shadow_table[] = {
    {.name = "target",
     .meaning = "The candidate, provider/model; by the same rules and limits, and billed.",
     .text = &Shadow::target},
    {"percent", "Of the workload's requests that are put to it as well, once the client has its answer.",
     &Shadow::percent, 0, 100},
    {"max_in_flight", "Such calls under way at the same time; further ones are left out.", &Shadow::max_in_flight, 1,
     1'000},
};

inline constexpr Setting<Cascade> cascade_table[] = {
    {.name = "escalate_on",
     .meaning =
         "Checks of an answer: empty, refusal, length (cut by its limit), too_short, schema "
         "(it is not the JSON that the request asked for). When one fails the next candidate is asked, and both are "
         "billed; the last one's answer is passed on as it is.",
     .texts = &Cascade::escalate_on},
    {"min_answer_bytes", "What is `too_short`.", &Cascade::min_answer_bytes, 0, 1'000'000},
    {.name = "hold_streams",
     .meaning = "Hold a stream back until its end, so that it is checked as well; its first token comes with its last. "
                "Otherwise streams pass unchecked.",
     .flag = &Cascade::hold_streams},
};

}  // namespace sluice::config
