#include "json/json.h"

#include <gtest/gtest.h>

#include <limits>

namespace sluice::json {
namespace {

TEST(Json, Reads_values_by_type_and_gives_nothing_for_another) {
  const auto doc = Document::parse(R"({"a":1,"b":[true,null,"x\u00e9",1.5],"c":{"d":-9223372036854775808}})");
  ASSERT_TRUE(doc);
  const Value root = doc->root();
  EXPECT_EQ(root["a"].integer(), 1);
  EXPECT_EQ(root["a"].number(), 1.0);
  EXPECT_FALSE(root["a"].string());
  EXPECT_EQ(root["b"].at(0).boolean(), true);
  EXPECT_TRUE(root["b"].at(1).is_null());
  EXPECT_EQ(root["b"].at(2).string(), "x\xC3\xA9");
  EXPECT_EQ(root["b"].size(), 4u);
  EXPECT_EQ(root["c"]["d"].integer(), std::numeric_limits<std::int64_t>::min());
  EXPECT_FALSE(root["no"].exists());
  EXPECT_FALSE(root["no"]["further"].at(3).exists());
  EXPECT_EQ(root.members().at(2).first, "c");
}

TEST(Json, Refuses_everything_that_is_not_json) {
  const std::string deep = std::string(10'000, '[') + std::string(10'000, ']');
  for (const std::string& bad : {std::string(""),
                                 std::string("{"),
                                 std::string("{}x"),
                                 std::string("{'a':1}"),
                                 std::string("[1,]"),
                                 std::string("01"),
                                 std::string("NaN"),
                                 std::string("1e400x"),
                                 std::string("\"\\ud800\""),
                                 std::string("\"\x01\""),
                                 std::string("\"\xff\""),
                                 std::string("[1]\0", 4),
                                 deep,
                                 std::string("{\"a\":truth}"),
                                 std::string("[0123456789012345678901234567890]"),
                                 std::string("[1e400,-]"),
                                 std::string("[1e400,1.]"),
                                 std::string("[1e400,1e]"),
                                 std::string("1e400 1"),
                                 std::string("{\"a\":1e400")}) {
    const auto doc = Document::parse(bad);
    ASSERT_FALSE(doc) << bad.substr(0, 40);
    EXPECT_EQ(doc.error().kind, ErrorKind::invalid_request);
  }
}

TEST(Json, Text_writes_the_same_value_again) {
  const std::string text =
      R"({"z":[1,-2,18446744073709551615,0.1,1e-9,"q\"\\\n\u0001"],"a":{},"e":[],"t":true,"n":null,"u":"é"})";
  const auto doc = Document::parse(text);
  ASSERT_TRUE(doc);
  const std::string again = doc->root().text();
  EXPECT_EQ(again,
            R"({"z":[1,-2,18446744073709551615,0.1,1e-09,"q\"\\\n\u0001"],"a":{},"e":[],"t":true,"n":null,"u":"é"})");
  EXPECT_EQ(Document::parse(again)->root().text(), again);
}

TEST(Json, Keeps_a_number_that_no_machine_holds_as_it_was_written) {
  const std::string text =
      R"({"a":[1180591620717411303424,1,2.5,-1180591620717411303424,18446744073709551615,1e400,-1E+400,"1e400",7],)"
      R"("b\\":{"c":-9223372036854775809,"d":18446744073709551616,"e":9223372036854775808}})";
  const auto doc = Document::parse(text);
  ASSERT_TRUE(doc) << doc.error().message;
  EXPECT_EQ(doc->root().text(), text);
  const Value list = doc->root()["a"];
  EXPECT_EQ(list.text(), text.substr(5, text.find(']') - 4));
  EXPECT_EQ(list.at(0).type(), Type::number);
  EXPECT_FALSE(list.at(0).integer());
  EXPECT_EQ(list.at(0).number(), 1180591620717411303424.0);
  EXPECT_EQ(list.at(1).integer(), 1);
  EXPECT_EQ(list.at(5).number(), std::numeric_limits<double>::max());
  EXPECT_EQ(list.at(6).number(), std::numeric_limits<double>::lowest());
  EXPECT_EQ(list.at(8).integer(), 7);
  // The parser that comes back for the next text remembers nothing of this one.
  EXPECT_EQ(Document::parse(R"({"a":[1.5,1,2.5]})")->root().text(), R"({"a":[1.5,1,2.5]})");
}

