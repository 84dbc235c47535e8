"""Tests of the tools that test the tree: each rule is shown a violation, because a check that cannot fail is none.

Usage: tools/tools_test.py [--junit FILE]
"""
import contextlib
import io
import json
import re
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as xml
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / folder) for folder in ("tools", "tools/dev", "tests/docs", "tests/simulation", "bench")]
import bench
import import_litellm
import import_model_facts
import layers
import new_provider
import planted
import run as guides
import tally
import tidy

CMAKE = """
# sluice_module(comment comment DEPS ghost)
sluice_module(base base LIBS PkgConfig::OPENSSL)
sluice_module(net net DEPS base)
sluice_module(http http
  DEPS net base)
sluice_module(gateway_guard gateway/guard DEPS base)
"""
TABLE = "| `src/base/` | x |\n| `src/net/` | x |\n| `src/http/` | x |\n| `src/gateway/guard/` | x |\n"


class Planted(unittest.TestCase):
    def test_each_bug_can_still_be_planted(self):
        self.assertGreaterEqual(len(planted.BUGS), 20)
        self.assertEqual([], [bug.what for bug in planted.BUGS if not planted.can_be_planted(bug)])

    def test_a_bug_whose_place_has_changed_is_told(self):
        self.assertFalse(planted.can_be_planted(planted.BUGS[0]._replace(old="no such line")))


