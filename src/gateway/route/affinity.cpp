#include "gateway/route/affinity.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <ranges>
#include <utility>

#include "json/json.h"

namespace sluice::gateway {
namespace {

constexpr std::size_t most_blocks = 4'096;  // 4 MB of a prompt, a million tokens; what comes after is not looked at

std::uint64_t mixed(std::uint64_t value) {  // the finalizer of SplitMix64
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9u;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBu;
  return value ^ (value >> 31);
}

std::uint64_t hash_after(std::uint64_t before, std::string_view bytes) {
  const std::uint64_t hash = mixed(before * 31 + std::hash<std::string_view>{}(bytes));
  return hash ? hash : 1;  // 0 is a free place
}

// Cuts what comes in pieces into blocks and chains their hashes.
class Chain {
 public:
  explicit Chain(std::string_view tenant, std::vector<std::uint64_t>& blocks)
      : hash_(hash_after(0, tenant)), blocks_(blocks) {}

  void add(std::string_view piece) {
    if (!rest_.empty()) {
      const std::size_t missing = std::min(affinity_block_bytes - rest_.size(), piece.size());
      rest_.append(piece.substr(0, missing));
      piece.remove_prefix(missing);
      if (rest_.size() < affinity_block_bytes) return;
      close(rest_);
      rest_.clear();
    }
    for (; piece.size() >= affinity_block_bytes; piece.remove_prefix(affinity_block_bytes))
      close(piece.substr(0, affinity_block_bytes));
    rest_.assign(piece);
  }

