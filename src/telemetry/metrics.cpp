#include "telemetry/metrics.h"

#include <sched.h>

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/cores.h"

namespace sluice::telemetry {
namespace {

constexpr std::array duration_bounds{0.005, 0.01, 0.025, 0.05, 0.1,  0.25, 0.5,   1.0,
                                     2.5,   5.0,  10.0,  20.0, 40.0, 80.0, 160.0, 320.0};
constexpr std::array overhead_bounds{0.000002, 0.000004, 0.000006, 0.000008, 0.00001, 0.000015, 0.00002,
                                     0.00003,  0.00005,  0.000075, 0.0001,   0.0002,  0.0005,   0.001,
                                     0.002,    0.005,    0.01,     0.05,     0.1,     1.0};

constexpr std::size_t max_shards = 16;  // more cores share: a relaxed add on a shared line is still under 50 ns

// The text format escapes backslash and line feed in help texts, and the quotation mark in label values too.
void append_escaped(std::string& out, std::string_view text, bool quote) {
  for (const char c : text) {
    if (c == '\\') {
      out.append("\\\\");
    } else if (c == '\n') {
      out.append("\\n");
    } else if (c == '"' && quote) {
      out.append("\\\"");
    } else {
      out.push_back(c);
    }
  }
}

void append_value(std::string& out, double value) {
  if (std::isnan(value)) {
    out.append("NaN");
  } else if (std::isinf(value)) {
    out.append(value > 0 ? "+Inf" : "-Inf");
  } else {
    char digits[40];
    const auto [end, error] = std::to_chars(digits, digits + sizeof digits, value);
    out.append(digits, static_cast<std::size_t>(end - digits));
  }
}

template <class Value>
void append_sample(std::string& out, std::string_view name, std::string_view suffix, const detail::LabelTable& labels,
                   std::size_t index, std::string_view extra, Value value) {
  out.append(name).append(suffix);
  labels.append_labels(out, index, extra);
  out.push_back(' ');
  if constexpr (std::is_same_v<Value, double>) {
    append_value(out, value);
  } else {
    out.append(std::to_string(value));
  }
  out.push_back('\n');
}

void append_metric(std::string& out, std::string_view name, const detail::LabelTable& labels, std::size_t index,
                   const Counter& counter, std::span<const double>) {
  append_sample(out, name, "", labels, index, "", counter.value());
}

void append_metric(std::string& out, std::string_view name, const detail::LabelTable& labels, std::size_t index,
                   const Gauge& gauge, std::span<const double>) {
  append_sample(out, name, "", labels, index, "", gauge.value());
}

void append_metric(std::string& out, std::string_view name, const detail::LabelTable& labels, std::size_t index,
                   const Histogram& histogram, std::span<const double> bounds) {
  const Histogram::Totals totals = histogram.totals();
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i <= bounds.size(); ++i) {
    cumulative += totals.counts[i];
    std::string bound = "le=\"";
    append_value(bound, i < bounds.size() ? bounds[i] : HUGE_VAL);
    bound.push_back('"');
    append_sample(out, name, "_bucket", labels, index, bound, cumulative);
  }
  append_sample(out, name, "_sum", labels, index, "", totals.sum);
  append_sample(out, name, "_count", labels, index, "", cumulative);
}

}  // namespace

const std::span<const double> duration_bounds_s = duration_bounds;
const std::span<const double> overhead_bounds_s = overhead_bounds;

std::size_t current_shard(std::size_t count) {
  const int core = ::sched_getcpu();  // reads a word that the kernel keeps current; no system call
  return core < 0 ? 0 : static_cast<std::size_t>(core) & (count - 1);
}

std::uint64_t Counter::value() const {
  std::uint64_t sum = 0;
  for (const CounterShard& shard : shards_) sum += shard.value.load(std::memory_order_relaxed);
  return sum;
}

Histogram::Histogram(std::size_t shards, std::span<const double> bounds) : bounds_(bounds), shards_(shards) {
  assert(bounds.size() <= max_bounds && std::ranges::is_sorted(bounds));
}

