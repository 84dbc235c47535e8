// After traffic: which workloads should move, when, and what must be true for that. What things cost today is what the
// source says, to the picodollar; what they would cost is the planner's, whose placement is joint, so a move may pay
// only together with others.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "catalog/date.h"
#include "plan/answer.h"
#include "replay/workloads.h"

namespace sluice::replay {

// Break-even volumes are looked for up to so many times today's traffic, in plans of at most plan::max_flip_workloads.
constexpr double most_times = 100;

struct Advised {
  enum class When : std::uint8_t {
    stays,     // nothing compared is cheaper under the rules
    now,       // it pays today, and nothing that the decision needs is missing
    if_shown,  // it pays today; `missing` says what nobody has shown yet
    later,     // it pays from `from_requests` on
  };
  std::string workload;
  MoneySum recorded_pico = 0;  // in the span
  std::int64_t unpriced = 0;   // calls without a price: not in it
  double usd_per_month = 0;    // recorded, as a month
  std::string from;            // where it stands: "openai/gpt-5.4", or several with their shares
  std::string to;              // empty: it stays
  When when = When::stays;
  // Of the whole plan's month, when this one workload stays and all others stand where the plan has them.
  double saves_usd_per_month = 0;
  std::optional<double> requests_per_month;
  std::optional<double> from_requests;  // a month, from which on the move pays
  std::optional<catalog::Date> on;      // when that will be, at the growth that was measured
  std::string never;                    // why no volume or day can be said
  std::vector<std::string> must_be_true;
  std::vector<std::string> missing;
};

struct Advice {
  MoneySum recorded_pico = 0;  // all calls of the span, corrections included
  std::int64_t calls = 0;
  std::int64_t unpriced = 0;
  double usd_per_month = 0;        // as a month
  double stay_usd_per_month = 0;   // the same calls at today's prices, where they stand
  double plan_usd_per_month = 0;   // where the plan puts them: bills, nodes and people
  std::vector<Advised> workloads;  // the dearest first
  std::vector<plan::Flip> flips;   // of the whole plan
  std::vector<std::string> notes;
};

// `answer` is that of plan_of() over these groups. Errors: as the solver's; invalid_request when no plan keeps all
// rules.
Result<Advice> advise(const plan::Answer& answer, const Traffic& traffic, const Span& span,
                      const std::vector<Group>& groups, catalog::Date today);

}  // namespace sluice::replay
