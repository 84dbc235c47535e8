#include "spend/periods.h"

#include <algorithm>
#include <map>

#include "store/tags.h"

namespace sluice::spend {
namespace {

constexpr std::size_t most_groups = 100'000;  // of tags: each request may bring its own

// What the groups are called that a row belongs to.
class Grouping {
 public:
  Grouping(std::string by, store::Store& store) : by_(std::move(by)), store_(store) {}

  Result<std::vector<std::string>> groups_of(const store::LedgerEntry& entry) {
    std::vector<std::string> groups;
    if (by_ == "model") {
      groups.push_back(entry.provider.str() + "/" + entry.model.str());
    } else if (by_ == "route") {
      groups.push_back(entry.requested_model);
    } else if (by_ == "workload") {
      groups.push_back(entry.workload.empty() ? "(none)" : entry.workload);
    } else if (by_ == "tag") {
      for (const std::string_view tag : store::split_tags(entry.tags)) groups.emplace_back(tag);
      if (groups.empty()) groups.emplace_back("(none)");
    } else if (by_ != "all") {
      const std::string& key = entry.key_id.str();
      auto known = labels_.find(key);
      if (known == labels_.end()) {
        TRY(std::string label, label_of(key));
        known = labels_.emplace(key, std::move(label)).first;
      }
      groups.push_back(known->second);
    }
    return groups;
  }

 private:
  Result<std::string> label_of(const std::string& key) {
    const bool by_key = by_ == "key";
    if (by_key && key.starts_with(store::temporary_id_prefix)) return "(chat and run)";
    TRY(const auto report, store_.see_key({}, key));
    const std::string label = !report ? std::string() : by_key ? report->key.name : report->key.team;
    if (label.empty()) return by_key ? key : "(none)";
    if (by_key) return label;
    TRY(const auto team, store_.see_subject({}, store::SubjectKind::team, label));
    return team ? team->name : label;
  }

  std::string by_;
  store::Store& store_;
  std::map<std::string, std::string> labels_;  // of the keys that have been seen
};

}  // namespace

Result<Comparison> compare(store::Store& store, const catalog::PriceBook& prices, const Asked& asked) {
  const auto bounded = [&](std::int64_t rows) -> Result<void> {
    if (asked.most_rows == 0 || rows <= asked.most_rows) return {};
    return fail(ErrorKind::invalid_request,
                "a period has more than " + std::to_string(asked.most_rows) + " rows, which is the most here",
                "ask for shorter periods, or run `sluice usage explain`, which takes its time");
  };
  // Those of others are passed over, which takes its time as well.
  if (asked.keys && asked.most_rows > 0)
    for (const Period& period : {asked.before, asked.after}) {
      store::UsageQuery query{.by = store::GroupBy::ground};
      query.since_us = period.from_us;
      query.until_us = period.to_us;
      TRY(const store::UsageReport used, store.usage(query));
      CHECK_OK(bounded(used.total.requests + used.total.extra_attempts));
    }
  Grouping grouping(asked.by, store);
  std::map<std::string, Compared> groups;
  Comparison told{.groups = {}, .total = {.group = "total"}};
  for (const bool later : {false, true}) {
    const Period& period = later ? asked.after : asked.before;
    store::CostRange range{.from_us = period.from_us, .to_us = period.to_us, .provider = {}, .model = {}};
    range.keys = asked.keys;
    if (asked.most_rows > 0) range.most = asked.most_rows + 1;
    TRY(const std::int64_t rows, store.each_cost(range, [&](const store::LedgerEntry& entry) -> Result<void> {
      const auto add = [&](Compared& to) { (later ? to.after : to.before).add(entry, prices); };
      add(told.total);
      TRY(const std::vector<std::string> of, grouping.groups_of(entry));
      for (const std::string& group : of) add(groups[group]);
      if (groups.size() > most_groups)
        return fail(ErrorKind::invalid_request, "there are more than " + std::to_string(most_groups) + " groups",
                    "ask for shorter periods, or by something else");
      return {};
    }));
    CHECK_OK(bounded(rows));
  }
  const auto finish = [](Compared& one) { one.difference = explain(one.before, one.after); };
  finish(told.total);
  told.groups.reserve(groups.size());
  for (auto& [group, one] : groups) {
    one.group = group;
    finish(one);
    told.groups.push_back(std::move(one));
  }
  const auto size = [](const Compared& one) {
    const MoneySum sum = one.difference.sum();
    return sum < 0 ? -sum : sum;
  };
  std::ranges::sort(told.groups, [&](const Compared& a, const Compared& b) {
    return size(a) != size(b) ? size(a) > size(b) : a.group < b.group;
  });
  return told;
}

void write(json::Writer& out, const Compared& one) {
  const Difference& told = one.difference;
  out.member("before_usd", store::usd(told.before)).member("after_usd", store::usd(told.after));
  out.member("difference_usd", store::usd(told.sum())).member("volume_usd", store::usd(told.volume));
  out.member("mix_usd", store::usd(told.mix)).member("cache_usd", store::usd(told.cache));
  out.member("tier_usd", store::usd(told.tier)).member("price_usd", store::usd(told.price));
  const auto side = [&](const char* name, const Costs& costs) {
    out.key(name).begin_object().member("requests", costs.requests()).member("tokens", costs.tokens());
    out.member("unpriced", costs.unpriced()).end_object();
  };
  side("before", one.before);
  side("after", one.after);
}

}  // namespace sluice::spend
