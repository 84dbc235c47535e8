#include "store/live_store.h"

#include <poll.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <utility>

#include "store/admin_acts.h"
#include "store/configurations.h"
#include "store/data_directory.h"
#include "store/database.h"
#include "store/fold.h"
#include "store/keys.h"
#include "store/ledger_entry.h"
#include "store/limits.h"
#include "store/line_index.h"
#include "store/log_reader.h"
#include "store/own_spend.h"
#include "store/retention.h"

namespace sluice::store {
namespace {

// Empty when there is no damaged key. The keys without their names: those may be damaged, too.
std::string damage_text(const std::vector<const KeyReport*>& damaged) {
  constexpr std::size_t most_named = 5;
  std::string text;
  for (std::size_t i = 0; i < std::min(damaged.size(), most_named); ++i)
    text += (i == 0 ? "" : ", ") + damaged[i]->key.id.str();
  if (damaged.size() > most_named) text += " and " + std::to_string(damaged.size() - most_named) + " more";
  return damaged.empty() ? text
                         : "keys are damaged in the database and refused: " + text + "; revoke them and make new ones";
}

}  // namespace

struct LiveStore::State {
  State(std::string from, Options wanted, DirectoryLock held, Store opened, Store watching, Store folding)
      : directory(std::move(from)),
        options(wanted),
        lock(std::move(held)),
        store(std::move(opened)),
        watch_store(std::move(watching)),
        fold_store(std::move(folding)) {}

  const std::string directory;
  const Options options;
  std::optional<DirectoryLock> lock;  // empty: handed over
  std::mutex fold_mutex;              // of lock, and of folding
  Store store;                        // the composition root's
  Store watch_store;                  // the watcher's and reload_keys(), under reload_mutex
  Store fold_store;                   // the folder's
  std::optional<Store> listen_store;  // the listener's, where there is somebody to listen to
  std::unique_ptr<AppendLog> ledger;
  std::unique_ptr<AppendLog> audit;

  KeyTableCell keys;
  std::shared_mutex settle_mutex;  // exclusively for the exchange of the table
  std::mutex gate;                 // keeps who wants to settle waiting meanwhile: the lock prefers readers
  std::atomic<bool> publishing{false};
  std::atomic<std::uint64_t> keys_generation{0};
  std::mutex reload_mutex;
  std::unordered_map<KeyId, std::shared_ptr<KeyState>> key_states;  // under reload_mutex; as many as there are keys
  std::unordered_map<std::string, std::shared_ptr<LineState>> line_states;  // under reload_mutex; by the line's id
  std::int64_t keys_version = -1;                                           // under reload_mutex
  std::int64_t data_version = -1;                                           // under reload_mutex
  std::optional<LineIndex> line_index;                                      // under reload_mutex; of the table
  std::int64_t corrected = 0;   // under reload_mutex; corrections up to this row have been counted
  std::int64_t act_queued = 0;  // the folder's: the newest administrative act that the audit log's queue has taken

  mutable std::mutex mutex;  // of what follows
  std::condition_variable wake;
  bool stopping = false;
  bool look_wanted = false;
  std::uint64_t looks_begun = 0;
  std::string keys_problem;
  std::string damaged_keys;  // that the table leaves out, as a sentence
  std::string fold_problem;

  std::atomic<std::int64_t> keep_days{0};
  std::atomic<std::int64_t> rows_since_us{0};
  std::atomic<std::int64_t> config_generation{0};
  std::atomic<std::int64_t> prices_version{0};
  std::atomic<std::uint64_t> looks_done{0};                      // written by the watcher
  std::atomic<std::chrono::steady_clock::duration> keys_seen{};  // that has seen the database
  std::thread listener;                                          // where other processes tell that keys have changed
  std::thread watcher;
  std::thread folder;
  std::atomic<bool> handed_over{false};  // another process has the directory

