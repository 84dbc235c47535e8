// Keeps requests that share a beginning, or a session, at the same one of several targets that serve the same model, so
// that its prompt cache is of use, while all of them get about the same to do. It remembers which target has seen
// which beginning of a prompt, in a table of fixed size, and what each has been given lately. It knows nothing of what
// a target really keeps, and asks nobody. Tenants never share anything: what one has sent moves no request of another,
// except by the load.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/route/plan.h"

namespace sluice::gateway {

// By what a request belongs to others.
struct AffinityKey {
  std::vector<std::uint64_t> blocks;  // hashes of the prompt's beginnings, each of all bytes up to a block's end; of a
                                      // session one
  std::size_t bytes = 0;              // what the request weighs
  bool is_session = false;
};

// Bytes of a prompt that are remembered together: about 250 tokens, the least that vendors' caches begin with being
// 1,024.
inline constexpr std::size_t affinity_block_bytes = 1'024;

// Of a prompt's beginning: tools, system text and messages, in this order, whatever the order in `body`, which must
// have passed json::Document::parse. The rest of a block at the end counts for nothing.
AffinityKey prefix_key(std::string_view body, std::string_view tenant);
AffinityKey session_key(std::string_view session, std::size_t bytes, std::string_view tenant);

// How many attempts from `begin` on serve the same model on the same ground.
std::size_t neighbours(std::span<const Attempt> attempts, std::size_t begin);

class Affinity;

// One request at its target, for as long as it is under way. Outlived by its Affinity. Move-only.
class [[nodiscard]] Placement {
 public:
  Placement() = default;
  Placement(Placement&& other) noexcept;
  Placement& operator=(Placement&& other) noexcept;
  ~Placement() { end(); }

  // Another target than the first of the plan has answered: what is remembered goes there.
  void moved_to(const config::Candidate& candidate, std::chrono::steady_clock::time_point now);
  // The request is not under way any more. A second end() does nothing.
  void end();

 private:
  friend class Affinity;
  Affinity* affinity_ = nullptr;
  std::uint16_t target_ = 0;
  AffinityKey key_;
};

// What has become of one request, for the metrics.
struct AffinityChoice {
  std::string_view target;
  Attempt::Reason reason = Attempt::Reason::least_loaded;
  std::size_t known_bytes = 0;  // of the prompt's beginning, at that target
  std::size_t bytes = 0;        // of the prompt
};

class Affinity {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  // `on_choice` may be called by any thread, without the lock.
  explicit Affinity(std::function<void(const AffinityChoice&)> on_choice = {});
  Affinity(const Affinity&) = delete;
  Affinity& operator=(const Affinity&) = delete;

  // Orders each run of neighbours that serve the same model on the same ground: first the one that knows most of the
  // request's beginning and is not full, or else the one with the least load; the others after it, for failover. The
  // first attempt's reason says why, and it counts as given to it. Where nobody has a neighbour nothing changes.
  Placement arrange(std::vector<Attempt>& attempts, AffinityKey key, TimePoint now);

  struct Report {
    std::string target;
    double load_bytes = 0;  // of prompts, the older the less
    int under_way = 0;
  };
  // Every target that was ever chosen from, in the order of their names.
  std::vector<Report> report(TimePoint now) const;
  std::size_t blocks_known() const;

 private:
  friend class Placement;

  // What a target was given half a life ago counts half: long enough to even out conversations of minutes.
  static constexpr std::chrono::seconds half_life{120};
  // A target that has not been among those to choose from for so long was away: it begins with what the others have,
  // and not with everything at once.
  static constexpr std::chrono::seconds away{30};
  // Full is who has this much more than the mean, and a request under way: an idle one always takes what it knows.
  static constexpr double fullest = 1.08;
  // Part of the prompt's blocks that a target must know beyond what the least loaded one knows: a system text that all
  // conversations share is no reason to go anywhere.
  static constexpr std::size_t least_share = 8;  // one eighth
  // 2^18 blocks of 1 KB are 256 MB of prompts in 6 MB of memory, which are taken with the first use.
  static constexpr std::size_t ways = 8;
  static constexpr std::size_t sets = std::size_t{1} << 15;
  static constexpr std::size_t targets_of_a_block = 6;
  static constexpr std::size_t max_targets = 4'096;
  static constexpr std::uint16_t nobody = 0xFFFF;

  struct Block {
    std::uint64_t hash = 0;  // 0: free
    std::uint32_t used = 0;  // the request that has used it last
    std::uint16_t targets[targets_of_a_block] = {nobody, nobody, nobody, nobody, nobody, nobody};  // the newest first
  };
  struct Target {
    std::string name;
    double load = 0;  // as of `at`
    TimePoint at{};
    TimePoint offered{};  // when it was last among those to choose from
    int under_way = 0;
  };
  struct Standing {
    std::uint16_t target = nobody;
    std::size_t known = 0;  // blocks
    double load = 0;
    int under_way = 0;
  };

  std::uint16_t number_of(const std::string& name);
  double load_of(const Target& target, TimePoint now) const;
  std::vector<Standing> stand(const Attempt* begin, const Attempt* end, const AffinityKey& key, TimePoint now);
  Block* find(std::uint64_t hash);
  void remember(const AffinityKey& key, std::uint16_t target);
  void give(std::uint16_t target, const AffinityKey& key, TimePoint now);

  const std::function<void(const AffinityChoice&)> on_choice_;
  mutable std::mutex mutex_;  // of all below
  std::vector<Block> blocks_;
  std::size_t blocks_known_ = 0;
  std::uint32_t requests_ = 0;
  std::map<std::string, std::uint16_t, std::less<>> numbers_;
  std::vector<Target> targets_;
};

}  // namespace sluice::gateway
