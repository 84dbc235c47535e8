#include "gateway/exchange.h"

#include <algorithm>
#include <charconv>

#include "base/query.h"
#include "gateway/account/on_disk.h"
#include "gateway/authenticate/authenticate.h"
#include "gateway/authenticate/upload_ticket.h"
#include "gateway/resources/background.h"
#include "gateway/resources/conversation.h"
#include "gateway/resources/resources.h"
#include "gateway/resources/uploads.h"
#include "gateway/respond/keep_alive.h"
#include "gateway/respond/stream_text.h"
#include "gateway/route/workload.h"
#include "store/tags.h"

namespace sluice::gateway {
namespace {

constexpr std::string_view tags_header = "x-sluice-tags";

using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::milliseconds;

// The ledger keeps the first 8 bytes of the Snapshot's digest with each row.
store::ConfigHash short_hash(const config::Snapshot& snapshot) {
  store::ConfigHash hash{};
  const std::string& hex = snapshot.sha256();
  for (std::size_t i = 0; i < hash.size() && 2 * i + 1 < hex.size(); ++i)
    std::from_chars(hex.data() + 2 * i, hex.data() + 2 * i + 2, hash[i], 16);
  return hash;
}

// The provider found fault with the request itself, not with its own state, the gateway's account or its rate.
bool is_about_the_request(int provider_status) {
  return provider_status == 400 || provider_status == 413 || provider_status == 415 || provider_status == 422;
}

// What is not known makes the sum unknown.
std::optional<Money> sum(const std::optional<Money>& one, const std::optional<Money>& other) {
  return one && other ? std::optional(*one + *other) : std::nullopt;
}

// The models of these calls stand in no catalogue, and the API itself has defaults among them: a name alone is one of
// the vendor whose API this is, as it is for what is kept. So is the name of a tuned model, "tunedModels/ID".
std::string model_of_vendor(const config::Snapshot& snapshot, const dialects::Dialect& dialect,
                            std::string_view model) {
  constexpr std::string_view vendor = "openai";
  constexpr std::string_view google = "gemini";
  if (model.starts_with("tunedModels/") && !snapshot.find(model)) {
    const catalog::Provider* tuner = snapshot.find_provider(google);
    if (tuner && tuner->enabled) return std::string(google) + "/" + std::string(model);
  }
  const bool names_nobody = !model.empty() && !model.contains('/') && !snapshot.find(model);
  const catalog::Provider* provider = names_nobody ? snapshot.find_provider(vendor) : nullptr;
  const bool operation = dialect.opaque() || dialect.id() == dialects::DialectId::openai_moderations;
  if (!operation || !provider || !provider->enabled) return std::string(model);
  return std::string(vendor) + "/" + std::string(model);
}

// Calls of the Responses API, which may go on from what Sluice keeps.
bool may_stand_on_kept(dialects::DialectId dialect) {
  return dialect == dialects::DialectId::openai_responses || dialect == dialects::DialectId::openai_compact ||
         dialect == dialects::DialectId::openai_input_tokens;
}

store::Outcome outcome_of(const Error& error) {
  switch (error.kind) {
    case ErrorKind::client_gone: return store::Outcome::client_gone;
    case ErrorKind::provider_rejected:
      return is_about_the_request(error.provider_status) ? store::Outcome::provider_rejected
                                                         : store::Outcome::provider_failed;
    case ErrorKind::provider_unreachable:
    case ErrorKind::provider_timeout: return store::Outcome::provider_failed;
    case ErrorKind::internal: return store::Outcome::internal;
    default: return store::Outcome::refused;
  }
}

}  // namespace

Exchange::Exchange(Gateway& gateway, http::Exchange& client, const dialects::Dialect& dialect,
                   std::unique_ptr<dialects::RequestTarget> target)
    : gateway_(gateway),
      client_(client),
      dialect_(dialect),
      target_(std::move(target)),
      snapshot_(gateway.snapshots.load()),
      config_hash_(short_hash(*snapshot_)),
      start_us_(gateway.time.unix_us()),
      start_(gateway.time.now()) {
  facts_.request_id = "req_" + gateway.ids.next(start_us_ / 1000);
  facts_.id_header = dialect.request_id_header();
}

// Whatever ends a request, it is settled and recorded: the provider bills us even when the client has left.
async::Task<> Exchange::run() {
  if (gateway_.on_begin) gateway_.on_begin(dialect_.id());
  gateway_.underway.push_back(*this);
  Result<void> served = co_await serve();
  co_await finish(std::move(served));
  if (shadowed_) start_shadow();
}

// The order matters: nothing is read of a body before somebody is known to answer for it; what it goes on from is
// recalled before anything is judged, for it goes where the request goes; guard judges before route, so that no order
// or price can bring back what it forbids; admit needs route's prices; only then is anybody called.
async::Task<Result<void>> Exchange::serve() {
  keys_generation_ = gateway_.store.keys_generation();  // before the table: a newer one is looked at in vain at most
  CO_CHECK_OK(co_await identify());
  CO_CHECK_OK(read_tags());
  CO_CHECK_OK(co_await decode(client_, gateway_.dialects, dialect_, std::move(target_), request_));
  in_background_ = asks_for_background();
  const config::RetrySettings& retry = snapshot_->retry();
  const async::Deadline deadline =
      gateway_.reactor.within(milliseconds(retry.total_timeout_ms), &client_.client_gone());
  owner_ = owner_of(principal_->key());
  if (may_stand_on_kept(dialect_.id())) CO_CHECK_OK(co_await recall(gateway_, owner_, dialect_, *request_, deadline));
  if (snapshot_->has_own_engine()) links_ = links_of(*request_);
  workload_ = workload();
  if (workload_) facts_.workload = workload_->name;
  CO_TRY(verdict_,
         guard({.key_class = principal_->data_class(),
                .header_class = client_.head().get(data_class_header),
                .workload_class = workload_ ? workload_->require.data_class_value : std::optional<DataClass>(),
                .recalled_class = stricter(stands_on_, request_->recalled_class)}));

  if (asks_for_a_response()) {
    CO_TRY(const bool answered, co_await respond_kept(deadline));
    if (answered) co_return Result<void>();
  }
  CO_TRY(kept_by_, co_await locate(gateway_, owner_, dialect_.id(), *request_, deadline));
  CO_TRY(plan_, plan(request_->outline.model));
  offer_canary();
  CO_TRY(hold_, admit());
  if (!hold_.complete()) CO_CHECK_OK(co_await lease(deadline));
  offer_shadow();  // of the plan that is gone by: a limit may have led to another one

  if (counts()) {
    plan_->attempts.resize(1);  // each counts in its own way, so nobody stands in for the first
    if (plan_->attempts.front().lane != Lane::same_dialect) co_return co_await respond_estimate();
  }

  placement_ = place();
  const async::Deadline asking_by = deadline.earlier(patience_of_client(deadline.at));
  Question asked(*request_, dialect_, client_.head(), facts_.request_id, start_us_ / 1'000'000);
  if (keeps_answer()) asked.keep_answer();
  if (checks_streams()) asked.hold_streams();
  asked.asked_by(principal_->id().str());
  const bool is_list =
      request_->target.resource && request_->target.resource->is_list() && !request_->target.resource->is_shared;
  const Purse purse{
      .affords = [&](std::span<const Failure> failures, const Attempt& next) { return is_affordable(failures, next); },
      .worst_cost = [&](const Attempt& attempt) { return worst_cost(attempt); }};
  KeepAlive keep_alive(client_, dialect_, gateway_.reactor);
  if (const async::Duration pause = pause_between_comments(); pause > async::Duration(0))
    keep_alive.begin(pause, facts_);
  const async::TimePoint asking_since = gateway_.reactor.now();
  CallOutcome outcome;
  if (is_list)  // no conditional expression: g++ 12 awaits both sides
    outcome = co_await call_listing(gateway_, *plan_, asked, *snapshot_, owner_, asking_by);
  else
    outcome = co_await call(gateway_, *plan_, asked, *snapshot_, purse, asking_by);
  note_canary(outcome);
  co_await escalate(outcome, asked, asking_by);
  nothing_but_comments_ = co_await keep_alive.end();
  waited_ = outcome.waited;
  facts_.attempts = outcome.attempts();
  measure(outcome, asking_since);
  Result<void> relayed = co_await relay(outcome, asked);
  if (!relayed && counts() && relayed.error().kind != ErrorKind::client_gone &&
      !is_about_the_request(relayed.error().provider_status) && !client_.started())
    co_return co_await respond_estimate();  // not every API of a dialect counts
  co_return relayed;
}

// A piece of an upload has a ticket; a key that comes with it must be the one that began the upload.
async::Task<Result<void>> Exchange::identify() {
  const http::RequestHead& head = client_.head();
  Result<store::Principal> by_key =
      co_await authenticate(head, gateway_.store, gateway_.reactor, client_.client_gone(), start_us_);
  std::string_view upload;
  if (target_ && target_->resource && target_->resource->is_upload) {
    CO_TRY(upload, upload_of(head.query));
  }
  if (upload.empty() || (!by_key && by_key.error().code != missing_key_code)) {
    CO_TRY(principal_, std::move(by_key));
    co_return Result<void>();
  }
  const std::string_view ticket = query_value(head.query, upload_ticket_parameter);
  CO_TRY(UploadTicket begun, co_await check_upload_ticket(ticket, upload, gateway_.store, gateway_.reactor,
                                                          client_.client_gone(), start_us_));
  if (by_key && by_key->id() != begun.principal.id())
    co_return std::unexpected(Error{.kind = ErrorKind::unauthenticated,
                                    .message = "the upload was begun with another API key",
                                    .hint = "send its pieces with that key, or without any",
                                    .code = "conflicting_api_keys"});
  principal_ = std::move(begun.principal);
  upload_at_ = std::move(begun.provider);
  co_return Result<void>();
}

// The request's own tags come to those of its key, and their limits with them.
Result<void> Exchange::read_tags() {
  tags_ = principal_->key().tags;
  const std::optional<std::string_view> brought = client_.head().get(tags_header);
  if (!brought) return {};
  TRY(const std::string tags, store::read_tags(*brought));
  const std::shared_ptr<const store::KeyTable> keys = gateway_.store.keys();
  for (const std::string_view tag : store::split_tags(tags)) {
    if (store::has_tag(tags_, tag)) continue;
    const auto lines = keys->lines_of_tag(tag);
    tag_lines_.insert(tag_lines_.end(), lines.begin(), lines.end());
  }
  tags_ = store::join_tags(tags_, tags);
  return {};
}

bool Exchange::asks_for_a_response() const {
  return request_->target.resource && request_->target.resource->collection == "/responses";
}

// What Sluice itself keeps needs nobody else. False: it keeps no such response.
async::Task<Result<bool>> Exchange::respond_kept(async::Deadline deadline) {
  const std::optional<dialects::ResourceCall>& call = request_->target.resource;
  const auto most_bytes = static_cast<std::size_t>(snapshot_->server().max_body_bytes);
  CO_TRY(const std::optional<std::string> body,
         co_await answer_from_kept(gateway_, owner_, *call, client_.head().query, most_bytes, deadline));
  if (!body) co_return false;
  plan_.emplace();  // nobody is asked
  CO_TRY(hold_, admit());
  if (!hold_.complete()) CO_CHECK_OK(co_await lease(deadline));
  status_ = 200;
  facts_.cost_usd = Money().usd();
  http::Headers headers{{"content-type", "application/json"}};
  note_overhead();
  add_facts(headers, facts_);
  CO_CHECK_OK(co_await client_.respond(status_, headers, *body));
  co_return true;
}

Result<Plan> Exchange::plan(std::string_view model, bool keeps_name) const {
  const bool budgeted = has_budget(*principal_, tag_lines_);
  if (const std::optional<dialects::ResourceCall>& call = request_->target.resource)
    return route_resource(
        *call, dialect_.id(), model, kept_by_,
        upload_at_.empty() ? client_.head().get(provider_header).value_or("") : std::string_view(upload_at_), budgeted,
        verdict_, *snapshot_, gateway_.engines.state, links_, workload_);
  const dialects::RequestOutline& outline = request_->outline;
  if (model == "*" || model.ends_with("/*"))
    return std::unexpected(Error{.kind = ErrorKind::not_found,
                                 .message = "'" + std::string(model) + "' stands for every model that the provider has",
                                 .hint = "name one of them in its place",
                                 .param = "model",
                                 .code = "model_not_found"});
  const std::string asked = model_of_vendor(*snapshot_, dialect_, model);
  // Who reads what decides only among several.
  const config::Target* target = snapshot_->find(asked);
  const bool chooses = !counts() && (workload_ || (target && target->candidates.size() > 1));
  const RouteQuestion question{
      .model = asked,
      .dialect = dialect_.id(),
      .has_tools = outline.has_tools,
      .has_images = outline.images > 0 && !counts(),
      .has_audio = chooses && attachments().audio,
      .has_pdf = chooses && attachments().pdf,
      .has_prefill = chooses && attachments().prefill,
      .told_behind = chooses && attachments().told_behind,
      .internal_links = links_,
      .input_tokens = counts() ? 0 : least_tokens(prompt()),
      .max_output_tokens = outline.max_output_tokens.value_or(0),
      .budgeted = budgeted && !counts(),
      .when = catalog::Moment(std::chrono::seconds(gateway_.time.unix_us() / 1'000'000)),
      .kept_by = kept_by_,
      .workload = workload_,
      .keeps_name = keeps_name,
      .expected_input_tokens = workload_ ? expected_tokens(prompt()) : 0,
      .most_input_tokens = workload_ ? most_tokens(prompt()) : 0,
      .choices = outline.choices,
      .budget_left_percent = workload_ && workload_->cheapest_below_percent > 0 ? budget_left_percent() : 100,
      .difficulty = difficulty_};
  Health& health = gateway_.health;
  const async::TimePoint now = gateway_.reactor.now();
  TargetStates targets;
  if (!health.quiet(now)) targets = [&](std::string_view name) { return health.state(name, now); };
  TargetSpeeds speeds;
  if (workload_) speeds = [&](std::string_view name) { return gateway_.speeds.of(name, now); };
  return route(question, verdict_, *snapshot_, gateway_.engines.state, targets, speeds);
}

// Among several that serve the same model, the one that has had most of this before. A canary has its share whoever
// that is.
Placement Exchange::place() {
  if (!plan_->settings || plan_->settings->affinity_kind == config::AffinityKind::off || plan_->attempts.size() < 2 ||
      plan_->attempts.front().reason == Attempt::Reason::canary || counts() || request_->target.resource)
    return {};
  const config::RouteSettings& settings = *plan_->settings;
  const std::string_view tenant = owner_;
  std::string_view session;
  if (settings.affinity_kind == config::AffinityKind::session)
    session = client_.head().get(settings.session_header).value_or("");
  if (session.empty() && settings.affinity_kind == config::AffinityKind::session)
    session = request_->parsed.root()["prompt_cache_key"].string().value_or("");
  return gateway_.affinity.arrange(
      plan_->attempts,
      session.empty() ? prefix_key(request_->body, tenant) : session_key(session, request_->body.size(), tenant),
      gateway_.reactor.now());
}

// None where there are no events to stand between, and none unless they are wanted.
async::Duration Exchange::pause_between_comments() const {
  const bool events = request_->outline.stream && !request_->outline.json_array && !dialect_.opaque();
  return events && client_.takes_comments() ? milliseconds(snapshot_->server().stream_keep_alive_ms)
                                            : async::Duration(0);
}

// How long the client waits for the first byte of its answer, where it says so: whoever has left by then is not worth
// an attempt. The vendors' SDKs say it in seconds: those for Node what they wait for an answer's head, those for Python
// what they wait for the next byte.
async::TimePoint Exchange::patience_of_client(async::TimePoint otherwise) const {
  constexpr double shortest_s = 0.001;
  constexpr double longest_s = 24 * 3600;
  for (const std::string_view name : {"x-stainless-timeout", "x-stainless-read-timeout"}) {
    const std::string_view text = client_.head().get(name).value_or("");
    double seconds = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), seconds).ec == std::errc() && seconds >= shortest_s &&
        seconds <= longest_s)
      otherwise = std::min(otherwise, start_ + milliseconds(static_cast<std::int64_t>(seconds * 1000)));
  }
  return otherwise;
}

