// What the readers, writers and watchers of all dialects share: the note of what could not be carried, the tool calls
// seen so far, the members that every request has, and what is kept of a stream that goes by.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "dialects/dialect.h"
#include "dialects/fields.h"

namespace sluice::dialects {

inline constexpr std::int64_t max_tokens_limit = 1'000'000'000;  // far above any model; sums of tokens stay in 64 bits

// Whether a client's header is one of the vendor's, whose names all begin with `prefix`, and goes on in lane 1. Those
// that name an account do not: the call goes out on the gateway's.
bool is_vendors_header(std::string_view name, std::string_view prefix);

// The base of a dialect's reader of client requests.
class RequestReading {
 public:
  explicit RequestReading(const Fields& fields) : fields_(fields) {}

 protected:
  Result<void> read_model();

  // A hint that cannot be carried, named once however often it occurs.
  void note_extra(std::string name);
  void note_others(const Fields& object, std::initializer_list<std::string_view> known, std::string_view where);

  // A system message: to what the conversation begins with, or at this place within it. Empty texts say nothing.
  void add_system(std::vector<chat::Text> texts, bool developer = false);

  void note_call(std::string_view id) { call_ids_.insert(id); }
  bool knows_call(std::string_view id) const;

  // After each message: keeps the path of the first one that says nothing. At the end: invalid_request there when no
  // message says anything, for then no provider would be asked anything.
  void note_if_empty(const Fields& message, std::string_view member = "content");
  Result<void> refuse_if_all_empty() const;

  const Fields& fields_;
  chat::ChatRequest request_;

 private:
  std::unordered_set<std::string_view> call_ids_;  // they borrow from the document
  std::unordered_set<std::string> noted_;          // names of extras
  std::string first_empty_;
};

// The base of a dialect's writer of requests to providers.
class RequestWriting {
 public:
  RequestWriting(const chat::ChatRequest& request, const EncodeOptions& options)
      : request_(request), options_(options), json_(out_.body) {
    out_.body.reserve(options.client_bytes + options.client_bytes / 8);
  }

 protected:
  // The request, complete.
  ProviderRequest finished(std::string path, http::Headers headers);

  void drop(std::string name);  // named once in the report, however often it is dropped
  // The tier that is asked for, in the provider's words, of which `standard` is the usual tier's. Empty: none is, or
  // one that it does not know, which is dropped.
  std::string_view service_tier(std::string_view standard);
  // Names what the request says of thinking and the provider is not told, each part by its own name.
  void drop_reasoning();
  void drop_thinking();  // the same, without the effort
  // Whether the model takes temperature, top_p and the like with this request; where it does not they are dropped by
  // drop_sampling(), which names them.
  bool takes_sampling() const;
  void drop_sampling();
  // The effort that the model is told for one that is asked for: of those that it knows, or of `usual` where nothing is
  // said of it, the nearest. Another one than the client's is named. Empty: it knows none that comes near.
  std::optional<chat::Effort> known_effort(chat::Effort wanted, chat::Efforts usual);
  // Of a document, in APIs that have no place for it.
  void drop_told_of(const chat::Document& document);
  // A search result as text, in APIs without any.
  std::string text_of(const chat::SearchResult& result);
  // `strict` of a schema as OpenAI has it. Where the client's API always holds the answer to it, it is so if OpenAI
  // takes the schema for strict; what it does not is named as added.
  std::optional<bool> strict_of(const chat::OutputSchema& schema);
  // What stands before all messages: what the conversation begins with, and the system messages within it that the
  // writer has moved there.
  std::vector<const chat::Text*> system() const;
  bool has_system() const;          // any that says something
  bool has_marked_system() const;   // with a place for the prompt cache
  std::string system_text() const;  // all of it, joined by blank lines
  // For providers without another place: system messages within the conversation go to the front, which changes what
  // they follow, so it is named.
  void move_system();
  // One within the conversation, as OpenAI's two APIs have it.
  void write_system_message(const chat::Message& message, bool knows_developer);
  // No message follows that stays at its place.
  bool ends_with_assistant() const;
  // What would change the answer's contract.
  static std::unexpected<Error> refuse(std::string name, std::string_view why);
  // An extra of the client's API that this provider's has not.
  Result<void> drop_or_refuse(const std::string& extra);
  // For APIs that do not tell log probabilities.
  Result<void> refuse_logprobs() const;
  // For models that tell them only with the settings of sampling.
  Result<void> refuse_logprobs_of_thinking() const;
  // For APIs that take none.
  static std::unexpected<Error> refuse_audio();
  static std::unexpected<Error> refuse_video();
  static std::unexpected<Error> nothing_to_send();
  // Of a last message of the assistant, where the model would not go on from it.
  static std::unexpected<Error> refuse_prefill();
  // Of the provider that the request goes to. Thinking that somebody else signed, or nobody, makes it fail.
  bool is_own(const chat::Thinking& thinking) const {
    return !thinking.issuer.empty() && thinking.issuer == options_.issuer;
  }
  bool is_signed_by_it(const chat::Thinking& thinking) const { return is_own(thinking) && !thinking.signature.empty(); }

