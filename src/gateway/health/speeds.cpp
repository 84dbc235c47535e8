#include "gateway/health/speeds.h"

#include <algorithm>

namespace sluice::gateway {
namespace {

constexpr double newest = 0.2;
// Of a few tokens the time says more about the beginning than about each of them.
constexpr std::int64_t least_tokens_measured = 8;

void move_mean(std::int64_t& mean, std::int64_t value) {
  mean =
      mean < 0
          ? value
          : static_cast<std::int64_t>(static_cast<double>(mean) * (1 - newest) + static_cast<double>(value) * newest);
}

}  // namespace

Speeds::Target* Speeds::touch(std::string_view target, TimePoint now) {
  auto found = targets_.find(target);
  if (found == targets_.end()) {
    if (targets_.size() >= max_targets) return nullptr;
    found = targets_.emplace(std::string(target), Target{}).first;
  }
  if (now - found->second.last > forgotten_after) found->second.speed = {};
  found->second.last = now;
  ++found->second.speed.calls;
  return &found->second;
}

void Speeds::answered(std::string_view target, std::int64_t first_token_us, std::int64_t total_us,
                      std::int64_t output_tokens, TimePoint now) {
  const std::lock_guard lock(mutex_);
  Target* known = touch(target, now);
  if (!known) return;
  TargetSpeed& speed = known->speed;
  if (first_token_us >= 0) move_mean(speed.first_token_us, first_token_us);
  const std::int64_t writing_us = std::max<std::int64_t>(total_us - std::max<std::int64_t>(first_token_us, 0), 0);
  if (output_tokens >= least_tokens_measured) move_mean(speed.token_ns, writing_us * 1'000 / output_tokens);
  speed.error_share *= 1 - newest;
}

void Speeds::failed(std::string_view target, TimePoint now) {
  const std::lock_guard lock(mutex_);
  if (Target* known = touch(target, now)) known->speed.error_share = known->speed.error_share * (1 - newest) + newest;
}

TargetSpeed Speeds::of(std::string_view target, TimePoint now) const {
  const std::lock_guard lock(mutex_);
  const auto found = targets_.find(target);
  return found == targets_.end() || now - found->second.last > forgotten_after ? TargetSpeed() : found->second.speed;
}

std::vector<Speeds::Report> Speeds::report(TimePoint now) const {
  const std::lock_guard lock(mutex_);
  std::vector<Report> all;
  for (const auto& [name, target] : targets_)
    if (now - target.last <= forgotten_after) all.push_back({name, target.speed});
  return all;
}

}  // namespace sluice::gateway