// The client may want its answer back later: by default where the API says so.
bool Exchange::keeps_answer() const {
  const std::optional<bool> store = request_->parsed.root()["store"].boolean();
  if (dialect_.id() == chat::DialectId::openai_chat) return store == true;
  return dialect_.id() == chat::DialectId::openai_responses && store != false && snapshot_->responses().keep_days > 0;
}

// Before the client sees an id, it is known whose that is.
void Exchange::remember(const Reply& reply, const Question& asked) {
  const std::string& provider = reply.attempt->provider().id.str();
  if (const std::optional<dialects::ResourceCall>& call = request_->target.resource) {
    if (reply.streaming() || reply.status / 100 != 2) return;
    if (const auto answer = json::Document::parse(reply.body))
      remember_call(
          gateway_, owner_, provider, *call, answer->root(),
          call->is_upload && brings_whole_file(client_.head()) ? std::string_view(request_->body) : std::string_view());
  } else if (asked.keeps_answer() && reply.attempt->lane == Lane::same_dialect && !asked.is_kept_here(*reply.attempt)) {
    if (std::string id = reply.answer_id(); !id.empty())
      remember_answer(gateway_, owner_, provider, {std::move(id)}, start_us_);
  }
}

// Items, containers and files that came into being with an answer, at the provider that wrote it.
void Exchange::remember_kept(const Reply& reply) {
  if (reply.attempt->lane == Lane::same_dialect)
    remember_answer(gateway_, owner_, reply.attempt->provider().id.str(), reply.kept_ids(), start_us_);
}