 private:
  void close(std::string_view block) {
    if (blocks_.size() == most_blocks) return;
    hash_ = hash_after(hash_, block);
    blocks_.push_back(hash_);
  }
  std::uint64_t hash_;
  std::vector<std::uint64_t>& blocks_;
  std::string rest_;
};

}  // namespace

std::size_t neighbours(std::span<const Attempt> attempts, std::size_t begin) {
  std::size_t end = begin;
  while (end < attempts.size() && attempts[begin].model() == attempts[end].model() &&
         attempts[begin].ground() == attempts[end].ground())
    ++end;
  return end - begin;
}

AffinityKey prefix_key(std::string_view body, std::string_view tenant) {
  // As providers put them in front of the model, under the names of all dialects.
  static const std::vector<std::string_view> parts = {
      "tools", "instructions", "system", "systemInstruction", "system_instruction", "messages",
      "input", "contents",     "prompt"};
  AffinityKey key{.blocks = {}, .bytes = body.size()};
  const auto places = json::find_members(body, parts);
  if (!places) return key;
  key.blocks.reserve(std::min(body.size() / affinity_block_bytes, most_blocks));
  Chain chain(tenant, key.blocks);
  for (const auto& place : *places)
    if (place) chain.add(body.substr(place->begin, place->end - place->begin));
  return key;
}

AffinityKey session_key(std::string_view session, std::size_t bytes, std::string_view tenant) {
  return {.blocks = {hash_after(hash_after(~std::uint64_t{0}, tenant), session)}, .bytes = bytes, .is_session = true};
}

// --- Placement

Placement::Placement(Placement&& other) noexcept
    : affinity_(std::exchange(other.affinity_, nullptr)), target_(other.target_), key_(std::move(other.key_)) {}

Placement& Placement::operator=(Placement&& other) noexcept {
  if (this == &other) return *this;
  end();
  affinity_ = std::exchange(other.affinity_, nullptr);
  target_ = other.target_;
  key_ = std::move(other.key_);
  return *this;
}

void Placement::moved_to(const config::Candidate& candidate, std::chrono::steady_clock::time_point now) {
  if (!affinity_) return;
  const std::lock_guard held(affinity_->mutex_);
  const auto found = affinity_->numbers_.find(candidate.name);
  if (found == affinity_->numbers_.end() || found->second == target_)
    return;  // it has no neighbour: nothing to remember
  --affinity_->targets_[target_].under_way;
  target_ = found->second;
  affinity_->give(target_, key_, now);
}

void Placement::end() {
  if (!affinity_) return;
  const std::lock_guard held(affinity_->mutex_);
  --affinity_->targets_[target_].under_way;
  affinity_ = nullptr;
}

// --- Affinity

Affinity::Affinity(std::function<void(const AffinityChoice&)> on_choice) : on_choice_(std::move(on_choice)) {}

std::uint16_t Affinity::number_of(const std::string& name) {
  if (const auto found = numbers_.find(name); found != numbers_.end()) return found->second;
  if (targets_.size() == max_targets) return nobody;
  const auto number = static_cast<std::uint16_t>(targets_.size());
  targets_.push_back({.name = name});
  numbers_.emplace(name, number);
  return number;
}

double Affinity::load_of(const Target& target, TimePoint now) const {
  const std::chrono::duration<double> age = now - target.at;
  return target.load * std::exp2(-age / std::chrono::duration<double>(half_life));
}

Affinity::Block* Affinity::find(std::uint64_t hash) {
  if (blocks_.empty()) return nullptr;
  Block* const set = &blocks_[(hash % sets) * ways];
  Block* const found = std::find_if(set, set + ways, [&](const Block& block) { return block.hash == hash; });
  return found == set + ways ? nullptr : found;
}

// How far each of them knows the request, and what it has to do. A target that is too many has target `nobody`.
std::vector<Affinity::Standing> Affinity::stand(const Attempt* begin, const Attempt* end, const AffinityKey& key,
                                                TimePoint now) {
  std::vector<Standing> standings;
  standings.reserve(static_cast<std::size_t>(end - begin));
  double load_of_those_present = 0;
  int present = 0;
  for (const Attempt* attempt = begin; attempt != end; ++attempt) {
    Standing one{.target = number_of(attempt->candidate->name)};
    if (one.target != nobody) {
      const Target& target = targets_[one.target];
      one.load = load_of(target, now);
      one.under_way = target.under_way;
      if (now - target.offered < away) {
        load_of_those_present += one.load;
        ++present;
      }
    }
    standings.push_back(one);
  }
  for (Standing& one : standings) {
    if (one.target == nobody) continue;
    Target& target = targets_[one.target];
    if (now - target.offered >= away && present > 0) {
      target.load = one.load = std::max(one.load, load_of_those_present / present);
      target.at = now;
    }
    target.offered = now;
  }
  // A hash stands for all bytes up to its block's end, so the last block that a target has seen says it all.
  for (std::size_t i = 0; i < key.blocks.size(); ++i) {
    Block* const block = find(key.blocks[i]);
    if (!block) break;
    for (Standing& one : standings)
      if (one.target != nobody && std::ranges::find(block->targets, one.target) != std::end(block->targets))
        one.known = i + 1;
  }
  return standings;
}

void Affinity::remember(const AffinityKey& key, std::uint16_t target) {
  if (key.blocks.empty()) return;
  if (blocks_.empty()) blocks_.resize(sets * ways);
  ++requests_;
  for (const std::uint64_t hash : key.blocks) {
    Block* block = find(hash);
    if (!block) {
      Block* const set = &blocks_[(hash % sets) * ways];
      // The one that nobody has asked for longest; a free one is older than all.
      block = std::max_element(set, set + ways, [&](const Block& one, const Block& other) {
        const auto age = [&](const Block& of) {
          return of.hash == 0 ? std::uint64_t{1} << 32 : std::uint64_t{requests_ - of.used};
        };
        return age(one) < age(other);
      });
      if (block->hash == 0) ++blocks_known_;
      *block = Block{.hash = hash};
    }
    block->used = requests_;
    const auto place = std::ranges::find(block->targets, target);
    const auto end = place == std::end(block->targets) ? place - 1 : place;
    std::copy_backward(std::begin(block->targets), end, end + 1);
    block->targets[0] = target;
  }
}

void Affinity::give(std::uint16_t number, const AffinityKey& key, TimePoint now) {
  Target& target = targets_[number];
  target.load = load_of(target, now) + static_cast<double>(key.bytes);
  target.at = now;
  ++target.under_way;
  remember(key, number);
}

Placement Affinity::arrange(std::vector<Attempt>& attempts, AffinityKey key, TimePoint now) {
  Placement placement;
  AffinityChoice choice;
  {
    const std::lock_guard held(mutex_);
    for (std::size_t begin = 0, end = 0; begin < attempts.size(); begin = end) {
      end = begin + neighbours(attempts, begin);
      if (end - begin < 2) continue;
      const std::vector<Standing> standings = stand(&attempts[begin], &attempts[0] + end, key, now);
      double mean = 0;
      for (const Standing& one : standings) mean += one.load / static_cast<double>(standings.size());
      const auto is_full = [&](const Standing& one) { return one.under_way > 0 && one.load > mean * fullest; };
      const auto least = std::ranges::min_element(
          standings, {}, [](const Standing& one) { return std::tuple(one.target == nobody, one.load, one.under_way); });
      const auto is_worth_it = [&](const Standing& one) {
        return one.known > least->known && (one.known - least->known) * least_share >= key.blocks.size();
      };
      std::vector<std::size_t> order(standings.size());
      std::iota(order.begin(), order.end(), 0);
      std::ranges::sort(order, {}, [&](std::size_t i) {
        const Standing& one = standings[i];
        const bool wanted = is_worth_it(one) && !is_full(one);
        return std::tuple(!wanted, wanted ? key.blocks.size() - one.known : 0, one.target == nobody, one.load,
                          one.under_way, i);
      });
      std::vector<Attempt> arranged;
      arranged.reserve(order.size());
      for (const std::size_t i : order) arranged.push_back(std::move(attempts[begin + i]));
      std::ranges::move(arranged, attempts.begin() + static_cast<std::ptrdiff_t>(begin));
      const Standing& first = standings[order.front()];
      if (begin > 0 || first.target == nobody) continue;

      Attempt& chosen = attempts.front();
      chosen.reason = first.known == 0 || first.known * least_share < key.blocks.size() ? Attempt::Reason::least_loaded
                      : key.is_session                                                  ? Attempt::Reason::keeps_session
                                                                                        : Attempt::Reason::knows_prompt;
      choice = {.target = chosen.candidate->name,
                .reason = chosen.reason,
                .known_bytes = key.is_session ? 0 : first.known * affinity_block_bytes,
                .bytes = key.bytes};
      give(first.target, key, now);
      placement.affinity_ = this;
      placement.target_ = first.target;
    }
  }
  if (placement.affinity_) {
    placement.key_ = std::move(key);
    if (on_choice_) on_choice_(choice);
  }
  return placement;
}

std::vector<Affinity::Report> Affinity::report(TimePoint now) const {
  const std::lock_guard held(mutex_);
  std::vector<Report> reports;
  for (const auto& [name, number] : numbers_)
    reports.push_back(
        {.target = name, .load_bytes = load_of(targets_[number], now), .under_way = targets_[number].under_way});
  return reports;
}

std::size_t Affinity::blocks_known() const {
  const std::lock_guard held(mutex_);
  return blocks_known_;
}

}  // namespace sluice::gateway
