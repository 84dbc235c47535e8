#include "gateway/route/affinity.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <queue>
#include <random>
#include <unordered_set>

#include "json/json.h"

namespace sluice::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Time = Affinity::TimePoint;

constexpr Time start{std::chrono::hours(1)};

// So many engines that serve one model, and behind them a vendor with another.
struct Fleet {
  explicit Fleet(std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) add("engine" + std::to_string(i), "small", catalog::Ground::self_hosted);
    add("vendor", "large", catalog::Ground::proprietary);
  }
  void add(const std::string& provider, const std::string& model, catalog::Ground ground) {
    candidates.push_back(std::make_unique<config::Candidate>(
        config::Candidate{.name = provider + "/" + model, .model_name = ModelName(model), .ground = ground}));
  }
  std::vector<Attempt> plan() const {
    std::vector<Attempt> attempts;
    for (const auto& candidate : candidates)
      attempts.push_back({.candidate = candidate.get(), .position = static_cast<std::uint32_t>(attempts.size())});
    return attempts;
  }
  std::vector<std::unique_ptr<config::Candidate>> candidates;
};

std::string chat(const std::vector<std::string>& turns) {
  std::string body = R"({"model":"m","messages":[)";
  for (std::size_t i = 0; i < turns.size(); ++i)
    body += std::string(i ? "," : "") + R"({"role":"user","content":")" + turns[i] + "\"}";
  return body + "]}";
}