// The row first: a response that nobody has been told of yet cannot be asked for.
async::Task<> Exchange::note_in_background(const Reply& reply) {
  const bool kept_there = reply.attempt->lane == Lane::same_dialect && accounted_;
  std::string id = kept_there ? reply.answer_id() : std::string();
  const async::Deadline deadline = gateway_.reactor.within(longest_ledger_wait);
  if (id.empty() || lost_) co_return;
  const bool safe = co_await on_disk(*gateway_.books.ledger, gateway_.reactor, deadline);
  if (safe) co_await note_background(gateway_, owner_, std::move(id), *accounted_, deadline);
}

// A client is told what its provider knows of a response: where that has come to its end, what it has used.
async::Task<> Exchange::settle_if_at_end(const Reply& reply) {
  if (!asks_for_a_response() || request_->target.resource->id.empty()) co_return;
  std::optional<chat::Usage> usage;
  std::string id = request_->target.resource->id;
  {
    const std::string told = reply.whole();
    const auto answer = json::Document::parse(told);
    if (answer && answer->root()["id"].string() == id) usage = usage_at_end(gateway_.dialects, answer->root());
  }
  if (!usage) co_return;
  co_await settle_background(gateway_, snapshot_, owner_, std::move(id), *std::move(usage),
                             gateway_.reactor.within(longest_ledger_wait));
}

