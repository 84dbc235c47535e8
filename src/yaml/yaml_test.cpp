#include <gtest/gtest.h>

#include "yaml/node.h"

namespace sluice::yaml {
namespace {

std::optional<Node> read(std::string text, Diagnostics& diagnostics) {
  return parse(std::make_shared<Source>(Source{"a.yaml", std::move(text), {"api_key"}}), diagnostics);
}

TEST(Yaml, Scalars_stay_text_and_know_their_place) {
  Diagnostics diagnostics;
  const auto node = read("a: no\nb: [1.10, \"x\", ~]\nc:\n  d: 'null'\n", diagnostics);
  ASSERT_TRUE(node && diagnostics.ok()) << diagnostics.render();
  EXPECT_EQ(node->find("a")->value.text, "no");
  EXPECT_EQ(node->find("b")->value.items[0].text, "1.10");
  EXPECT_TRUE(node->find("b")->value.items[1].quoted);
  EXPECT_TRUE(node->find("b")->value.items[2].is_null());
  EXPECT_EQ(node->find("c")->value.find("d")->value.text, "null");
  EXPECT_EQ(node->find("c")->value.find("d")->key_place, (Place{4, 3}));
}

TEST(Yaml, Json_is_read_too) {
  Diagnostics diagnostics;
  const auto node = read(R"({"a": {"b": [1, 2]}})", diagnostics);
  ASSERT_TRUE(node && diagnostics.ok()) << diagnostics.render();
  EXPECT_EQ(node->find("a")->value.find("b")->value.items.size(), 2u);
}

TEST(Yaml, An_empty_text_is_a_null_node) {
  Diagnostics diagnostics;
  EXPECT_TRUE(read("", diagnostics)->is_null());
  EXPECT_TRUE(read("# only a comment\n", diagnostics)->is_null());
  EXPECT_TRUE(diagnostics.ok());
}

TEST(Yaml, Refuses_what_it_cannot_say_exactly) {
  for (const char* bad : {"a: 1\na: 2\n", "a: &x 1\nb: *x\n", "a: !!str 1\n", "a: 1\n---\nb: 2\n", "a: [1\n",
                          "a: b: c\n", "? [x]\n: 1\n", "\tx: 1"}) {
    Diagnostics diagnostics;
    read(bad, diagnostics);
    EXPECT_FALSE(diagnostics.ok()) << bad;
  }
  Diagnostics diagnostics;
  EXPECT_FALSE(read(std::string(200, '[') + std::string(200, ']'), diagnostics));
  EXPECT_FALSE(read(std::string(max_source_bytes + 1, ' '), diagnostics));
}

TEST(Yaml, Columns_count_bytes_also_behind_letters_of_several) {
  Diagnostics diagnostics;
  const auto node = read("# \u00e4\n\u00e4: { \u65e5\u672c: x, b: \"\u00e4\" }\n", diagnostics);
  ASSERT_TRUE(node && diagnostics.ok()) << diagnostics.render();
  const Member& outer = node->members.at(0);
  EXPECT_EQ(outer.key_length, 2u);
  EXPECT_EQ(outer.value.members.at(0).key_place, (Place{2, 7}));
  EXPECT_EQ(outer.value.members.at(1).value.place, (Place{2, 21}));
  EXPECT_EQ(outer.value.members.at(1).value.length, 4u);
}

TEST(Yaml, What_is_no_YAML_is_told_with_its_place) {
  Diagnostics diagnostics;
  EXPECT_FALSE(read("a: 1\nb: [1, 2\nc: 3\n", diagnostics));
  ASSERT_EQ(diagnostics.all().size(), 1u);
  EXPECT_EQ(diagnostics.all()[0].place, (Place{3, 2})) << diagnostics.render();
  EXPECT_FALSE(read(std::string("a: \xff\n"), diagnostics));
  EXPECT_FALSE(read(std::string("\xff\xfe"
                                "a\0:\0",
                                6),
                    diagnostics))
      << "UTF-16 is not read";
}

TEST(Diagnostics, Shows_file_line_column_caret_and_help_and_hides_secrets) {
  Diagnostics diagnostics;
  const auto node = read("x: 1\nacme: { api_key: sk-hidden, kind: opneai }\n", diagnostics);
  ASSERT_TRUE(node);
  const Node& kind = node->find("acme")->value.find("kind")->value;
  const auto source =
      std::make_shared<Source>(Source{"a.yaml", "x: 1\nacme: { api_key: sk-hidden, kind: opneai }\n", {"api_key"}});
  diagnostics.add({.source = source,
                   .place = kind.place,
                   .length = kind.length,
                   .message = "unknown kind",
                   .help = "did you mean `openai`?"});
  const std::string text = diagnostics.render();
  EXPECT_NE(text.find("error: unknown kind"), std::string::npos);
  EXPECT_NE(text.find("a.yaml:2:35"), std::string::npos) << text;
  EXPECT_NE(text.find("^^^^^^"), std::string::npos);
  EXPECT_NE(text.find("= help: did you mean"), std::string::npos);
  EXPECT_EQ(text.find("sk-hidden"), std::string::npos) << text;
  EXPECT_NE(text.find("1 error, 0 warnings"), std::string::npos);
}

TEST(Diagnostics, Come_in_the_order_of_the_text) {
  Diagnostics diagnostics;
  const auto source = std::make_shared<Source>(Source{"a.yaml", "one\ntwo\nthree\n", {}});
  for (const std::uint32_t line : {3u, 1u, 2u})
    diagnostics.add({.source = source, .place = {line, 1}, .length = 1, .message = std::to_string(line), .help = ""});
  std::string order;
  for (const Diagnostic& diagnostic : diagnostics.all()) order += diagnostic.message;
  EXPECT_EQ(order, "123");
}

TEST(Nearest, Finds_the_name_that_was_meant) {
  const std::vector<std::string> known = {"openai", "openrouter", "groq", "together"};
  EXPECT_EQ(nearest("opneai", known), "openai");
  EXPECT_EQ(nearest("grok", known), "groq");
  EXPECT_EQ(nearest("anthropic", known), "");
}

}  // namespace
}  // namespace sluice::yaml