class Tree(unittest.TestCase):
    """A small source tree in a temporary folder."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = Path(self.folder.name)
        self.write("src/CMakeLists.txt", CMAKE)
        self.write("ARCHITECTURE.md", TABLE)
        for header in ("base/result.h", "net/socket.h", "http/headers.h", "gateway/guard/guard.h"):
            self.write(f"src/{header}", "#pragma once\n")

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


class Layers(Tree):
    def test_a_tree_that_keeps_its_layers_passes(self):
        self.write("src/http/server.cpp", '#include "http/headers.h"\n#include "net/socket.h"\n#include <vector>\n')
        self.assertEqual(layers.check(self.root), [])

    def test_an_include_that_is_not_among_the_deps_is_named(self):
        self.write("src/net/tls.cpp", '#include "http/headers.h"\n')
        (fault,) = layers.check(self.root)
        self.assertIn('src/net/tls.cpp: net includes "http/headers.h", but http is not in its DEPS', fault)

    def test_a_stage_does_not_reach_through_a_dependency(self):
        self.write("src/gateway/guard/guard.cpp", '#include "net/socket.h"\n')
        self.assertEqual(len(layers.check(self.root)), 1)

    def test_a_wall_header_outside_its_folder_is_named(self):
        for include in ("sys/epoll.h", "openssl/ssl.h", "ares.h", "sqlite3.h", "libpq-fe.h", "simdjson.h", "yaml.h", "CLI/CLI.hpp", "wslay/wslay.h"):
            self.write("src/base/result.h", f"#include <{include}>\n")
            (fault,) = layers.check(self.root)
            self.assertIn(f"includes <{include}>, which only", fault)

    def test_a_wall_header_inside_its_folder_passes(self):
        self.write("src/net/reactor.cpp", "#include <sys/epoll.h>\n#include <openssl/ssl.h>\n#include <ares.h>\n")
        self.assertEqual(layers.check(self.root), [])

    def test_a_folder_without_a_declaration_is_named(self):
        self.write("src/stray/stray.h", "#pragma once\n")
        self.assertIn("is not declared", layers.check(self.root)[0])

    def test_a_dependency_on_a_later_module_is_named(self):
        self.write("src/CMakeLists.txt", CMAKE.replace("sluice_module(base base", "sluice_module(base base DEPS net"))
        self.assertIn("base depends on net, which is declared after it", layers.check(self.root)[0])

    def test_the_folder_table_must_equal_the_tree(self):
        self.write("ARCHITECTURE.md", TABLE.replace("| `src/net/` | x |\n", "| `src/gone/` | x |\n"))
        self.assertEqual(len(layers.check(self.root)), 2)

    def test_a_missing_architecture_file_is_named(self):
        (self.root / "ARCHITECTURE.md").unlink()
        self.assertIn("is missing", layers.check(self.root)[0])


class Tidy(Tree):
    def setUp(self):
        super().setUp()
        for folder in ("base", "net", "http", "gateway/guard"):
            self.write(f"src/{folder}/README.md", "# x\n")
        self.write("CHANGELOG.md", "## Unreleased\n")
        subprocess.run(["git", "init", "-q", str(self.root)], check=True)

    def faults(self, name, text):
        self.write(name, text)
        return tidy.check(self.root)

    def test_a_tidy_tree_passes(self):
        self.assertEqual(self.faults("src/base/ok.cpp", "int x = 0;\n"), [])

    def test_each_violation_of_a_line_is_named(self):
        for text, words in [("// TO" "DO: later\n", "leftover mark"), ("int x; \n", "blanks at the end"), ("\tint x;\n", "a tab"),
                            ('auto p = "/ro' 'ot/x";\n', "path of one machine"), ('auto p = "/wo' 'rk/x";\n', "path of one machine"),
                            ("int x;", "no line end")]:
            with self.subTest(words):
                self.assertIn(words, " ".join(self.faults("src/base/bad.cpp", text)))

    def test_an_import_that_nobody_uses_is_named(self):
        self.assertEqual(self.faults("tests/a.py", "import os.path\nfrom x import one as two\nprint(os, two)\n"), [])
        self.assertIn("tests/a.py:2: two is imported", self.faults("tests/a.py", "import os\nfrom x import one as two\nprint(os)\n")[0])

    def test_a_path_below_a_variable_is_no_machine_path(self):
        self.assertEqual(self.faults("run.sh", 'cd "$HOME/wo' 'rk/x" && ls ./wo' 'rk/\n'), [])

    def test_a_file_past_the_limit_is_named(self):
        self.assertIn("801 lines", self.faults("src/base/long.cpp", "int x;\n" * 801)[0])
        self.assertEqual(self.faults("src/base/long.cpp", "int x;\n" * 800), [])

    def test_a_module_without_a_readme_is_named(self):
        (self.root / "src/net/README.md").unlink()
        self.assertIn("src/net/README.md: is missing", tidy.check(self.root)[0])

    def test_a_dead_relative_link_is_named_and_one_in_a_code_block_is_not(self):
        self.assertIn("gone.md leads nowhere", self.faults("docs/a.md", "[x](gone.md)\n")[0])
        self.assertEqual(self.faults("docs/a.md", "[x](../CHANGELOG.md#top)\n```\n[x](gone.md)\n```\n"), [])

    def test_a_changelog_without_unreleased_is_named(self):
        self.assertIn("CHANGELOG.md", self.faults("CHANGELOG.md", "# Changelog\n")[0])

    def test_a_test_that_the_page_of_odd_cases_names_must_exist(self):
        self.write("src/net/a_test.cpp", "TEST(A, Does_this) {}\nTEST_F(B,\n       Does_that) {}\n")
        self.write("tests/e2e/test_a.py", "def test_one():\n    pass\n")
        page = "docs/reference/odd-cases.md"
        self.assertEqual(self.faults(page, "`A.Does_this`, `B.Does_that`, `tests/e2e/test_a.py::test_one`\n"), [])
        for name in ("A.Does_that", "tests/e2e/test_a.py::test_two", "tests/e2e/test_b.py::test_one"):
            self.assertEqual(self.faults(page, f"`{name}`\n"), [f"{page}: there is no test {name}."])

    def test_a_file_a_metric_or_a_flag_that_a_page_names_must_exist(self):
        self.write("src/net/a.cpp", '#include <outside.h>\nconst char* names[] = {"sluice_waits_total", "--lines"};\n')
        known = "`net/a.cpp` `a.cpp` `src/net/` `outside.h` `sluice_waits_` `sluice logs --lines 3` `git diff --stat`\n```\n`gone.h`\n```\n"
        self.assertEqual(self.faults("docs/a.md", known), [])
        for name, text in [("net/gone.h", "`net/gone.h`"), ("src/gone/", "`src/gone/`"), ("sluice_gone_total", "`sluice_gone_total`"),
                           ("--gone", "`sluice logs --gone`")]:
            self.assertEqual(self.faults("docs/a.md", text + "\n"), [f"docs/a.md: there is no {name}."])

    def test_ignored_files_are_not_looked_at(self):
        self.write(".gitignore", "/build/\n")
        self.assertEqual(self.faults("build/bad.cpp", "int x; \n"), [])


class Tally(Tree):
    def result(self, name, status, report=None, log=""):
        self.write(f"results/{name}.rc", f"{status}\n")
        self.write(f"results/{name}.log", log)
        if report is not None:
            self.write(f"results/{name}.xml", report)
        return tally.tally(self.root / "results")

    def test_cases_of_a_report_are_counted_one_by_one(self):
        counts, failures, _ = self.result("a", 1, """<testsuites><testsuite>
            <testcase classname="A" name="one"/><testcase classname="A" name="two"><failure message="no"/></testcase>
            <testcase classname="A" name="three"><skipped message="why"/></testcase></testsuite></testsuites>""")
        self.assertEqual(counts, {"passed": 1, "failed": 1, "skipped": 1})
        self.assertEqual(failures[0][1], "A.two")

    def test_a_program_that_dies_after_its_last_test_is_a_failure_with_its_output(self):
        counts, failures, _ = self.result("a", 134, '<testsuite><testcase name="one"/></testsuite>', "ERROR: AddressSanitizer")
        self.assertEqual((counts["passed"], counts["failed"]), (1, 1))
        self.assertIn("AddressSanitizer", failures[0][2])

    def test_a_program_that_leaves_no_report_is_one_test(self):
        self.assertEqual(self.result("a", 0)[0]["passed"], 1)
        self.assertEqual(self.result("b", 124)[0]["failed"], 1)

    def test_no_test_at_all_fails_the_run(self):
        (self.root / "results").mkdir()
        run = subprocess.run([sys.executable, tally.__file__, str(self.root / "results")], capture_output=True, text=True)
        self.assertEqual((run.returncode, run.stdout), (1, "0 passed, 0 failed\n"))


class Guides(Tree):
    def follow(self, text):
        self.write("guide.md", text)
        return guides.follow(self.root / "guide.md", Path("/bin/true"))

    def test_blocks_run_in_order_and_keep_their_variables(self):
        self.assertEqual(self.follow("```yaml file=a.txt\nhello\n```\n```bash run\nexport X=$(cat a.txt)\n```\n"
                                     "```bash run\necho \"$X world\"\n```\n```text expect\nhel...ld\n```\n"), 4)

    def test_a_command_that_fails_is_named(self):
        with self.assertRaisesRegex(guides.Wrong, "status 3"):
            self.follow("```bash run\nexit 3\n```\n")

    def test_an_output_that_differs_is_named(self):
        with self.assertRaisesRegex(guides.Wrong, "lacks the line"):
            self.follow("```bash run\necho one\n```\n```text expect\ntwo\n```\n")

    def test_a_server_that_does_not_start_is_named(self):
        with self.assertRaisesRegex(guides.Wrong, "does not get ready"):
            self.follow("```bash start\n./dev serve\n```\n")

    def test_blocks_without_a_mark_are_not_run(self):
        self.assertEqual(self.follow("```bash\nexit 3\n```\n"), 0)


class Bench(unittest.TestCase):
    def test_a_request_has_the_size_that_the_table_names(self):
        for size in (1024, 20 * 1024):
            body = {"model": "a/m", **bench.short_body(size, True, "a/m")}
            self.assertEqual(len(json.dumps(body)), size)

    def test_ratios_are_taken_within_a_round(self):
        row = bench.relay_row("x", {"sluice": [(10.0, 1), (40.0, 1), (9.0, 1)], "nginx": [(10.0, 1), (20.0, 1), (10.0, 1)]})
        self.assertEqual(row["ratio"], {"median": 1.0, "min": 0.9, "max": 2.0})
        self.assertEqual(row["sluice"]["cpu_us"]["median"], 10.0)


class NewProvider(Tree):
    def begin(self, *arguments):
        return subprocess.run([sys.executable, new_provider.__file__, "--root", str(self.root), *arguments], capture_output=True, text=True)

    def test_a_title_is_text_whatever_stands_in_it(self):
        made = self.begin("example", "https://api.example.com/v1", "--title", 'Ex: "ample" # 1')
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertIn('name: "Ex: \\"ample\\" # 1"\n', (self.root / "data/providers/example.yaml").read_text())

    def test_its_flags_are_where_a_newcomer_looks(self):
        flags = set(re.findall(r"--[a-z][a-z-]+", self.begin("--help").stdout)) - {"--help"}
        self.assertGreater(len(flags), 3)
        told = subprocess.run([ROOT / "dev", "help"], capture_output=True, text=True).stdout
        verb = told[told.index("  new-provider "):told.index("  tidy ")]
        guide = (ROOT / "docs/guides/add-a-provider.md").read_text()
        for flag in flags:
            self.assertIn(f"[{flag} ", verb)
            self.assertIn(f"`{flag}`", guide)

    def test_a_base_url_with_a_password_is_refused_and_not_repeated(self):
        for url in ("https://user:secret@api.example.com/v1", "ftp://user:secret@api.example.com"):
            refused = self.begin("example", url)
            self.assertEqual(refused.returncode, 1)
            self.assertIn("no user and no password", refused.stderr)
            self.assertNotIn("secret", refused.stderr)
        self.assertFalse((self.root / "data/providers").exists())


class Report(unittest.TextTestResult):
    """Keeps what ran, for a JUnit file."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.ran = []

    def stopTest(self, test):
        super().stopTest(test)
        self.ran.append(test)

    def write(self, path):
        suite, faults = xml.Element("testsuite", name="tools"), dict(self.failures + self.errors)
        for test in self.ran:
            case = xml.SubElement(suite, "testcase", classname=type(test).__name__, name=test._testMethodName)
            if test in faults:
                xml.SubElement(case, "failure").text = faults[test]
        xml.ElementTree(suite).write(path)

