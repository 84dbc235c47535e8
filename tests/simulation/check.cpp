#include "check.h"

#include <algorithm>
#include <map>

#include "http/sse.h"
#include "json/json.h"
#include "store/ledger_entry.h"

namespace sluice::simulation {
namespace {

constexpr std::ptrdiff_t most_attempts = 3;  // as configured

// What the words of an answer are, and how it ended.
struct Told {
  std::string text;
  int roles = 0;
  int ends = 0;        // end markers
  bool error = false;  // an error event, or something that is no answer
};

void read_whole(const Asked& asked, Told& told) {
  const auto parsed = json::Document::parse(asked.body);
  if (!parsed) {
    told.error = true;
    return;
  }
  const json::Value root = parsed->root();
  if (asked.anthropic) {
    for (const json::Value block : root["content"].elements()) told.text += block["text"].string().value_or("");
    told.roles = root["role"].string() == "assistant" ? 1 : 0;
  } else {
    for (const json::Value choice : root["choices"].elements()) {
      told.text += choice["message"]["content"].string().value_or("");
      told.roles += choice["message"]["role"].string() == "assistant" ? 1 : 0;
    }
  }
  told.ends = 1;
}

void read_event(const Asked& asked, std::string_view data, Told& told) {
  if (data == "[DONE]") {
    ++told.ends;
    return;
  }
  const auto parsed = json::Document::parse(data);
  if (!parsed) return;  // a vendor's broken event is passed on as it came
  const json::Value root = parsed->root();
  if (root["error"].is_object() || root["type"].string() == "error") told.error = true;
  if (asked.anthropic) {
    if (root["type"].string() == "message_start") ++told.roles;
    if (root["type"].string() == "message_stop") ++told.ends;
    told.text += root["delta"]["text"].string().value_or("");
  } else {
    for (const json::Value choice : root["choices"].elements()) {
      told.text += choice["delta"]["content"].string().value_or("");
      if (choice["delta"]["role"].string()) ++told.roles;
    }
  }
}

Told read(const Asked& asked) {
  Told told;
  if (!asked.stream) {
    read_whole(asked, told);
    return told;
  }
  http::SseSplitter splitter;
  if (!splitter.feed(asked.body)) told.error = true;
  while (const auto event = splitter.next())
    if (event->has_data) read_event(asked, event->data, told);
  return told;
}

class Checker {
 public:
  explicit Checker(const Evidence& evidence) : evidence_(evidence) {}

  std::vector<std::string> run() {
    for (const auto& asked : evidence_.asked) answered_once(*asked);
    usage_is_what_was_told();
    rows_belong_to_calls();
    money_adds_up();
    everything_is_recorded();
    nothing_is_left_open();
    return std::move(violations_);
  }

 private:
  void violation(std::string what) { violations_.push_back(std::move(what)); }

  const Call* call_that_said(const Asked& asked, const Told& told, bool whole) const {
    for (const auto& call : evidence_.providers.calls())
      if (call->request == asked.mark && (whole ? call->text == told.text : call->text.starts_with(told.text)))
        return call.get();
    return nullptr;
  }

