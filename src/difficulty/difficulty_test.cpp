// What a difficulty score goes by, what its file may be, and that its training finds what is there and claims nothing
// where nothing is. On recorded answers too, where they are there.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "difficulty/train.h"

namespace sluice::difficulty {
namespace {

std::uint8_t number(const Features& features, Number which) { return features.number[static_cast<std::size_t>(which)]; }

TEST(Features, Are_the_numbers_and_words_of_a_request_and_nothing_that_reads_back) {
  const Features one = features_of({.text = "Why is 2 + 2 = 4?", .prompt_bytes = 100, .turns = 1, .code = true});
  const Features same = features_of({.text = "why IS 2 + 2 = 4?", .prompt_bytes = 100, .turns = 1, .code = true});
  EXPECT_EQ(one, same) << "large and small letters are alike";
  EXPECT_EQ(number(one, Number::code), 255);
  EXPECT_EQ(number(one, Number::tools), 0);
  EXPECT_GT(number(one, Number::digits), 0);
  EXPECT_GT(number(one, Number::questions), 0);
  EXPECT_EQ(one.words.size(), 4u) << "why, is, 2, 4";
  EXPECT_TRUE(std::ranges::is_sorted(one.words));
  EXPECT_TRUE(features_of({}).words.empty());
}

TEST(Features, Are_bounded_whatever_is_sent) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "w" + std::to_string(i) + " ";
  text += std::string(100'000, '\xff');
  const Features features = features_of({.text = text, .prompt_bytes = ~std::size_t{0} >> 1, .turns = 1'000'000'000});
  EXPECT_EQ(features.words.size(), most_words);
  EXPECT_EQ(number(features, Number::prompt_bytes), 255);
  EXPECT_EQ(number(features, Number::turns), 255);
}

TEST(Features, Come_back_from_their_packed_form_and_nothing_else_does) {
  const Features features = features_of({.text = "write a proof of Fermat's last theorem", .prompt_bytes = 40});
  const std::string packed = pack(features);
  ASSERT_TRUE(unpack(packed));
  EXPECT_EQ(*unpack(packed), features);
  EXPECT_FALSE(unpack(""));
  EXPECT_FALSE(unpack(packed.substr(1)));
  EXPECT_FALSE(unpack(packed + "0001")) << "words ascend";
  EXPECT_FALSE(unpack(packed + "ffff")) << "there are 512 places";
  EXPECT_FALSE(unpack("zz" + packed.substr(2)));
  EXPECT_FALSE(unpack(packed + std::string(4 * most_words, '1')));
}

// Requests with these words, of which those with "prove" fail in 9 of 10 cases, the others in 1 of 10.
std::vector<Outcome> planted(int count, unsigned seed, bool learnable = true) {
  std::mt19937 random(seed);
  const auto below = [&](int bound) { return static_cast<int>(random() % static_cast<unsigned>(bound)); };
  constexpr const char* words[] = {"letter", "summer", "please", "bread", "house", "river", "green", "table"};
  std::vector<Outcome> outcomes;
  for (int i = 0; i < count; ++i) {
    std::string text;
    for (int n = 0; n < 5; ++n) text += std::string(words[below(8)]) + " ";
    const bool hard = below(2) == 0;
    if (hard) text += "prove";
    const int odds = learnable ? (hard ? 90 : 10) : 50;
    outcomes.push_back(
        {features_of({.text = text, .prompt_bytes = text.size(), .turns = 1, .language = "en"}), below(100) < odds});
  }
  return outcomes;
}

TEST(Train, Finds_the_word_that_makes_requests_hard) {
  const auto model = train(planted(1'000, 1), "acme/small");
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->target, "acme/small");
  EXPECT_EQ(model->rows, 800);
  EXPECT_EQ(model->held_out, 200);
  EXPECT_NEAR(model->auc, 0.9, 0.05);
  EXPECT_NEAR(auc_of(*model, planted(2'000, 2)), 0.9, 0.03) << "on requests it has never seen";
  const auto score = [&](std::string_view text) {
    return model->score(features_of({.text = text, .prompt_bytes = text.size(), .turns = 1, .language = "en"}));
  };
  EXPECT_NEAR(score("please table house river green prove"), 0.9, 0.08) << "a score is a probability";
  EXPECT_NEAR(score("please table house river green bread"), 0.1, 0.08);
  EXPECT_EQ(to_json(*train(planted(1'000, 1), "acme/small")), to_json(*model)) << "twice the same";
}

void expect_refused(const std::vector<Outcome>& outcomes, std::string_view part) {
  const auto model = train(outcomes, "a/m");
  ASSERT_FALSE(model) << part;
  EXPECT_NE(model.error().message.find(part), std::string::npos) << model.error().message;
  EXPECT_FALSE(model.error().hint.empty());
}

TEST(Train, Refuses_with_the_reason_where_there_is_nothing_to_learn) {
  expect_refused({}, "0 checked answers are too few");
  expect_refused(planted(199, 1), "199 checked answers are too few");
  std::vector<Outcome> one_sided = planted(1'000, 1);
  for (Outcome& one : one_sided) one.failed = false;
  expect_refused(one_sided, "0 of 1000 answers have failed");
  for (Outcome& one : one_sided) one.failed = true;
  expect_refused(one_sided, "1000 of 1000 answers have failed");
  std::vector<Outcome> early = planted(1'000, 1);
  for (std::size_t i = 800; i < early.size(); ++i) early[i].failed = false;
  expect_refused(early, "of the newest 200 answers, by which the score is measured, 0 have failed");
  for (unsigned seed = 1; seed <= 5; ++seed) expect_refused(planted(1'000, seed, false), "no better than chance");
}

TEST(Model, Comes_back_from_its_file_and_nothing_else_does) {
  const auto model = train(planted(400, 1), "acme/small");
  ASSERT_TRUE(model) << model.error().message;
  const std::string text = to_json(*model);
  EXPECT_LT(text.size(), most_model_bytes);
  const auto read = read_model(text);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(to_json(*read), text);
  const Features features = features_of({.text = "please prove"});
  EXPECT_NEAR(read->score(features), model->score(features), 1e-4);
  const auto refused = [](std::string broken, std::string_view part) {
    const auto wrong = read_model(broken);
    ASSERT_FALSE(wrong) << part;
    EXPECT_NE(wrong.error().message.find(part), std::string::npos) << wrong.error().message;
  };
  const auto with = [&](std::string_view from, std::string_view to) {
    std::string changed = text;
    return changed.replace(changed.find(from), from.size(), to);
  };
  refused("", "no difficulty model");
  refused("{}", "no difficulty model");
  refused(with(R"("version":1)", R"("version":2)"), "not of version 1");
  refused(with(R"("numbers":[)", R"("numbers":[1,)"), "must have 16 `numbers`");
  refused(with(R"("words":[)", R"("words":["x",)"), "must have 512 `words`");
  refused(with(R"("bias":)", R"("bias":1e300,"b":)"), "no `bias`");
  refused(text + std::string(most_model_bytes, ' '), "at most 16384 bytes");
}

// --- recorded answers: whether Mixtral 8x7B has answered questions right (RouteLLM's evaluation, Apache-2.0)

std::filesystem::path evaluations() {
  const char* given = std::getenv("SLUICE_SHARED_DATA");
  return std::filesystem::path(given ? given : SLUICE_SHARED_DATA_DEFAULT) / "evals" / "routellm";
}

// The first two columns of each line: the question, and whether the cheap model was right.
void read_answers(const std::filesystem::path& path, std::vector<Outcome>& into) {
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::vector<std::string> line;
  std::string field;
  bool quoted = false;
  bool head = true;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '"' && i + 1 < text.size() && text[i + 1] == '"') {
      field.push_back('"');
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && (c == ',' || c == '\n')) {
      line.push_back(std::exchange(field, {}));
      if (c != '\n') continue;
      if (!head && line.size() > 1)
        into.push_back({features_of({.text = line[0], .prompt_bytes = line[0].size(), .turns = 1, .language = "en"}),
                        line[1] != "True"});
      head = false;
      line.clear();
    } else {
      field.push_back(c);
    }
  }
}

TEST(Train, Says_honestly_what_recorded_answers_tell) {
  if (!std::filesystem::exists(evaluations())) GTEST_SKIP() << "no recorded answers at " << evaluations();
  std::vector<std::filesystem::path> files;
  for (const auto& one : std::filesystem::directory_iterator(evaluations() / "mmlu")) files.push_back(one.path());
  files.push_back(evaluations() / "gsm8k_responses.csv");
  std::ranges::sort(files);
  std::vector<Outcome> outcomes;
  for (const auto& file : files) read_answers(file, outcomes);
  ASSERT_GT(outcomes.size(), 15'000u);
  std::ranges::shuffle(outcomes, std::mt19937(1));  // subject after subject, the newest would be another one
  outcomes.resize(6'000);
  const auto model = train(outcomes, "mixtral");
  ASSERT_TRUE(model) << model.error().message;
  std::cout << "[ measured ] AUC on " << model->held_out << " held-out answers: " << model->auc << '\n';
  EXPECT_GT(model->auc, 0.58) << "words and form tell something of what is hard";
  EXPECT_LT(model->auc, 0.75) << "and not much more: what tells more has seen the answers";
  // The same with the outcomes dealt anew tells nothing, and says so.
  std::vector<bool> dealt;
  for (const Outcome& one : outcomes) dealt.push_back(one.failed);
  std::shuffle(dealt.begin(), dealt.end(), std::mt19937(2));
  for (std::size_t i = 0; i < outcomes.size(); ++i) outcomes[i].failed = dealt[i];
  EXPECT_FALSE(train(outcomes, "mixtral"));
}

}  // namespace
}  // namespace sluice::difficulty