void Histogram::observe(double value) {
  Shard& shard = shards_[current_shard(shards_.size())];
  const auto bucket = static_cast<std::size_t>(std::ranges::lower_bound(bounds_, value) - bounds_.begin());
  shard.counts[bucket].fetch_add(1, std::memory_order_relaxed);
  shard.sum.fetch_add(value, std::memory_order_relaxed);
}

Histogram::Totals Histogram::totals() const {
  Totals totals;
  totals.counts.resize(bounds_.size() + 1);
  for (const Shard& shard : shards_) {
    totals.sum += shard.sum.load(std::memory_order_relaxed);
    for (std::size_t i = 0; i < totals.counts.size(); ++i)
      totals.counts[i] += shard.counts[i].load(std::memory_order_relaxed);
  }
  return totals;
}

namespace detail {

LabelTable::LabelTable(std::vector<std::string> names, std::size_t max_series)
    : names_(std::move(names)), max_series_(max_series), slots_(std::bit_ceil(max_series * 2 + 1)) {}

LabelTable::~LabelTable() = default;

std::uint64_t LabelTable::hash_of(std::span<const std::string_view> values) {
  // Of both ends and the middle of each value: names differ there, and a table whose values do not is small.
  constexpr std::uint64_t factor = 0x9E3779B97F4A7C15U;
  std::uint64_t hash = values.size();
  for (const std::string_view value : values) {
    std::uint64_t front = value.size();
    std::uint64_t back = 0;
    if (value.size() >= sizeof back) {
      std::memcpy(&front, value.data(), sizeof front);
      std::memcpy(&back, value.data() + value.size() - sizeof back, sizeof back);
      std::uint64_t middle = 0;
      std::memcpy(&middle, value.data() + (value.size() - sizeof middle) / 2, sizeof middle);
      back ^= middle << 7 | middle >> 57;
    } else {
      for (const char c : value) back = back << 8 | static_cast<unsigned char>(c);
    }
    hash = (hash ^ front) * factor;
    hash = (hash ^ (hash >> 32) ^ back) * factor;
  }
  return hash ^ (hash >> 32);
}

const LabelTable::Entry* LabelTable::look_up(std::uint64_t hash, std::span<const std::string_view> values) const {
  for (std::size_t slot = hash & (slots_.size() - 1);; slot = (slot + 1) & (slots_.size() - 1)) {
    const Entry* entry = slots_[slot].load(std::memory_order_acquire);
    if (!entry || (entry->hash == hash && std::ranges::equal(entry->values, values))) return entry;
  }
}

void LabelTable::insert(std::uint64_t hash, std::span<const std::string_view> values, std::size_t index) {
  auto entry = std::make_unique<Entry>(Entry{hash, index, {values.begin(), values.end()}});
  std::size_t slot = hash & (slots_.size() - 1);
  while (slots_[slot].load(std::memory_order_relaxed)) slot = (slot + 1) & (slots_.size() - 1);
  slots_[slot].store(entry.get(), std::memory_order_release);
  entries_.push_back(std::move(entry));
}

void LabelTable::append_labels(std::string& out, std::size_t index, std::string_view extra) const {
  if (names_.empty() && extra.empty()) return;
  const Entry* entry = nullptr;
  if (index > 0) {
    const std::lock_guard lock(mutex_);
    entry = entries_[index - 1].get();
  }
  out.push_back('{');
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (i > 0) out.push_back(',');
    out.append(names_[i]).append("=\"");
    append_escaped(out, entry ? std::string_view(entry->values[i]) : "other", true);
    out.push_back('"');
  }
  if (!names_.empty() && !extra.empty()) out.push_back(',');
  out.append(extra);
  out.push_back('}');
}

std::vector<std::size_t> LabelTable::sorted() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::size_t> indices(size_);
  for (std::size_t i = 0; i < size_; ++i) indices[i] = i + 1;
  std::ranges::sort(indices, {}, [&](std::size_t index) -> const auto& { return entries_[index - 1]->values; });
  indices.push_back(0);
  return indices;
}

