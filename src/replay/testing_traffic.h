// Random prices with every condition that a price may have, and random calls that are billed as the ledger bills them.
#pragma once

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "catalog/price_book.h"
#include "replay/traffic.h"

namespace sluice::replay::testing {

constexpr std::int64_t start_us = 1'793'000'000'000'000;  // October 2026
constexpr std::int64_t day_us = 86'400'000'000;

class World {
 public:
  explicit World(std::uint32_t seed) : random_(seed) {}

  std::int64_t between(std::int64_t least, std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>(least, most)(random_);
  }

  catalog::Rates rates() {
    catalog::Rates out;
    for (const catalog::Unit unit : counted_units) out[unit] = between(1'000, 40'000'000);
    return out;
  }

  // Three providers with two models each: dates, hours, regions, service tiers, thresholds of both kinds.
  catalog::PriceBook book() {
    std::vector<catalog::PriceFact> facts;
    const catalog::Date first =
        std::chrono::floor<std::chrono::days>(catalog::Moment(std::chrono::seconds(start_us / 1'000'000)));
    for (int p = 0; p < 3; ++p)
      for (int m = 0; m < 2; ++m)
        for (int variant = 0; variant < 6; ++variant) {
          catalog::PriceFact fact{.provider = ProviderId("p" + std::to_string(p)),
                                  .model = ModelName("m" + std::to_string(m)),
                                  .rates = rates()};
          if (variant == 1) fact.effective_from = first + std::chrono::days(5);
          if (variant == 2) fact.service_tier = chat::ServiceTier::batch;
          if (variant == 3) fact.window = catalog::parse_window("16:30-00:30+02:00");
          if (variant == 4) fact.region = "eu";
          if (variant == 5) fact.service_tier = chat::ServiceTier::priority;
          if ((p + m + variant) % 2 == 0) {
            for (int t = 0; t < 2; ++t) {
              catalog::Tier tier{.prompt_tokens = 1'000 * (t + 1) * (t + 1), .rates = rates()};
              tier.op = t == 0 ? catalog::Tier::Op::gt : catalog::Tier::Op::ge;
              tier.counts_cached = (variant + t) % 2 == 0;
              if (p == 1) tier.scope = catalog::Tier::Scope::marginal;
              fact.tiers.push_back(tier);
            }
          }
          facts.push_back(fact);
        }
    return catalog::PriceBook(std::move(facts));
  }

  chat::Usage usage() {
    chat::Usage out;
    out.reported = true;
    out.input = between(0, 3'000);
    out.output = between(0, 1'000);
    const std::int64_t which = between(0, 7);
    if (which % 2 == 1) out.cache_read = between(0, 4'000);
    if (which == 2) out.cache_write_5m = between(1, 2'000);
    if (which == 3) out.cache_write_1h = between(1, 2'000);
    if (which == 4) out.reasoning = between(1, 900);
    if (which == 5) {
      out.input_audio = between(1, 500);
      out.cache_read_audio = between(1, 500);
      out.output_audio = between(1, 500);
    }
    if (which == 6) {
      out.input_image = between(1, 500);
      out.input_video = between(1, 500);
      out.output_image = between(1, 500);
      out.searches = between(1, 3);
    }
    constexpr std::array tiers = {chat::ServiceTier::standard, chat::ServiceTier::batch, chat::ServiceTier::priority,
                                  chat::ServiceTier::flex};
    out.service_tier = tiers[static_cast<std::size_t>(between(0, 3))];
    return out;
  }

  // Calls over ten days, each with what the ledger would have written. Half of the providers have a region.
  Traffic traffic(const catalog::PriceBook& book, int calls) {
    Traffic out;
    for (int i = 0; i < calls; ++i) {
      const std::string provider = "p" + std::to_string(between(0, 3));  // p3 has no price
      const std::string model = "m" + std::to_string(between(0, 1));
      const chat::Usage used = usage();
      const std::int64_t at = start_us + between(0, 10 * day_us);
      const auto cost =
          catalog::cost(book.quote(ProviderId(provider), ModelName(model),
                                   catalog::Moment(std::chrono::seconds(at / 1'000'000)), region(provider)),
                        used);
      const auto added = out.add(at,
                                 {.provider = provider,
                                  .model = model,
                                  .route = "r" + std::to_string(between(0, 2)),
                                  .key = "k" + std::to_string(between(0, 4)),
                                  .service_tier = used.service_tier},
                                 used, cost, false);
      EXPECT_TRUE(added);
    }
    out.set_has_costs(true);
    out.sort();
    return out;
  }

  static std::string region(const std::string& provider) { return provider == "p1" ? "eu" : ""; }

 private:
  std::mt19937 random_;
};

}  // namespace sluice::replay::testing