  Result<void> reload_if_changed();
  std::chrono::steady_clock::duration keys_age() const {
    return std::chrono::steady_clock::now().time_since_epoch() - keys_seen.load(std::memory_order_relaxed);
  }
  // Each process says what it has spent itself, though the database has the spend of all.
  bool says_own_spend() const { return options.shared_limits && !store.instance_.empty(); }
  Result<void> load_table();
  std::shared_ptr<const Line> line_of(const LimitLine& rule, std::vector<const Line*>& fresh);
  std::shared_ptr<const Lines> lines_of(const KeyReport& report, const LineIndex& index, std::int64_t corrected_then);
  AppendLog::Durable publish(std::shared_ptr<const KeyTable> table, std::uint64_t& accepted);
  Result<void> count_spend(const std::vector<const Line*>& fresh, const LineIndex& index, AppendLog::Durable durable,
                           std::uint64_t accepted);
  Result<void> count_corrections();
  Result<void> fold_and_hand_over();
  bool sleep(std::chrono::milliseconds time);
  bool wait_for_look(std::chrono::steady_clock::time_point last_look);
  void watch();
  void fold_on();
  void listen();
};

// True when it is time to stop.
bool LiveStore::State::sleep(std::chrono::milliseconds time) {
  std::unique_lock held(mutex);
  return wake.wait_for(held, time, [&] { return stopping; });
}

// The mark changes with every commit of another connection, folding included: only keys_version tells that it is
// about keys.
Result<void> LiveStore::State::reload_if_changed() {
  std::lock_guard held(reload_mutex);
  const auto began = std::chrono::steady_clock::now().time_since_epoch();
  Database& database = *watch_store.database_;
  TRY(const std::int64_t data, database.change_mark());
  if (data == data_version) {
    keys_seen = began;
    return {};
  }
  TRY(const std::int64_t version, database.integer("SELECT value FROM state WHERE name = 'keys_version'"));
  TRY(const std::int64_t generation, newest_configuration(database));
  config_generation.store(generation);
  TRY(const std::int64_t prices, store::prices_version(database));
  prices_version.store(prices);
  CHECK_OK(count_corrections());
  if (version != keys_version) CHECK_OK(load_table());
  keys_version = version;
  data_version = data;
  keys_seen = began;
  return {};
}

// The line with the place where it has counted up to now; a money line that is new comes into `fresh`.
std::shared_ptr<const Line> LiveStore::State::line_of(const LimitLine& rule, std::vector<const Line*>& fresh) {
  std::shared_ptr<LineState>& state = line_states[rule.id];
  const bool is_new = !state;
  if (is_new) state = std::make_shared<LineState>(rule.window, options.shared_limits);
  auto line = std::make_shared<const Line>(Line{rule, state});
  if (is_new && rule.unit == LimitUnit::money) fresh.push_back(line.get());
  return line;
}

// What `prices reprice` has written beside this server, against the lines that count already; those that come later
// find it in the sums. Where several processes say what each has spent, this one has what its own directory says.
Result<void> LiveStore::State::count_corrections() {
  if (!line_index || handed_over) return {};
  TRY(const std::int64_t last, corrected_row(*watch_store.database_));
  if (last <= corrected) return {};
  std::unordered_map<std::string, const Line*> own;  // by the key's id
  const Lines all = keys.load()->all_lines();        // keeps them alive
  for (const auto& line : all)
    if (line->rule.is_keys_own() && line->rule.unit == LimitUnit::money) own.emplace(line->rule.subject, line.get());
  const auto count = [&](const Line& line, const CountedCorrection& correction) {
    if (line.rule.unit != LimitUnit::money || correction.row <= line.state->corrected_row) return;
    if (matches(line.rule.model, correction.provider, correction.model))
      line.state->account.load(correction.at_us, correction.cost);
  };
  TRY(corrected, corrections_behind(*watch_store.database_, corrected,
                                    options.shared_limits ? watch_store.instance_ : std::string_view(),
                                    [&](const CountedCorrection& correction) {
                                      if (const auto line = own.find(correction.key_id); line != own.end())
                                        count(*line->second, correction);
                                      for (const Line* line : line_index->lines_of(correction.key_id, correction.tags))
                                        count(*line, correction);
                                    }));
  return {};
}

// The key's own limits, and those of whom it belongs to. Nobody has used a key before it is in a table, and its own
// budget is as old as the key: its sum needs no more than what has been folded.
std::shared_ptr<const Lines> LiveStore::State::lines_of(const KeyReport& report, const LineIndex& index,
                                                        std::int64_t corrected_then) {
  Lines lines = own_lines(report.key);
  for (std::shared_ptr<const Line>& own : lines) {
    std::vector<const Line*> fresh;
    own = line_of(own->rule, fresh);
    if (fresh.empty()) continue;
    own->state->account.load(0, report.spent);
    own->state->corrected_row = corrected_then;
    own->state->account.forget_alerts(own->rule.money(), wall_clock_us());
  }
  const Lines of_owners = index.lines_of(report.key);
  lines.insert(lines.end(), of_owners.begin(), of_owners.end());
  return lines.empty() ? nullptr : std::make_shared<const Lines>(std::move(lines));
}

// From here on each row is charged to the new lines, too. Says which record that begins with: the one behind
// `accepted`.
AppendLog::Durable LiveStore::State::publish(std::shared_ptr<const KeyTable> table, std::uint64_t& accepted) {
  const AppendLog::Durable durable = ledger->durable();
  const std::lock_guard closed(gate);
  publishing.store(true, std::memory_order_release);
  {
    const std::unique_lock no_one_settles(settle_mutex);
    keys.store(std::move(table));
    keys_generation.fetch_add(1, std::memory_order_release);
    accepted = ledger->accepted_records();
  }
  publishing.store(false, std::memory_order_release);
  return durable;
}

// Brings new lines to what was spent before they were published: the database's sums, with the records that are not in
// it yet, and without those that came after and are in it already.
Result<void> LiveStore::State::count_spend(const std::vector<const Line*>& fresh, const LineIndex& index,
                                           AppendLog::Durable durable, std::uint64_t accepted) {
  if (fresh.empty() || handed_over) return {};  // the process that has the ledger counts them
  if (!ledger->flush(options.act_flush_ms))
    return fail(ErrorKind::unavailable, "new limits do not know yet what was spent: the ledger's disk hangs",
                "look at the disk of the data directory; it is tried again");
  const LinesOf of_row = [&](std::string_view key_id, std::string_view tags) { return index.lines_of(key_id, tags); };
  const std::int64_t now_us = wall_clock_us();
  const SpendOf of{.instance = watch_store.instance_, .own = says_own_spend(), .data_directory = directory};
  TRY(const LoadedSpend loaded, load_spend(*watch_store.database_, of, fresh, of_row, now_us));
  const LogPosition folded = loaded.folded;
  for (const Line* line : fresh) line->state->corrected_row = loaded.corrected_row;

  const std::uint64_t unwritten = accepted - durable.records;  // at the publication
  std::uint64_t behind = 0;                                    // records read behind `durable`
  TRY(LogReader reader, LogReader::open(ledger_path(watch_store.directory()), std::min(folded, durable.position),
                                        ledger->durable_position()));
  while (true) {
    TRY(const auto record, reader.next());
    if (!record) break;
    const LogPosition end = reader.position();
    const bool before = end <= durable.position || ++behind <= unwritten;
    const bool counted = end <= folded;
    if (!before && !counted) break;
    if (before == counted) continue;
    const Result<LedgerEntry> entry = decode_ledger_entry(*record);
    if (!entry || !entry->cost) continue;
    for (const Line* line : index.lines_of(entry->key_id.str(), entry->tags))
      if (std::ranges::find(fresh, line) != fresh.end() &&
          matches(line->rule.model, entry->provider.str(), entry->model.str()))
        line->state->account.load(entry->end_us, before ? *entry->cost : Money() - *entry->cost);
  }
  for (const Line* line : fresh) line->state->account.forget_alerts(line->rule.money(), now_us);
  return {};
}

// One damaged row must not keep the others out.
Result<void> LiveStore::State::load_table() {
  std::vector<KeyReport> reports;
  std::int64_t corrected_then = 0;  // when the keys' sums were read
  {
    TRY(const Transaction view, Transaction::begin_reading(*watch_store.database_));
    TRY(corrected_then, corrected_row(*watch_store.database_));
    TRY(reports, watch_store.list_keys());
    if (says_own_spend()) {
      TRY(const auto own, own_key_spend(*watch_store.database_, watch_store.instance_));
      for (KeyReport& report : reports) {
        const auto spent = own.find(report.key.id.str());
        report.spent = spent == own.end() ? Money() : spent->second;
      }
    }
  }
  if (!line_index) corrected = corrected_then;  // no line is older
  TRY(const std::vector<LimitLine> rules, list_limits(*watch_store.database_));
  std::vector<const Line*> fresh;
  Lines lines;
  lines.reserve(rules.size());
  for (const LimitLine& rule : rules) lines.push_back(line_of(rule, fresh));
  TRY(LineIndex index, LineIndex::open(*watch_store.database_, lines));

  std::vector<Principal> principals;
  principals.reserve(reports.size());
  std::unordered_map<KeyId, std::shared_ptr<KeyState>> states;
  std::vector<const KeyReport*> damaged;
  for (KeyReport& report : reports) {
    index.know(report.key);
    if (report.damaged) {
      if (!report.key.revoked_at_us) damaged.push_back(&report);
      continue;
    }
    const auto known = key_states.find(report.key.id);
    auto state = known != key_states.end() ? known->second : std::make_shared<KeyState>();
    states[report.key.id] = state;
    std::shared_ptr<const Lines> of_key = lines_of(report, index, corrected_then);
    principals.emplace_back(std::make_shared<const VirtualKey>(std::move(report.key)), std::move(state),
                            std::move(of_key));
  }
  key_states = std::move(states);
  std::erase_if(line_states,
                [](const auto& known) { return known.second.use_count() == 1; });  // of lines that are gone
  const std::string damage = damage_text(damaged);
  std::uint64_t accepted = 0;
  const AppendLog::Durable durable =
      publish(std::make_shared<const KeyTable>(std::move(principals), lines, index.by_tag()), accepted);
  line_index = index;
  {
    std::lock_guard held(mutex);
    damaged_keys = damage;
  }
  const Result<void> counted = count_spend(fresh, index, durable, accepted);
  if (!counted)  // they are counted anew the next time
    for (const Line* line : fresh) line_states.erase(line->rule.id);
  return counted;
}

Result<void> LiveStore::State::fold_and_hand_over() {
  CHECK_OK(fold_store.fold(ledger->durable_position()));
  // The act is forgotten in the database only when the audit log has it on disk. While the disk hangs it waits in the
  // log's queue, once.
  const auto keep = [&](std::int64_t number, std::string_view act) {
    if (number > act_queued) {
      if (audit->append(act) != Appended::queued) return false;
      act_queued = number;
    }
    return audit->flush(options.act_flush_ms);
  };
  CHECK_OK(hand_over_admin_acts(*fold_store.database_, keep));
  // A fifth of the folder's time at most.
  TRY(const LogPosition folded, folded_position(*fold_store.database_, fold_store.instance_));
  TRY(const Dropped dropped, drop_old(*fold_store.database_, ledger_path(directory), folded, keep_days.load(),
                                      wall_clock_us(), options.fold_ms / 5));
  static_cast<void>(dropped);
  TRY(const std::int64_t since_us, rows_since(*fold_store.database_));
  rows_since_us.store(since_us);
  return {};
}

// Until the next round, or until somebody asks, but not sooner than the gap allows. True when it is time to stop.
bool LiveStore::State::wait_for_look(std::chrono::steady_clock::time_point last_look) {
  std::unique_lock held(mutex);
  wake.wait_for(held, options.key_poll_ms, [&] { return stopping || look_wanted; });
  if (look_wanted) wake.wait_until(held, last_look + options.key_look_gap_ms, [&] { return stopping; });
  look_wanted = false;  // who asks from here on may have missed what this look sees
  ++looks_begun;
  return stopping;
}

void LiveStore::State::watch() {
  auto last_look = std::chrono::steady_clock::time_point::min();  // the clock's zero may be a moment ago: the boot
  while (!wait_for_look(last_look)) {
    last_look = std::chrono::steady_clock::now();
    const Result<void> reloaded = reload_if_changed();
    std::lock_guard held(mutex);
    keys_problem = reloaded ? "" : reloaded.error().message;
    looks_done.store(looks_begun, std::memory_order_release);
  }
}

// A notice is only a reason to look sooner: what it says is not believed, and one that is lost costs a round.
void LiveStore::State::listen() {
  constexpr std::chrono::milliseconds pause{500};
  constexpr int round_ms = 200;  // until it is seen that it is time to stop
  Database& database = *listen_store->database_;
  while (!sleep(std::chrono::milliseconds(0))) {
    pollfd notices{database.notices(), POLLIN, 0};
    if (notices.fd < 0) {  // connects anew
      if (sleep(pause)) return;
      (void)database.integer("SELECT 1");
      continue;
    }
    if (::poll(&notices, 1, round_ms) <= 0) continue;
    database.take_notices();
    {
      std::lock_guard held(mutex);
      look_wanted = true;
    }
    wake.notify_all();
  }
}

void LiveStore::State::fold_on() {
  while (!sleep(options.fold_ms)) {
    const std::lock_guard folding(fold_mutex);
    if (!lock) continue;
    const Result<void> folded = fold_and_hand_over();
    std::lock_guard held(mutex);
    fold_problem = folded ? "" : folded.error().message;
  }
}

Result<std::unique_ptr<LiveStore>> LiveStore::start(const Home& home, Options options) {
  const std::string& directory = home.directory;
  TRY(Store store, Store::open(home));
  TRY(DirectoryLock lock, DirectoryLock::take(directory));
  TRY(Store watch_store, Store::open(home));
  TRY(Store fold_store, Store::open(home));
  auto state = std::make_unique<State>(directory, options, std::move(lock), std::move(store), std::move(watch_store),
                                       std::move(fold_store));
  if (home.postgres) {
    TRY(Store listen_store, Store::open(home));
    state->listen_store = std::move(listen_store);
  }

  // The log may end before what has been folded: a power cut took records that another process had read in memory.
  // New records must not get positions that count as folded.
  TRY(const LogPosition folded, folded_position(*state->store.database_, state->store.instance_));
  TRY(state->ledger, AppendLog::open(ledger_path(directory), options.ledger, folded));
  TRY(state->audit, AppendLog::open(audit_path(directory), options.audit));
  CHECK_OK(state->store.fold());
  CHECK_OK(state->reload_if_changed());
  State* running = state.get();
  std::unique_ptr<LiveStore> live(new LiveStore(std::move(state)));
  if (running->listen_store) running->listener = std::thread([running] { running->listen(); });
  running->watcher = std::thread([running] { running->watch(); });
  running->folder = std::thread([running] { running->fold_on(); });
  return live;
}

LiveStore::LiveStore(std::unique_ptr<State> state) : state_(std::move(state)) {}

LiveStore::~LiveStore() { stop(std::chrono::seconds(5)); }

std::shared_ptr<const KeyTable> LiveStore::keys() const { return state_->keys.load(); }
std::uint64_t LiveStore::keys_generation() const { return state_->keys_generation.load(std::memory_order_acquire); }
std::shared_lock<std::shared_mutex> LiveStore::settling() {
  if (state_->publishing.load(std::memory_order_acquire)) {
    const std::lock_guard wait(state_->gate);
  }
  return std::shared_lock(state_->settle_mutex);
}
AppendLog& LiveStore::ledger() { return *state_->ledger; }
AppendLog& LiveStore::audit() { return *state_->audit; }
Store& LiveStore::store() { return state_->store; }
Result<void> LiveStore::reload_keys() { return state_->reload_if_changed(); }

void LiveStore::keep_days(std::int64_t days) { state_->keep_days.store(days); }

std::uint64_t LiveStore::look_for_keys() {
  std::uint64_t number = 0;
  {
    std::lock_guard held(state_->mutex);
    state_->look_wanted = true;
    number = state_->looks_begun + 1;
  }
  state_->wake.notify_all();
  return number;
}

bool LiveStore::keys_are_stale() const {
  return state_->options.stale_limit && state_->keys_age() > *state_->options.stale_limit;
}

bool LiveStore::looked_for_keys(std::uint64_t number) const {
  return state_->looks_done.load(std::memory_order_acquire) >= number;
}

const std::string& LiveStore::Health::problem() const {
  for (const std::string* problem : {&ledger.reason, &audit.reason, &keys_problem})
    if (!problem->empty()) return *problem;
  return fold_problem;
}

LiveStore::Health LiveStore::health() const {
  std::lock_guard held(state_->mutex);
  return {.ledger = state_->ledger->health(),
          .audit = state_->audit->health(),
          .keys_problem = state_->keys_problem.empty() ? state_->damaged_keys : state_->keys_problem,
          .fold_problem = state_->fold_problem,
          .rows_since_us = state_->rows_since_us.load(),
          .keys_age = std::chrono::duration_cast<std::chrono::seconds>(state_->keys_age())};
}

Result<void> LiveStore::hand_over(AppendLog::Heir ledger, AppendLog::Heir audit, std::chrono::milliseconds limit) {
  const std::lock_guard folding(state_->fold_mutex);
  CHECK_OK(state_->ledger->hand_over(std::move(ledger), limit));
  Result<void> done = state_->audit->hand_over(std::move(audit), limit);
  if (!done) {
    CHECK_OK(state_->ledger->take_back());
    return done;
  }
  // What is spent must be in the database before the other process reads it; should this fail, it folds by itself.
  (void)state_->fold_store.fold(state_->ledger->durable_position());
  state_->handed_over = true;
  state_->lock.reset();
  return {};
}

Result<void> LiveStore::take_back() {
  const std::lock_guard folding(state_->fold_mutex);
  TRY(DirectoryLock lock, DirectoryLock::take(state_->directory));
  CHECK_OK(state_->ledger->take_back());
  CHECK_OK(state_->audit->take_back());
  state_->lock = std::move(lock);
  state_->handed_over = false;
  return {};
}

std::int64_t LiveStore::config_generation() const { return state_->config_generation.load(); }
std::int64_t LiveStore::prices_version() const { return state_->prices_version.load(); }

bool LiveStore::refuses_new_work() const {
  return state_->ledger->refuses_new_work() || state_->audit->refuses_new_work();
}

bool LiveStore::stop(std::chrono::milliseconds timeout) {
  {
    std::lock_guard held(state_->mutex);
    if (std::exchange(state_->stopping, true)) return true;
  }
  state_->wake.notify_all();
  state_->watcher.join();
  if (state_->listener.joinable()) state_->listener.join();
  state_->folder.join();
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  bool safe = state_->ledger->flush(timeout);
  // Should folding fail, the next process that needs it does it: the log is the truth.
  if (state_->lock) (void)state_->fold_and_hand_over();
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  safe = state_->audit->flush(left) && safe;
  state_->ledger->close();
  state_->audit->close();
  return safe;
}

}  // namespace sluice::store
