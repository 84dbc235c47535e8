// Exchange: one request from its first byte to its last record. Its .cpp is the story of a request, told once, in
// order.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/account/estimate.h"
#include "gateway/call/call.h"
#include "gateway/respond/answer_check.h"
#include "gateway/respond/respond.h"
#include "gateway/route/attachments.h"
#include "gateway/shared/gateway.h"
#include "http/server.h"

namespace sluice::gateway {

class Exchange final : private Underway {
 public:
  // `dialect` is what the client speaks. Borrows everything; lives in the connection's coroutine.
  Exchange(Gateway& gateway, http::Exchange& client, const dialects::Dialect& dialect,
           std::unique_ptr<dialects::RequestTarget> target = nullptr);

  // Answers the client and leaves the records, whatever happens.
  async::Task<> run();

  // Before run(): the class of what its client has put in front of the request from this connection's memory.
  void goes_on_from(DataClass data_class) { stands_on_ = data_class; }
  // That the request had, once it has run.
  DataClass data_class() const { return verdict_.data_class; }

 private:
  std::optional<Reservation> reservation() const override;
  async::Task<Result<void>> serve();
  // Coroutines that are not inlined have a frame of their own while they run; the others' would be in the frame of who
  // awaits them, and a long stream has that for as long as it runs.
  [[gnu::noinline]] async::Task<Result<void>> identify();
  bool asks_for_a_response() const;
  [[gnu::noinline]] async::Task<Result<bool>> respond_kept(async::Deadline deadline);
  Result<void> read_tags();
  const config::Workload* workload();
  Result<Plan> plan(std::string_view model, bool keeps_name = false) const;
  const Attachments& attachments() const;
  int budget_left_percent() const;
  void measure(const CallOutcome& outcome, async::TimePoint began);
  void offer_canary();
  void offer_shadow();
  void read_for_shadow(const Reply& reply);
  void note_said(std::optional<AnswerText> answer);
  bool checks_streams() const;
  void start_shadow();
  void note_canary(const CallOutcome& outcome);
  async::Task<> escalate(CallOutcome& outcome, Question& asked, async::Deadline deadline);
  void measure(const Reply& reply, async::TimePoint end);
  async::TimePoint patience_of_client(async::TimePoint otherwise) const;
  bool keeps_answer() const;
  Placement place();
  async::Task<Result<void>> relay(CallOutcome& outcome, const Question& asked);
  void remember(const Reply& reply, const Question& asked);
  void remember_kept(const Reply& reply);
  [[gnu::noinline]] async::Task<> note_in_background(const Reply& reply);
  [[gnu::noinline]] async::Task<> settle_if_at_end(const Reply& reply);
  void keep(const Reply& reply, const Question& asked);
  async::Duration pause_between_comments() const;
  void forget_request(const Reply& reply, const Question& asked);
  [[gnu::noinline]] async::Task<> finish(Result<void> served);
  bool is_affordable(std::span<const Failure> failures, const Attempt& next);
  // A bound of answers that a provider has met, for metrics.
  void note_limit(const Error& error) const;
  void account_for(const Failure& failure, int number, bool final);
  void account_for(const Reply& reply, store::Outcome outcome);
  void book(store::LedgerEntry&& row, const catalog::Quote& quote);
  // The client asks for the number of its prompt's tokens, and for nothing that anybody bills.
  bool counts() const { return chat::counts_tokens(dialect_.id()); }
  // Nobody bills the call, and no tokens are counted for it.
  bool is_free() const { return counts() || (request_->target.resource && request_->target.resource->is_free); }
  bool asks_for_background() const;
  // What a response in the background will have used nobody here is told.
  bool ends_unpriced(const Reply& reply) const;
  [[gnu::noinline]] async::Task<Result<void>> respond_estimate();
  void note_overhead();
  catalog::Quote quote_of(const Attempt& attempt) const;
  Prompt prompt() const;
  std::optional<Money> worst_cost(const Attempt& attempt) const;
  Result<Hold> admit();
  [[gnu::noinline]] async::Task<Result<void>> lease(async::Deadline deadline);
  bool has_limits() const { return !principal_->lines().empty() || !tag_lines_.empty(); }
  void go_down_when_full();
  void leave_out_too_dear();
  Share share(const Attempt& attempt) const;
  Need worst_case();
  Tokens expected_need() const;
  void join_new_limits();
  chat::Usage usage_of(const chat::Usage& told, std::size_t output_bytes) const;
  [[gnu::noinline]] async::Task<Result<void>> books_are_on_disk();
  async::Task<Result<void>> settle_before_end(const Reply& reply, std::optional<async::TimePoint> first_token);
  store::LedgerEntry entry(const Attempt& attempt, int number, bool final) const;
  AuditRecord record() const;
  void note_workload(AuditRecord& done) const;

