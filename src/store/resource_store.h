// What is kept for clients beyond a request: who owns which of the providers' ids, what responses in the background are
// yet to cost, and the responses that Sluice keeps itself because the provider that wrote them keeps nothing. A
// database of its own, resources.db, beside sluice.db: it may be deleted without touching keys or money. Blocking and
// for one thread; the request path asks the ResourceDesk.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/data_class.h"
#include "base/result.h"

namespace sluice::store {

class SqliteDatabase;

// A response of the Responses API with the input that it answers.
struct StoredResponse {
  std::string id;
  std::string previous_id;                     // whose conversation it goes on; may be empty
  std::string input;                           // its own input items, as the text of a JSON array
  std::string answer;                          // the response object, as it was given to the client
  DataClass data_class = DataClass::internal;  // of the request that it answers
};

class ResourceStore {
 public:
  // Opens or creates the database in an existing data directory. Errors: unavailable, saying what to do.
  static Result<std::unique_ptr<ResourceStore>> open(const std::string& directory);
  ~ResourceStore();

  // `owner` is a tenant or a key, never empty. An id that the owner has already gets the new provider; what somebody
  // else has at that provider stays theirs alone, for at Google clients choose the names of files. `until_us` is when
  // the provider forgets it by itself, in microseconds since 1970; empty = when it is deleted. Ids of more than
  // longest_id bytes are left out.
  Result<void> add(std::string_view owner, std::string_view provider, std::span<const std::string> ids,
                   std::optional<std::int64_t> until_us);
  // Empty for an id that is unknown, another's, or forgotten at `now_us`: nobody can tell which.
  Result<std::optional<std::string>> provider_of(std::string_view owner, std::string_view id, std::int64_t now_us);
  Result<void> remove(std::string_view owner, std::string_view id);

  // Models that a fine-tuning of this owner's has made. Whose one is stays so.
  Result<void> own_models(std::string_view owner, std::span<const std::string> models);
  // False, too, for a model that nobody has made here.
  Result<bool> is_model_of_another(std::string_view owner, std::string_view model);

  // The ledger's row, as encode() writes it, of a response that goes on in the background: it has no price until
  // somebody is told what the response has used. On the disk when this returns, also after a power cut.
  Result<void> add_unsettled(std::string_view owner, std::string_view response, std::string_view row,
                             std::int64_t until_us);
  Result<std::optional<std::string>> find_unsettled(std::string_view owner, std::string_view response,
                                                    std::int64_t now_us);
  Result<void> remove_unsettled(std::string_view owner, std::string_view response);

  // Makes room by deleting the oldest of all when there are more than `most_bytes` of them.
  Result<void> keep(std::string_view owner, const StoredResponse& response, std::int64_t until_us,
                    std::int64_t most_bytes);
  Result<std::optional<StoredResponse>> find(std::string_view owner, std::string_view id, std::int64_t now_us);
  // The responses that lead to this one, oldest first and this one last. Empty when one of them is missing. Errors:
  // request_too_large when they are more than `most_bytes`.
  Result<std::vector<StoredResponse>> conversation(std::string_view owner, std::string_view id, std::int64_t now_us,
                                                   std::size_t most_bytes);
  // False when there is none.
  Result<bool> remove_response(std::string_view owner, std::string_view id);

  // Deletes what has been forgotten at `now_us`.
  Result<void> expire(std::int64_t now_us);

  static constexpr std::size_t longest_id = 256;
  static constexpr std::size_t longest_conversation = 1'000;  // responses

 private:
  explicit ResourceStore(std::unique_ptr<SqliteDatabase> database);
  Result<void> make_room(std::int64_t most_bytes);

  std::unique_ptr<SqliteDatabase> database_;
  std::int64_t response_bytes_ = 0;  // of all that are kept
};

}  // namespace sluice::store
