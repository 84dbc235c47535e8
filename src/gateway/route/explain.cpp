#include "gateway/route/explain.h"

#include <fmt/format.h>

#include <algorithm>

#include "gateway/route/affinity.h"
#include "json/json.h"

namespace sluice::gateway {
namespace {

// Picodollars per token as USD per million tokens: 2,500,000 -> "2.5".
std::string per_million(std::int64_t pico_per_token) { return Money::pico(pico_per_token * 1'000'000).usd(); }

std::string price_text(const catalog::Quote& quote) {
  if (!quote.priced() || quote.fact()->kind != catalog::PriceKind::metered) return std::string(quote.state());
  const catalog::Rates& rates = quote.rates(0);
  return per_million(rates[catalog::Unit::input]) + " / " + per_million(rates[catalog::Unit::output]);
}

// How many candidates at the list's head share the requests by affinity; 0 when none does.
std::size_t sharers(const Plan& plan) {
  if (!plan.settings || plan.settings->affinity_kind == config::AffinityKind::off) return 0;
  const std::size_t alike = neighbours(plan.attempts, 0);
  return alike < 2 ? 0 : alike;
}

using Row = std::vector<std::string>;

void append_table(std::string& out, const std::vector<Row>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const Row& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      out.append(row[i]);
      if (i + 1 < row.size()) out.append(widths[i] - row[i].size() + 2, ' ');
    }
    out.push_back('\n');
  }
}

}  // namespace

std::string explain_text(const Plan& plan) {
  std::string out = "model       " + plan.model + "\ndata class  " + std::string(name(plan.verdict.data_class)) + " (" +
                    std::string(rule_text(plan.verdict.rule)) + ")\n";
  if (plan.workload)
    out += "workload    " + plan.workload->name + "\nobjective   " + std::string(config::name(plan.objective)) + "\n";
  if (plan.difficulty)
    out +=
        fmt::format("difficulty  {:.2f}: how probable it is that a cheap answer fails its checks\n", *plan.difficulty);
  out += "\n";
  if (!plan.attempts.empty()) {
    std::vector<Row> rows = {{"#", "CANDIDATE", "GROUND", "LANE", "USD PER M TOKENS (IN / OUT)", "REASON"}};
    for (std::size_t i = 0; i < plan.attempts.size(); ++i) {
      const Attempt& attempt = plan.attempts[i];
      rows.push_back({std::to_string(i + 1), attempt.candidate->name, std::string(catalog::name(attempt.ground())),
                      attempt.lane == Lane::same_dialect ? "1 (same dialect)" : "2 (translated)",
                      price_text(attempt.quote), reason_text(attempt, plan)});
    }
    append_table(out, rows);
  }
  if (!plan.rejections.empty()) {
    out.append("\n");
    std::vector<Row> rows = {{"REJECTED", "GROUND", "RULE", "REASON"}};
    for (const Rejection& rejection : plan.rejections)
      rows.push_back({rejection.candidate->name, std::string(catalog::name(rejection.candidate->ground)),
                      std::string(rule_name(rejection)), reason_text(rejection, plan)});
    append_table(out, rows);
  }
  const std::size_t sharing = sharers(plan);
  out.append("\nchoice      ")
      .append(plan.attempts.empty() ? "none" : plan.attempts.front().candidate->name)
      .append(sharing == 0 ? "\n" : ", or one of the " + std::to_string(sharing - 1) + " that share its requests\n");
  if (sharing > 0)
    out.append("affinity    ")
        .append(plan.settings->affinity_kind == config::AffinityKind::session
                    ? "session: numbers 1 to " + std::to_string(sharing) +
                          " serve the same model; a session stays where it began (header `" +
                          plan.settings->session_header + "`)"
                    : "prefix: numbers 1 to " + std::to_string(sharing) +
                          " serve the same model; a prompt goes where its beginning has been before")
        .append(", while none gets more than its share\n");
  if (plan.canary)
    out.append("canary      ")
        .append(plan.canary->candidate->name)
        .append(": asked first by ")
        .append(std::to_string(plan.workload->canary.percent))
        .append(" % of the requests, while it is as good as the others\n");
  if (plan.shadow)
    out.append("shadow      ")
        .append(plan.shadow->candidate->name)
        .append(": asked as well by ")
        .append(std::to_string(plan.workload->shadow.percent))
        .append(" % of the requests, for nobody\n");
  for (const Attempt& attempt : plan.attempts)
    if (attempt.provider().engine)
      out.append("engine      ")
          .append(attempt.candidate->name)
          .append(": taken for ready; whether it is, only the running server knows (sluice doctor)\n");
  return out;
}

std::string explain_json(const Plan& plan) {
  std::string out;
  json::Writer w(out);
  w.begin_object().member("model", plan.model).member("data_class", name(plan.verdict.data_class));
  w.member("rule", rule_text(plan.verdict.rule)).key("workload");
  plan.workload ? w.string(plan.workload->name) : w.null();
  w.member("objective", config::name(plan.objective)).key("difficulty");
  plan.difficulty ? w.number(*plan.difficulty) : w.null();
  w.key("choice");
  plan.attempts.empty() ? w.null() : w.string(plan.attempts.front().candidate->name);
  w.member("affinity", plan.settings ? config::name(plan.settings->affinity_kind) : "off");
  w.member("affinity_candidates", static_cast<std::int64_t>(sharers(plan)));
  w.key("canary");
  plan.canary ? w.string(plan.canary->candidate->name) : w.null();
  w.key("shadow");
  plan.shadow ? w.string(plan.shadow->candidate->name) : w.null();
  w.key("candidates").begin_array();
  for (const Attempt& attempt : plan.attempts) {
    w.begin_object().member("name", attempt.candidate->name).member("provider", attempt.provider().id.str());
    w.member("model", attempt.model().str()).member("ground", catalog::name(attempt.ground()));
    w.member("lane", static_cast<int>(attempt.lane)).member("price", attempt.quote.state());
    if (attempt.quote.priced()) {
      const catalog::Rates& rates = attempt.quote.rates(0);
      w.member("input_usd_per_million", per_million(rates[catalog::Unit::input]));
      w.member("output_usd_per_million", per_million(rates[catalog::Unit::output]));
    }
    if (plan.workload) {
      w.key("expected_usd");
      attempt.expected_cost ? w.string(attempt.expected_cost->usd()) : w.null();
      w.key("expected_ms");
      attempt.expected_us >= 0 ? w.integer(attempt.expected_us / 1'000) : w.null();
    }
    w.member("engine", attempt.provider().engine)
        .member("health", name(attempt.health.kind))
        .member("reason", reason_text(attempt, plan))
        .end_object();
  }
  w.end_array().key("rejected").begin_array();
  for (const Rejection& rejection : plan.rejections)
    w.begin_object()
        .member("name", rejection.candidate->name)
        .member("ground", catalog::name(rejection.candidate->ground))
        .member("rule", rule_name(rejection))
        .member("reason", reason_text(rejection, plan))
        .end_object();
  w.end_array().end_object();
  return out;
}

}  // namespace sluice::gateway