  Gateway& gateway_;
  http::Exchange& client_;
  const dialects::Dialect& dialect_;
  std::unique_ptr<dialects::RequestTarget> target_;         // until decode; null: all of it stands in the body
  const std::shared_ptr<const config::Snapshot> snapshot_;  // one configuration from start to end
  const store::ConfigHash config_hash_;                     // of it
  const std::int64_t start_us_;
  const async::TimePoint start_;
  AnswerFacts facts_;

  // What the stages leave, in their order.
  std::uint64_t keys_generation_ = 0;  // of the table that told who it is
  std::optional<store::Principal> principal_;
  std::string tags_;           // of the key and of the request
  store::Lines tag_lines_;     // limits of tags that the request brings
  std::vector<Share> shares_;  // of the candidates, while admission looks at them
  std::optional<DecodedRequest> request_;
  bool in_background_ = false;                      // its provider goes on with the response when the call has ended
  std::optional<Prompt> prompt_;                    // once the request's body is gone
  const config::Workload* workload_ = nullptr;      // that it belongs to; of the Snapshot
  std::string features_ = {};                       // of the request, packed, where its workload learns
  std::optional<double> difficulty_;                // where something has asked for it
  std::string checked_ = {};                        // provider/model whose answer was checked first; empty: none was
  std::string_view check_ = {};                     // that it has failed
  mutable std::optional<Attachments> attachments_;  // once somebody has asked for them
  std::vector<InternalLink> links_;
  DataClass stands_on_ = DataClass::public_data;
  Verdict verdict_;
  std::string owner_;      // in whose name things are kept
  std::string upload_at_;  // the provider that an upload has begun at
  std::string kept_by_;    // the provider that keeps what the request names; may be empty
  std::optional<Plan> plan_;
  std::vector<std::unique_ptr<Plan>> rests_;  // of the plan, that a cascade has gone on with
  Hold hold_;
  Placement placement_;
  std::unique_ptr<Failure> failure_;  // the last one, when nobody answered
  std::optional<Error> error_;        // what ended the request early
  int status_ = 0;                    // that the client got
  store::Outcome outcome_ = store::Outcome::ok;
  std::unique_ptr<store::LedgerEntry> accounted_;  // the last row; an open stream has none yet
  std::optional<Money> cost_ = Money();            // of all rows; empty = unpriced
  std::string answered_by_;                        // the model that the provider says has answered
  async::Duration waited_{0};                      // for providers
  std::optional<async::TimePoint> asked_at_;       // of the one call that has answered; empty: there were several
  std::optional<async::TimePoint> first_token_;
  bool shadowed_ = false;                 // the request goes to its workload's shadow as well, once it is over
  std::optional<std::string> text_ = {};  // of the answer, where it is for that
  bool refused_ = false;                  // and what else there is of it
  bool was_cut_ = false;
  bool called_tool_ = false;
  bool nothing_but_comments_ = false;  // has gone out to the client
  bool settled_ = false;               // what the stream cost is booked before its end has gone out
  bool lost_ = false;                  // a row that the ledger did not take
};

}  // namespace sluice::gateway
