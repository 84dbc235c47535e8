#include "cli/conversation.h"

#include <gtest/gtest.h>

#include "cli/answer_text.h"
#include "cli/exit_code.h"
#include "cli/testing_console.h"
#include "json/json.h"

namespace sluice::cli {
namespace {

std::string text_of(const chat::Message& message) { return std::get<chat::Text>(message.blocks.at(0)).text; }

Answer answer_of(std::string text) {
  Answer answer{.text = std::move(text), .usage = {.input = 3, .output = 5, .reported = true}};
  answer.facts = {.request_id = "req_1",
                  .provider = "local",
                  .model = "tiny",
                  .ground = "self_hosted",
                  .attempts = "1",
                  .cost_usd = "0.000125",
                  .dropped_params = ""};
  return answer;
}

// A model that says what it is told to say and keeps the questions.
struct Script {
  std::vector<Result<Answer>> answers;
  std::vector<chat::ChatRequest> asked = {};

  Ask ask() {
    return [this](const chat::ChatRequest& request, const OnText& on_text) -> Result<Answer> {
      asked.push_back(request);
      Result<Answer> answer = answers.at(asked.size() - 1);
      if (answer && request.stream) {
        on_text(answer->text.substr(0, 2));
        on_text(answer->text.substr(2));
      }
      return answer;
    };
  }
};

struct Talk : testing::Test {
  TestingConsole test;
  Script script;

  Result<int> talk(const std::string& typed, ConversationOptions options = {.model = "auto", .system = {}}) {
    test.in.str(typed);
    return Conversation(script.ask(), std::move(options), test.console).run();
  }
};

TEST_F(Talk, Remembers_what_was_said) {
  script.answers = {answer_of("Hello!"), answer_of("Again!")};
  EXPECT_EQ(talk("hi\n\n  once more \n").value_or(-1), exit_ok);
  EXPECT_EQ(test.out.str(), "Hello!\nAgain!\n");
  ASSERT_EQ(script.asked.size(), 2u);
  ASSERT_EQ(script.asked[1].messages.size(), 3u);
  EXPECT_EQ(text_of(script.asked[1].messages[1]), "Hello!");
  EXPECT_EQ(text_of(script.asked[1].messages[2]), "once more");
  EXPECT_TRUE(script.asked[1].stream);
}

TEST_F(Talk, Says_after_each_answer_who_gave_it_where_and_for_how_much) {
  script.answers = {answer_of("Hello!")};
  ASSERT_TRUE(talk("hi\n"));
  EXPECT_EQ(test.err.str(), "local/tiny, self_hosted, 3 tokens in, 5 out, 0.000125 USD\n");
}

TEST_F(Talk, Obeys_its_commands) {
  script.answers = {answer_of("One"), answer_of("Two")};
  ASSERT_TRUE(talk("hi\n/clear\n/model groq/llama\n/help\n/what\nhi again\n/quit\nnever asked\n"));
  ASSERT_EQ(script.asked.size(), 2u);
  EXPECT_EQ(script.asked[1].model, "groq/llama");
  EXPECT_EQ(script.asked[1].messages.size(), 1u) << "/clear forgets";
  EXPECT_NE(test.err.str().find("/quit "), std::string::npos);
  EXPECT_NE(test.err.str().find("there is no /what"), std::string::npos);
}

TEST_F(Talk, Makes_a_models_escape_sequences_harmless_in_a_terminal_and_leaves_a_pipe_alone) {
  script.answers = {answer_of("ok\x1b[2J"), answer_of("ok\x1b[2J")};
  test.console.out_is_terminal = true;
  test.environment["NO_COLOR"] = "1";
  ASSERT_TRUE(talk("hi\n"));
  EXPECT_EQ(test.out.str(), "ok\uFFFD[2J\n");
  test.console.out_is_terminal = false;
  test.out.str("");
  test.in.clear();
  ASSERT_TRUE(talk("hi\n"));
  EXPECT_EQ(test.out.str(), "ok\x1b[2J\n");
}

TEST_F(Talk, Takes_a_failed_question_back_and_goes_on_when_a_person_is_there) {
  script.answers = {fail(ErrorKind::unavailable, "no engine"), answer_of("Now")};
  test.console.in_is_terminal = true;
  EXPECT_EQ(talk("hi\nhi again\n").value_or(-1), exit_ok);
  EXPECT_NE(test.err.str().find("no engine"), std::string::npos);
  ASSERT_EQ(script.asked.size(), 2u);
  EXPECT_EQ(script.asked[1].messages.size(), 1u);
}

TEST_F(Talk, Ends_with_the_error_in_a_pipe) {
  script.answers = {fail(ErrorKind::unavailable, "no engine")};
  const Result<int> result = talk("hi\nhi again\n");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "no engine");
  EXPECT_EQ(script.asked.size(), 1u);
}

TEST_F(Talk, Goes_on_after_ctrl_c_and_keeps_what_was_already_said) {
  int calls = 0;
  std::size_t remembered = 0;
  test.in.str("tell me\nand?\n");
  const Ask ask = [&](const chat::ChatRequest& request, const OnText& on_text) -> Result<Answer> {
    remembered = request.messages.size();
    if (++calls == 2) {
      on_text("done");
      return answer_of("done");
    }
    on_text("Once upon");
    return std::unexpected(Error{.kind = ErrorKind::client_gone, .message = "interrupted", .code = interrupted_code});
  };
  EXPECT_EQ(Conversation(ask, {.model = "auto", .system = {}}, test.console).run().value_or(-1), exit_ok);
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(remembered, 3u);
  EXPECT_EQ(test.out.str(), "Once upon\ndone\n");
}

TEST_F(Talk, Prints_one_json_object_per_answer_when_asked_to) {
  script.answers = {answer_of("Hello!")};
  ASSERT_TRUE(talk("hi\n", {.model = "auto", .system = "Be brief.", .json = true}));
  const auto document = json::Document::parse(test.out.str());
  ASSERT_TRUE(document) << test.out.str();
  EXPECT_EQ(document->root()["text"].string(), "Hello!");
  EXPECT_FALSE(script.asked[0].stream);
  EXPECT_EQ(script.asked[0].system.at(0).text, "Be brief.");
}

TEST(AnswerJson, Tells_unpriced_from_free_and_lists_what_was_dropped) {
  Answer answer = answer_of("x");
  answer.facts.cost_usd = "unpriced";
  answer.facts.dropped_params = "seed, logit_bias";
  const auto document = json::Document::parse(answer_json(answer));
  ASSERT_TRUE(document);
  EXPECT_TRUE(document->root()["cost_usd"].is_null());
  EXPECT_EQ(document->root()["unpriced"].boolean(), true);
  EXPECT_EQ(document->root()["dropped_params"].text(), R"(["seed","logit_bias"])");
  EXPECT_EQ(document->root()["attempts"].integer(), 1);
  EXPECT_EQ(document->root()["usage"]["output_tokens"].integer(), 5);
}

}  // namespace
}  // namespace sluice::cli
