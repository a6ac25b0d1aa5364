#!/usr/bin/env python3
"""Drives trapline as an editor does: through lldb-dap (lldb-vscode) or through GDB/MI, as README's two
launch.json entries make VS Code do.

usage: editor.py dap|mi --trapline PROGRAM --guest ELF

Exit status: 0 passed, 1 failed, 77 skipped with the reason.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading

LIMIT = 60  # seconds for the whole session; a healthy one takes three
SKIP = 77


class Failure(Exception):
    pass


class Adapter:
    """The debug adapter protocol over a pipe: one request at a time, events kept until asked for."""

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL)
        self.seq = 0
        self.events = []
        self.responses = {}

    def read(self):
        """Takes one message and files it: an event, or the response to a request."""
        length = None
        while True:
            line = self.process.stdout.readline()
            if not line:
                raise Failure('the adapter ended')
            if not line.strip():
                break
            name, _, value = line.decode().partition(':')
            if name.lower() == 'content-length':
                length = int(value)
        message = json.loads(self.process.stdout.read(length))
        if message['type'] == 'event':
            self.events.append(message)
        elif message['type'] == 'response':
            self.responses[message['request_seq']] = message

    def send(self, command, arguments=None):
        self.seq += 1
        body = json.dumps({'seq': self.seq, 'type': 'request', 'command': command,
                           'arguments': arguments or {}}).encode()
        self.process.stdin.write(b'Content-Length: %d\r\n\r\n' % len(body) + body)
        self.process.stdin.flush()
        return self.seq

    def answer(self, seq):
        while seq not in self.responses:
            self.read()
        message = self.responses.pop(seq)
        if not message['success']:
            raise Failure('%s: %s' % (message['command'], message.get('message')))
        return message.get('body') or {}

    def ask(self, command, arguments=None):
        return self.answer(self.send(command, arguments))

    def wait(self, name):
        while True:
            for index, event in enumerate(self.events):
                if event['event'] == name:
                    del self.events[index]
                    return event.get('body') or {}
            self.read()


def expect(what, got, wanted):
    if got != wanted:
        raise Failure('%s: expected %r, got %r' % (what, wanted, got))


def top_frame(adapter, thread):
    return adapter.ask('stackTrace', {'threadId': thread, 'startFrame': 0, 'levels': 20})['stackFrames']


def play_dap(args, socket):
    program = shutil.which('lldb-dap') or shutil.which('lldb-vscode-14') or shutil.which('lldb-vscode')
    if program is None:
        print('skip: no lldb-dap (Debian: lldb-14)')
        return SKIP
    adapter = Adapter(program)
    try:
        adapter.ask('initialize', {'adapterID': 'lldb-dap', 'linesStartAt1': True, 'pathFormat': 'path'})
        attach = adapter.send('attach', {
            'program': args.guest, 'stopOnEntry': True,
            'attachCommands': ['process connect --plugin gdb-remote unix-connect://' + socket]})
        adapter.wait('initialized')
        adapter.ask('setFunctionBreakpoints', {'breakpoints': [{'name': 'factorial'}]})
        adapter.answer(attach)
        adapter.events.clear()  # LLDB 14's adapter tells of the stop at the entry here, and again below
        adapter.ask('configurationDone')
        thread = adapter.wait('stopped')['threadId']
        adapter.ask('continue', {'threadId': thread})
        thread = adapter.wait('stopped')['threadId']
        frames = top_frame(adapter, thread)
        expect('top of the stack', frames[0]['name'], 'factorial')
        scopes = adapter.ask('scopes', {'frameId': frames[0]['id']})['scopes']
        local = adapter.ask('variables', {'variablesReference': scopes[0]['variablesReference']})['variables']
        expect('argument n', [v['value'] for v in local if v['name'] == 'n'], ['5'])
        before = frames[0]['line']
        adapter.ask('next', {'threadId': thread})
        thread = adapter.wait('stopped')['threadId']
        if top_frame(adapter, thread)[0]['line'] == before:
            raise Failure('next did not leave line %d' % before)
        adapter.ask('setFunctionBreakpoints', {'breakpoints': []})
        adapter.ask('continue', {'threadId': thread})
        expect('exit status', adapter.wait('exited')['exitCode'], 42)
    finally:
        adapter.process.kill()
        adapter.process.wait()
    return 0


class Mi:
    """GDB's machine interface: a command and its result record, and what ran past meanwhile."""

    def __init__(self, args):
        self.process = subprocess.Popen(['gdb', '--interpreter=mi2', '-q', '-nx', args.guest],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, bufsize=1)
        self.token = 0

    def line(self):
        line = self.process.stdout.readline()
        if not line:
            raise Failure('gdb ended')
        return line.rstrip('\n')

    def ask(self, command):
        self.token += 1
        self.process.stdin.write('%d%s\n' % (self.token, command))
        self.process.stdin.flush()
        while True:
            line = self.line()
            if line.startswith('%d^' % self.token):
                if '^error' in line:
                    raise Failure('%s: %s' % (command, line))
                return line

    def stopped(self):
        while True:
            line = self.line()
            if line.startswith('*stopped'):
                return line


def need(line, pattern):
    if not re.search(pattern, line):
        raise Failure('expected %s in %s' % (pattern, line))


def play_mi(args, socket):
    if shutil.which('gdb') is None:
        print('skip: no gdb')
        return SKIP
    gdb = Mi(args)
    try:
        gdb.ask('-target-select remote ' + socket)
        gdb.ask('-break-insert factorial')
        gdb.ask('-exec-continue')
        need(gdb.stopped(), r'reason="breakpoint-hit".*func="factorial"')
        need(gdb.ask('-stack-list-variables --simple-values'), r'name="n",[^}]*value="5"')
        need(gdb.ask('-data-list-register-values x 16'), r'number="16"')
        need(gdb.ask('-thread-info'), r'name="cpu0"')
        gdb.ask('-exec-next')
        need(gdb.stopped(), r'reason="end-stepping-range"')
        gdb.ask('-break-delete 1')
        gdb.ask('-exec-continue')
        need(gdb.stopped(), r'reason="exited",exit-code="052"')
    finally:
        gdb.process.kill()
        gdb.process.wait()
    return 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('how', choices=['dap', 'mi'])
    parser.add_argument('--trapline', required=True)
    parser.add_argument('--guest', required=True)
    args = parser.parse_args()
    args.guest = os.path.abspath(args.guest)
    if not os.access('/dev/kvm', os.R_OK | os.W_OK):
        print('skip: no usable /dev/kvm')
        return SKIP
    with tempfile.TemporaryDirectory(prefix='trapline-') as folder:
        socket = os.path.join(folder, 'gdb')
        machine = subprocess.Popen([os.path.abspath(args.trapline), 'run', '--gdb=unix:' + socket, args.guest],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True)
        limit = threading.Timer(LIMIT, machine.kill)  # what waits for it then fails
        limit.daemon = True
        limit.start()
        try:
            machine.stderr.readline()  # it listens when it says how to connect
            status = play_dap(args, socket) if args.how == 'dap' else play_mi(args, socket)
            if status == 0:
                expect("trapline's exit status", machine.wait(timeout=10), 42)
            return status
        except (Failure, subprocess.TimeoutExpired) as failure:
            print('FAIL: %s' % failure)
            return 1
        finally:
            machine.kill()
            machine.wait()


if __name__ == '__main__':
    sys.exit(main())