class Imports(Tree):
    """What comes into data/ from catalogues of others, and what does not."""

    HEAD = "source: https://models.dev\nobserved_at: 2026-07-02\n"

    def setUp(self):
        super().setUp()
        self.write("data/models/openai.yaml", self.HEAD + "models:\n  - { name: gpt-5, id: gpt-5, developer: OpenAI, licence: proprietary,\n"
                   "      context: 400000, tools: true }\n")
        self.write("data/prices/openai.yaml", self.HEAD + "prices:\n  - { model: gpt-5, effective_from: 2026-07-02,\n      input: 2, output: 8 }\n")

    def import_litellm(self, **says):
        said = {"litellm_provider": "openai", "mode": "chat", "source": "https://openai.example/pricing", "input_cost_per_token": 2e-06,
                "output_cost_per_token": 8e-06, "max_input_tokens": 272000, "max_output_tokens": 128000}
        self.write("litellm.json", json.dumps({"gpt-5": said | says}))
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            import_litellm.main([str(self.root / "litellm.json"), "1.0", "2026-11-27", str(self.root)])
        return out.getvalue()

    def text(self, name):
        return (self.root / "data" / name / "openai.yaml").read_text()

    def test_a_retirement_comes_in_with_its_page_and_its_successor(self):
        self.import_litellm(deprecation_date="2026-12-11", deprecation_source="https://openai.example/end", successor_model="openai/gpt-6")
        self.assertIn('retires: { day: 2026-12-11, successor: gpt-6, source: "https://openai.example/end, as litellm 1.0 has it" }',
                      self.text("models"))

    def test_a_retirement_without_a_page_does_not(self):
        self.import_litellm(deprecation_date="2026-12-11")
        self.assertNotIn("retires", self.text("models"))

    def test_what_stands_here_is_kept_and_what_lacks_comes_in(self):
        self.import_litellm(supports_vision=True, max_input_tokens=1)
        self.assertIn("context: 400000, max_output: 128000, tools: true, images: true", self.text("models"))

    def test_a_price_that_changed_ends_and_a_new_one_begins(self):
        self.assertIn("the price has changed", self.import_litellm(input_cost_per_token=3e-06))
        self.assertIn("effective_to: 2026-11-27", self.text("prices"))
        self.assertIn("input: 3, output: 8", self.text("prices"))
        before = self.text("prices")
        self.import_litellm(input_cost_per_token=3e-06)
        self.assertEqual(self.text("prices"), before)

    def test_an_odd_price_is_told_and_not_taken(self):
        before = self.text("prices")
        self.assertIn("input 2 -> 9", self.import_litellm(input_cost_per_token=9e-06))
        self.assertIn("dearer than a fresh one", self.import_litellm(cache_read_input_token_cost=4.5e-06))
        self.assertEqual(self.text("prices"), before)

    def test_a_result_of_a_test_needs_its_page_and_does_not_replace_what_stands_there(self):
        self.write("models.dev/models/openai/gpt-5.toml", """
            [[benchmarks]]
            name = "GPQA"
            score = 85.7
            source = "https://openai.example/gpt-5"
            [[benchmarks]]
            name = "MMLU-Pro"
            score = 80
            """)
        for _ in range(2):
            import_model_facts.main([str(self.root / "models.dev"), str(self.root)])
            self.assertEqual(self.text("models").count("metric:"), 1)
        self.assertIn('{ metric: "GPQA Diamond", value: 85.7, source: "https://openai.example/gpt-5" }', self.text("models"))



if __name__ == "__main__":
    report = sys.argv[sys.argv.index("--junit") + 1] if "--junit" in sys.argv else None
    tests = unittest.defaultTestLoader.loadTestsFromModule(sys.modules[__name__])
    outcome = unittest.TextTestRunner(resultclass=Report, verbosity=0).run(tests)
    if report:
        outcome.write(report)
    sys.exit(not outcome.wasSuccessful())
