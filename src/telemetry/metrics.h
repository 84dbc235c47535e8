// Metrics in Prometheus' terms: families of counters, gauges and histograms with labels. Adding to one is a relaxed
// atomic on a cache line of the current core; finding the series of some labels takes no lock. A family has a bound on
// its series: label values beyond it are counted under "other", so that no client can fill the memory with names.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <concepts>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::telemetry {

// Which of the shards the calling thread adds to: that of the core it runs on. `count` is a power of two.
std::size_t current_shard(std::size_t count);

struct alignas(64) CounterShard {
  std::atomic<std::uint64_t> value{0};
};

// Only goes up. Wraps at 2^64, which Prometheus takes for a restart.
class Counter {
 public:
  explicit Counter(std::size_t shards) : shards_(shards) {}
  void add(std::uint64_t n = 1) {
    shards_[current_shard(shards_.size())].value.fetch_add(n, std::memory_order_relaxed);
  }
  std::uint64_t value() const;

 private:
  std::vector<CounterShard> shards_;
};

// Goes up and down; set by its owner.
class Gauge {
 public:
  explicit Gauge(std::size_t) {}
  void set(double value) { value_.store(value, std::memory_order_relaxed); }
  void add(double value) { value_.fetch_add(value, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

// Counts observations by upper bounds (inclusive).
class Histogram {
 public:
  static constexpr std::size_t max_bounds = 23;
  Histogram(std::size_t shards, std::span<const double> bounds);
  void observe(double value);

  struct Totals {
    std::vector<std::uint64_t> counts;  // by bucket, not cumulative; the last is "above every bound"
    double sum = 0;
  };
  Totals totals() const;

 private:
  struct alignas(64) Shard {
    std::atomic<double> sum{0};
    std::array<std::atomic<std::uint64_t>, max_bounds + 1> counts{};
  };
  std::span<const double> bounds_;
  std::vector<Shard> shards_;
};

// Seconds: a fast local answer, a long completion, and between.
extern const std::span<const double> duration_bounds_s;
// Seconds: what Sluice itself adds to a request.
extern const std::span<const double> overhead_bounds_s;

namespace detail {

inline constexpr std::size_t max_label_bytes = 128;

// Label values -> index of a series. Looking up is lock-free; series are only ever added.
class LabelTable {
 public:
  LabelTable(std::vector<std::string> names, std::size_t max_series);
  ~LabelTable();
  // 0 is the series "other"; the first time that labels are seen, `fresh(index)` makes their series before others see
  // it.
  template <class Make>
  std::size_t find(std::span<const std::string_view> values, Make&& fresh) {
    const std::uint64_t hash = hash_of(values);
    if (const Entry* entry = look_up(hash, values)) return entry->index;
    const std::lock_guard lock(mutex_);
    if (const Entry* entry = look_up(hash, values)) return entry->index;
    if (size_ == max_series_) return 0;
    fresh(size_ + 1);
    insert(hash, values, ++size_);
    return size_;
  }
  // {a="x",b="y"} of a series, with `extra` (already formatted) as the last label. For exposition.
  void append_labels(std::string& out, std::size_t index, std::string_view extra) const;
  std::vector<std::size_t> sorted() const;  // the indices in use, by label values; 0 comes last

 private:
  struct Entry {
    std::uint64_t hash = 0;
    std::size_t index = 0;
    std::vector<std::string> values;
  };
  static std::uint64_t hash_of(std::span<const std::string_view> values);
  const Entry* look_up(std::uint64_t hash, std::span<const std::string_view> values) const;
  void insert(std::uint64_t hash, std::span<const std::string_view> values, std::size_t index);

  const std::vector<std::string> names_;
  const std::size_t max_series_;
  mutable std::mutex mutex_;  // of insertion
  std::size_t size_ = 0;
  std::vector<std::unique_ptr<Entry>> entries_;   // by index - 1
  std::vector<std::atomic<const Entry*>> slots_;  // open addressing, at most half full
};

// What the registry needs of every family.
class FamilyBase {
 public:
  FamilyBase(std::string name, std::string help, const char* type)
      : name_(std::move(name)), help_(std::move(help)), type_(type) {}
  virtual ~FamilyBase() = default;
  void expose(std::string& out) const;
  const std::string& name() const { return name_; }

 protected:
  virtual void expose_series(std::string& out) const = 0;
  std::string name_;
  std::string help_;
  const char* type_;
};

}  // namespace detail

// Series of one name, told apart by their labels.
template <class Metric>
class Family final : public detail::FamilyBase {
 public:
  Family(std::string name, std::string help, std::vector<std::string> labels, std::size_t max_series,
         std::size_t shards, std::span<const double> bounds);

  // The series with these label values, in the order of the declaration; a value longer than 128 bytes is cut. The
  // reference is good as long as the registry. About 50 ns: keep the reference where the labels do not change.
  template <std::convertible_to<std::string_view>... Values>
  Metric& with(const Values&... values) {
    const std::array<std::string_view, sizeof...(values)> list{
        std::string_view(values).substr(0, detail::max_label_bytes)...};
    return series(list);
  }

 private:
  Metric& series(std::span<const std::string_view> values);
  std::unique_ptr<Metric> make() const;
  void expose_series(std::string& out) const override;

  const std::size_t label_count_;
  const std::size_t shards_;
  const std::span<const double> bounds_;
  detail::LabelTable labels_;
  std::atomic<bool> used_other_{false};
  std::vector<std::atomic<Metric*>> by_index_;    // 0: "other"
  std::vector<std::unique_ptr<Metric>> metrics_;  // owns them
};

using CounterFamily = Family<Counter>;
using GaugeFamily = Family<Gauge>;
using HistogramFamily = Family<Histogram>;

class Registry {
 public:
  static constexpr std::size_t default_max_series = 500;
  explicit Registry(std::size_t shards = 0);  // 0: one for each core, at most 16
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  // Families are made at start-up and live as long as the registry; a name is used once. `labels` are label names.
  CounterFamily& counter(std::string name, std::string help, std::vector<std::string> labels = {},
                         std::size_t max_series = default_max_series);
  GaugeFamily& gauge(std::string name, std::string help, std::vector<std::string> labels = {},
                     std::size_t max_series = default_max_series);
  // `bounds` (ascending, at most 23) must outlive the registry.
  HistogramFamily& histogram(std::string name, std::string help, std::span<const double> bounds,
                             std::vector<std::string> labels = {}, std::size_t max_series = default_max_series);

  // Prometheus' text format 0.0.4, families by name.
  std::string text() const;

 private:
  template <class Metric>
  Family<Metric>& add(std::string name, std::string help, std::vector<std::string> labels, std::size_t max_series,
                      std::span<const double> bounds);
  const std::size_t shards_;
  mutable std::mutex mutex_;  // of families_
  std::vector<std::unique_ptr<detail::FamilyBase>> families_;
};

}  // namespace sluice::telemetry