  // One request has one answer, made by one provider, once, and nothing behind it.
  void answered_once(const Asked& asked) {
    const std::string who =
        asked.mark + (asked.anthropic ? " (anthropic" : " (openai") + (asked.stream ? ", stream)" : ")");
    if (!asked.fault.empty()) violation(who + ": " + asked.fault);
    if (asked.left || !asked.sent) return;
    if (asked.status == 0 || (!asked.ended && !asked.cut)) return violation(who + ": never came to an end");
    if (asked.status != 200) {
      if (!json::Document::parse(asked.body)) violation(who + ": the error's body is no JSON");
      return;
    }
    const Told told = read(asked);
    if (told.roles > 1) violation(who + ": the answer begins " + std::to_string(told.roles) + " times");
    if (told.ends > 1) violation(who + ": the answer ends " + std::to_string(told.ends) + " times");
    const bool whole = asked.ended && told.ends == 1 && !told.error;
    const Call* call = call_that_said(asked, told, whole);
    if (!call) return violation(who + ": nobody has said what it got: '" + told.text + "'");
    if (asked.ended && !told.error && told.ends == 0) violation(who + ": ended without its end marker");
    if (!asked.ended && !told.error && told.ends == 1) violation(who + ": all was said, and the transfer did not end");
    if (!whole) return;
    // Whoever has a whole answer finds its exact cost in the ledger.
    const auto row = std::ranges::find_if(evidence_.rows, [&](const store::LedgerEntry& entry) {
      return entry.requested_model == asked.mark && entry.final && entry.outcome == store::Outcome::ok &&
             entry.provider.str() == call->provider;
    });
    if (row == evidence_.rows.end()) return violation(who + ": was answered whole, and no row says so");
    if (!(row->usage == call->usage))
      violation(who + ": " + call->provider + " has billed " + std::to_string(call->usage.input) + "+" +
                std::to_string(call->usage.output) + " tokens, the ledger has " + std::to_string(row->usage.input) +
                "+" + std::to_string(row->usage.output) + (row->usage.reported ? "" : " (estimated)"));
  }

  // What the ledger says was reported, a provider has reported, once.
  void usage_is_what_was_told() {
    std::vector<bool> used(evidence_.providers.calls().size());
    for (const store::LedgerEntry& row : evidence_.rows) {
      if (!row.usage.reported) continue;
      bool found = false;
      for (std::size_t i = 0; i < used.size() && !found; ++i) {
        const Call& call = *evidence_.providers.calls()[i];
        found = !used[i] && call.request == row.requested_model && call.provider == row.provider.str() &&
                call.usage == row.usage;
        if (found) used[i] = true;
      }
      if (!found)
        violation("a row of " + row.requested_model + " at " + row.provider.str() + " has usage that nobody reported");
    }
  }

  void rows_belong_to_calls() {
    std::map<std::string, int> finals;
    for (const store::LedgerEntry& row : evidence_.rows) finals[row.requested_model] += row.final ? 1 : 0;
    for (const auto& [request, count] : finals) {
      if (count != 1) violation(request + " has " + std::to_string(count) + " final rows");
      const auto rows = std::ranges::count(evidence_.rows, request, &store::LedgerEntry::requested_model);
      if (rows > most_attempts)
        violation(request + " has " + std::to_string(rows) + " rows, more than there are attempts");
    }
    for (const auto& call : evidence_.providers.calls()) {
      const auto row = std::ranges::find_if(evidence_.rows, [&](const store::LedgerEntry& entry) {
        return entry.requested_model == call->request && entry.provider.str() == call->provider;
      });
      if (row == evidence_.rows.end())
        violation(call->provider + " was asked for " + call->request + ", and no row says so");
      asked_once_an_attempt(*call);
      const auto asked = std::ranges::find(evidence_.asked, call->request, [](const auto& one) { return one->mark; });
      if (asked == evidence_.asked.end()) {
        violation(call->provider + " was asked for something that no client wanted");
        continue;
      }
      given_up_when_the_client_leaves(*call, **asked);
      if ((*asked)->restricted && !call->provider.ends_with("-home")) {
        violation(call->request + " is restricted and was sent to " + call->provider);
      }
    }
  }

  // A kept connection may break when the next request comes, and then the request is sent again: that is one attempt.
  void asked_once_an_attempt(const Call& call) {
    const auto is_same = [&](const auto& other) {
      return other->request == call.request && other->provider == call.provider;
    };
    const auto broke = [&](const auto& other) {
      return is_same(other) &&
             (other->fate == Fate::reset_at_once || other->fate == Fate::cut_by_reset || other->fate == Fate::cut ||
              (!other->stream && (other->fate == Fate::half_an_event || other->fate == Fate::no_end_marker ||
                                  other->fate == Fate::ends_early)));
    };
    const auto calls = std::ranges::count_if(evidence_.providers.calls(), is_same);
    const auto broken = std::ranges::count_if(evidence_.providers.calls(), broke);
    const auto rows = std::ranges::count_if(evidence_.rows, [&](const store::LedgerEntry& row) {
      return row.requested_model == call.request && row.provider.str() == call.provider;
    });
    if (calls - broken > rows)
      violation(call.provider + " was asked " + std::to_string(calls) + " times for " + call.request + " in " +
                std::to_string(rows) + " attempts");
  }

