#include "serve/alerts.h"

#include <utility>

#include "base/utc.h"
#include "json/json.h"

namespace sluice::serve {
namespace {

using std::chrono::seconds;

double ratio(Money part, Money whole) {
  if (whole <= Money()) return part > Money() ? 1 : 0;
  return static_cast<double>(part.pico()) / static_cast<double>(whole.pico());
}

std::string sentence(const store::LimitLine& line, const gateway::LimitEvent& event) {
  return subject_words(line) + " has used up " + std::to_string(event.percent) + " % of its budget of " +
         line.money().usd() + " USD" + line.window.words() + (line.of_any_model() ? "" : " for " + line.model) + ": " +
         event.standing.spent.usd() + " USD are spent";
}

}  // namespace

std::string alert_json(const store::LimitLine& line, const gateway::LimitEvent& event) {
  std::string text;
  json::Writer out(text);
  out.begin_object().member("event", "budget_alert").member("text", sentence(line, event));
  out.member("percent", std::int64_t{event.percent}).member("limit_id", line.id).member("scope", name(line.scope));
  out.member("subject", line.subject).member("name", line.subject_name).member("model", line.model);
  out.member("budget_usd", line.money().usd()).member("spent_usd", event.standing.spent.usd());
  out.member("reserved_usd", event.standing.held.usd()).member("window", line.window.text());
  out.key("zone");
  line.window.zone.empty() ? out.null() : out.string(line.window.zone);
  out.key("resets_at");
  event.standing.resets_at_us > 0 ? out.string(utc_text(event.standing.resets_at_us)) : out.null();
  out.end_object();
  return text;
}

void record_limits(telemetry::LimitMetrics& metrics, const store::Lines& lines, std::int64_t unix_us) {
  for (const auto& line : lines) {
    if (line->rule.unit != store::LimitUnit::money) continue;
    const store::Account::Standing standing = line->state->account.standing(unix_us);
    metrics.used_ratio.with(line->rule.id, name(line->rule.scope)).set(ratio(standing.spent, line->rule.money()));
    metrics.held_ratio.with(line->rule.id, name(line->rule.scope)).set(ratio(standing.held, line->rule.money()));
  }
}

// A calendar's window has a beginning that all agree on. A window that rolls on has none: its alert is told once within
// its length.
AlertName alert_name(const store::LimitLine& line, int percent, std::int64_t unix_us) {
  using Kind = store::Window::Kind;
  using std::chrono::milliseconds;
  constexpr milliseconds day = std::chrono::hours(24);
  AlertName name{.text = "limit:" + line.id + ":" + std::to_string(percent) + ":" + std::to_string(line.amount),
                 .keep = 400 * day};
  if (line.window.kind == Kind::rolling) {
    name.keep = milliseconds(line.window.length_us / 1'000);
  } else if (line.window.kind != Kind::total) {
    store::WindowClock clock(line.window);
    const std::int64_t begin = clock.first(unix_us);
    name.text += ":" + std::to_string(begin);
    name.keep = milliseconds((clock.leaves_at(begin) - begin) / 1'000) + day;
  }
  return name;
}

Alerts::Alerts(telemetry::Log& log, telemetry::LimitMetrics& metrics, const gateway::SnapshotCell& snapshots,
               std::shared_ptr<net::TlsContext> tls, std::unique_ptr<Claims> claims)
    : log_(log),
      metrics_(metrics),
      snapshots_(snapshots),
      resolver_(reactor_),
      connector_{reactor_, resolver_, std::move(tls)},
      connections_(connector_, http::ClientLimits{.header_bytes = 16 << 10, .body_bytes = 64 << 10}),
      claims_(std::move(claims)),
      thread_([this] { reactor_.run(); }) {
  if (claims_) claimer_ = std::thread([this] { claim_all(); });
}

Alerts::~Alerts() {
  reactor_.stop();
  thread_.join();
  if (!claimer_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  claimer_.join();
}

void Alerts::tell(const store::LimitLine& line, const gateway::LimitEvent& event) {
  using What = gateway::LimitEvent::What;
  const std::string_view scope = name(line.scope);
  if (event.what == What::refused) return metrics_.refusals.with(scope, name(line.unit)).add();
  if (event.what == What::lowered) return metrics_.lowered.with(scope, name(line.unit)).add();
  if (claims_) return ask_who_tells(line, event);
  announce(line, event);
  post_soon(alert_json(line, event));
}

void Alerts::announce(const store::LimitLine& line, const gateway::LimitEvent& event) {
  const std::string_view scope = name(line.scope);
  metrics_.alerts.with(scope, std::to_string(event.percent)).add();
  log_.warn("budget used up in part", {{"limit", line.id},
                                       {"scope", scope},
                                       {"name", line.subject_name.empty() ? line.subject : line.subject_name},
                                       {"model", line.model},
                                       {"percent", std::int64_t{event.percent}},
                                       {"spent_usd", event.standing.spent.usd()},
                                       {"budget_usd", line.money().usd()},
                                       {"window", line.window.text()}});
}

// --- who of several tells it

void Alerts::ask_who_tells(const store::LimitLine& line, const gateway::LimitEvent& event) {
  AlertName name = alert_name(line, event.percent, store::wall_clock_us());
  {
    const std::lock_guard lock(mutex_);
    if (asked_.size() >= most_waiting) return metrics_.webhooks.with("dropped").add();
    asked_.push_back({.line = line,
                      .event = event,
                      .alert = {.name = std::move(name.text), .body = alert_json(line, event)},
                      .keep = name.keep});
  }
  wake_.notify_all();
}

// The claimer's thread.
void Alerts::claim_all() {
  auto next_round = std::chrono::steady_clock::now() + Claims::round;
  bool settled = true;
  for (bool stopping = false; !stopping;) {
    std::deque<Asked> asked;
    std::vector<std::string> told;
    {
      std::unique_lock lock(mutex_);
      wake_.wait_until(lock, next_round, [&] { return stopping_ || !asked_.empty() || (settled && !told_.empty()); });
      stopping = stopping_;
      asked.swap(asked_);
      told.swap(told_);
    }
    settled = settle_told(std::move(told));
    for (Asked& one : asked) claim(one);  // at a stop, too: another one takes it over
    if (std::chrono::steady_clock::now() < next_round) continue;
    look_after_claims();
    settled = true;
    next_round = std::chrono::steady_clock::now() + Claims::round;
  }
}

// Should nobody know who tells it, everybody does: rather twice than never.
void Alerts::claim(Asked& asked) {
  const Result<bool> mine = claims_->claim(asked.alert, asked.keep);
  if (!mine && claims_problem_ != mine.error().message)
    log_.error("replicas cannot agree on who tells an alert",
               {{"problem", mine.error().message}, {"hint", mine.error().hint}});
  claims_problem_ = mine ? "" : mine.error().message;
  if (mine && !*mine) return;
  announce(asked.line, asked.event);
  post_soon(std::move(asked.alert.body), mine ? std::move(asked.alert.name) : std::string());
}

// False when some are left: the next round tries again.
bool Alerts::settle_told(std::vector<std::string> names) {
  std::vector<std::string> left;
  for (std::string& name : names)
    if (!left.empty() || !claims_->told(name)) left.push_back(std::move(name));
  if (left.empty()) return true;
  const std::lock_guard lock(mutex_);
  told_.insert(told_.end(), std::make_move_iterator(left.begin()), std::make_move_iterator(left.end()));
  if (told_.size() > most_waiting) told_.resize(most_waiting);
  return false;
}

// More time for what waits for the webhook, and what others have left untold.
void Alerts::look_after_claims() {
  std::vector<std::string> waiting;
  {
    const std::lock_guard lock(mutex_);
    waiting.assign(to_tell_.begin(), to_tell_.end());
    waiting.insert(waiting.end(), told_.begin(), told_.end());
  }
  if (!waiting.empty() && !claims_->renew(waiting)) return;
  Result<std::vector<store::NamedAlert>> left = claims_->take_over();
  if (!left) return;
  for (store::NamedAlert& alert : *left) {
    log_.warn("an alert is told for a replica that has not", {{"alert", alert.name}});
    post_soon(std::move(alert.body), std::move(alert.name));
  }
}

void Alerts::end_with(const std::string& name) {
  if (name.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    to_tell_.erase(name);
    told_.push_back(name);
  }
  wake_.notify_all();
}

// --- the webhook

void Alerts::post_soon(std::string body, std::string name) {
  if (snapshots_.load()->alerts().webhook.empty()) return end_with(name);
  if (waiting_.fetch_add(1) >= most_waiting) {
    waiting_.fetch_sub(1);
    return metrics_.webhooks.with("dropped").add();
  }
  if (!name.empty()) {
    const std::lock_guard lock(mutex_);
    to_tell_.insert(name);
  }
  reactor_.post([this, message = Message{std::move(name), std::move(body)}] {
    queue_.push_back(message);
    if (!sending_) jobs_.spawn(send_all, this);
  });
}

// One after the other: what was used up first is told first.
async::Task<> Alerts::send_all(Alerts* alerts) {
  alerts->sending_ = true;
  while (!alerts->queue_.empty()) {
    const Message message = std::move(alerts->queue_.front());
    alerts->queue_.pop_front();
    const std::shared_ptr<const config::Snapshot> snapshot = alerts->snapshots_.load();
    bool sent = false;
    if (!snapshot->alerts().webhook.empty()) sent = co_await alerts->send(*snapshot, message.body);
    alerts->metrics_.webhooks.with(sent ? "sent" : "failed").add();
    alerts->waiting_.fetch_sub(1);
    alerts->end_with(message.name);
  }
  alerts->sending_ = false;
}

// The caller keeps the snapshot, and with it the address.
async::Task<bool> Alerts::send(const config::Snapshot& snapshot, const std::string& body) {
  std::string problem;
  seconds pause{1};
  for (int attempt = 1; attempt <= attempts; ++attempt, pause *= 2) {
    const Result<int> status = co_await post(snapshot.alerts(), body);
    if (status && *status / 100 == 2) co_return true;
    problem = status ? "it answered with status " + std::to_string(*status) : status.error().message;
    const bool may_pass = !status || *status >= 500 || *status == 429 || *status == 408;
    if (!may_pass || attempt == attempts) break;
    co_await reactor_.scheduler().sleep(reactor_.within(pause));
  }
  log_.error("the alerts' webhook did not take a message",
             {{"problem", problem}, {"hint", "check `alerts: { webhook: ... }` in the configuration"}});
  co_return false;
}

async::Task<Result<int>> Alerts::post(const config::AlertSettings& to, const std::string& body) {
  const BaseUrl& url = to.webhook_url;
  const async::Deadline deadline = reactor_.within(answer_limit);
  const std::string head = http::request_head("POST", url, (url.path_prefix.empty() ? "/" : "") + to.webhook_query,
                                              {{"content-type", "application/json"}}, body.size());
  CO_TRY(http::Call call, co_await connections_.open(url.endpoint, deadline, true));
  CO_TRY(const http::Response response, co_await call.send(head, body, deadline));
  CO_TRY(const std::string answer, co_await call.read_all(deadline));
  (void)answer;
  co_return response.status;
}

}  // namespace sluice::serve