// A response that its provider does not keep.
void Exchange::keep(const Reply& reply, const Question& asked) {
  if (!asked.is_kept_here(*reply.attempt)) return;
  if (std::string whole = reply.whole(); !whole.empty())
    keep_response(gateway_, owner_, *request_, verdict_.data_class, std::move(whole), start_us_,
                  snapshot_->responses());
}

// A stream that has begun is asked of nobody else. Where its client's dialect is its provider's, nothing of it is kept
// and no shadow follows, nobody looks at the request again: it may be large, and the stream long. One that is complete
// may have been written here, and repeat the request if it fails.
void Exchange::forget_request(const Reply& reply, const Question& asked) {
  if (reply.attempt->lane != Lane::same_dialect || reply.complete() || asked.is_kept_here(*reply.attempt) || shadowed_)
    return;
  prompt_ = prompt();
  {
    const json::Document gone = std::move(request_->parsed);
  }
  std::string().swap(request_->body);
}

// Passes the answer on and settles what each attempt has cost. The outcome is serve()'s, which waits for the end.
async::Task<Result<void>> Exchange::relay(CallOutcome& outcome, const Question& asked) {
  // Without an answer the last attempt that reached a provider is the one that ended the request.
  const auto last_reached =
      std::ranges::find(outcome.failures.rbegin(), outcome.failures.rend(), true, &Failure::reached);
  int number = 0;
  for (const Failure& failure : outcome.failures) {
    if (failure.asked) ++number;
    account_for(failure, number,
                !outcome.reply && last_reached != outcome.failures.rend() && &failure == &*last_reached);
  }
  if (!outcome.reply) {
    if (snapshot_->ledger().strict && accounted_) (void)co_await books_are_on_disk();  // the error is told in any case
    failure_ = std::make_unique<Failure>(std::move(outcome.last_failure()));
    if (failure_->asked) facts_.attempt = failure_->attempt;
    co_return std::unexpected(failure_->error);
  }

  Reply& reply = *outcome.reply;
  facts_.attempt = reply.attempt;
  placement_.moved_to(*reply.attempt->candidate, gateway_.reactor.now());
  facts_.dropped_params = request_->dropped_params;
  facts_.dropped_params.insert(facts_.dropped_params.end(), reply.dropped_params.begin(), reply.dropped_params.end());
  facts_.added_params = reply.added_params;
  status_ = reply.status;
  remember(reply, asked);
  const std::optional<dialects::ResourceCall>& resource = request_->target.resource;
  if (resource && resource->is_upload) {
    Result<void> addressed =
        address_pieces_here(reply.headers, client_.head(), !snapshot_->server().tls_certificate.empty(),
                            principal_->key(), reply.attempt->provider().id.str(), start_us_);
    if (!addressed) {
      account_for(reply, outcome_of(addressed.error()));
      co_return addressed;
    }
  }
  if (!reply.streaming()) {
    if (resource) {
      reply.body = dialects::with_results_here(dialect_.id(), std::move(reply.body));
      reply.body = dialects::with_names_here(*resource, reply.attempt->provider().id.str(), std::move(reply.body));
    }
    remember_kept(reply);
    // Settled before the client can see the answer: whoever has it finds it in the ledger.
    account_for(reply, store::Outcome::ok);
    if (ends_unpriced(reply)) co_await note_in_background(reply);
    co_await settle_if_at_end(reply);
    measure(reply, gateway_.reactor.now());
    if (shadowed_) read_for_shadow(reply);
    facts_.cost_usd = cost_text(cost_);
    if (snapshot_->ledger().strict) CO_CHECK_OK(co_await books_are_on_disk());
    keep(reply, asked);
    note_overhead();
    nothing_but_comments_ = false;
    co_return co_await respond_whole(client_, reply, dialect_, facts_);
  }

  const config::RetrySettings& retry = snapshot_->retry();
  const async::Deadline deadline = {start_ + milliseconds(retry.total_timeout_ms), &client_.client_gone()};
  const auto final_cost = [&] {
    keep(reply, asked);  // before the client can know the last of it
    remember_kept(reply);
    if (settled_) return cost_text(cost_);
    if (ends_unpriced(reply)) return cost_text(std::nullopt);
    return cost_text(
        sum(cost_, catalog::cost(quote_of(*reply.attempt), usage_of(reply.usage(), reply.output_bytes()))));
  };
  BeforeEnd before_end;
  if (snapshot_->ledger().strict)
    before_end = [&](std::optional<async::TimePoint> first_token) { return settle_before_end(reply, first_token); };
  std::optional<StreamText> said;  // read on by the reply, which nobody asks for more once this function has ended
  if (shadowed_) {
    said.emplace(dialect_, reply.json_array);
    said->feed(outcome.held);
    reply.on_piece = [&said](std::string_view piece) { said->feed(piece); };
  }
  forget_request(reply, asked);
  note_overhead();
  nothing_but_comments_ = false;
  const Relayed relayed = co_await respond_stream(client_, reply, std::move(outcome.held), dialect_, facts_,
                                                  gateway_.reactor, reply.idle_limit, deadline, final_cost, before_end);
  if (said) note_said(said->done());
  if (relayed.error) remember_kept(reply);  // what has gone out by then can be named
  first_token_ = relayed.first_token;
  for (std::string& name : reply.dropped_at_end()) facts_.dropped_params.push_back(std::move(name));
  std::optional<Error> broken = relayed.error;
  // In lane 1 the client has the provider's own error event; what is left to do is to record it.
  if (!broken && reply.failed()) broken = reply.error();
  if (broken && is_targets_fault(*broken) && gateway_.reactor.now() < deadline.at)
    gateway_.health.cut(reply.attempt->candidate->name, gateway_.reactor.now(), snapshot_->breaker(), *broken);
  if (!broken) measure(reply, gateway_.reactor.now());
  if (broken && asked_at_ && is_targets_fault(*broken))
    gateway_.speeds.failed(reply.attempt->candidate->name, gateway_.reactor.now());
  if (!settled_) account_for(reply, broken ? outcome_of(*broken) : store::Outcome::ok);
  if (ends_unpriced(reply)) co_await note_in_background(reply);
  co_await settle_if_at_end(reply);
  if (broken) {
    note_limit(*broken);
    co_return std::unexpected(*std::move(broken));
  }
  constexpr milliseconds end_of_transfer{100};  // the last chunk mostly comes with the end marker
  co_await reply.drain(gateway_.reactor.within(end_of_transfer));
  co_return Result<void>{};
}