  // Whose client has left is not worked for any longer.
  void given_up_when_the_client_leaves(const Call& call, const Asked& asked) {
    constexpr auto most = std::chrono::milliseconds(50);
    if (asked.left && call.asked_at <= asked.left_at && call.told_at > asked.left_at &&
        call.free_at > asked.left_at + most)
      violation(call.provider + " went on with " + call.request + " after its client had left");
    if (asked.left && call.asked_at > asked.left_at + most)
      violation(call.provider + " was asked for " + call.request + " after its client had left");
  }

  void money_adds_up() {
    for (const store::LedgerEntry& row : evidence_.rows)
      if (!row.cost) violation("a row of " + row.requested_model + " has no price");
    for (const store::Principal& key : evidence_.keys) {
      const std::int32_t in_flight = key.state().in_flight.load();
      if (in_flight != 0) violation(key.id().str() + " still has " + std::to_string(in_flight) + " in flight");
      for (const auto& line : key.lines()) limit_holds(*line);
    }
    if (evidence_.in_flight != 0) violation("admission still counts " + std::to_string(evidence_.in_flight));
  }

  // What the rows say that count against it is what it says, and it was never passed.
  void limit_holds(const store::Line& line) {
    const store::LimitLine& rule = line.rule;
    if (rule.unit == store::LimitUnit::places && line.state->taken.load() != 0)
      violation(rule.id + " still has places taken");
    if (rule.unit != store::LimitUnit::money) return;
    Money truth;
    for (const store::LedgerEntry& row : evidence_.rows)
      if ((rule.scope == store::LimitScope::everybody || row.key_id.str() == rule.subject) &&
          store::matches(rule.model, row.provider.str(), row.model.str()))
        truth += row.cost.value_or(Money());
    const store::Account::Standing standing = line.state->account.standing(0);
    if (standing.spent != truth)
      violation(rule.id + " has " + standing.spent.usd() + " spent, its rows add up to " + truth.usd());
    if (standing.held != Money()) violation(rule.id + " still holds " + standing.held.usd());
    if (standing.spent > rule.money()) violation(rule.id + " has " + truth.usd() + " of " + rule.money().usd());
  }

  void everything_is_recorded() {
    if (evidence_.begun != static_cast<std::int64_t>(evidence_.audits.size()))
      violation(std::to_string(evidence_.begun) + " requests began, " + std::to_string(evidence_.audits.size()) +
                " ended");
    for (const auto& asked : evidence_.asked) {
      const auto count = std::ranges::count(evidence_.audits, asked->mark);
      if (count > 1 || (count == 0 && asked->status == 200))
        violation(asked->mark + " has " + std::to_string(count) + " audit records");
    }
    const auto kept = [&](SimulatedLog& log, std::size_t records, const char* name) {
      if (log.durable().size() + log.lost() != records)
        violation(std::string(name) + ": of " + std::to_string(records) + " records " +
                  std::to_string(log.durable().size()) + " are on disk and " + std::to_string(log.lost()) +
                  " were refused");
    };
    kept(evidence_.store.ledger(), evidence_.rows.size(), "ledger");
    kept(evidence_.store.audit(), evidence_.audits.size(), "audit");
    for (const std::string& record : evidence_.store.ledger().durable()) {
      const auto entry = store::decode_ledger_entry(record);
      if (!entry || std::ranges::find(evidence_.rows, *entry) == evidence_.rows.end())
        violation("the disk has a ledger row that was not booked so");
    }
  }

  void nothing_is_left_open() {
    for (const auto& connection : evidence_.providers.connections())
      if (connection->open()) violation("a connection to " + connection->name() + " is still open");
  }

  const Evidence& evidence_;
  std::vector<std::string> violations_;
};

}  // namespace

std::vector<std::string> check(const Evidence& evidence) { return Checker(evidence).run(); }

}  // namespace sluice::simulation
