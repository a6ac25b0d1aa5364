"""A scenario: what a user types, and what must come back.

A scenario file has a docstring, may set MODE, GDB, OPTIONS, GUEST ('pie', 'smp'), OPTIONS (one more of trapline's), LIMIT (seconds for a session), SYMBOLS (False: the debugger is not given the ELF), and has play(s), which calls verbs of
struct Play.  Nothing runs while it does: each verb adds a step.  The steps are rendered to a script for the
debugger, played by session.sh, and only then judged (Step.judge) on the transcript.
"""

import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))
AWAIT = os.path.join(HERE, 'await.sh')


def line_of(mark):
    """The number of the line of guest.c that carries "mark: MARK"."""
    with open(os.path.join(HERE, 'guest.c'), encoding='utf-8') as f:
        for at, line in enumerate(f, 1):
            if re.search(r'mark: %s\b' % re.escape(mark), line):
                return at
    raise KeyError('guest.c has no "mark: %s"' % mark)


class Step:
    """Some commands and what their output must, and must not, match."""

    def __init__(self, title, commands, patterns):
        self.title, self.commands = title, commands
        self.must, self.must_not = list(patterns), []
        self.fallback = None

    def says(self, *patterns):
        self.must += patterns
        return self

    def says_not(self, *patterns):
        self.must_not += patterns
        return self

    def without(self, capability, *patterns):
        """On a host whose probe lacks the capability, these are what must be said instead."""
        self.fallback = (capability, patterns)
        return self

    def then(self, commands):
        self.commands = self.commands + commands
        return self

    def judge(self, output, lacks):
        """None, or what is wrong.  lacks: names of the capabilities that the host has not."""
        must, must_not = self.must, self.must_not
        if self.fallback and self.fallback[0] in lacks:
            must, must_not = self.fallback[1], []
        for pattern in must:
            if not re.search(pattern, output):
                return 'expected /%s/' % pattern
        for pattern in must_not:
            if re.search(pattern, output):
                return 'did not expect /%s/' % pattern
        return None


class Play:
    """Records the steps of a scenario for one dialect."""

    def __init__(self, dialect, lane='host'):
        self.dialect = dialect
        self.lane = lane              # where it is played: host, svm, vmx
        self.limit = None             # seconds for one session
        self.sessions = [[]]
        self.session_status = [0]     # what the debugger itself returns; None: anything
        self.guest_says = []
        self.ends_with = None         # trapline's exit status, 'running', or None: not checked

    def _add(self, title, rendered, *patterns):
        commands, own = rendered
        step = Step(title, commands, list(own) + list(patterns))
        self.sessions[-1].append(step)
        return step

    def _move(self, title, rendered, why, at, line, about):
        """A resume, and (at: a function) where it ends.  why: see Dialect.stopped(); 'exit' takes status=."""
        commands, patterns = rendered
        if why == 'exit':
            return self._add(title, (commands, patterns + self.dialect.exited(about['status'])))
        patterns = patterns + self.dialect.stopped(why, **about)
        if at:
            commands = commands + self.dialect.where()[0]
            patterns = patterns + self.dialect.at(at, line_of(line) if line else None)
        return self._add(title, (commands, patterns))

    # -- sessions --
    def connect(self):
        return self._add('connect', self.dialect.connect())

    def detach(self):
        return self._add('detach', self.dialect.detach())

    def kill(self):
        return self._add('kill', self.dialect.kill())

    def die(self):
        """The debugger is killed where it stands, as by a closed terminal window or a crash."""
        self.session_status[-1] = 137
        return self._add('die', self.dialect.die())

    def again(self):
        """What follows is typed into a new debugger."""
        self.sessions.append([])
        self.session_status.append(0)

    def second_debugger(self, *commands):
        typed = ' '.join("-ex '%s'" % command for command in commands)
        return self._add('second debugger', self.dialect.shell(
            "timeout 20 gdb -nx -q -batch -ex 'target remote @TARGET@' %s 2>&1 </dev/null" % typed))

    # -- breakpoints --
    def break_at(self, where):
        return self._add('break ' + where, self.dialect.break_at(where))

    def hbreak_at(self, where):
        return self._add('hbreak ' + where, self.dialect.hbreak_at(where))

    def watch(self, variable, how='write'):
        return self._add('watch %s (%s)' % (variable, how), self.dialect.watch(variable, how))

    def delete_all(self):
        return self._add('delete all', self.dialect.delete_all())

    # -- moving --
    def cont(self, why=None, at=None, line=None, **about):
        return self._move('continue', self.dialect.cont(), why, at, line, about)

    def cont_until_interrupted(self, text):
        """Continues; Ctrl-C comes when the guest has said text."""
        return self._add('continue until Ctrl-C', self.dialect.cont_until_interrupted(text))

    def stepi(self, count=1, at=None, line=None):
        return self._move('stepi', self.dialect.stepi(count), 'step', at, line, {})

    def nexti(self, count=1, at=None, line=None):
        return self._move('nexti', self.dialect.nexti(count), 'step', at, line, {})

    def step(self, at=None, line=None):
        return self._move('step', self.dialect.step(), 'step', at, line, {})

    def next(self, at=None, line=None):
        return self._move('next', self.dialect.next(), 'step', at, line, {})

    def finish(self, at=None, line=None):
        return self._move('finish', self.dialect.finish(), 'step', at, line, {})

    # -- looking and changing --
    def where(self, function, line=None):
        return self._add('where', self.dialect.where(), *self.dialect.at(function, line_of(line) if line else None))

    def backtrace(self, *functions):
        return self._add('backtrace', self.dialect.backtrace(*functions))

    def frame(self, level):
        return self._add('frame %d' % level, self.dialect.frame(level))

    def variable(self, name, value):
        return self._add('print ' + name, self.dialect.variable(name, value))

    def set_variable(self, name, value):
        return self._add('set ' + name, self.dialect.set_variable(name, value))

    def register(self, name, value=None):
        return self._add('register ' + name, self.dialect.register(name, value))

    def set_register(self, name, value):
        return self._add('set register ' + name, self.dialect.set_register(name, value))

    def memory(self, where, data):
        return self._add('memory ' + where, self.dialect.memory(where, data))

    def set_memory(self, where, byte):
        return self._add('set memory ' + where, self.dialect.set_memory(where, byte))

    def monitor(self, text):
        return self._add('monitor ' + text, self.dialect.monitor(text))

    def typed(self, debugger, command, *patterns):
        """A command that only one of the debuggers has; nothing under the other."""
        if self.dialect.name == debugger:
            return self._add(command, ([command], []), *patterns)
        return Step(command, [], [])

    def await_packet(self, text, count=1):
        """Waits until so many packets with text have left or come, and lets GDB take what has come."""
        return self.typed('gdb', 'shell sh %s packets.log "%s" %d' % (AWAIT, text, count)).then(['echo'] * 8)

    # -- afterwards --
    def output(self, *patterns):
        """What the guest must have printed in all."""
        self.guest_says += patterns

    def trapline_ends(self, status):
        """trapline's exit status; 'running': it is still there and has to be ended."""
        self.ends_with = status