void FamilyBase::expose(std::string& out) const {
  out.append("# HELP ").append(name_).append(" ");
  append_escaped(out, help_, false);
  out.append("\n# TYPE ").append(name_).append(" ").append(type_).append("\n");
  expose_series(out);
}

}  // namespace detail

namespace {
template <class Metric>
constexpr const char* type_name() {
  if constexpr (std::is_same_v<Metric, Counter>) return "counter";
  if constexpr (std::is_same_v<Metric, Gauge>) return "gauge";
  return "histogram";
}
}  // namespace

template <class Metric>
Family<Metric>::Family(std::string name, std::string help, std::vector<std::string> labels, std::size_t max_series,
                       std::size_t shards, std::span<const double> bounds)
    : FamilyBase(std::move(name), std::move(help), type_name<Metric>()),
      label_count_(labels.size()),
      shards_(shards),
      bounds_(bounds),
      labels_(std::move(labels), max_series),
      by_index_(max_series + 1) {
  // The series "other" exists from the start, but is shown only once it counts something.
  metrics_.push_back(make());
  by_index_[0].store(metrics_.back().get(), std::memory_order_relaxed);
}

template <class Metric>
std::unique_ptr<Metric> Family<Metric>::make() const {
  if constexpr (std::is_same_v<Metric, Histogram>) {
    return std::make_unique<Metric>(shards_, bounds_);
  } else {
    return std::make_unique<Metric>(shards_);
  }
}

template <class Metric>
Metric& Family<Metric>::series(std::span<const std::string_view> values) {
  assert(values.size() == label_count_);
  const std::size_t index = labels_.find(values, [&](std::size_t fresh) {
    metrics_.push_back(make());
    by_index_[fresh].store(metrics_.back().get(), std::memory_order_release);
  });
  used_other_.store(used_other_.load(std::memory_order_relaxed) || index == 0, std::memory_order_relaxed);
  return *by_index_[index].load(std::memory_order_acquire);
}

template <class Metric>
void Family<Metric>::expose_series(std::string& out) const {
  for (const std::size_t index : labels_.sorted()) {
    if (index == 0 && !used_other_.load(std::memory_order_relaxed)) continue;
    append_metric(out, name_, labels_, index, *by_index_[index].load(std::memory_order_acquire), bounds_);
  }
}

template class Family<Counter>;
template class Family<Gauge>;
template class Family<Histogram>;

Registry::Registry(std::size_t shards)
    : shards_(std::bit_ceil(std::min(max_shards, shards > 0 ? shards : static_cast<std::size_t>(usable_cores())))) {}

template <class Metric>
Family<Metric>& Registry::add(std::string name, std::string help, std::vector<std::string> labels,
                              std::size_t max_series, std::span<const double> bounds) {
  auto family = std::make_unique<Family<Metric>>(std::move(name), std::move(help), std::move(labels), max_series,
                                                 shards_, bounds);
  Family<Metric>& added = *family;
  const std::lock_guard lock(mutex_);
  const auto place = std::ranges::lower_bound(families_, added.name(), {}, [](const auto& f) { return f->name(); });
  assert(place == families_.end() || (*place)->name() != added.name());
  families_.insert(place, std::move(family));
  return added;
}

CounterFamily& Registry::counter(std::string name, std::string help, std::vector<std::string> labels,
                                 std::size_t max_series) {
  return add<Counter>(std::move(name), std::move(help), std::move(labels), max_series, {});
}

GaugeFamily& Registry::gauge(std::string name, std::string help, std::vector<std::string> labels,
                             std::size_t max_series) {
  return add<Gauge>(std::move(name), std::move(help), std::move(labels), max_series, {});
}

HistogramFamily& Registry::histogram(std::string name, std::string help, std::span<const double> bounds,
                                     std::vector<std::string> labels, std::size_t max_series) {
  return add<Histogram>(std::move(name), std::move(help), std::move(labels), max_series, bounds);
}

std::string Registry::text() const {
  std::string out;
  const std::lock_guard lock(mutex_);
  for (const auto& family : families_) family->expose(out);
  return out;
}

}  // namespace sluice::telemetry
