// `sluice completion bash|zsh|fish`, and the scripts. Each script carries the same three tables: which words lead from
// one verb to the next, what may follow a verb, and what may follow a flag that takes a value.
#include "cli/completion.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <ostream>

#include "cli/verbs.h"
#include "json/json.h"

namespace sluice::cli {
namespace {

struct Flag {
  std::vector<std::string> names;  // "--output", "-o"
  std::string description;
  bool takes_value = false;
  std::string value;  // what one_of and verb.h's value names say
};

struct VerbNode {
  std::string path;  // "sluice keys create"
  std::vector<const CLI::App*> verbs;
  std::vector<Flag> flags;
  std::vector<std::string> positional_values;
};

Flag describe(const CLI::Option& option) {
  Flag flag{.names = {},
            .description = option.get_description(),
            .takes_value = option.get_items_expected_max() > 0,
            .value = option.get_type_name()};
  for (const std::string& name : option.get_lnames()) flag.names.push_back("--" + name);
  for (const std::string& name : option.get_snames()) flag.names.push_back("-" + name);
  return flag;
}

void walk(const CLI::App& app, const std::string& path, const std::function<void(const VerbNode&)>& visit) {
  VerbNode node{.path = path, .verbs = app.get_subcommands(nullptr), .flags = {}, .positional_values = {}};
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional())
      node.positional_values.push_back(option->get_type_name());
    else
      node.flags.push_back(describe(*option));
  }
  visit(node);
  for (const CLI::App* verb : node.verbs) walk(*verb, path + " " + verb->get_name(), visit);
}

