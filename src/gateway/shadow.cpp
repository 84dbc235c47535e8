#include "gateway/shadow.h"

#include <algorithm>

#include "base/ascii.h"
#include "gateway/account/estimate.h"
#include "gateway/call/call.h"
#include "gateway/respond/answer_check.h"
#include "gateway/respond/stream_text.h"

namespace sluice::gateway {
namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::milliseconds;

// What has been taken of the workload's places.
struct PlaceOfShadow {
  Shadows& shadows;
  const config::Workload& workload;
  ~PlaceOfShadow() { shadows.end(workload); }
};

// Reads a stream to its end; of its bytes only what they say is kept. `reply` and `said` outlive the call: both are
// run_shadow's.
async::Task<bool> read_out(Reply& reply, std::string bytes, StreamText& said, async::Deadline deadline) {
  for (;;) {
    said.feed(bytes);
    bytes.clear();
    const Result<bool> more = co_await reply.more(bytes, deadline);
    if (!more) co_return false;
    if (!*more) {
      said.feed(bytes);
      co_return !reply.failed();
    }
  }
}

void note(std::optional<AnswerText> answer, Shadows::Answer& into) {
  if (!answer) return;
  into.refused = answer->refused;
  into.cut = answer->cut;
  into.calls_tool = answer->calls_tool;
  into.text = std::move(answer->text);
}

chat::Usage usage_of(const ShadowCall& call, const chat::Usage& told, std::size_t output_bytes) {
  if (told.reported) return told;
  return estimate_usage({.text_bytes = call.text_bytes, .images = call.images}, output_bytes);
}

}  // namespace

std::string head_text(const http::RequestHead& head) {
  std::string text = std::string(head.method) + " " + std::string(head.target) + " HTTP/1.1\r\nhost: shadow\r\n";
  for (const http::Field& field : head) {
    const std::string name = ascii_lowered(field.name);
    constexpr std::string_view left_out[] = {"authorization", "x-api-key",      "x-goog-api-key",    "api-key",
                                             "cookie",        "content-length", "transfer-encoding", "host"};
    if (std::ranges::find(left_out, name) == std::end(left_out))
      text.append(name).append(": ").append(field.value).append("\r\n");
  }
  return text + "\r\n";
}

async::Task<> run_shadow(Gateway* gateway, std::unique_ptr<ShadowCall> call) {
  const config::Workload& workload = *call->workload;
  const PlaceOfShadow place{gateway->shadows, workload};
  http::RequestHead head;
  if (http::parse_request_head(call->head, {}, head).state != http::HeadOutcome::State::complete) {
    gateway->shadows.skipped(workload);
    co_return;
  }
  Question question(*call->request, *call->dialect, head, call->row.request_id.str(), call->row.start_us / 1'000'000);
  question.asked_by(call->row.key_id.str());
  const async::TimePoint began = gateway->time.now();
  const async::Deadline deadline =
      gateway->reactor.within(milliseconds(call->snapshot->retry().total_timeout_ms), &gateway->background->cut);
  // One try: a shadow that is tried again and again would weigh on whom it is meant to try out.
  const Purse purse{.affords = [](std::span<const Failure>, const Attempt&) { return false; },
                    .worst_cost = [](const Attempt&) { return std::optional<Money>(); }};
  CallOutcome outcome = co_await gateway::call(*gateway, call->plan, question, *call->snapshot, purse, deadline);
  const Attempt& attempt = call->plan.attempts.front();
  store::LedgerEntry row = std::move(call->row);
  row.start_us = gateway->time.unix_us() - duration_cast<microseconds>(gateway->time.now() - began).count();
  bool whole = outcome.reply != nullptr;
  std::optional<StreamText> said;
  if (whole && outcome.reply->streaming()) {
    said.emplace(*call->dialect, outcome.reply->json_array);
    whole = co_await read_out(*outcome.reply, std::move(outcome.held), *said, deadline);
  }
  const bool at_work = outcome.reply || (!outcome.failures.empty() && outcome.failures.back().at_work);
  if (outcome.reply) {
    row.status = static_cast<decltype(row.status)>(outcome.reply->status);
    row.usage = usage_of(*call, outcome.reply->usage(), outcome.reply->output_bytes());
  } else if (at_work) {
    row.usage = usage_of(*call, outcome.failures.back().usage, outcome.failures.back().output_bytes);
  }
  const bool reached = outcome.reply || (!outcome.failures.empty() && outcome.failures.back().reached);
  row.outcome = store::Outcome::shadow;
  row.end_us = gateway->time.unix_us();
  row.total_us = row.end_us - row.start_us;
  const catalog::Quote quote = at_work ? attempt.quote : free_of_charge();
  Shadows::Answer shadow{.us = duration_cast<microseconds>(outcome.waited).count(),
                         .output = row.usage.output + row.usage.reasoning};
  if (reached) {
    account(gateway->books, call->hold, row, quote, gateway->time.now());
    shadow.cost = row.cost;
  }
  if (!whole || outcome.reply->status / 100 != 2) {
    gateway->shadows.failed(workload);
    co_return;
  }
  if (said) {
    note(said->done(), shadow);
  } else if (const auto parsed = json::Document::parse(outcome.reply->body)) {
    note(read_answer(call->dialect->id(), parsed->root()), shadow);
  }
  gateway->shadows.compare(workload, call->client, shadow);
}

}  // namespace sluice::gateway
