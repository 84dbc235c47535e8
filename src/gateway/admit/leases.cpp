#include "gateway/admit/leases.h"

#include <algorithm>
#include <charconv>
#include <unordered_map>
#include <utility>

#include "redis/limits_script.h"
#include "store/store.h"

namespace sluice::gateway {
namespace {

using redis::Reply;
using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using store::LimitLine;
using store::LimitUnit;
using store::Line;
using store::LineState;
using store::StoreDown;

// One call's work stands in Redis's way for well under a millisecond.
constexpr std::size_t most_lines = 64;
constexpr std::size_t most_asks = 64;
// Waiting requests are bounded by those under way; this is beyond what a Redis serves in the time that one may wait.
constexpr std::size_t most_waiting = 20'000;
constexpr milliseconds look_again{50};
constexpr milliseconds reconnect_pause{200};

std::int64_t number_in(const Reply& reply) {
  if (reply.kind == Reply::Kind::number) return reply.number;
  std::int64_t number = 0;
  std::from_chars(reply.text.data(), reply.text.data() + reply.text.size(), number);
  return number;
}

const Reply& item(const Reply& list, std::size_t at) {
  static const Reply nothing;
  return at < list.list.size() ? list.list[at] : nothing;
}

bool is_rate(const LimitLine& rule) { return rule.unit == LimitUnit::requests || rule.unit == LimitUnit::tokens; }

// Places that a process may keep without a request in them: others must not be refused for them.
std::int64_t spare_places(const LimitLine& rule) { return rule.amount / 400; }

}  // namespace

Leases::Leases(Options options, Source source) : options_(std::move(options)), source_(std::move(source)) {
  health_.problem = "Redis at " + options_.redis.address.text() + " has not been asked yet";
}

Leases::~Leases() { stop(); }

void Leases::start() {
  thread_ = std::thread([this] { run(); });
  std::unique_lock lock(mutex_);
  answered_.wait(lock, [&] { return first_attempt_; });
}

void Leases::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Leases::hand_over() {
  state_ = State::handed_over;
  {
    const std::lock_guard lock(mutex_);
    health_.problem.clear();  // the other one has spoken to the store by now
  }
  wake_.notify_all();
}

void Leases::take_back() { anew_ = true; }

StoreDown Leases::rule_of(const LimitLine& rule) const {
  return rule.store_down.value_or(rule.unit == LimitUnit::money ? options_.money_down : options_.rates_down);
}

void Leases::hurry(const std::shared_ptr<const Line>& line) {
  {
    const std::lock_guard lock(mutex_);
    if (std::ranges::find(hurried_, line) != hurried_.end()) return;
    hurried_.push_back(line);
  }
  wake_.notify_one();
}

Leases::Health Leases::health() const {
  const std::lock_guard lock(mutex_);
  return health_;
}

// --- who asks

std::shared_ptr<Leases::Ask> Leases::put(std::vector<Part> parts, net::Reactor* reactor) {
  auto ask = std::make_shared<Ask>();
  ask->parts = std::move(parts);
  ask->reactor = reactor;
  {
    const std::lock_guard lock(mutex_);
    if (down() || stopping_ || asks_.size() >= most_waiting) {
      ask->answer = Ask::Answer::refused;
      ask->refused.why = Refused::Why::store_down;
      return ask;
    }
    asks_.push_back(ask);
  }
  wake_.notify_one();
  return ask;
}

// Whoever stops waiting, however that happens, has nothing in the end: what comes for it is this process's slice.
struct Leases::Waiting {
  Leases& leases;
  std::shared_ptr<Ask> ask;
  bool took_it = false;
  ~Waiting() {
    if (took_it) return;
    const std::lock_guard lock(leases.mutex_);
    if (ask->answer == Ask::Answer::granted)
      for (const Part& part : ask->parts) {
        LineState& state = *part.line->state;
        if (part.line->rule.unit == LimitUnit::money) {
          state.account.give_back(Money::pico(part.need));
        } else {
          const std::lock_guard count(state.leased->mutex);
          (part.line->rule.unit == LimitUnit::places ? state.leased->taken : state.leased->units) +=
              part.line->rule.unit == LimitUnit::places ? -part.need : part.need;
        }
      }
    ask->abandoned = true;
  }
};

async::Task<std::optional<Leases::Refused>> Leases::take(net::Reactor& reactor, std::vector<Part> parts,
                                                         async::Deadline deadline) {
  Waiting waiting{*this, put(std::move(parts), &reactor)};
  Ask& ask = *waiting.ask;
  const auto answer = [&] {
    const std::lock_guard lock(mutex_);
    return ask.answer;
  };
  const async::Deadline until = deadline.earlier(reactor.now() + options_.patience_ms);
  while (answer() == Ask::Answer::waits && reactor.now() < until.at) {
    co_await reactor.scheduler().sleep({std::min(until.at, reactor.now() + look_again), &ask.wake});
    if (deadline.cancel && deadline.cancel->fired()) co_return Refused{.why = Refused::Why::client_gone};
  }
  switch (answer()) {
    case Ask::Answer::granted: waiting.took_it = true; co_return std::nullopt;
    case Ask::Answer::refused: co_return ask.refused;
    case Ask::Answer::waits: break;
  }
  co_return Refused{.why = Refused::Why::not_yet};
}

std::optional<Leases::Refused> Leases::take_and_wait(std::vector<Part> parts) {
  Waiting waiting{*this, put(std::move(parts), nullptr)};
  Ask& ask = *waiting.ask;
  Ask::Answer answer;
  {
    std::unique_lock lock(mutex_);
    answered_.wait_for(lock, options_.patience_ms, [&] { return ask.answer != Ask::Answer::waits; });
    answer = ask.answer;
  }
  if (answer == Ask::Answer::granted) {
    waiting.took_it = true;
    return std::nullopt;
  }
  return answer == Ask::Answer::refused ? ask.refused : Refused{.why = Refused::Why::not_yet};
}

// With the lock.
void Leases::end(Ask& ask, Ask::Answer answer, const Refused& refused) {
  ask.answer = answer;
  ask.refused = refused;
}

// --- the thread

std::int64_t Leases::server_time_us() const { return store::wall_clock_us() + ahead_us_; }

void Leases::run() {
  auto next_tick = steady_clock::now();
  for (;;) {
    bool stopping = false;
    {
      std::unique_lock lock(mutex_);
      wake_.wait_until(lock, next_tick,
                       [&] { return stopping_ || handed_over() || !asks_.empty() || !hurried_.empty(); });
      stopping = stopping_;
    }
    if (handed_over()) return lose({});
    if (anew_.exchange(false)) {
      connection_.reset();
      epoch_ = 0;
    }
    last_ = stopping;
    const bool tick = steady_clock::now() >= next_tick;
    if (tick) next_tick = steady_clock::now() + options_.renew_ms;
    Result<void> done = connection_ ? Result<void>() : connect();
    if (done) done = exchange_all(tick || stopping);
    if (!done) {
      lose(done.error());
      next_tick = steady_clock::now() + reconnect_pause;
    }
    std::unique_lock lock(mutex_);
    first_attempt_ = true;
    answered_.notify_all();
    if (stopping) return;
    // Until it is open, whoever waits would ask without end.
    if (opens_in_us_ > 0) wake_.wait_for(lock, look_again, [&] { return stopping_ || handed_over(); });
  }
}

Result<void> Leases::connect() {
  TRY(connection_, redis::Connection::open(options_.redis));
  TRY(const Reply info, connection_->call({"INFO", "server"}));
  const std::size_t at = info.text.find("run_id:");
  if (at == std::string::npos)
    return fail(ErrorKind::unavailable,
                "Redis at " + options_.redis.address.text() + " does not say who it is: " + info.text.substr(0, 200),
                "look at limits.password_env and at the access list of Redis: INFO must be allowed");
  run_ = info.text.substr(at + 7, info.text.find_first_of("\r\n", at) - at - 7);
  if (unanswered_) {
    // It may have been done or not: the same words again are done once.
    Batch batch = *std::exchange(unanswered_, std::nullopt);
    for (const auto& ask : batch.asks) ask->abandoned = true;
    CHECK_OK(exchange(batch));
  }
  if (epoch_ == 0) CHECK_OK(introduce());
  // It may be another server by now, or the same with less than it knew: it is told everything once more.
  forget_what_was_told();
  return {};
}

void Leases::forget_what_was_told() {
  told_.clear();
  generation_ = ~std::uint64_t{0};
}

Result<void> Leases::introduce() {
  epoch_ = 0;
  seq_ = 0;
  TRY(const Reply reply, send({}));
  epoch_ = number_in(item(reply, 1));
  if (item(reply, 0).text != "registered" || epoch_ <= 0)
    return fail(ErrorKind::internal, "Redis at " + options_.redis.address.text() + " has answered what was not asked");
  forget_what_was_told();
  return {};
}

// All lines that have something to say, and all who wait.
Result<void> Leases::exchange_all(bool tick) {
  if (const std::uint64_t generation = source_.generation(); generation != generation_) {
    lines_ = source_.lines();
    generation_ = generation;
    std::unordered_set<const LineState*> there;
    for (const auto& line : lines_) there.insert(line->state.get());
    std::erase_if(told_, [&](const LineState* state) { return !there.contains(state); });
    std::erase_if(near_, [&](const LineState* state) { return !there.contains(state); });
    tick = true;
  }
  store::Lines due;
  if (tick)
    for (const auto& line : lines_) {
      LineState& state = *line->state;
      bool news = !told_.contains(&state);
      if (!news && line->rule.unit == LimitUnit::money) {
        news = state.account.has_news();
      } else if (!news) {
        const std::lock_guard count(state.leased->mutex);
        news = state.leased->looked || state.leased->owed > 0 || state.leased->units > state.leased->taken;
      }
      if (news) due.push_back(line);
    }
  std::vector<std::shared_ptr<const Line>> hurried;
  std::deque<std::shared_ptr<Ask>> asks;
  {
    const std::lock_guard lock(mutex_);
    hurried.swap(hurried_);
    asks.swap(asks_);
    std::erase_if(asks, [](const auto& ask) { return ask->abandoned; });
  }
  for (const auto& line : hurried)
    if (std::ranges::find(due, line) == due.end()) due.push_back(line);
  Result<void> done;
  // A report at least, when it is time.
  for (bool first = tick; done && (first || !due.empty() || !asks.empty()); first = false) {
    Batch batch;
    std::unordered_set<const LineState*> there;
    std::vector<std::shared_ptr<Ask>> of_batch;
    while (!asks.empty() && of_batch.size() < most_asks && there.size() < most_lines) {
      for (const Part& part : asks.front()->parts)
        if (there.insert(part.line->state.get()).second) batch.lines.push_back(tell(part.line, true, tick));
      of_batch.push_back(std::move(asks.front()));
      asks.pop_front();
    }
    while (!due.empty() && batch.lines.size() < most_lines) {
      if (there.insert(due.back()->state.get()).second) batch.lines.push_back(tell(due.back(), false, tick));
      due.pop_back();
    }
    batch.asks = std::move(of_batch);
    batch.seq = ++seq_;
    done = exchange(batch);
  }
  if (!done) {
    const std::lock_guard lock(mutex_);
    asks_.insert(asks_.begin(), asks.begin(), asks.end());
  }
  return done;
}

// What is said of one line. What it gives up is given up from here on.
Leases::Told Leases::tell(const std::shared_ptr<const Line>& line, bool asked, bool tick) {
  const LimitLine& rule = line->rule;
  LineState& state = *line->state;
  Told told{.line = line};
  if (rule.unit == LimitUnit::money) {
    const bool everything = told_.insert(&state).second;
    using Keep = store::Account::Keep;
    // What is left of a slice is too little for who asks, and is part of what it may get.
    told.report = state.account.report(server_time_us(), everything,
                                       asked || last_ || near_.contains(&state) ? Keep::reserved : Keep::if_used);
    if (asked)
      told.slice = static_cast<std::int64_t>(static_cast<MoneySum>(rule.amount) * options_.slice_permille / 1'000);
    return told;
  }
  told_.insert(&state);
  const std::lock_guard count(state.leased->mutex);
  LineState::Leased& leased = *state.leased;
  leased.looked = false;
  if (rule.unit == LimitUnit::places) {
    leased.units = std::min(leased.units, leased.taken + spare_places(rule));
    told.keep = leased.units;
    if (asked) told.slice = std::min(spare_places(rule), rule.amount * options_.slice_permille / 1'000);
    return told;
  }
  // Units that nobody has used since the last report go back, so that a rate counts when they are used.
  if (tick && !asked) told.back = std::exchange(leased.units, 0);
  told.owed = std::exchange(leased.owed, 0);
  if (asked) told.slice = rule.amount * options_.slice_permille / 10'000;
  return told;
}

Result<Reply> Leases::send(const Batch& batch) {
  std::vector<std::string> words{options_.process,
                                 std::to_string(epoch_),
                                 std::to_string(batch.seq),
                                 std::to_string(options_.life_ms.count()),
                                 std::to_string(options_.grace_ms.count()),
                                 run_};
  const auto add = [&](std::int64_t number) { words.push_back(std::to_string(number)); };
  std::unordered_map<const LineState*, std::int64_t> numbers;
  if (epoch_ > 0) {
    add(static_cast<std::int64_t>(batch.lines.size()));
    for (const Told& told : batch.lines) {
      const LimitLine& rule = told.line->rule;
      numbers.emplace(told.line->state.get(), static_cast<std::int64_t>(numbers.size()) + 1);
      words.emplace_back(rule.unit == LimitUnit::money ? "m" : rule.unit == LimitUnit::places ? "p" : "r");
      words.push_back(rule.id);
      add(rule.amount);
      if (rule.unit == LimitUnit::money) {
        const store::Account::Report& report = told.report;
        for (const std::int64_t number : {report.first, report.bucket, report.keep.pico(), told.slice,
                                          static_cast<std::int64_t>(report.buckets.size())})
          add(number);
        for (const store::Account::Bucket& bucket : report.buckets) {
          add(bucket.begin);
          add(bucket.spent.pico());
        }
      } else if (rule.unit == LimitUnit::places) {
        add(told.keep);
        add(told.slice);
      } else {
        add(told.back);
        add(told.owed);
        add(told.slice);
      }
    }
    add(static_cast<std::int64_t>(batch.asks.size()));
    for (const auto& ask : batch.asks) {
      add(static_cast<std::int64_t>(ask->parts.size()));
      for (const Part& part : ask->parts) {
        add(numbers.at(part.line->state.get()));
        add(part.need);
      }
    }
  }
  const auto begin = steady_clock::now();
  Result<Reply> reply = connection_->run(redis::limits_script(), {options_.prefix}, words);
  if (reply && source_.on_round_trip)
    source_.on_round_trip(std::chrono::duration<double>(steady_clock::now() - begin).count());
  const std::lock_guard lock(mutex_);
  ++health_.calls;
  return reply;
}

Result<void> Leases::exchange(Batch& batch) {
  Result<Reply> reply = send(batch);
  if (!reply) {
    // A reply of the server, if only an error, has changed nothing; silence may have.
    unanswered_ = std::move(batch);
    return std::unexpected(std::move(reply).error());
  }
  const std::string& word = item(*reply, 0).text;
  if (word == "ok") {
    take_in(batch, *reply);
    return {};
  }
  {
    const std::lock_guard lock(mutex_);
    for (auto ask = batch.asks.rbegin(); ask != batch.asks.rend(); ++ask) asks_.push_front(*ask);
  }
  if (word == "unknown") return introduce();  // it has lost its data: it is told everything anew
  return fail(
      ErrorKind::unavailable,
      "another process reports to Redis at " + options_.redis.address.text() + " in this one's name (" +
          options_.process + ")",
      "each process needs a data directory of its own: remove the file `instance` from the copied one, and start "
      "that process anew");
}

void Leases::take_in(const Batch& batch, const Reply& reply) {
  opens_in_us_ = number_in(item(reply, 2));
  ahead_us_ = number_in(item(reply, 1)) - store::wall_clock_us();
  const Reply& answers = item(reply, 3);
  const Reply& verdicts = item(reply, 4);
  std::vector<std::shared_ptr<Ask>> ended;
  {
    const std::lock_guard lock(mutex_);
    std::unordered_map<const LineState*, std::int64_t> reserved;
    for (std::size_t i = 0; i < batch.asks.size(); ++i) {
      const std::shared_ptr<Ask>& ask = batch.asks[i];
      const std::int64_t refused_by = number_in(item(item(verdicts, i), 0));
      if (ask->abandoned) continue;  // what was granted is the slice's
      if (refused_by < 0) {          // all must report first
        asks_.push_back(ask);
        continue;
      }
      if (refused_by == 0) {
        for (const Part& part : ask->parts) reserved[part.line->state.get()] += part.need;
        end(*ask, Ask::Answer::granted, {});
        if (source_.on_answer) source_.on_answer("granted");
      } else {
        end(*ask, Ask::Answer::refused,
            {.part = static_cast<std::size_t>(refused_by - 1), .wait_us = number_in(item(item(verdicts, i), 1))});
        if (source_.on_answer) source_.on_answer("refused");
      }
      ended.push_back(ask);
    }
    // Before anybody can see that it was granted.
    std::unordered_map<const LineState*, std::int64_t> granted_to_nobody;
    for (std::size_t i = 0; i < batch.asks.size(); ++i)
      if (batch.asks[i]->abandoned && number_in(item(item(verdicts, i), 0)) == 0)
        for (const Part& part : batch.asks[i]->parts)
          if (is_rate(part.line->rule)) granted_to_nobody[part.line->state.get()] += part.need;
    for (std::size_t i = 0; i < batch.lines.size(); ++i) {
      const LineState* state = batch.lines[i].line->state.get();
      take_in_line(batch.lines[i], item(answers, i),
                   is_rate(batch.lines[i].line->rule) ? -granted_to_nobody[state] : reserved[state]);
    }
    State was = State::down;
    state_.compare_exchange_strong(was, State::well);
    health_.problem.clear();
  }
  answered_.notify_all();
  for (const auto& ask : ended)
    if (ask->reactor) ask->reactor->post([ask] { ask->wake.fire(); });
}

// `reserved`: what belongs to those who have waited; of a rate, below 0: what comes for those who have left.
void Leases::take_in_line(const Told& told, const Reply& answer, std::int64_t reserved) {
  const LimitLine& rule = told.line->rule;
  LineState& state = *told.line->state;
  if (rule.unit == LimitUnit::money) {
    const int percent = state.account.granted(told.report, Money::pico(number_in(item(answer, 0))),
                                              Money::pico(reserved), Money::pico(number_in(item(answer, 1))),
                                              Money::pico(number_in(item(answer, 2))), rule.money());
    if (percent > 0 && source_.on_alert) source_.on_alert(*told.line, percent);
    if (number_in(item(answer, 3)) != 0)
      near_.insert(&state);
    else
      near_.erase(&state);
    return;
  }
  const std::lock_guard count(state.leased->mutex);
  if (rule.unit == LimitUnit::places) {
    const std::int64_t granted = number_in(item(answer, 0));
    state.leased->units += granted - told.keep;
    state.leased->taken += reserved;
    state.leased->elsewhere = number_in(item(answer, 1)) - granted;
    return;
  }
  state.leased->units += number_in(item(answer, 0)) - reserved;
  // What is_full() looks at, on this machine's clock.
  const std::int64_t now_ns = duration_cast<std::chrono::nanoseconds>(steady_clock::now().time_since_epoch()).count();
  state.tat_ns.store(now_ns + number_in(item(answer, 1)) * 1'000, std::memory_order_relaxed);
}

void Leases::lose(const Error& error) {
  connection_.reset();
  opens_in_us_ = 0;
  std::vector<std::shared_ptr<Ask>> ended;
  {
    const std::lock_guard lock(mutex_);
    State was = State::well;
    if (state_.compare_exchange_strong(was, State::down) && source_.on_answer) source_.on_answer("outage");
    if (!handed_over()) health_.problem = error.message + (error.hint.empty() ? "" : ": " + error.hint);
    if (unanswered_)
      for (const auto& ask : unanswered_->asks) asks_.push_back(ask);
    for (const auto& ask : asks_)
      if (ask->answer == Ask::Answer::waits) {
        end(*ask, Ask::Answer::refused, {.why = Refused::Why::store_down});
        ended.push_back(ask);
      }
    asks_.clear();
    if (unanswered_)
      for (const auto& ask : unanswered_->asks) ask->abandoned = true;
  }
  answered_.notify_all();
  for (const auto& ask : ended)
    if (ask->reactor) ask->reactor->post([ask] { ask->wake.fire(); });
}

}  // namespace sluice::gateway