  std::unordered_set<std::string> dropped_;  // out_.dropped_params, to be looked up
  bool system_moved_ = false;                // move_system() was called

  // Where roles must take turns, runs of one role are one message.
  struct Turn {
    chat::Role role;
    std::vector<const chat::Block*> blocks;
  };
  std::vector<Turn> turns() const;  // without system messages that have been moved
  // Of Anthropic and Bedrock: thinking that somebody else signed, or nobody, makes the whole request fail; so does
  // blank text.
  bool is_sent(const chat::Block& block) const;
  // Names what is lost with a block that is not sent.
  void drop_unsent(const chat::Block& block);
  // The turns as these two have them: the roles take turns, and blocks that are not sent leave no empty turn behind. A
  // system message follows a turn of the user, and an answer or nothing follows it: one that stands elsewhere comes
  // later or goes to the front, and is named. To be called before what stands in front is written.
  Result<std::vector<Turn>> placed_turns();
  // The member `messages`, of those; `write_block` gets the blocks that are sent.
  template <typename WriteBlock>
  Result<void> write_turns(std::vector<Turn> placed, const WriteBlock& write_block) {
    json_.key("messages").begin_array();
    for (Turn& turn : placed) {
      put_results_first(turn);
      const auto& [role, blocks] = turn;
      json_.begin_object().member("role", role_name(role)).key("content").begin_array();
      for (const chat::Block* block : blocks) {
        if (!is_sent(*block)) {
          drop_unsent(*block);
          continue;
        }
        CHECK_OK(write_block(*block));
      }
      json_.end_array().end_object();
    }
    json_.end_array();
    return {};
  }
  static std::string_view role_name(chat::Role role);
  static void put_results_first(Turn& turn);  // the tool results of one turn stand together and first
  // The arguments of a call where only an object can be one: parsed, or invalid_request.
  static Result<json::Document> object_arguments(const chat::ToolCall& call);

  const chat::ChatRequest& request_;
  const EncodeOptions& options_;
  ProviderRequest out_;
  json::Writer json_;

