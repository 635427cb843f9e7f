#!/usr/bin/env python3
"""Tests of recorded.py, in a repository of their own: `python3 .ci/recorded_test.py`."""

import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).parent


class Recorded(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.write("Cargo.toml", "[workspace]\n")
        self.write("tools/script", "one")
        self.write(".ci/slow.toml", '[check]\ncommand = "bash tools/command"\nfiles = ["tools"]\n')
        shutil.copy(HERE / "recorded.py", self.root / ".ci")
        self.write(".gitignore", "ignored\n__pycache__/\n")
        # Leaves a trace each time that it runs, where git does not look.
        self.write("tools/command", "echo >>ignored; test ! -e fail")
        self.git("init", "--quiet")
        self.git("add", "--all")

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)

    def git(self, *arguments):
        subprocess.run(["git", *arguments], cwd=self.root, check=True)

    def run_check(self, *arguments, **environment):
        """The exit code, and how often the command has run so far."""
        command = [self.root / ".ci/recorded.py", *arguments, "check"]
        self.result = subprocess.run(command, env=os.environ | environment, text=True, stdout=subprocess.PIPE)
        trace = self.root / "ignored"
        return self.result.returncode, len(trace.read_text()) if trace.exists() else 0

    def recorded(self):
        return (self.root / ".ci/passed/check").exists()

    def test_unchanged_inputs_are_skipped_and_all_runs_them(self):
        self.assertEqual(self.run_check(), (0, 1))
        self.assertEqual(self.run_check(), (77, 1))
        self.assertEqual(self.run_check("--all"), (0, 2))

    def test_changed_contents_modes_names_and_entry_run(self):
        def entry():
            self.write(".ci/slow.toml", '[check]\ncommand = "bash tools/command --other"\nfiles = ["tools"]\n')

        changes = [
            lambda: self.write("tools/script", "two"),
            lambda: (self.root / "tools/script").chmod(0o755),
            lambda: self.git("mv", "tools/script", "tools/renamed"),
            lambda: self.git("rm", "--quiet", "--force", "tools/renamed"),
            lambda: (self.write("tools/new", ""), self.git("add", "tools/new")),
            entry,
        ]
        self.assertEqual(self.run_check(), (0, 1))
        for number, change in enumerate(changes, start=2):
            change()
            self.assertEqual(self.run_check(), (0, number))
            self.assertEqual(self.run_check(), (77, number))

    def test_what_changed_is_named(self):
        self.run_check()
        self.write("tools/script", "two")
        self.run_check()
        self.assertIn("changed since it passed: tools\n", self.result.stdout)
        self.assertNotIn("entry", self.result.stdout)

    def test_other_files_do_not_matter(self):
        self.assertEqual(self.run_check(), (0, 1))
        self.write("other", "")
        self.assertEqual(self.run_check(), (77, 1))

    def test_a_failure_is_not_recorded(self):
        self.write("fail", "")
        self.assertEqual(self.run_check(), (1, 1))
        self.assertFalse(self.recorded())

    def test_a_failure_takes_back_a_record_of_the_same_inputs(self):
        self.run_check()
        self.write("fail", "")
        self.assertEqual(self.run_check("--all"), (1, 2))
        self.assertFalse(self.recorded())

    def test_inputs_that_change_meanwhile_are_not_recorded(self):
        self.write("tools/command", "echo >>ignored; echo three >tools/script")
        self.assertEqual(self.run_check(), (0, 1))
        self.assertFalse(self.recorded())
        self.assertIn("changed while it ran", self.result.stdout)

    def test_files_that_git_does_not_know_run_and_are_not_recorded(self):
        self.run_check()
        self.write("tools/forgotten", "")
        self.assertEqual(self.run_check(), (0, 2))
        self.assertIn("git does not know tools/forgotten", self.result.stdout)
        self.assertEqual(self.run_check(), (0, 3))

    def test_the_callers_variables_do_not_reach_the_command(self):
        self.write("tools/command", 'echo >>ignored; test -z "${RUSTFLAGS+set}${MODEL+set}${MAKEFLAGS+set}"')
        self.assertEqual(self.run_check(RUSTFLAGS="-A warnings", MODEL="other", MAKEFLAGS="-i"), (0, 1))

    def test_a_pass_on_a_lesser_processor_is_not_recorded(self):
        self.write(".ci/slow.toml", '[check]\ncommand = "true"\nfiles = ["tools"]\nrecorded_with = "no_such_feature"\n')
        self.run_check()
        self.assertFalse(self.recorded())

    def test_a_file_that_is_not_there_is_an_error(self):
        self.write(".ci/slow.toml", '[check]\ncommand = "true"\nfiles = ["tool"]\n')
        self.assertEqual(self.run_check(), (1, 0))

    def test_each_check_of_this_repository_has_inputs_that_exist(self):
        import tomllib

        checks = tomllib.loads((HERE / "slow.toml").read_text())
        for check in checks.values():
            for path in check["files"]:
                self.assertTrue((HERE.parent / path).exists(), path)
        for record in (HERE / "passed").glob("*"):
            self.assertIn(record.name, checks)


if __name__ == "__main__":
    unittest.main()