// In strict mode: a client that has its whole answer finds it in the ledger, also after the machine has lost its power.
async::Task<Result<void>> Exchange::books_are_on_disk() {
  const async::TimePoint began = gateway_.time.now();
  const async::Deadline deadline = gateway_.reactor.within(longest_ledger_wait, &client_.client_gone());
  bool safe = false;
  if (!lost_) safe = co_await on_disk(*gateway_.books.ledger, gateway_.reactor, deadline);
  waited_ += gateway_.time.now() - began;
  if (safe) co_return Result<void>();
  if (client_.client_gone().fired()) co_return fail(ErrorKind::client_gone, "the client has left");
  co_return std::unexpected(Error{.kind = ErrorKind::unavailable,
                                  .message = "the disk does not take the record of what this answer has cost",
                                  .hint = "the operator finds the reason in the log and at /health/ready",
                                  .code = "ledger_unavailable"});
}

// The same for a stream, before its end marker.
async::Task<Result<void>> Exchange::settle_before_end(const Reply& reply, std::optional<async::TimePoint> first_token) {
  if (reply.failed()) co_return Result<void>();  // the provider's own error event has passed: it is no whole answer
  first_token_ = first_token;
  account_for(reply, store::Outcome::ok);
  settled_ = true;
  co_return co_await books_are_on_disk();
}