 private:
  std::vector<const chat::Text*> moved_system_;
  void move_to_front(const chat::Block& text);
};

// Whether the model thinks before it answers this, where it is known to think unless it is told not to.
bool thinks(const chat::ChatRequest& request, const chat::Takes& takes);

// Of a request to a provider.
const http::Headers& json_headers();

// A refusal by a provider's dialect, in which the parameter has the name that the client's dialect gives it.
Error in_words_of(const Dialect& client, Error error);
// So have what was dropped from a request and what was added to it. Names of extras are the client's already.
void in_words_of(const Dialect& client, const chat::ChatRequest& request, ProviderRequest& sent);
// chat/'s name of a request's parameter and an API's own. own_name_in() gives the name itself when it is not there.
struct OwnName {
  std::string_view name;
  std::string_view own;
};
std::string_view own_name_in(std::span<const OwnName> names, std::string_view name);

// A custom tool takes free text; where there are only functions it is a function with one string.
inline constexpr std::string_view custom_tool_schema =
    R"({"type":"object","properties":{"input":{"type":"string"}},"required":["input"],"additionalProperties":false})";
// What a custom tool was called with: the member `input`, or all of the text when the model wrote something else.
std::string custom_input(std::string_view arguments);
// {"input":"..."}: the arguments of a call of a custom tool in chat/.
std::string custom_arguments(std::string_view input);
// The schema of a function's parameters: without any, or whose schema leaves its type out, it takes an object all the
// same.
Result<std::string> object_schema(const Fields& function);
// OpenAI takes 128 tools and the others not many more; a model that is to choose among thousands could not.
inline constexpr std::size_t most_tools = 4'096;
// Adds a tool of a client's request. invalid_request for `tools` when there are more than that.
Result<void> add_tool(chat::ChatRequest& request, chat::Tool tool);

// After both have been read. invalid_request for `path` when a tool must be called and there is none.
Result<void> check_tool_choice(const chat::ChatRequest& request, std::string path);

// Tools by their names. As many look-ups may come as a conversation has calls, so of many tools a table is made at the
// first; a few are walked. The tools are borrowed.
class ToolsByName {
 public:
  explicit ToolsByName(std::span<const chat::Tool> tools) : tools_(tools) {}
  const chat::Tool* find(std::string_view name);  // the first of this name; nullptr when there is none

 private:
  std::span<const chat::Tool> tools_;
  std::unordered_map<std::string_view, const chat::Tool*> table_;
};

// The tools that are named, and no others.
void keep_only(const std::unordered_set<std::string_view>& names, std::vector<chat::Tool>& tools);

bool is_blank(std::string_view text);  // white space alone, or nothing

// The least effort whose budget is enough, at most high: not all models have more, in tokens for thinking; and the
// budget of an effort.
chat::Reasoning::Effort effort_of_budget(Tokens budget);
Tokens budget_of_effort(chat::Reasoning::Effort effort);

// {"type":"ephemeral","ttl":"1h"}, which has become the way of more than its vendor.
chat::CacheMark cache_mark(json::Value cache_control);
void write_cache_mark(json::Writer& writer, chat::CacheMark mark);  // as the member cache_control, unless it is none

// model, messages, stream and tools: what both of the dialects with messages call by the same names.
Result<RequestOutline> outline_of_messages(const Fields& fields);

// Counts the parts of a type in the messages, also in the results of tools. `source` gives the text that holds a part's
// image: base64 or a URL.
void count_images(json::Value messages, std::string_view type, json::Value (*source)(json::Value part),
                  RequestOutline& outline);

// What every watcher of a stream keeps.
class Watching : public StreamWatcher {
 public:
  const chat::Usage& usage() const override { return usage_; }
  bool finished() const override { return finished_; }
  bool complete() const override { return complete_; }
  bool failed() const override { return failed_; }
  std::size_t output_bytes() const override { return output_bytes_; }
  std::string response_model() const override { return model_; }
  std::vector<std::string> take_states() override { return std::exchange(states_, {}); }
  std::vector<std::string> kept_ids() const override { return kept_ids_; }

 protected:
  void keep_id(std::string id) {
    if (!id.empty() && kept_ids_.size() < most_kept_ids) kept_ids_.push_back(std::move(id));
  }

  static constexpr std::size_t most_kept_ids = 1'000;  // of one answer, like the names of kept things in a request
  std::vector<std::string> states_;
  std::vector<std::string> kept_ids_;
  chat::Usage usage_;
  std::string model_;
  std::size_t output_bytes_ = 0;
  bool finished_ = false;
  bool complete_ = false;
  bool failed_ = false;
};

}  // namespace sluice::dialects
