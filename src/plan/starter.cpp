#include "plan/starter.h"

namespace sluice::plan {

std::string_view starter_plan() {
  return R"(# A plan for `sluice plan`. Every key: docs/reference/plan.schema.json (`sluice plan schema`).
plan: My first plan
horizon_months: 36

# What is taken for granted until you say otherwise: `sluice plan assumptions` lists all of it with its sources.
assumptions:
  # Team: what people who run engines of your own cost. Or staff.fte, staff.salary_usd_per_year and staff.load.
  staff.self_host_usd_per_month: 33000

# Use case and scale: what runs, how much, how good it must be, and where its data may go.
workloads:
  - name: support chat
    tokens_per_month: 2B            # or requests_per_month
    input_tokens: 1200              # per request; or `mix: 3:1`
    output_tokens: 250
    cached: 30 %                    # of the input, from the provider's prompt cache
    growth_per_month: 3 %
    profile: office                 # flat, office, evening, night
    quality: { our eval: 0.80 }     # your own eval; results of different evals are never compared
    data_class: internal            # public, internal, restricted (never leaves your engines)
  - name: nightly summaries
    tokens_per_month: 8B
    mix: 10:1
    profile: night
    quality: { our eval: 0.70 }

# Where it could run: APIs at the catalogue's price or at one of yours, and engines on hardware of your own.
options:
  - name: Claude Opus
    api: anthropic/claude-opus-4-7
    quality: { our eval: 0.91 }
  - name: open model at a host
    ground: hosted_open
    price: { input: 0.38, output: 2.25, source: "the host's offer of this month" }
    quality: { our eval: 0.82 }
    switching_usd: 5000             # integration: once for each workload that moves
  - name: own Llama 70B
    pool: our node
    model: llama-3.1-70b
    quality: { our eval: 0.81 }

# Hardware: bought (price_usd) or rented (rent_usd_per_hour), whether it works or not.
pools:
  - name: our node
    gpu: H200
    gpus: 8
    price_usd: 277897.75
    most_nodes: 4
    spare: 0                        # 1 = one node more than the load needs

# Cost structure and compliance: rules over the whole plan.
limits:
  capex_usd: 1.5M
)";
}

}  // namespace sluice::plan