// Answers what was not answered, and leaves the records.
async::Task<> Exchange::finish(Result<void> served) {
  if (!served) {
    error_ = std::move(served).error();
    outcome_ = outcome_of(*error_);
    const bool cut = error_->kind == ErrorKind::client_gone && client_.was_cut();
    if ((cut || error_->kind != ErrorKind::client_gone) && nothing_but_comments_) {
      facts_.cost_usd = cost_text(cost_);
      status_ = 200;
      co_await respond_late_error(client_, cut ? stopping() : *error_, dialect_, facts_);
    } else if ((cut || error_->kind != ErrorKind::client_gone) && !client_.started()) {
      facts_.cost_usd = cost_text(cost_);
      note_overhead();
      const bool verbatim = failure_ && failure_->verbatim && !cut;
      const Error told = cut ? stopping() : *error_;
      status_ = co_await respond_error(client_, told, verbatim ? &*failure_->verbatim : nullptr, dialect_, facts_);
    }
  }
  hold_.release();
  if (gateway_.successor) gateway_.successor->release(facts_.request_id);
  placement_.end();
  const AuditRecord done = record();
  const store::Appended audited = audit(gateway_.store.audit(), done);

  Timing timing;
  const async::TimePoint end = gateway_.time.now();
  timing.total_us = duration_cast<microseconds>(end - start_).count();
  if (first_token_) timing.first_token_us = duration_cast<microseconds>(*first_token_ - start_).count();
  timing.overhead_us = facts_.overhead_us.value_or(0);
  if (gateway_.on_end) gateway_.on_end(done, audited, timing, error_ ? &*error_ : nullptr);
}

