#include "cli/console.h"

#include <gtest/gtest.h>

#include "cli/table.h"
#include "cli/testing_console.h"

namespace sluice::cli {
namespace {

TEST(Printable, Leaves_ordinary_text_of_any_language_as_it_is) {
  const std::string text = "Grüße, 世界 🌊\n\tindented";
  EXPECT_EQ(printable(text), text);
}

TEST(Printable, Takes_the_force_out_of_escape_sequences) {
  EXPECT_EQ(printable("\x1b[2J\x1b]0;title\x07"), "\uFFFD[2J\uFFFD]0;title\uFFFD");
  EXPECT_EQ(printable("\u009B31m"), "\uFFFD31m") << "C1 control sequence introducer, as UTF-8";
  EXPECT_EQ(printable("a\x7f\b"), "a\uFFFD\uFFFD");
}

TEST(Printable, Replaces_bytes_that_are_not_utf8) {
  EXPECT_EQ(printable("\x9b"
                      "31m"),
            "\uFFFD31m");
  EXPECT_EQ(printable("\xC0\xAF"), "\uFFFD\uFFFD") << "overlong";
  EXPECT_EQ(printable("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD") << "surrogate";
  EXPECT_EQ(printable("cut \xE4\xB8"), "cut \uFFFD\uFFFD");
  EXPECT_EQ(printable(std::string_view("\xF4\x90\x80\x80", 4)), "\uFFFD\uFFFD\uFFFD\uFFFD") << "over U+10FFFF";
}

TEST(Printable, Drops_carriage_returns_so_that_no_line_is_overwritten) {
  EXPECT_EQ(printable("safe\rfake\r\n"), "safefake\n");
}

TEST(Console, Is_colourful_only_for_a_person_who_did_not_object) {
  TestingConsole test;
  EXPECT_FALSE(test.console.colour());
  test.console.out_is_terminal = true;
  EXPECT_TRUE(test.console.colour());
  test.environment["NO_COLOR"] = "1";
  EXPECT_FALSE(test.console.colour());
  test.environment["NO_COLOR"] = "";
  EXPECT_TRUE(test.console.colour()) << "an empty NO_COLOR is none (no-color.org)";
  test.environment["TERM"] = "dumb";
  EXPECT_FALSE(test.console.colour());
}

TEST(Table, Aligns_text_left_and_numbers_right_by_characters) {
  Table table({{"NAME"}, {"TOKENS", Column::Align::right}, {"NOTE"}});
  table.add({"größe", "7", ""});
  table.add({"a", "12345678", "x"});
  std::ostringstream out;
  table.print(out, false);
  EXPECT_EQ(out.str(),
            "NAME     TOKENS  NOTE\n"
            "größe         7\n"
            "a      12345678  x\n");
}

TEST(Table, Keeps_every_cell_on_its_line) {
  Table table({{"A"}, {"B"}});
  table.add({"one\ntwo\x1b[31m"});
  std::ostringstream out;
  table.print(out, true);
  EXPECT_EQ(out.str(), "\x1b[1mA             B\x1b[0m\none two\uFFFD[31m\n");
}

}  // namespace
}  // namespace sluice::cli
