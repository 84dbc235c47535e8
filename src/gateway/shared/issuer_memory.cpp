#include "gateway/shared/issuer_memory.h"

#include <charconv>
#include <cstring>
#include <string>
#include <utility>

#include "base/crypto.h"

namespace sluice::gateway {
namespace {

constexpr std::uint64_t none = 0;
constexpr std::uint64_t several = 1;

// Signatures are of ASCII; those that JSON may escape, such as / and =, are the same without.
std::string without_escapes(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      plain += text[i];
      continue;
    }
    unsigned code = 0;
    if (text[i + 1] == 'u' && i + 6 <= text.size() &&
        std::from_chars(text.data() + i + 2, text.data() + i + 6, code, 16).ec == std::errc() && code < 0x80U) {
      plain += static_cast<char>(code);
      i += 5;
    } else {
      plain += text[++i];
    }
  }
  return plain;
}

std::uint64_t digest(std::string_view text) {
  const auto hash = crypto::sha256(text.contains('\\') ? without_escapes(text) : text);
  std::uint64_t first = 0;
  std::memcpy(&first, hash.data(), sizeof(first));
  return first;
}

}  // namespace

void IssuerMemory::note(chat::DialectId dialect, std::string_view state, std::string_view vendor) {
  const Digest key = digest(state);
  const Digest issuer = digest(vendor);
  const std::lock_guard lock(mutex_);
  std::atomic<Digest>& only = only_vendor_[static_cast<std::size_t>(dialect)];
  const Digest known = only.load(std::memory_order_relaxed);
  if (known != issuer) only.store(known == none ? issuer : several, std::memory_order_relaxed);
  if (!vendors_.insert_or_assign(key, issuer).second) return;
  if (order_.size() < size_) {
    order_.push_back(key);
    return;
  }
  vendors_.erase(std::exchange(order_[oldest_], key));
  oldest_ = (oldest_ + 1) % size_;
}

bool IssuerMemory::is_foreign(std::string_view state, std::string_view vendor) const {
  const Digest key = digest(state);
  const std::lock_guard lock(mutex_);
  const auto found = vendors_.find(key);
  return found != vendors_.end() && found->second != digest(vendor);
}

bool IssuerMemory::knows_others(chat::DialectId dialect, std::string_view vendor) const {
  const Digest known = only_vendor_[static_cast<std::size_t>(dialect)].load(std::memory_order_relaxed);
  return known != none && (known == several || known != digest(vendor));
}

}  // namespace sluice::gateway