// The time in Sluice's own code up to now: without the client's body and the providers, who were waited for.
void Exchange::note_overhead() {
  const async::Duration own = gateway_.time.now() - start_ - waited_ - client_.waited();
  facts_.overhead_us = std::max<std::int64_t>(duration_cast<microseconds>(own).count(), 0);
}

// From the bytes, and it says so: only a model's provider could count.
async::Task<Result<void>> Exchange::respond_estimate() {
  failure_.reset();
  status_ = 200;
  facts_.cost_usd = Money().usd();
  http::Headers headers{{"content-type", "application/json"}, {"x-sluice-estimated", "true"}};
  note_overhead();
  add_facts(headers, facts_);
  co_return co_await client_.respond(status_, headers, dialect_.encode_count(expected_tokens(prompt())));
}

Prompt Exchange::prompt() const {
  if (prompt_) return *prompt_;
  const dialects::RequestOutline& outline = request_->outline;
  return {.text_bytes = request_->body.size() - std::min(outline.image_bytes, request_->body.size()),
          .images = outline.images};
}

chat::Usage Exchange::usage_of(const chat::Usage& told, std::size_t output_bytes) const {
  if (counts() || request_->target.resource) return {.reported = true};
  if (told.reported) return told;
  const bool generates = request_->outline.max_output_tokens != 0;  // embeddings and moderations do not
  const chat::Usage estimate = estimate_usage(prompt(), generates ? output_bytes : 0);
  if (told.total_input() == 0) return estimate;
  chat::Usage partly = told;  // a stream that broke may have told its input at the start
  partly.output = std::max(estimate.output, told.output);
  return partly;
}

store::LedgerEntry Exchange::entry(const Attempt& attempt, int number, bool final) const {
  store::LedgerEntry row;
  row.request_id = RequestId(facts_.request_id);
  row.start_us = start_us_;
  row.end_us = gateway_.time.unix_us();
  row.key_id = principal_->id();
  row.client_dialect = dialect_.id();
  row.requested_model = request_->outline.model;
  row.provider = attempt.provider().id;
  row.model = attempt.model();
  row.ground = attempt.ground();
  row.stream = request_->outline.stream;
  row.attempt = static_cast<std::uint8_t>(std::min(number, 255));
  row.final = final;
  row.total_us = duration_cast<microseconds>(gateway_.time.now() - start_).count();
  if (first_token_) row.ttft_us = duration_cast<microseconds>(*first_token_ - start_).count();
  row.config_hash = config_hash_;
  if (workload_) row.workload = workload_->name;
  return row;
}

catalog::Quote Exchange::quote_of(const Attempt& attempt) const { return is_free() ? free_of_charge() : attempt.quote; }

void Exchange::note_limit(const Error& error) const {
  if (error.kind == ErrorKind::provider_unreachable && !error.code.empty() && gateway_.beyond_limit)
    gateway_.beyond_limit(error.code);
}

void Exchange::account_for(const Failure& failure, int number, bool final) {
  if (!failure.reached) return;  // nobody was asked, so nobody bills
  note_limit(failure.error);
  store::LedgerEntry row = entry(*failure.attempt, number, final);
  row.status = failure.error.provider_status;
  row.outcome = outcome_of(failure.error);
  if (row.outcome == store::Outcome::refused) row.outcome = store::Outcome::provider_failed;
  if (failure.outpaced) row.outcome = store::Outcome::outpaced;
  if (failure.escalated) row.outcome = store::Outcome::escalated;
  // Who was at work has read the prompt, whoever ended it. Who answers with an error bills nothing.
  if (failure.at_work) row.usage = usage_of(failure.usage, failure.output_bytes);
  book(std::move(row), failure.at_work ? quote_of(*failure.attempt) : free_of_charge());
}

void Exchange::book(store::LedgerEntry&& row, const catalog::Quote& quote) {
  row.tags = tags_;
  const auto settling = gateway_.store.settling();
  if (gateway_.store.keys_generation() != keys_generation_) join_new_limits();
  store::Appended appended = store::Appended::queued;
  accounted_ = std::make_unique<store::LedgerEntry>(std::move(row));
  account(gateway_.books, hold_, *accounted_, quote, gateway_.time.now(), &appended);
  lost_ = lost_ || appended != store::Appended::queued;
  cost_ = sum(cost_, accounted_->cost);
}

