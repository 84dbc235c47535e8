#include "store/append_log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>
#include <vector>

#include "store/log_reader.h"
#include "store/testing_directory.h"
#include "store/testing_wait.h"

namespace sluice::store {
namespace {

using namespace std::chrono_literals;

std::unique_ptr<AppendLog> open(const std::string& directory, AppendLog::Options options = {}, LogPosition floor = 0) {
  auto log = AppendLog::open(directory, options, floor);
  if (!log) throw std::runtime_error(log.error().message);
  return *std::move(log);
}

struct Contents {
  std::vector<std::string> records;
  std::uint64_t damaged_bytes = 0;
  LogPosition position = 0;
};

Contents read_all(const std::string& directory, LogPosition from = 0, LogPosition until = no_position) {
  Contents contents;
  auto reader = LogReader::open(directory, from, until);
  if (!reader) throw std::runtime_error(reader.error().message);
  while (true) {
    const auto record = reader->next();
    if (!record) throw std::runtime_error(record.error().message);
    if (!*record) break;
    contents.records.emplace_back(**record);
  }
  contents.damaged_bytes = reader->damaged_bytes();
  contents.position = reader->position();
  return contents;
}

void append_all(AppendLog& log, const std::vector<std::string>& records) {
  for (const std::string& record : records) ASSERT_EQ(log.append(record), Appended::queued);
  ASSERT_TRUE(log.flush(patience));
}

std::string last_segment(const std::string& directory) { return list_segments(directory)->back().path; }

TEST(AppendLog, Gives_later_records_to_its_heir_and_takes_the_log_back) {
  TestingDirectory directory;
  auto log = open(directory.path());
  ASSERT_EQ(log->append("one"), Appended::queued);
  std::vector<std::string> inherited;
  bool takes = true;
  ASSERT_TRUE(log->hand_over(
      [&](std::string_view record) {
        if (takes) inherited.emplace_back(record);
        return takes;
      },
      patience));
  EXPECT_EQ(read_all(directory.path()).records, std::vector<std::string>{"one"}) << "all is on disk before it goes";
  EXPECT_EQ(log->append("two"), Appended::queued);
  EXPECT_EQ(inherited, std::vector<std::string>{"two"});
  {
    auto heirs = open(directory.path());
    append_all(*heirs, {"two"});
  }
  takes = false;
  EXPECT_EQ(log->append("lost"), Appended::failed);
  EXPECT_EQ(log->health().lost_records, 1u);
  ASSERT_TRUE(log->take_back());
  append_all(*log, {"three"});
  EXPECT_EQ(read_all(directory.path()).records, (std::vector<std::string>{"one", "two", "three"}));
}

TEST(AppendLog, Gives_back_its_records_in_order) {
  TestingDirectory directory;
  auto log = open(directory.path());
  append_all(*log, {"one", "two", std::string(max_record_bytes, 'x')});
  const Contents contents = read_all(directory.path());
  EXPECT_EQ(contents.records, (std::vector<std::string>{"one", "two", std::string(max_record_bytes, 'x')}));
  EXPECT_EQ(contents.position, log->durable_position());
  EXPECT_EQ(log->durable_records(), 3u);
}

TEST(AppendLog, Goes_on_where_it_ended) {
  TestingDirectory directory;
  append_all(*open(directory.path()), {"one"});
  append_all(*open(directory.path()), {"two"});
  EXPECT_EQ(read_all(directory.path()).records, (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(list_segments(directory.path())->size(), 1u);
}

TEST(AppendLog, Writes_what_is_queued_before_it_goes) {
  TestingDirectory directory;
  open(directory.path(), {.group_ms = 10s})->append("last words");
  EXPECT_EQ(read_all(directory.path()).records, std::vector<std::string>{"last words"});
}

TEST(AppendLog, Starts_a_new_segment_when_one_is_full) {
  TestingDirectory directory;
  auto log = open(directory.path(), {.segment_bytes = 100});
  for (int i = 0; i < 10; ++i) append_all(*log, {std::string(40, static_cast<char>('a' + i))});
  EXPECT_EQ(list_segments(directory.path())->size(), 10u);
  EXPECT_EQ(read_all(directory.path()).records.size(), 10u);
}

TEST(AppendLog, Can_be_read_from_any_position_and_up_to_any) {
  TestingDirectory directory;
  auto log = open(directory.path(), {.segment_bytes = 100});
  std::vector<LogPosition> positions = {0};
  for (int i = 0; i < 10; ++i) {
    append_all(*log, {"record " + std::to_string(i)});
    positions.push_back(log->durable_position());
  }
  for (std::size_t from = 0; from <= 10; ++from)
    for (std::size_t until = from; until <= 10; ++until)
      EXPECT_EQ(read_all(directory.path(), positions[from], positions[until]).records.size(), until - from);
}

TEST(AppendLog, Is_followed_by_a_reader_over_segments) {
  TestingDirectory directory;
  auto log = open(directory.path(), {.segment_bytes = 100});
  auto reader = LogReader::open(directory.path(), 0);
  ASSERT_TRUE(reader);
  for (int i = 0; i < 20; ++i) {
    EXPECT_FALSE(reader->next()->has_value());
    append_all(*log, {"record " + std::to_string(i)});
    EXPECT_EQ(**reader->next(), "record " + std::to_string(i));
  }
  EXPECT_EQ(reader->damaged_bytes(), 0u);
}

TEST(AppendLog, Refuses_records_without_bytes_or_with_too_many) {
  TestingDirectory directory;
  auto log = open(directory.path());
  EXPECT_EQ(log->append(""), Appended::failed);
  EXPECT_EQ(log->append(std::string(max_record_bytes + 1, 'x')), Appended::failed);
  EXPECT_EQ(log->health().lost_records, 2u);
}

TEST(AppendLog, Takes_records_of_many_threads_each_once) {
  TestingDirectory directory;
  auto log = open(directory.path(), {.segment_bytes = 10'000});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&log, t] {
      for (int i = 0; i < 500; ++i) log->append(std::to_string(t) + "/" + std::to_string(i));
    });
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(log->flush(patience));
  std::vector<int> next(4, 0);
  for (const std::string& record : read_all(directory.path()).records)
    EXPECT_EQ(record, record.substr(0, 1) + "/" + std::to_string(next[static_cast<std::size_t>(record[0] - '0')]++));
  EXPECT_EQ(next, (std::vector<int>{500, 500, 500, 500}));
}

TEST(AppendLog, Cuts_off_a_torn_end_at_whatever_byte_and_keeps_it_beside) {
  TestingDirectory whole;
  append_all(*open(whole.path()), {"one", "two"});
  std::ifstream in(last_segment(whole.path()), std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(in)), {});
  const std::size_t first_end = segment_header_bytes + frame_header_bytes + 3;
  for (std::size_t size = first_end + 1; size < bytes.size(); ++size) {
    TestingDirectory directory;
    const std::string path = segment_path(directory.path(), 0);
    std::ofstream(path, std::ios::binary) << bytes.substr(0, size);
    append_all(*open(directory.path()), {"three"});
    const Contents contents = read_all(directory.path());
    EXPECT_EQ(contents.records, (std::vector<std::string>{"one", "three"})) << size;
    EXPECT_EQ(contents.damaged_bytes, 0u);
    EXPECT_EQ(std::filesystem::file_size(path + "." + std::to_string(first_end) + ".torn"), size - first_end);
  }
}

TEST(AppendLog, Survives_a_segment_whose_making_was_cut_short) {
  for (const std::size_t size : {0u, 5u, 15u}) {
    TestingDirectory directory;
    append_all(*open(directory.path()), {"one"});
    const LogPosition end = read_all(directory.path()).position;
    std::ofstream(segment_path(directory.path(), end), std::ios::binary) << segment_header(1).substr(0, size);
    EXPECT_EQ(read_all(directory.path()).records, std::vector<std::string>{"one"});
    append_all(*open(directory.path()), {"two"});
    EXPECT_EQ(read_all(directory.path()).records, (std::vector<std::string>{"one", "two"}));
  }
}

TEST(AppendLog, Loses_only_the_damaged_record_when_sound_ones_follow) {
  TestingDirectory directory;
  append_all(*open(directory.path()), {"one", "two", "three"});
  std::fstream file(last_segment(directory.path()), std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(segment_header_bytes + frame_header_bytes + 3 + frame_header_bytes);
  file.put('X');  // the first byte of "two"
  file.close();
  append_all(*open(directory.path()), {"four"});
  const Contents contents = read_all(directory.path());
  EXPECT_EQ(contents.records, (std::vector<std::string>{"one", "three", "four"}));
  EXPECT_EQ(contents.damaged_bytes, frame_header_bytes + 3);
}

TEST(AppendLog, Gives_new_records_positions_above_the_floor) {
  TestingDirectory directory;
  append_all(*open(directory.path()), {"one"});
  const LogPosition floor = 100'000;
  append_all(*open(directory.path(), {}, floor), {"two"});
  EXPECT_EQ(read_all(directory.path(), floor).records, std::vector<std::string>{"two"});
  EXPECT_EQ(read_all(directory.path()).records, (std::vector<std::string>{"one", "two"}));
}

// A file size limit fails writes half way through, exactly as a full disk does.
class FullDisk {
 public:
  explicit FullDisk(std::uint64_t file_bytes) {
    before_signal_ = std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = file_bytes;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() { make_room(); }
  void make_room() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, before_signal_);
  }

 private:
  rlimit before_ = {};
  void (*before_signal_)(int) = nullptr;
};

TEST(AppendLog, Keeps_its_queue_while_the_disk_is_full_and_leaves_no_half_record) {
  TestingDirectory directory;
  auto log = open(directory.path(), {.queue_bytes = 4'000, .group_ms = 1ms, .retry_ms = 1ms});
  append_all(*log, {"before"});
  const auto size_before = std::filesystem::file_size(last_segment(directory.path()));

  FullDisk disk(size_before + 50);  // the next record fits only in part
  const std::string record(100, 'x');
  ASSERT_EQ(log->append(record), Appended::queued);
  ASSERT_TRUE(wait_until([&] { return log->health().degraded; }));
  EXPECT_NE(log->health().reason.find(last_segment(directory.path())), std::string::npos);
  // Between two attempts; the next one, a millisecond later, may just be writing.
  EXPECT_TRUE(wait_until([&] { return std::filesystem::file_size(last_segment(directory.path())) == size_before; }));
  EXPECT_FALSE(log->flush(5ms));
  EXPECT_FALSE(log->refuses_new_work());

  std::size_t queued = 1;
  Appended last = Appended::queued;
  while ((last = log->append(record)) == Appended::queued) {
    ++queued;
    EXPECT_EQ(log->refuses_new_work(), log->health().queued_bytes > 2'000);
  }
  EXPECT_EQ(last, Appended::full);
  EXPECT_EQ(queued, 4'000 / (100 + frame_header_bytes));
  EXPECT_EQ(log->health().lost_records, 1u);

  disk.make_room();
  ASSERT_TRUE(log->flush(patience));
  EXPECT_FALSE(log->health().degraded);
  EXPECT_EQ(log->health().reason, "");
  EXPECT_FALSE(log->refuses_new_work());
  EXPECT_EQ(read_all(directory.path()).records.size(), 1 + queued);
  EXPECT_EQ(read_all(directory.path()).damaged_bytes, 0u);
}

TEST(AppendLog, Does_not_start_a_segment_on_a_full_disk_but_waits) {
  TestingDirectory directory;
  auto log = open(directory.path(), {.segment_bytes = 100, .group_ms = 1ms, .retry_ms = 1ms});
  append_all(*log, {std::string(80, 'a')});
  FullDisk disk(8);  // not even a segment's header
  log->append(std::string(80, 'b'));
  ASSERT_TRUE(wait_until([&] { return log->health().degraded; }));
  EXPECT_EQ(read_all(directory.path()).records.size(), 1u);
  disk.make_room();
  ASSERT_TRUE(log->flush(patience));
  EXPECT_EQ(read_all(directory.path()).records.size(), 2u);
}

TEST(AppendLog, Ends_at_once_when_closed_on_a_full_disk) {
  TestingDirectory directory;
  auto log = open(directory.path(), {.group_ms = 1ms, .retry_ms = 1h});
  FullDisk disk(20);
  log->append("does not fit");
  ASSERT_TRUE(wait_until([&] { return log->health().degraded; }));
  log->close();
  EXPECT_EQ(log->append("late"), Appended::failed);
  disk.make_room();
  EXPECT_EQ(read_all(directory.path()).records.size(), 0u);
}

// --- who waits for the disk

TEST(AppendLog, Tells_who_waits_for_a_record_when_it_is_on_disk_and_does_not_wait_for_a_group) {
  const TestingDirectory directory;
  AppendLog::Options slow;
  slow.group_ms = std::chrono::minutes(10);  // nobody would see it, were the group waited for
  auto log = AppendLog::open(directory.path(), slow);
  ASSERT_TRUE(log);
  ASSERT_EQ((*log)->append("a record"), Appended::queued);
  std::promise<std::uint64_t> told;
  const std::uint64_t records = (*log)->accepted_records();
  (*log)->when_durable(records, [&] { told.set_value((*log)->durable_records()); });
  auto durable = told.get_future();
  ASSERT_EQ(durable.wait_for(20s), std::future_status::ready);
  EXPECT_GE(durable.get(), records);
  bool at_once = false;
  EXPECT_EQ((*log)->when_durable(records, [&] { at_once = true; }), 0u);
  EXPECT_TRUE(at_once);
}

TEST(AppendLog, Tells_each_of_many_once_and_nobody_who_has_gone) {
  const TestingDirectory directory;
  auto log = AppendLog::open(directory.path(), {});
  ASSERT_TRUE(log);
  std::atomic<int> told{0};
  std::atomic<int> forgotten{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        EXPECT_EQ((*log)->append("a record"), Appended::queued);
        (*log)->when_durable((*log)->accepted_records(), [&] { ++told; });
        std::atomic<bool> gone{false};
        const std::uint64_t ticket = (*log)->when_durable((*log)->accepted_records(), [&] {
          if (gone) ++forgotten;
        });
        if (ticket != 0) (*log)->forget(ticket);
        gone = true;
      }
    });
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE((*log)->flush(20s));
  for (int i = 0; i < 2'000 && told < 800; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_EQ(told, 800);
  EXPECT_EQ(forgotten, 0);
}

}  // namespace
}  // namespace sluice::store