std::string text(char letter, std::size_t bytes = 4'000) { return std::string(bytes, letter); }

// Where a request goes that ends at once.
std::string place(Affinity& affinity, const Fleet& fleet, AffinityKey key, Time now = start) {
  std::vector<Attempt> attempts = fleet.plan();
  const Placement placement = affinity.arrange(attempts, std::move(key), now);
  return attempts.front().candidate->name;
}

TEST(Affinity, Keeps_a_conversation_where_it_began_and_spreads_others) {
  Affinity affinity;
  const Fleet fleet(4);
  std::vector<std::string> began;
  for (const char letter : {'a', 'b', 'c', 'd'})
    began.push_back(place(affinity, fleet, prefix_key(chat({text(letter)}), "t")));
  std::vector<std::string> different = began;
  std::ranges::sort(different);
  EXPECT_EQ(std::ranges::unique(different).size(), 0u) << "four conversations, four engines";
  for (int turn = 0; turn < 3; ++turn)
    for (const std::size_t i : {3u, 1u, 2u, 0u})
      EXPECT_EQ(place(affinity, fleet, prefix_key(chat({text(static_cast<char>('a' + i)), text('x')}), "t")), began[i]);
}

TEST(Affinity, Does_not_follow_what_all_conversations_have_in_common) {
  Affinity affinity;
  const Fleet fleet(2);
  const auto talk = [](char letter) { return prefix_key(chat({text('s', 1'500), text(letter, 20'000)}), "t"); };
  const std::string first = place(affinity, fleet, talk('a'));
  EXPECT_NE(place(affinity, fleet, talk('b')), first);
}

TEST(Affinity, Tells_tenants_apart) {
  const std::string body = chat({text('a')});
  EXPECT_EQ(prefix_key(body, "one").blocks, prefix_key(body, "one").blocks);
  EXPECT_NE(prefix_key(body, "one").blocks.front(), prefix_key(body, "two").blocks.front());
  EXPECT_NE(session_key("s", 1, "one").blocks, session_key("s", 1, "two").blocks);
}

TEST(Affinity, Reads_a_prompt_in_the_order_in_which_a_model_does) {
  const std::string tools = R"([{"name":")" + text('t') + R"("}])";
  const std::string messages = R"([{"role":"user","content":")" + text('m') + R"("}])";
  const auto one = prefix_key(R"({"tools":)" + tools + R"(,"messages":)" + messages + "}", "t");
  const auto other = prefix_key(R"({"messages":)" + messages + R"(,"temperature":1,"tools":)" + tools + "}", "t");
  EXPECT_EQ(one.blocks.size(), (tools.size() + messages.size()) / affinity_block_bytes);
  EXPECT_EQ(one.blocks, other.blocks);
}

TEST(Affinity, Sees_no_beginning_in_a_short_prompt_or_in_a_body_that_says_things_twice) {
  EXPECT_TRUE(prefix_key(chat({"hi"}), "t").blocks.empty());
  EXPECT_TRUE(prefix_key(R"({"messages":[],"messages":[")" + text('a') + R"("]})", "t").blocks.empty());
}

TEST(Affinity, Changes_only_the_order_of_neighbours_with_one_model) {
  Affinity affinity;
  const Fleet fleet(3);
  std::vector<Attempt> attempts = fleet.plan();
  const Placement placement = affinity.arrange(attempts, prefix_key(chat({text('a')}), "t"), start);
  EXPECT_EQ(attempts.back().candidate->name, "vendor/large");
  EXPECT_EQ(attempts.front().reason, Attempt::Reason::least_loaded);
  EXPECT_EQ(attempts[1].reason, Attempt::Reason::listed);

  Fleet mixed(1);
  mixed.add("engine9", "small", catalog::Ground::self_hosted);  // behind the vendor, so no neighbour of the first
  std::vector<Attempt> untouched = mixed.plan();
  (void)affinity.arrange(untouched, prefix_key(chat({text('a')}), "t"), start);
  for (std::size_t i = 0; i < untouched.size(); ++i) EXPECT_EQ(untouched[i].candidate, mixed.candidates[i].get());
}

TEST(Affinity, Leaves_a_target_that_is_full_and_comes_back_to_it) {
  Affinity affinity;
  const Fleet fleet(4);
  const AffinityKey key = prefix_key(chat({text('a', 40'000)}), "t");
  std::vector<Attempt> attempts = fleet.plan();
  Placement running = affinity.arrange(attempts, key, start);
  const std::string home = attempts.front().candidate->name;
  EXPECT_NE(place(affinity, fleet, key), home) << "it has more than the others, and is busy";
  running.end();
  EXPECT_EQ(place(affinity, fleet, key), home) << "an idle target takes what it knows";
}

TEST(Affinity, Remembers_who_has_answered_in_anothers_place) {
  Affinity affinity;
  const Fleet fleet(3);
  const AffinityKey key = prefix_key(chat({text('a')}), "t");
  std::vector<Attempt> attempts = fleet.plan();
  Placement placement = affinity.arrange(attempts, key, start);
  const Attempt down = attempts[0];
  placement.moved_to(*attempts[1].candidate, start);
  const std::string now_at = attempts[1].candidate->name;
  placement.end();
  attempts = fleet.plan();
  std::erase_if(attempts, [&](const Attempt& one) { return one.candidate == down.candidate; });
  placement = affinity.arrange(attempts, key, start);
  EXPECT_EQ(attempts.front().candidate->name, now_at);
  EXPECT_EQ(attempts.front().reason, Attempt::Reason::knows_prompt);
  placement.end();
  for (const Affinity::Report& one : affinity.report(start)) EXPECT_EQ(one.under_way, 0) << one.target;
}

TEST(Affinity, Does_not_pour_everything_into_a_target_that_comes_back) {
  Affinity affinity;
  const Fleet fleet(4);
  const auto request = [&](int i) { return prefix_key(chat({text(static_cast<char>('a' + i % 20))}), "t"); };
  Time now = start;
  for (int i = 0; i < 200; ++i, now += seconds(1)) {  // engine0 is down
    std::vector<Attempt> attempts = fleet.plan();
    attempts.erase(attempts.begin());
    (void)affinity.arrange(attempts, request(i), now);
  }
  int to_newcomer = 0;
  for (int i = 0; i < 40; ++i, now += seconds(1)) {
    std::vector<Attempt> attempts = fleet.plan();
    const Placement busy = affinity.arrange(attempts, prefix_key(chat({std::to_string(i) + text('z')}), "t"), now);
    to_newcomer += attempts.front().candidate->name == "engine0/small";
  }
  EXPECT_GT(to_newcomer, 0);
  EXPECT_LT(to_newcomer, 20);
}

TEST(Affinity, Keeps_sessions_together_whatever_they_say) {
  std::vector<Attempt::Reason> told;
  Affinity affinity([&](const AffinityChoice& choice) { told.push_back(choice.reason); });
  const Fleet fleet(4);
  const std::string home = place(affinity, fleet, session_key("s1", 100, "t"));
  place(affinity, fleet, session_key("s2", 100, "t"));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(place(affinity, fleet, session_key("s1", 100, "t")), home);
  EXPECT_EQ(std::ranges::count(told, Attempt::Reason::least_loaded), 2);
  EXPECT_EQ(std::ranges::count(told, Attempt::Reason::keeps_session), 5);
}

TEST(Affinity, Forgets_the_oldest_and_does_not_grow) {
  Affinity affinity;
  const Fleet fleet(2);
  std::mt19937_64 random(7);
  AffinityKey key{.blocks = std::vector<std::uint64_t>(4'096), .bytes = 1};
  const AffinityKey old = prefix_key(chat({text('o')}), "t");
  place(affinity, fleet, old);
  for (int i = 0; i < 200; ++i) {
    for (std::uint64_t& hash : key.blocks) hash = random();
    place(affinity, fleet, key);
  }
  EXPECT_LE(affinity.blocks_known(), std::size_t{1} << 18);
  EXPECT_GE(affinity.blocks_known(), (std::size_t{1} << 18) * 9 / 10);
  std::vector<Attempt> attempts = fleet.plan();
  (void)affinity.arrange(attempts, old, start);
  EXPECT_EQ(attempts.front().reason, Attempt::Reason::least_loaded) << "800,000 blocks later it is forgotten";
}

// --- replays

struct Request {
  Time at;
  Time ends;
  std::size_t tokens = 0;
  std::vector<std::uint64_t> blocks;
};

// What became of a load over so many targets, each with a cache that forgets nothing.
struct Replayed {
  double kept = 0;         // cache hits, as a share of those of a single target that gets everything
  double most_tokens = 0;  // of one target, beside the mean
  double least_tokens = 0;
  double most_in_ten_minutes = 0;
};

Replayed replay(const std::vector<Request>& requests, std::size_t targets) {
  const auto known = [](const std::unordered_set<std::uint64_t>& cache, const std::vector<std::uint64_t>& blocks) {
    std::size_t n = 0;
    while (n < blocks.size() && cache.contains(blocks[n])) ++n;
    return n;
  };
  Affinity affinity;
  const Fleet fleet(targets);
  struct Running {
    Time ends;
    std::unique_ptr<Placement> placement;
    bool operator<(const Running& other) const { return ends > other.ends; }
  };
  std::priority_queue<Running> running;
  std::unordered_set<std::uint64_t> single;
  std::map<std::string, std::unordered_set<std::uint64_t>> caches;
  std::map<std::string, double> tokens;
  std::map<std::int64_t, std::map<std::string, double>> windows;
  std::size_t single_hits = 0;
  std::size_t hits = 0;
  for (const Request& request : requests) {
    while (!running.empty() && running.top().ends <= request.at) running.pop();
    single_hits += known(single, request.blocks);
    single.insert(request.blocks.begin(), request.blocks.end());

    std::vector<Attempt> attempts = fleet.plan();
    Placement placement =
        affinity.arrange(attempts, {.blocks = request.blocks, .bytes = request.tokens * 4}, request.at);
    running.push({request.ends, std::make_unique<Placement>(std::move(placement))});
    const std::string& target = attempts.front().candidate->name;
    hits += known(caches[target], request.blocks);
    caches[target].insert(request.blocks.begin(), request.blocks.end());
    tokens[target] += static_cast<double>(request.tokens);
    windows[(request.at - start) / std::chrono::minutes(10)][target] += static_cast<double>(request.tokens);
  }
  const auto extremes = [&](const std::map<std::string, double>& of) {
    double sum = 0;
    double most = 0;
    double least = of.size() < targets ? 0 : 1e300;
    for (const auto& [name, amount] : of) {
      sum += amount;
      most = std::max(most, amount);
      least = std::min(least, amount);
    }
    const double mean = sum / static_cast<double>(targets);
    return std::pair(most / mean, least / mean);
  };
  Replayed result{.kept = static_cast<double>(hits) / static_cast<double>(single_hits)};
  std::tie(result.most_tokens, result.least_tokens) = extremes(tokens);
  windows.erase(std::prev(windows.end()));  // it ends within it
  for (const auto& [number, window] : windows)
    result.most_in_ten_minutes = std::max(result.most_in_ten_minutes, extremes(window).first);
  return result;
}

void expect_warm_and_even(const Replayed& result) {
  std::cout << "cache hits kept " << result.kept << ", load from " << result.least_tokens << " to "
            << result.most_tokens << " of the mean, within ten minutes up to " << result.most_in_ten_minutes << "\n";
  EXPECT_GE(result.kept, 0.95);
  EXPECT_LE(result.most_tokens, 1.10);
  EXPECT_GE(result.least_tokens, 0.90);
  EXPECT_LE(result.most_in_ten_minutes, 1.10);
}

// An answer takes a second and 20 ms for each token: an engine's pace, by which requests overlap.
Time end_of(Time at, std::int64_t output_tokens) { return at + seconds(1) + milliseconds(20 * output_tokens); }

// The conversation trace of Mooncake (FAST 25): an hour of requests, each with the ids of its prompt's blocks of 512
// tokens, an id standing for all of the prompt up to the block's end.
TEST(Affinity_replay, Keeps_the_caches_warm_and_the_load_even_on_a_real_trace) {
  const char* shared = std::getenv("SLUICE_SHARED_DATA");
  const std::filesystem::path folder = shared ? shared : SLUICE_SHARED_DATA_DEFAULT;
  const std::filesystem::path path = folder / "traces" / "mooncake_conversation_trace.jsonl";
  std::ifstream file(path);
  if (!file) GTEST_SKIP() << "no trace at " << path.string() << "; set SLUICE_SHARED_DATA to have it";
  std::vector<Request> requests;
  for (std::string line; std::getline(file, line);) {
    const auto parsed = json::Document::parse(line);
    ASSERT_TRUE(parsed);
    const json::Value root = parsed->root();
    Request request{.at = start + milliseconds(*root["timestamp"].integer())};
    request.ends = end_of(request.at, *root["output_length"].integer());
    request.tokens = static_cast<std::size_t>(*root["input_length"].integer());
    for (const json::Value& id : root["hash_ids"].elements())
      request.blocks.push_back(static_cast<std::uint64_t>(*id.integer() + 1) * 0x9E3779B97F4A7C15u);
    requests.push_back(std::move(request));
  }
  ASSERT_GT(requests.size(), 10'000u);
  expect_warm_and_even(replay(requests, 8));
}

// Conversations of one to twelve turns under three system texts, a new one whenever one ends.
TEST(Affinity_replay, Keeps_the_caches_warm_and_the_load_even_on_made_conversations) {
  std::mt19937_64 random(42);
  const auto up_to = [&](std::uint64_t n) { return random() % n; };
  struct Talk {
    std::vector<std::uint64_t> blocks;
    std::uint64_t turns = 0;
  };
  const auto begin = [&] {
    const std::uint64_t system = up_to(3);
    Talk talk{.turns = 1 + up_to(12)};
    for (std::uint64_t i = 0; i < 2; ++i) talk.blocks.push_back(1 + (system * 2 + i) * 0x9E3779B97F4A7C15u);
    return talk;
  };
  std::vector<Talk> talks;
  for (int i = 0; i < 200; ++i) talks.push_back(begin());
  std::vector<Request> requests;
  Time now = start;
  for (int i = 0; i < 10'000; ++i) {
    Talk& talk = talks[up_to(talks.size())];
    for (std::uint64_t n = 1 + up_to(6); n > 0; --n) talk.blocks.push_back(random() | 1);
    now += milliseconds(up_to(600));
    requests.push_back({.at = now,
                        .ends = end_of(now, static_cast<std::int64_t>(up_to(500))),
                        .tokens = talk.blocks.size() * 512,
                        .blocks = talk.blocks});
    if (--talk.turns == 0) talk = begin();
  }
  expect_warm_and_even(replay(requests, 8));
}

// For the figure in docs/reference/affinity.md; the machine decides how long it takes, so nothing is asked of it.
TEST(Affinity_replay, Tells_what_a_prompt_of_100_000_tokens_costs) {
  Affinity affinity;
  const Fleet fleet(8);
  std::string words;
  std::mt19937_64 random(1);
  while (words.size() < 400'000) words += std::to_string(random()) + " ";
  const std::string body = chat({words});
  constexpr int times = 50;
  const std::clock_t begin = std::clock();
  for (int i = 0; i < times; ++i) place(affinity, fleet, prefix_key(body, "t"));
  const double us = static_cast<double>(std::clock() - begin) * 1e6 / CLOCKS_PER_SEC / times;
  std::cout << body.size() << " bytes: " << us << " us of CPU\n";
  EXPECT_EQ(affinity.blocks_known(), prefix_key(body, "t").blocks.size());
}

}  // namespace
}  // namespace sluice::gateway