// Limits that were set while the request was under way: their sums begin with the rows that come from now on.
void Exchange::join_new_limits() {
  keys_generation_ = gateway_.store.keys_generation();
  const std::shared_ptr<const store::KeyTable> keys = gateway_.store.keys();
  const store::Principal* now = keys->find(principal_->key().digest);
  if (!now) return;
  store::Lines lines(now->lines().begin(), now->lines().end());
  for (const std::string_view tag : store::split_tags(tags_))
    if (!store::has_tag(principal_->key().tags, tag))
      for (const auto& line : keys->lines_of_tag(tag)) lines.push_back(line);
  hold_.join(lines);
}

// Before another candidate is asked: what has failed and was at work is paid out of the reservation, and the worst case
// of the next must still be within every limit.
bool Exchange::is_affordable(std::span<const Failure> failures, const Attempt& next) {
  if (!has_limits()) return true;
  std::vector<Share> shares{share(next)};
  for (const Failure& failure : failures) {
    if (!failure.at_work) continue;
    Share& spent = shares.emplace_back(share(*failure.attempt));
    spent.cost = catalog::cost(quote_of(*failure.attempt), usage_of(failure.usage, failure.output_bytes));
  }
  return hold_.raise_to(shares, gateway_.time.unix_us()) &&
         (!gateway_.successor || gateway_.successor->raise(facts_.request_id, hold_.reserved()));
}

// What it has used is not told, and nothing that is known says it: the rest of an answer in the background, or how many
// tokens a sound or an image is, where these have a price.
bool Exchange::ends_unpriced(const Reply& reply) const {
  if (reply.usage().reported) return false;
  if (in_background_) return true;
  const catalog::Quote quote = quote_of(*reply.attempt);
  return dialect_.opaque() && quote.priced() && quote.rates(0)[catalog::Unit::output] > 0;
}

void Exchange::account_for(const Reply& reply, store::Outcome outcome) {
  store::LedgerEntry row = entry(*reply.attempt, facts_.attempts, true);
  row.status = static_cast<decltype(row.status)>(reply.status);
  row.outcome = outcome;
  const bool unpriced = ends_unpriced(reply);
  // Its provider goes on without the client, and will tell what it has used in the end.
  if (unpriced && outcome == store::Outcome::client_gone) row.outcome = store::Outcome::ok;
  chat::Usage usage = usage_of(reply.usage(), unpriced ? 0 : reply.output_bytes());
  if (!unpriced || row.outcome != store::Outcome::ok)
    row.usage = std::move(usage);
  else  // the row tells no tokens; rates count those that are certain
    hold_.charge(Money(), usage.total_input() + usage.total_output(), {gateway_.time.now(), row.end_us},
                 {.provider = row.provider.str(), .model = row.model.str()});
  answered_by_ = reply.answered_by();
  book(std::move(row), unpriced ? catalog::Quote() : quote_of(*reply.attempt));
}

// Borrows from what this exchange has.
AuditRecord Exchange::record() const {
  AuditRecord done;
  done.request_id = facts_.request_id;
  done.start_us = start_us_;
  done.end_us = gateway_.time.unix_us();
  if (principal_) {
    done.key_id = principal_->id().str();
    done.tenant = principal_->key().tenant.str();
  }
  done.method = client_.head().method;
  done.route = client_.head().path;
  done.client_dialect = dialect_.id();
  if (request_) {
    done.requested_model = request_->outline.model;
    done.stream = request_->outline.stream;
  }
  done.data_class = verdict_.data_class;
  done.verdict_rule = rule_text(verdict_.rule);
  if (plan_) {
    done.candidates.reserve(plan_->attempts.size() + plan_->rejections.size());
    for (const Attempt& attempt : plan_->attempts)
      done.candidates.push_back(
          {attempt.provider().id.str(), attempt.model().str(), attempt.ground(), false, name(attempt.reason)});
    for (const Rejection& rejection : plan_->rejections)
      done.candidates.push_back({rejection.candidate->provider->id.str(), rejection.candidate->model_name.str(),
                                 rejection.candidate->ground, true, rule_name(rejection)});
  }
  if (facts_.attempt) {
    done.provider = facts_.attempt->provider().id.str();
    done.model = facts_.attempt->model().str();
    done.ground = facts_.attempt->ground();
  }
  done.answered_by = answered_by_;
  done.attempts = facts_.attempts;
  done.status = status_;
  done.outcome = outcome_;
  if (error_) done.error_code = error_->code.empty() ? name(error_->kind) : error_->code;
  if (accounted_) {
    done.usage = accounted_->usage;
    done.cost = cost_;
    done.price_source = accounted_->price_source;
  }
  done.dropped_params.assign(facts_.dropped_params.begin(), facts_.dropped_params.end());
  done.config_hash = config_hash_;
  if (workload_) note_workload(done);
  return done;
}

}  // namespace sluice::gateway
