#include "cli/verb.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "yaml/diagnostics.h"

namespace sluice::cli {

std::string default_data_dir(const Console& console) {
  if (const auto data = console.variable("SLUICE_DATA")) return *data;
  if (const auto home = console.variable("XDG_DATA_HOME")) return *home + "/sluice";
  if (const auto home = console.variable("HOME")) return *home + "/.local/share/sluice";
  return "sluice-data";
}

CLI::App& add_group(CLI::App& parent, const VerbText& text) {
  CLI::App* group = parent.add_subcommand(text.name, text.description);
  std::string footer = "Example:";
  for (std::size_t begin = 0; begin < text.example.size();) {
    const std::size_t end = std::min(text.example.find('\n', begin), text.example.size());
    footer += "\n  " + text.example.substr(begin, end - begin);
    begin = end + 1;
  }
  group->footer(footer);
  group->set_help_flag("-h,--help", "Print this help");
  return *group;
}

CLI::App& add_verb(CLI::App& parent, Invocation& invocation, const VerbText& text) {
  CLI::App& verb = add_group(parent, text);
  verb.add_option("--data", invocation.data_dir, "Data directory (SLUICE_DATA; default ~/.local/share/sluice)")
      ->type_name(directory_value);
  one_of(verb.add_option("-o,--output", invocation.output, "Output for people or for programs"), {"table", "json"});
  return verb;
}

CLI::Option* one_of(CLI::Option* option, std::vector<std::string> words) {
  option->type_name(fmt::format("{}", fmt::join(words, "|")));
  return option->check(
      [words = std::move(words)](const std::string& given) {
        if (std::find(words.begin(), words.end(), given) != words.end()) return std::string();
        const std::string near = yaml::nearest(given, words);
        return fmt::format("`{}` is not one of {}{}", given, fmt::join(words, ", "),
                           near.empty() ? "" : fmt::format("; did you mean `{}`?", near));
      },
      "");
}

CLI::Option* whole_number(CLI::Option* option, std::int64_t min, std::int64_t max, std::string without) {
  option->type_name("N");
  // transform() runs before CLI11 converts the text, so that its own words never reach the user.
  return option->transform(CLI::Validator(
      [=](std::string& given) {
        std::int64_t number = 0;
        const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), number);
        if (error == std::errc() && end == given.data() + given.size() && number >= min && number <= max)
          return std::string();
        return fmt::format("`{}` must be a whole number from {} to {}{}{}", given, min, max,
                           without.empty() ? "" : "; ", without);
      },
      ""));
}

}  // namespace sluice::cli