bool is_word_list(const std::string& value) {
  return value.find('|') != std::string::npos &&
         std::none_of(value.begin(), value.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

std::vector<std::string> split_words(std::string value) {
  std::replace(value.begin(), value.end(), '|', ' ');
  std::vector<std::string> words;
  for (std::size_t begin = 0; begin < value.size();) {
    const std::size_t end = std::min(value.find(' ', begin), value.size());
    words.push_back(value.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

std::vector<std::string> words_after(const VerbNode& node) {
  std::vector<std::string> words;
  for (const CLI::App* verb : node.verbs) words.push_back(verb->get_name());
  for (const std::string& value : node.positional_values)
    if (is_word_list(value))
      for (std::string& word : split_words(value)) words.push_back(std::move(word));
  for (const Flag& flag : node.flags) words.insert(words.end(), flag.names.begin(), flag.names.end());
  return words;
}

bool takes_file(const VerbNode& node) {
  return std::find(node.positional_values.begin(), node.positional_values.end(), file_value) !=
         node.positional_values.end();
}

std::string quoted(std::string text) {
  std::string out = "'";
  for (char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// bash and zsh read the same code up to the last step; these are its tables, as branches of `case`.
struct Tables {
  std::string steps;   // "$verb $word" -> verb
  std::string values;  // "$verb $previous" -> what follows a flag
  std::string words;   // "$verb" -> what follows a verb
};

Tables tables_of(const CLI::App& root) {
  Tables out;
  walk(root, root.get_name(), [&out](const VerbNode& node) {
    for (const CLI::App* verb : node.verbs) {
      const std::string path = node.path + " " + verb->get_name();
      out.steps += fmt::format("      {}) verb={} ;;\n", quoted(path), quoted(path));
    }
    for (const Flag& flag : node.flags) {
      if (!flag.takes_value) continue;
      std::string patterns;
      for (const std::string& name : flag.names)
        patterns += (patterns.empty() ? "" : "|") + quoted(node.path + " " + name);
      const std::string kind = flag.value == file_value || flag.value == directory_value ? flag.value : "words";
      const std::string words =
          is_word_list(flag.value) ? fmt::format("{}", fmt::join(split_words(flag.value), " ")) : "";
      out.values += fmt::format("    {}) kind={}; choices={} ;;\n", patterns, kind, quoted(words));
    }
    out.words +=
        fmt::format("      {}) kind={}; choices={} ;;\n", quoted(node.path), takes_file(node) ? "words+FILE" : "words",
                    quoted(fmt::format("{}", fmt::join(words_after(node), " "))));
  });
  return out;
}

// What both shells run between their own first and last lines.
std::string lookup(const Tables& tables, std::string_view for_each_word) {
  return fmt::format(
      "  {}; do\n    case \"$verb $word\" in\n{}    esac\n  done\n"
      "  case \"$verb $previous\" in\n{}  esac\n"
      "  if [[ -z $kind ]]; then\n    case \"$verb\" in\n{}    esac\n  fi\n",
      for_each_word, tables.steps, tables.values, tables.words);
}

std::string fish_flag(const Flag& flag, const std::string& condition) {
  std::string line = "complete -c sluice -n " + condition;
  for (const std::string& name : flag.names)
    line += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  if (flag.takes_value) line += flag.value == file_value || flag.value == directory_value ? " -r -F" : " -x";
  if (is_word_list(flag.value)) line += " -a " + quoted(fmt::format("{}", fmt::join(split_words(flag.value), " ")));
  return line + " -d " + quoted(flag.description) + "\n";
}

struct CompletionFlags {
  std::string shell;
};

}  // namespace

std::string bash_completion(const CLI::App& root) {
  return "# bash completion for sluice. Made by: sluice completion bash\n"
         "_sluice() {\n"
         "  local current=\"${COMP_WORDS[COMP_CWORD]}\" previous=\"${COMP_WORDS[COMP_CWORD-1]}\"\n"
         "  local verb=sluice kind= choices= word\n"
         "  # bash takes --flag=value apart at the equals sign\n"
         "  if [[ $current == = ]]; then current=\n"
         "  elif [[ $previous == = ]]; then previous=\"${COMP_WORDS[COMP_CWORD-2]}\"; fi\n" +
         lookup(tables_of(root), "for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"") +
         "  COMPREPLY=()\n"
         "  [[ $kind == words* ]] && mapfile -t COMPREPLY < <(compgen -W \"$choices\" -- \"$current\")\n"
         "  [[ $kind == DIR ]] && mapfile -t COMPREPLY < <(compgen -d -- \"$current\")\n"
         "  [[ $kind == *FILE ]] && mapfile -t -O \"${#COMPREPLY[@]}\" COMPREPLY < <(compgen -f -- \"$current\")\n"
         "  return 0\n"
         "}\n"
         "complete -o filenames -F _sluice sluice\n";
}

std::string zsh_completion(const CLI::App& root) {
  return "#compdef sluice\n"
         "# zsh completion for sluice. Made by: sluice completion zsh\n"
         "_sluice() {\n"
         "  local previous=\"${words[CURRENT-1]}\" verb=sluice kind= choices= word\n"
         "  if [[ ${words[CURRENT]} == --*=* ]]; then previous=\"${words[CURRENT]%%=*}\"; compset -P '*='; fi\n" +
         lookup(tables_of(root), "for word in \"${(@)words[2,CURRENT-1]}\"") +
         "  [[ $kind == words* ]] && compadd -- ${=choices}\n"
         "  [[ $kind == DIR ]] && _files -/\n"
         "  [[ $kind == *FILE ]] && _files\n"
         "  return 0\n"
         "}\n"
         "compdef _sluice sluice\n";
}

std::string fish_completion(const CLI::App& root) {
  std::string steps;
  std::string rules;
  walk(root, root.get_name(), [&](const VerbNode& node) {
    const std::string condition = quoted("test (__sluice_verb) = \"" + node.path + "\"");
    for (const CLI::App* verb : node.verbs) {
      steps += " " + quoted(node.path + " " + verb->get_name());
      rules += fmt::format("complete -c sluice -n {} -a {} -d {}\n", condition, verb->get_name(),
                           quoted(verb->get_description()));
    }
    for (const std::string& value : node.positional_values)
      if (is_word_list(value))
        rules += fmt::format("complete -c sluice -n {} -a {}\n", condition,
                             quoted(fmt::format("{}", fmt::join(split_words(value), " "))));
    if (takes_file(node)) rules += fmt::format("complete -c sluice -n {} -F\n", condition);
    for (const Flag& flag : node.flags) rules += fish_flag(flag, condition);
  });
  return "# fish completion for sluice. Made by: sluice completion fish\n"
         "function __sluice_verb\n"
         "  set -l verb sluice\n"
         "  for word in (commandline -opc)[2..-1]\n"
         "    switch \"$verb $word\"\n"
         "      case" +
         steps +
         "\n"
         "        set verb \"$verb $word\"\n"
         "    end\n"
         "  end\n"
         "  echo $verb\n"
         "end\n"
         "complete -c sluice -f\n" +
         rules;
}

void add_completion(CLI::App& root, Invocation& invocation) {
  CLI::App& verb = add_verb(root, invocation,
                            {"completion", "Print a completion script for your shell",
                             "sluice completion bash > ~/.local/share/bash-completion/completions/sluice\n"
                             "sluice completion zsh > \"${fpath[1]}/_sluice\"\n"
                             "sluice completion fish > ~/.config/fish/completions/sluice.fish"});
  auto flags = std::make_shared<CompletionFlags>();
  one_of(verb.add_option("shell", flags->shell, "Which shell"), {"bash", "zsh", "fish"})->required();
  // The script describes the tree that this verb is a part of, so it is handed over when the verb runs.
  verb.callback([&root, &invocation, flags] {
    invocation.action = [&root, &invocation, flags]() -> Result<int> {
      const std::string script = flags->shell == "bash"  ? bash_completion(root)
                                 : flags->shell == "zsh" ? zsh_completion(root)
                                                         : fish_completion(root);
      if (!invocation.json()) {
        invocation.console.out << script;
        return exit_ok;
      }
      std::string text;
      json::Writer(text).begin_object().member("shell", flags->shell).member("script", script).end_object();
      invocation.console.out << text << '\n';
      return exit_ok;
    };
  });
}

}  // namespace sluice::cli
