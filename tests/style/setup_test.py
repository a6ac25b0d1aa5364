#!/usr/bin/env python3
"""tools/setup and tools/test-summary.py against stand-ins for apt-get, dpkg-query and a Meson build tree.

usage: setup_test.py ROOT
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.abspath(sys.argv.pop(1))
TABLE = 'build one proof-of-one\nbuild two -\ntest three /proof/of/three\n'
# What setup may use; apt-get and dpkg-query are ours.
PLAIN_TOOLS = ('sh', 'awk', 'sed', 'sort', 'tr', 'cut', 'env', 'dirname', 'id')


class Setup(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.bin = os.path.join(self.dir.name, 'bin')
        self.log = os.path.join(self.dir.name, 'log')
        os.makedirs(self.bin)
        os.makedirs(os.path.join(self.dir.name, 'tree/tools'))
        self.setup = os.path.join(self.dir.name, 'tree/tools/setup')
        shutil.copy(os.path.join(ROOT, 'tools/setup'), self.setup)
        self.text(os.path.join(self.dir.name, 'tree/tools/packages.txt'), TABLE)
        for tool in PLAIN_TOOLS:
            os.symlink(shutil.which(tool), os.path.join(self.bin, tool))
        self.tool('id', 'echo 0')

    def tearDown(self):
        self.dir.cleanup()

    def text(self, path, content):
        with open(path, 'w', encoding='utf-8') as f:
            f.write(content)

    def tool(self, name, body):
        path = os.path.join(self.bin, name)
        if os.path.lexists(path):
            os.unlink(path)
        self.text(path, '#!/bin/sh\necho "%s $*" >>"%s"\n%s\n' % (name, self.log, body))
        os.chmod(path, 0o755)

    def run_setup(self, *args):
        if os.path.exists(self.log):
            os.unlink(self.log)
        done = subprocess.run([self.setup, *args], env={'PATH': self.bin}, capture_output=True, text=True, check=False)
        calls = ''
        if os.path.exists(self.log):
            with open(self.log, encoding='utf-8') as f:
                calls = ''.join(line for line in f if line.startswith(('apt-get', 'sudo')))
        return done.returncode, done.stdout + done.stderr, calls

    def test_all_there(self):
        self.tool('proof-of-one', '')
        self.tool('dpkg-query', 'echo "installed two"')
        self.tool('apt-get', 'exit 1')
        self.assertEqual(self.run_setup('build'), (0, '', ''))

    def test_installs_what_is_missing(self):
        self.tool('dpkg-query', 'echo "not-installed two"')
        self.tool('apt-get', '')
        status, text, calls = self.run_setup('build', 'test')
        self.assertEqual(status, 0)
        self.assertIn('missing for build test: one three two', text)
        self.assertEqual(calls.count('apt-get'), 1)
        self.assertIn('install -y -q --no-install-recommends one three two', calls)

    def test_fetches_lists_only_after_a_failure(self):
        flag = os.path.join(self.dir.name, 'updated')
        self.tool('apt-get', 'case "$*" in *update*) : >"%s" ;; *) [ -e "%s" ] ;; esac' % (flag, flag))
        status, _, calls = self.run_setup('build')
        self.assertEqual(status, 0)
        self.assertEqual([c.split()[3] for c in calls.splitlines()], ['install', 'update', 'install'])

    def test_no_rights(self):
        self.tool('id', 'echo 1000')
        self.tool('apt-get', '')
        status, text, calls = self.run_setup('build')
        self.assertEqual((status, calls), (1, ''))
        self.assertIn('apt-get install --no-install-recommends one two', text)

    def test_sudo(self):
        self.tool('id', 'echo 1000')
        self.tool('apt-get', '')
        self.tool('sudo', 'while [ "$1" = -n ]; do shift; done; [ "$1" = true ] && exit 0; exec "$@"')
        status, _, calls = self.run_setup('build')
        self.assertEqual(status, 0)
        self.assertIn('sudo -n env DEBIAN_FRONTEND=noninteractive apt-get', calls)

    def test_other_system(self):
        status, text, _ = self.run_setup('build')
        self.assertEqual(status, 1)
        self.assertIn('one two', text)
        self.assertIn('no apt-get', text)

    def test_optional_and_check_and_usage(self):
        self.assertEqual(self.run_setup('--optional', 'build')[0], 0)
        self.assertEqual(self.run_setup('--check', 'build')[0], 1)
        self.assertEqual(self.run_setup('--list', 'test')[:2], (0, 'three\n'))
        self.assertEqual(self.run_setup('nonsense')[0], 2)
        self.assertEqual(self.run_setup()[0], 2)


class Summary(unittest.TestCase):
    def judge(self, *tests, kvm='/dev/null'):
        """tests: (name, suites, result, last line printed)"""
        with tempfile.TemporaryDirectory() as build:
            for folder in ('meson-info', 'meson-logs'):
                os.makedirs(os.path.join(build, folder))
            with open(os.path.join(build, 'meson-info/intro-tests.json'), 'w', encoding='utf-8') as f:
                json.dump([{'name': t[0], 'suite': ['trapline:' + each for each in t[1].split()]} for t in tests], f)
            with open(os.path.join(build, 'meson-logs/testlog.json'), 'w', encoding='utf-8') as f:
                for name, suite, result, said in tests:
                    f.write(json.dumps({'name': 'trapline:%s / %s' % (suite, name), 'result': result,
                                        'stdout': said, 'stderr': ''}) + '\n')
            done = subprocess.run([sys.executable, os.path.join(ROOT, 'tools/test-summary.py'), '--kvm', kvm, build],
                                  capture_output=True, text=True, check=False)
        return done.returncode, done.stdout

    def test_all_well(self):
        self.assertEqual(self.judge(('a', 'unit', 'OK', ''), ('b', 'vm', 'OK', '')),
                         (0, '2 passed, 0 failed, 0 skipped\n'))

    def test_failures_are_named(self):
        status, text = self.judge(('a', 'unit', 'OK', ''), ('b', 'unit', 'FAIL', ''), ('c', 'unit', 'TIMEOUT', ''))
        self.assertEqual(status, 1)
        self.assertIn('  b: fail\n  c: timeout\n1 passed, 2 failed, 0 skipped\n', text)

    def test_skips_are_named(self):
        status, text = self.judge(('a', 'unit', 'OK', ''), ('b', 'vm', 'SKIP', 'x\nno /dev/kvm\n'), ('c', 'svm', 'OK', ''))
        self.assertEqual(status, 0)
        self.assertIn('  b: no /dev/kvm\n2 passed, 0 failed, 1 skipped\n', text)

    def test_all_kvm_skipped(self):
        status, text = self.judge(('a', 'unit', 'OK', ''), ('b', 'vm', 'SKIP', 'x'), ('c', 'debugger', 'SKIP', 'x'))
        self.assertEqual(status, 1)
        self.assertTrue(text.endswith('1 passed, 1 failed, 2 skipped\n'), text)

    def test_what_needs_no_kvm_does_not_stand_in_for_it(self):
        status, text = self.judge(('a', 'debugger without-kvm', 'OK', ''), ('b', 'vm', 'SKIP', 'x'))
        self.assertEqual(status, 1)
        self.assertIn('every one of the 1 tests that need KVM was skipped', text)

    def test_without_kvm(self):
        skipped = ('a', 'vm', 'SKIP', 'x')
        status, text = self.judge(skipped, ('b', 'svm', 'OK', ''), ('c', 'vmx', 'SKIP', 'x'), kvm='/nowhere')
        self.assertEqual(status, 0)
        self.assertIn('no usable /nowhere here: what needs KVM ran in nested machines (svm)\n', text)
        status, text = self.judge(skipped, ('b', 'unit', 'OK', ''), kvm='/nowhere')
        self.assertEqual(status, 1)
        self.assertIn('nothing ran in a nested machine', text)

    def test_no_log(self):
        with tempfile.TemporaryDirectory() as build:
            done = subprocess.run([sys.executable, os.path.join(ROOT, 'tools/test-summary.py'), build],
                                  capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertTrue(done.stdout.endswith('0 passed, 1 failed, 0 skipped\n'))


if __name__ == '__main__':
    unittest.main()
