#include "gateway/route/signals.h"

#include <gtest/gtest.h>

namespace sluice::gateway {
namespace {

Signals signals_of(std::string_view body) {
  const auto document = json::Document::parse(body);
  EXPECT_TRUE(document.has_value()) << body;
  return document ? read_signals(document->root()) : Signals();
}

TEST(Signals, Personal_data_is_known_by_its_form) {
  for (const char* text :
       {"write to anna.schmidt+x@example.co.uk.", "call +49 30 901820 today", "call +1 (415) 555-2671",
        "IBAN DE89 3704 0044 0532 0130 00 please", "GB82WEST12345698765432", "card 4111 1111 1111 1111",
        "5555-5555-5555-4444.", "her number is 078-05-1120"})
    EXPECT_TRUE(has_pii(text)) << text;
  for (const char* text :
       {"", "a@b", "@decorator", "user@host", "1.5 + 2 = 3.5", "4111 1111 1111 1112", "version 1.2.3-45-6789",
        "2026-11-28 10:00", "DE89 3704 0044 0532 0130 01", "order 123456789", "000-12-3456", "c++20 +12", "0x41111111"})
    EXPECT_FALSE(has_pii(text)) << text;
}

TEST(Signals, Secrets_are_known_by_their_form) {
  for (const std::string& text :
       {std::string("key AKIAIOSFODNN7EXAMPLE here"), "token=ghp_" + std::string(36, 'a'),
        "glpat-" + std::string(20, 'x'), std::string("sk-proj-abcdefghij0123456789"),
        std::string("-----BEGIN RSA PRIVATE KEY-----\nMIIE"), std::string("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc")})
    EXPECT_TRUE(has_secret(text)) << text;
  for (const char* text : {"", "sk-ip the line", "task-force-of-the-year-two-thousand", "-----BEGIN CERTIFICATE-----",
                           "AKIA", "ghp_short", "risk-0123456789012345678901"})
    EXPECT_FALSE(has_secret(text)) << text;
}

TEST(Signals, Code_is_known_by_fences_or_by_several_lines) {
  EXPECT_TRUE(looks_like_code("look:\n```\nx\n```"));
  EXPECT_TRUE(looks_like_code("import os\n\ndef f(x):\n    pass"));
  EXPECT_TRUE(looks_like_code("int main() {\n  return 0;\n}"));
  EXPECT_FALSE(looks_like_code("Please return the book; it is late.\nThank you very much."));
  EXPECT_FALSE(looks_like_code(""));
}

TEST(Signals, The_language_is_guessed_from_letters_and_common_words) {
  EXPECT_EQ(language_of("What is the capital of France, and how big is it?"), "en");
  EXPECT_EQ(language_of("Was ist die Hauptstadt von Frankreich und wie ist das Wetter?"), "de");
  EXPECT_EQ(language_of("Quelle est la capitale et comment est le temps dans les montagnes ?"), "fr");
  EXPECT_EQ(language_of("¿Cuál es la capital y cómo está el tiempo para los niños?"), "es");
  EXPECT_EQ(language_of("Wat is het weer en hoe kunt u dat voor mij zien?"), "nl");
  EXPECT_EQ(language_of("Какая столица Франции?"), "ru");
  EXPECT_EQ(language_of("法国的首都是什么？"), "zh");
  EXPECT_EQ(language_of("フランスの首都は何ですか？"), "ja");
  EXPECT_EQ(language_of("프랑스의 수도는?"), "ko");
  EXPECT_EQ(language_of("xyzzy 42"), "");
  EXPECT_EQ(language_of(""), "");
}

TEST(Signals, Texts_are_found_in_each_dialects_body) {
  for (const char* body :
       {R"({"messages":[{"role":"user","content":"mail a.b@example.org"}]})",
        R"({"messages":[{"role":"user","content":[{"type":"text","text":"mail a.b@example.org"}]}]})",
        R"({"contents":[{"role":"user","parts":[{"text":"mail a.b@example.org"}]}]})",
        R"({"input":"mail a.b@example.org"})",
        R"({"input":[{"role":"user","content":[{"type":"input_text","text":"mail a.b@example.org"}]}]})"}) {
    const Signals signals = signals_of(body);
    EXPECT_TRUE(signals.pii) << body;
    EXPECT_EQ(signals.turns, 1) << body;
  }
  EXPECT_TRUE(signals_of(R"({"system":"mail a.b@example.org","messages":[]})").pii);
  EXPECT_FALSE(signals_of(R"({"user":"a.b@example.org","messages":[{"role":"user","content":"hi"}]})").pii);
}

TEST(Signals, Escapes_are_read_and_bytes_of_images_are_not) {
  EXPECT_EQ(signals_of(R"({"messages":[{"role":"user","content":"\u6cd5\u56fd\u7684\u9996\u90fd"}]})").language, "zh");
  EXPECT_TRUE(signals_of(R"({"messages":[{"role":"user","content":"see:\n078-05-1120"}]})").pii);
  EXPECT_FALSE(
      signals_of(
          R"({"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:a@b.example.org"}}]}]})")
          .pii);
}

TEST(Signals, A_documents_text_is_read_where_others_have_base64) {
  const auto of_source = [](const std::string& type) {
    return signals_of(R"({"messages":[{"role":"user","content":[{"type":"document","source":{"type":")" + type +
                      R"(","media_type":"text/plain","data":"mail a.b@example.org"}}]}]})");
  };
  EXPECT_TRUE(of_source("text").pii);
  EXPECT_FALSE(of_source("base64").pii);
}

TEST(Signals, A_tools_result_is_no_turn_of_the_user) {
  const Signals signals = signals_of(
      R"({"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},)"
      R"({"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"c"}]},{"role":"user","content":"d"}]})");
  EXPECT_EQ(signals.turns, 2);
}

TEST(Signals, The_newest_texts_are_looked_at_first_and_no_more_than_the_bound) {
  const std::string long_text(most_signal_bytes, 'x');
  const Signals cut = signals_of(
      R"({"messages":[{"role":"user","content":"a.b@example.org"},{"role":"user","content":")" + long_text + R"("}]})");
  EXPECT_FALSE(cut.pii);
  EXPECT_EQ(cut.bytes, most_signal_bytes);
  EXPECT_EQ(cut.turns, 2);
  EXPECT_TRUE(signals_of(R"({"messages":[{"role":"user","content":")" + long_text +
                         R"("},{"role":"user","content":"a.b@example.org"}]})")
                  .pii);
}

}  // namespace
}  // namespace sluice::gateway
