#include "serve/spend_watch.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "config/load.h"
#include "store/store.h"
#include "store/testing_ledger.h"
#include "store/testing_wait.h"
#include "telemetry/metrics.h"

namespace sluice::serve {
namespace {

constexpr std::int64_t us_per_hour = 3'600'000'000;
constexpr std::int64_t first_hour = 495'600;
constexpr std::int64_t quiet_hours = 30;

// A quiet ledger with one hour that cost ten times as much, and a clock that the test sets.
struct Watching : testing::Test {
  std::string folder = [] {
    std::string name = (std::filesystem::temp_directory_path() / "sluice-watch-XXXXXX").string();
    if (!mkdtemp(name.data())) std::abort();
    return name;
  }();
  telemetry::Registry registry{1};
  telemetry::LimitMetrics metrics{registry};
  telemetry::Log log{telemetry::LogSettings{.level = telemetry::Level::error}};
  std::shared_ptr<net::TlsContext> tls = *net::TlsContext::create("");

  void SetUp() override {
    auto store = store::Store::open(folder);
    ASSERT_TRUE(store);
    std::vector<store::LedgerEntry> rows;
    for (std::int64_t hour = 0; hour <= quiet_hours; ++hour) {
      store::LedgerEntry& one = rows.emplace_back();
      one.request_id = RequestId("req_" + std::to_string(hour));
      one.start_us = one.end_us = (first_hour + hour) * us_per_hour + 1;
      one.key_id = KeyId("key_a");
      one.provider = ProviderId("acme");
      one.model = ModelName("big");
      one.usage = {.input = 100, .reported = true};
      one.cost = Money::pico((hour == quiet_hours ? 40 : 4) * Money::pico_per_usd);
    }
    store::write_ledger(folder, rows);
    ASSERT_TRUE(store->fold());
  }
  ~Watching() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }

  std::optional<std::int64_t> looked() const { return *store::Store::open(folder)->watched_hours(); }
  // One look at that moment.
  void look(const std::string& configuration, std::int64_t unix_us, std::int64_t until_hour) {
    config::Sources sources{.text = configuration};
    const gateway::SnapshotCell snapshots(config::load(sources).snapshot);
    Alerts alerts(log, metrics, snapshots, tls);
    const SpendWatch watch(folder, log, metrics, snapshots, alerts, [=] { return unix_us; });
    EXPECT_TRUE(store::wait_until([&] { return looked() == until_hour; })) << looked().value_or(-1);
  }
  bool told(int times) const {
    const std::string line = R"(sluice_spend_anomalies_total{kind="cost"} )" + std::to_string(times) + "\n";
    const bool never = registry.text().find(R"(sluice_spend_anomalies_total{kind="cost"})") == std::string::npos;
    return times == 0 ? never : registry.text().find(line) != std::string::npos;
  }
};

TEST_F(Watching, Each_hour_is_judged_once_it_is_over_and_once) {
  const std::int64_t over_us = (first_hour + quiet_hours + 1) * us_per_hour;
  look("{}", over_us - us_per_hour + SpendWatch::after_the_hour_us, first_hour + quiet_hours);
  EXPECT_TRUE(told(0)) << registry.text();  // what was before the first look is nobody's news
  look("{}", over_us + SpendWatch::after_the_hour_us, first_hour + quiet_hours + 1);
  EXPECT_TRUE(told(1)) << registry.text();
  look("{}", over_us + SpendWatch::after_the_hour_us + 1, first_hour + quiet_hours + 1);
  EXPECT_TRUE(told(1)) << registry.text();
}

TEST_F(Watching, It_is_still_when_it_is_turned_off) {
  ASSERT_TRUE(store::Store::open(folder)->set_watched_hours(first_hour + quiet_hours));
  look("alerts: { anomalies: false }", (first_hour + quiet_hours + 2) * us_per_hour, first_hour + quiet_hours);
  EXPECT_TRUE(told(0)) << registry.text();
}

}  // namespace
}  // namespace sluice::serve
