#include "plan/keys.h"

#include <cstdio>
#include <cstdlib>

#include "plan/plan.h"

namespace sluice::plan {
namespace {

using enum Kind;

constexpr std::array table = {
    Key{"plan", "plan", text, 0, 0, "what the plan is called", "", true},
    Key{"plan", "prices_on", text, 0, 0, "the day whose catalogue prices count, YYYY-MM-DD; today unless said"},
    Key{"plan", "horizon_months", number, 1, max_horizon_months, "how far the cash flow looks; 36 unless said"},
    Key{"plan", "lifecycle", word, 0, 0,
        "bottom_up counts people and maintenance; top_down derives them from the build cost instead, never both",
        "bottom_up top_down"},
    Key{"plan", "seed", number, 0, 1e15, "of the random draws; 1 unless said"},
    Key{"plan", "draws", number, 100, 100000, "of Monte Carlo; 10000 unless said"},
    Key{"plan", "assumptions", map, 0, 0, "values that replace the stated defaults", "assumption"},
    Key{"plan", "workloads", sections, 0, max_workloads, "what runs", "workload"},
    Key{"plan", "options", sections, 0, max_options, "where it could run", "option"},
    Key{"plan", "pools", sections, 0, max_pools, "hardware of one's own, bought or rented", "pool"},
    Key{"plan", "limits", section, 0, 0, "rules over the whole plan", "limits"},
    Key{"plan", "break_even", sections, 0, max_studies, "comparisons of one self-hosted option with APIs",
        "break_even"},
    Key{"plan", "rent_or_buy", sections, 0, max_studies, "comparisons of a bought node with rented ones",
        "rent_or_buy"},
    Key{"plan", "notes", texts, 0, 0, "what the report must say about the figures"},

    Key{"assumption", "value", number, -1, 1e12, "what counts", "", true},
    Key{"assumption", "low", number, -1, 1e12, "least that Monte Carlo draws"},
    Key{"assumption", "high", number, -1, 1e12, "most that Monte Carlo draws"},
    Key{"assumption", "source", text, 0, 0, "whose word it is"},

    Key{"workload", "name", text, 0, 0, "what it is called", "", true},
    Key{"workload", "requests_per_month", number, 1, 1e13, "requests in a month"},
    Key{"workload", "tokens_per_month", tokens, 1e4, 1e16, "input and output tokens together, instead of requests"},
    Key{"workload", "input_tokens", tokens, 1, 1e7, "per request, cached ones included"},
    Key{"workload", "output_tokens", tokens, 1, 1e7, "per request"},
    Key{"workload", "mix", text, 0, 0, "input to output, like 3:1, instead of tokens per request"},
    Key{"workload", "cached", share, 0, 1, "share of the input that a provider's prompt cache holds"},
    Key{"workload", "growth_per_month", share, -0.5, 1, "change of volume from month to month"},
    Key{"workload", "quality", map, -1e6, 1e6, "eval to the least result that is good enough"},
    Key{"workload", "data_class", word, 0, 0, "how sensitive the data is; restricted stays on own engines",
        "public internal restricted"},
    Key{"workload", "residency", texts, 0, 0, "regions where the data may be worked on"},
    Key{"workload", "ttft_p95_ms", ms, 5, 600000, "most time to the first token, at the 95th percentile"},
    Key{"workload", "tpot_ms", ms, 1, 5000, "most time per output token"},
    Key{"workload", "context", tokens, 1, 1e8, "tokens of the longest request"},
    Key{"workload", "needs", texts, 0, 0, "what the option must support: tools, images, fine_tune, ..."},
    Key{"workload", "only", texts, 0, 0, "names of the options that are allowed"},
    Key{"workload", "critical", flag, 0, 0, "must stand on two vendors or grounds"},
    Key{"workload", "split", flag, 0, 0, "may be divided over options"},
    Key{"workload", "peak", number, 1, 100, "busiest moment over the busiest hour; load.peak_factor unless said"},
    Key{"workload", "arrival_scv", number, 0.01, 1000,
        "burstiness: squared coefficient of variation of the time between arrivals, within the busiest moment; 1 is "
        "Poisson; load.arrival_scv unless said"},
    Key{"workload", "service_scv", number, 0.01, 1000,
        "the same of the time that a request takes; load.service_scv unless said"},
    Key{"workload", "profile", word, 0, 0, "when in the day it runs", "flat office evening night"},

    Key{"option", "name", text, 0, 0, "what it is called", "", true},
    Key{"option", "api", text, 0, 0, "provider/model of the catalogue, whose price counts"},
    Key{"option", "price", section, 0, 0, "a price of one's own", "price"},
    Key{"option", "pool", text, 0, 0, "the pool that it runs on"},
    Key{"option", "model", text, 0, 0, "shape of the model, for throughput: a name of data/plan/models.yaml"},
    Key{"option", "shape", section, 0, 0, "the same by numbers", "shape"},
    Key{"option", "weights", word, 0, 0, "number format of the weights and the arithmetic", "bf16 fp8 fp4"},
    Key{"option", "kv_cache", word, 0, 0, "number format of the KV cache", "bf16 fp8"},
    Key{"option", "output_tokens_per_s", number, 0.1, 1e8, "measured, per node; checked against the hardware"},
    Key{"option", "measured_mix", text, 0, 0, "in:out mix of that measurement; 1:1 unless said"},
    Key{"option", "calibration", section, 0, 0, "what the engine was measured to do: sluice plan calibrate writes it",
        "calibration"},
    Key{"option", "calibration_file", text, 0, 0,
        "the same, as the path of the file that it wrote, from the plan's folder"},
    Key{"option", "ground", word, 0, 0, "proprietary or hosted_open, where the catalogue does not say",
        "proprietary hosted_open"},
    Key{"option", "vendor", text, 0, 0, "who is behind it; the name before / unless said"},
    Key{"option", "quality", map, -1e6, 1e6, "eval to result"},
    Key{"option", "regions", texts, 0, 0, "where it works on data"},
    Key{"option", "data_class", word, 0, 0, "the most sensitive data that it may get", "public internal restricted"},
    Key{"option", "ttft_p95_ms", ms, 5, 600000, "measured time to the first token"},
    Key{"option", "tpot_ms", ms, 1, 5000, "measured time per output token"},
    Key{"option", "context", tokens, 1, 1e8, "most tokens of a request"},
    Key{"option", "supports", texts, 0, 0, "what it can do: tools, images, fine_tune, ..."},
    Key{"option", "switching_usd", usd, 0, 1e9, "once, for each workload that moves here"},

    Key{"option", "volume_discounts", sections, 0, 10, "of a month's bill, each on the part above an amount",
        "volume_discount"},
    Key{"option", "commitment", section, 0, 0, "least to be paid a month, for a discount", "commitment"},

    Key{"volume_discount", "above_usd", usd, 0, 1e9, "list bill of a month from which on it counts", "", true},
    Key{"volume_discount", "share", share, 0.001, 0.95, "off the list price", "", true},

    Key{"commitment", "usd_per_month", usd, 1, 1e9, "paid, used or not", "", true},
    Key{"commitment", "discount", share, 0, 0.95, "off the list price"},
    Key{"commitment", "signed", flag, 0, 0, "it is paid in any case; else the plan says whether to sign"},

    Key{"price", "input", price, 0.005, 2000, "USD per million input tokens", "", true},
    Key{"price", "output", price, 0.005, 2000, "USD per million output tokens", "", true},
    Key{"price", "cached", price, 0.0005, 2000, "USD per million input tokens from the cache; input unless said"},
    Key{"price", "per", word, 0, 0, "tokens that the prices are for; 1M unless said", "1M 1k token"},
    Key{"price", "free", flag, 0, 0, "it costs nothing, and has no promise of service"},
    Key{"price", "source", text, 0, 0, "whose word it is"},

    Key{"shape", "total", number, 1e6, 1e14, "parameters stored", "", true},
    Key{"shape", "active", number, 1e6, 1e14, "parameters used per token", "", true},
    Key{"shape", "layers", number, 1, 1000, "layers", "", true},
    Key{"shape", "hidden", number, 64, 1e6, "width", "", true},
    Key{"shape", "kv_elements", number, 64, 1e8, "kept per token over all layers", "", true},
    Key{"shape", "experts", number, 0, 10000, "per layer; 0 = dense"},
    Key{"shape", "experts_per_token", number, 0, 10000, "of them used"},
    Key{"shape", "expert_share", share, 0, 1, "of the stored parameters"},

    Key{"calibration", "name", text, 0, 0, "what was measured: provider/model", "", true},
    Key{"calibration", "measured_on", text, 0, 0, "the day, YYYY-MM-DD", "", true},
    Key{"calibration", "source", text, 0, 0, "of how many calls, which sizes, how long"},
    Key{"calibration", "slots", number, 1, max_calibrated_slots, "sequences that the engine takes at once", "", true},
    Key{"calibration", "prefill_us", number, 0, 1e9, "of any prompt, microseconds"},
    Key{"calibration", "prefill_us_per_token", number, 1e-6, 1e9, "of each fresh token of a prompt", "", true},
    Key{"calibration", "prefill_us_per_pair", number, 0, 1e6, "of each fresh token for each token before it"},
    Key{"calibration", "step_us", number, 0, 1e9, "of a decode step", "", true},
    Key{"calibration", "step_us_per_sequence", number, 0, 1e9, "of each sequence in it"},
    Key{"calibration", "step_us_per_kept", number, 0, 1e6, "of each token in their caches"},
    Key{"calibration", "throughput_error", share, 0, 10, "mean error on calls outside the fit"},
    Key{"calibration", "tpot_error", share, 0, 10, "mean error of the time per output token"},
    Key{"calibration", "ttft_p95_error", share, 0, 10, "error of the 95th percentile of the time to the first token"},

    Key{"pool", "name", text, 0, 0, "what it is called", "", true},
    Key{"pool", "gpu", text, 0, 0, "a name of data/plan/gpus.yaml"},
    Key{"pool", "hardware", section, 0, 0, "the same by numbers, per device", "hardware"},
    Key{"pool", "gpus", number, 1, 1024, "per node; 8 unless said"},
    Key{"pool", "price_usd", usd, 500, 1e9, "of a node that is bought"},
    Key{"pool", "rent_usd_per_hour", usd, 0.05, 20000, "of a node that is rented"},
    Key{"pool", "opex_usd_per_hour", usd, 0, 20000, "instead of maintenance, power, cooling and colocation"},
    Key{"pool", "power_kw", number, 0.05, 1000, "per node; from the GPUs unless said"},
    Key{"pool", "racks", number, 0, 100, "per node; 1 unless said"},
    Key{"pool", "spare", number, 0, 100, "nodes kept beyond the load"},
    Key{"pool", "most_nodes", number, 1, 10000, "that can be had; 16 unless said"},
    Key{"pool", "regions", texts, 0, 0, "where it stands"},

    Key{"hardware", "name", text, 0, 0, "what it is called", "", true},
    Key{"hardware", "bandwidth", number, 1e9, 1e15, "of the memory, bytes/s", "", true},
    Key{"hardware", "bf16_flops", number, 1e9, 1e18, "dense arithmetic a second", "", true},
    Key{"hardware", "fp8_flops", number, 1e9, 1e18,
        "the same in fp8; bf16's unless said, as where it is computed wider"},
    Key{"hardware", "fp4_flops", number, 1e9, 1e18, "the same in fp4; fp8's unless said"},
    Key{"hardware", "watts", number, 1, 20000, "rated power", "", true},
    Key{"hardware", "memory_gib", number, 1, 20000, "memory for weights and caches", "", true},

    Key{"limits", "capex_usd", usd, 0, 1e12, "most that may be spent on hardware"},
    Key{"limits", "monthly_usd", usd, 0, 1e12, "most that a month may cost"},
    Key{"limits", "vendor_share", share, 0.01, 1, "most of the tokens at one vendor"},
    Key{"limits", "staff_usd_per_month", usd, 0, 1e9, "most for people who run engines"},
    Key{"limits", "self_hosting", flag, 0, 0, "false: no engines of one's own"},

    Key{"break_even", "name", text, 0, 0, "what it is called", "", true},
    Key{"break_even", "self_hosted", text, 0, 0, "an option with a pool", "", true},
    Key{"break_even", "against", texts, 0, 0, "options with a price; all unless said"},
    Key{"break_even", "mixes", mixes, 0.001, 1000, "in:out", "", true},
    Key{"break_even", "cached", share, 0, 1, "share of the input from the provider's cache"},
    Key{"break_even", "volumes", numbers, 1e4, 1e16, "tokens a month for the table of bills"},
    Key{"break_even", "utilisation", share, 0.001, 1, "of the hardware; 1 unless said"},
    Key{"break_even", "staff", flag, 0, 0, "false: hardware alone, which no organisation has"},

    Key{"rent_or_buy", "name", text, 0, 0, "what it is called", "", true},
    Key{"rent_or_buy", "pool", text, 0, 0, "a pool whose nodes are bought", "", true},
    Key{"rent_or_buy", "rents", map, 0.05, 20000, "name to USD per hour of an equal node", "", true},
    Key{"rent_or_buy", "utilisations", shares, 0.001, 1, "of the hours that a rented node would be paid"},
    Key{"rent_or_buy", "output_tokens_per_s", number, 0.1, 1e8, "of a node, for USD per million tokens"},
    Key{"rent_or_buy", "api_output_usd", price, 0.005, 2000, "an API's output price to compare with"},
    Key{"rent_or_buy", "api_name", text, 0, 0, "whose"},
    Key{"rent_or_buy", "notes", texts, 0, 0, "what is odd about the source's figures"},
};

}  // namespace

std::span<const Key> keys() { return table; }

const Key& key(std::string_view section, std::string_view name) {
  for (const Key& key : table)
    if (key.section == section && key.name == name) return key;
  std::fprintf(stderr, "plan: no key %.*s.%.*s\n", static_cast<int>(section.size()), section.data(),
               static_cast<int>(name.size()), name.data());
  std::abort();
}

}  // namespace sluice::plan