TEST(Json, Says_where_a_malformed_number_stands) {
  const auto doc = Document::parse(R"({"1e400":[1e400, 01]})");
  ASSERT_FALSE(doc);
  EXPECT_NE(doc.error().message.find("a number is malformed at byte 17"), std::string::npos) << doc.error().message;
}

TEST(Json, Refuses_lone_surrogates_and_keeps_pairs_and_nul) {
  for (const std::string_view bad : {R"(["\ud800"])", R"(["\udc00"])", R"(["\ud800\u0041"])", R"(["\ud800\ud800"])",
                                     R"(["\udc00\ud800"])", R"(["\ud800x"])"})
    EXPECT_FALSE(Document::parse(bad)) << bad;
  EXPECT_EQ(Document::parse(R"(["\ud83d\ude00"])")->root().at(0).string(), "\xF0\x9F\x98\x80");
  EXPECT_EQ(Document::parse(R"(["\\ud800"])")->root().at(0).string(), "\\ud800");
  EXPECT_EQ(Document::parse(R"(["a\u0000b"])")->root().at(0).string(), std::string_view("a\0b", 3));
}

TEST(Json, Depth_has_a_limit_that_real_schemas_stay_below) {
  const std::string shallow = std::string(200, '[') + std::string(200, ']');
  ASSERT_TRUE(Document::parse(shallow));
  EXPECT_EQ(Document::parse(shallow)->root().text(), shallow);
  const auto deep = Document::parse(std::string(300, '[') + std::string(300, ']'));
  ASSERT_FALSE(deep);
  EXPECT_NE(deep.error().message.find("256"), std::string::npos);
}

TEST(Json, Documents_live_side_by_side) {
  auto a = Document::parse(R"({"x":1})");
  auto b = Document::parse(R"({"x":2})");
  const Value x = a->root()["x"];
  auto moved = std::move(*a);
  EXPECT_EQ(x.integer(), 1);
  EXPECT_EQ(b->root()["x"].integer(), 2);
  EXPECT_EQ(moved.root()["x"].integer(), 1);
}

TEST(FindMembers, Gives_the_bytes_of_top_level_values) {
  const std::string text =
      " { \"messages\" : [ {\"model\":\"in}ner\"} , \"\\\"\" ] ,\n\"model\":\"gp\\\"t\", \"stream\" : true , \"n\":{} "
      "}";
  ASSERT_TRUE(Document::parse(text));
  const auto found = find_members(text, {"model", "stream", "absent", "messages"});
  ASSERT_TRUE(found);
  EXPECT_EQ(text.substr((*found)[0]->begin, (*found)[0]->end - (*found)[0]->begin), "\"gp\\\"t\"");
  EXPECT_EQ(text.substr((*found)[1]->begin, (*found)[1]->end - (*found)[1]->begin), "true");
  EXPECT_FALSE((*found)[2]);
  EXPECT_EQ(text[(*found)[3]->begin], '[');
  EXPECT_EQ(text[(*found)[3]->end - 1], ']');
}

TEST(FindMembers, Sees_the_end_of_strings_that_end_in_backslashes) {
  const std::string body = R"({"x":["\\","\"m\":","\\\""],"a\\":{"m":"\\\\"},"m": "q\"" ,"z":1.5})";
  ASSERT_TRUE(json::Document::parse(body));
  const auto places = json::find_members(body, {"m", "z"});
  ASSERT_TRUE(places);
  ASSERT_TRUE((*places)[0] && (*places)[1]);
  EXPECT_EQ(body.substr((*places)[0]->begin, (*places)[0]->end - (*places)[0]->begin), R"("q\"")");
  EXPECT_EQ(body.substr((*places)[1]->begin, (*places)[1]->end - (*places)[1]->begin), "1.5");
}

// Where nothing is quoted for long, the next mark is searched for in another way.
TEST(FindMembers, Finds_what_stands_behind_a_text_of_any_length) {
  for (std::size_t length = 0; length < 400; ++length) {
    const std::string text(length, 'x');
    const std::string body = R"({"a":")" + text + R"(\\","b":[)" + std::string(length, ' ') + R"("\"y"],"m":"z"})";
    ASSERT_TRUE(json::Document::parse(body)) << body;
    const auto places = json::find_members(body, {"a", "m"});
    ASSERT_TRUE(places && (*places)[0] && (*places)[1]) << length;
    EXPECT_EQ((*places)[0]->end - (*places)[0]->begin, length + 4);
    EXPECT_EQ((*places)[1]->end, body.size() - 1);
  }
}

