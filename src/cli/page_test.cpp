// That the page of the reference has every verb with its flags, and no others.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cli/testing_console.h"
#include "cli/verbs.h"

namespace sluice::cli {
namespace {

std::string page() {
  std::ifstream file(SLUICE_CLI_PAGE);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Section {
  std::string heading;  // "orgs, teams, users"
  std::string text;     // with it
};

std::vector<Section> sections(const std::string& text) {
  std::vector<Section> all;
  constexpr std::string_view mark = "\n## ";
  for (std::size_t begin = text.find(mark); begin != std::string::npos;) {
    const std::size_t end = text.find(mark, begin + 1);
    const std::size_t heading = begin + mark.size();
    all.push_back({text.substr(heading, text.find('\n', heading) - heading), text.substr(begin, end - begin)});
    begin = end;
  }
  return all;
}

bool has_word(const std::string& text, const std::string& word) {
  return std::regex_search(text, std::regex("(^|[^a-z-])" + word + "($|[^a-z-])"));
}

// What the sections of a verb, or of its group, say.
std::string said_of(const std::vector<Section>& all, const std::string& verb) {
  std::string text;
  for (const Section& section : all)
    if (has_word(section.heading, verb.substr(0, verb.find(' ')))) text += section.text;
  return text;
}

// The flags of a verb but for those that the page's head tells of.
std::set<std::string> flags_of(const CLI::App& verb) {
  std::set<std::string> names;
  for (const CLI::Option* option : verb.get_options())
    for (const std::string& name : option->get_lnames()) names.insert("--" + name);
  for (const char* of_all : {"--help", "--data", "--output", "--config"}) names.erase(of_all);
  return names;
}

struct Verb {
  std::string words;  // "logs tail"
  std::set<std::string> flags;
};

void collect(const CLI::App& app, const std::string& words, std::vector<Verb>& all) {
  if (app.get_option_no_throw("--data")) all.push_back({words, flags_of(app)});
  for (const CLI::App* verb : app.get_subcommands(nullptr))
    collect(*verb, words.empty() ? verb->get_name() : words + " " + verb->get_name(), all);
}

std::vector<Verb> verbs() {
  TestingConsole test;
  CLI::App root;
  Invocation invocation(test.console);
  add_verbs(root, invocation);
  std::vector<Verb> all;
  collect(root, "", all);
  return all;
}

std::set<std::string> flags_in(const std::string& text) {
  static const std::regex flag(R"(--[a-z][a-z-]*)");
  std::set<std::string> found;
  for (auto one = std::sregex_iterator(text.begin(), text.end(), flag); one != std::sregex_iterator(); ++one)
    found.insert(one->str());
  return found;
}

TEST(Page, Has_every_verb_with_its_flags) {
  const std::vector<Section> all = sections(page());
  const std::vector<Verb> known = verbs();
  ASSERT_GT(known.size(), 40u);
  for (const Verb& verb : known) {
    const std::string text = said_of(all, verb.words);
    EXPECT_TRUE(has_word(text, verb.words.substr(verb.words.rfind(' ') + 1)))
        << "`sluice " << verb.words << "` is not there";
    const std::set<std::string> there = flags_in(text);
    for (const std::string& flag : verb.flags)
      EXPECT_TRUE(there.contains(flag)) << "`sluice " << verb.words << "` lacks " << flag;
  }
}

TEST(Page, Has_no_flag_that_no_verb_takes) {
  std::set<std::string> known = {"--help", "--data", "--output", "--config"};
  for (const Verb& verb : verbs()) known.insert(verb.flags.begin(), verb.flags.end());
  for (const std::string& flag : flags_in(page())) EXPECT_TRUE(known.contains(flag)) << flag;
}

}  // namespace
}  // namespace sluice::cli