TEST(FindMembers, Refuses_a_name_that_is_given_twice_also_when_it_hides_in_escapes) {
  const auto found = find_members(R"({"model":"a","mod\u0065l":"b"})", {"model"});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().param, "model");
}

TEST(Writer, Finds_what_needs_an_escape_at_every_place) {
  for (const char special : {'"', '\\', '\n', '\x1f', '\0'}) {
    for (std::size_t size = 1; size < 40; ++size) {
      for (std::size_t place = 0; place < size; ++place) {
        std::string text(size, 'a');
        text[place] = special;
        std::string out;
        append_quoted(out, text);
        const auto read = Document::parse(out);
        ASSERT_TRUE(read) << out;
        EXPECT_EQ(read->root().string(), text);
      }
    }
  }
}

TEST(Writer, Grows_an_empty_string_byte_by_byte) {
  std::string out, wanted;
  Writer writer(out);
  writer.begin_array();
  wanted = "[";
  for (std::size_t size = 0; size < 200; ++size) {
    writer.string(std::string(size, 'x'));
    wanted += (size ? ",\"" : "\"") + std::string(size, 'x') + "\"";
    ASSERT_EQ(out, wanted);
  }
}

TEST(Writer, Writes_commas_quotes_and_escapes) {
  std::string out;
  Writer w(out);
  w.begin_object()
      .member("a", 1)
      .member("b", "x\"\n\x02")
      .key("c")
      .begin_array()
      .integer(1)
      .null()
      .boolean(false)
      .end_array();
  w.key("d").begin_object().end_object().key("e").raw("[1]").member("f", true).end_object();
  EXPECT_EQ(out, R"({"a":1,"b":"x\"\n\u0002","c":[1,null,false],"d":{},"e":[1],"f":true})");
  EXPECT_TRUE(Document::parse(out));
}

TEST(Writer, A_large_number_without_fraction_reads_back) {
  std::string out;
  Writer(out).begin_array().number(77777777777777777773.2).number(1).number(1e22).number(-0.5).end_array();
  EXPECT_EQ(out, "[77777777777777770496.0,1,1e+22,-0.5]");
  ASSERT_TRUE(Document::parse(out));
  EXPECT_EQ(Document::parse(out)->root().at(0).number(), 77777777777777777773.2);
}

TEST(Writer, What_is_not_utf8_becomes_the_replacement_character) {
  std::string out;
  append_quoted(out, "a\xff\xC3(\xED\xA0\x80z\xF0\x9F\x98\x80");
  EXPECT_TRUE(Document::parse(out)) << out;
  EXPECT_NE(out.find("\xEF\xBF\xBD"), std::string::npos);
  EXPECT_NE(out.find("\xF0\x9F\x98\x80"), std::string::npos);
}

TEST(Json, Finds_the_places_of_an_arrays_elements) {
  const auto found = [](std::string_view text) {
    std::string out;
    for (const Span& span : find_elements(text)) out.append(text.substr(span.begin, span.end - span.begin)).append("|");
    return out;
  };
  EXPECT_EQ(found(R"( [ {"a":[1,"]"]} ,"x\"," , 1.50,null ])"), R"({"a":[1,"]"]}|"x\","|1.50|null|)");
  EXPECT_EQ(found("[ ]"), "");
  EXPECT_EQ(found("{}"), "");
  EXPECT_EQ(found("7"), "");
}

TEST(Json, Knows_a_key_that_is_there_twice) {
  const auto repeated = [](const std::string& text) {
    const auto parsed = Document::parse(text);
    return std::string(parsed ? parsed->root().repeated_key().value_or("none") : "not JSON");
  };
  EXPECT_EQ(repeated(R"({"a":1,"b":{"a":2,"a":3}})"), "none");
  EXPECT_EQ(repeated(R"({"a":1,"b":2,"\u0061":3})"), "a");
  EXPECT_EQ(repeated("[1,1]"), "none");
  std::string many = "{\"k0\":0";
  for (int i = 1; i < 1'000; ++i) many += ",\"k" + std::to_string(i) + "\":0";
  EXPECT_EQ(repeated(many + "}"), "none");
  EXPECT_EQ(repeated(many + R"(,"k3":1})"), "k3");
  EXPECT_EQ(repeated(many + R"(,"k999":1})"), "k999");
}

}  // namespace
}  // namespace sluice::json
