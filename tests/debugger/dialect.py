"""What a debugger is told for each verb, and what it then says, in GDB's words and in LLDB's.

Each verb is a method that returns (commands, patterns): the lines to type, and regular expressions that their
output must match.  The two classes have the same methods; a scenario is written once and played in both.

GDB reads its commands from a pipe and waits for a stop by itself; Ctrl-C is a SIGINT (poke.sh).  LLDB 14 does
not heed SIGINT while it plays a script, so where a scenario interrupts, LLDB gets its commands through
feed.sh, whose own lines begin with "@"; elsewhere those lines are dropped and the script is played as a file.
"""

import os
import re


POKE = 'sh %s ' % os.path.join(os.path.dirname(os.path.abspath(__file__)), 'poke.sh')


def number(value):
    """A pattern for value in hex, with any leading zeros."""
    return r'0x0*%x\b' % value


class Gdb:
    name = 'gdb'
    preamble = ['set confirm off', 'set width 0', 'set height 0', 'set style enabled off', 'set debuginfod enabled off',
                'set tcp connect-timeout 10']

    def marker(self, text):
        return 'echo \\n%s\\n' % text

    def readable(self, output):
        return output

    # -- connecting and leaving --
    def connect(self):
        return ['target remote @TARGET@'], [r'Remote debugging using']

    def detach(self):
        return ['detach'], [r'\[Inferior 1 \(.*\) detached\]']

    def kill(self):
        return ['kill'], [r'\[Inferior 1 \(.*\) killed\]']

    def die(self):
        return ['shell ' + POKE + 'KILL'], []

    def shell(self, command):
        return ['shell ' + command], []

    def monitor(self, text):
        return ['monitor ' + text], []

    # -- breakpoints and watchpoints --
    def break_at(self, where):
        return ['break ' + where], [r'Breakpoint \d+ at 0x']

    def hbreak_at(self, where):
        return ['hbreak ' + where], [r'Hardware assisted breakpoint \d+ at 0x']

    def watch(self, variable, how):
        verb = {'write': 'watch', 'access': 'awatch'}[how]
        kind = {'write': 'Hardware watchpoint', 'access': r'Hardware access \(read/write\) watchpoint'}[how]
        return ['%s %s' % (verb, variable)], [r'%s \d+: %s' % (kind, re.escape(variable))]

    def watch_refused(self, when):
        """GDB asks the stub only when the guest is resumed."""
        return [r'Could not insert hardware watchpoint'] if when == 'resumed' else []

    def delete_all(self):
        return ['delete'], []

    # -- moving --
    def cont(self):
        return ['continue'], []

    def cont_until_interrupted(self, text):
        return ['shell %s INT guest.out %s' % (POKE, text), 'continue'], [r'Program received signal SIGINT']

    def stepi(self, count):
        return ['stepi %d' % count], []

    def nexti(self, count):
        return ['nexti %d' % count], []

    def step(self):
        return ['step'], []

    def next(self):
        return ['next'], []

    def finish(self):
        return ['finish'], []

    def where(self):
        return ['frame'], []

    # -- what a stop or an end looks like --
    def stopped(self, why, **about):
        if why == 'watch':
            return [r'Hardware watchpoint \d+: %(name)s\s+Old value = %(old)s\s+New value = %(new)s' % about]
        if why == 'access':
            return [r'Hardware access \(read/write\) watchpoint \d+: %(name)s\s+Value = %(value)s' % about]
        if why == 'died':
            return [r'Program received signal SIG(SEGV|ABRT|ILL)']
        if why == 'signal':
            return [r'Program received signal %(name)s' % about]
        return {'breakpoint': [r'Breakpoint \d+, '], 'step': []}[why]

    def exited(self, status):
        how = 'with code 0*%o' % status if status else 'normally'
        return [r'\[Inferior 1 \(.*\) exited %s\]' % how]

    def at(self, function, line=None):
        return [r'#0 +(0x[0-9a-f]+ in )?%s \(.*\)%s' % (function, r' at \S*guest\.c:%d\b' % line if line else '')]

    # -- looking and changing --
    def backtrace(self, *functions):
        return ['backtrace'], [r'(?s)' + r'.*'.join(r'#%d +(0x[0-9a-f]+ in )?%s \(' % each
                                                   for each in enumerate(functions))]

    def frame(self, level):
        return ['frame %d' % level], [r'#%d ' % level]

    def variable(self, name, value):
        return ['print %s' % name], [r'\$\d+ = %s\b' % re.escape(str(value))]

    def set_variable(self, name, value):
        return ['set variable %s = %s' % (name, value)], []

    def register(self, name, value=None):
        return ['print/x $%s' % name], [r'\$\d+ = %s' % (r'0x[0-9a-f]+' if value is None else number(value))]

    def set_register(self, name, value):
        return ['set $%s = %#x' % (name, value)], []

    def memory(self, where, data):
        rows = r'\s+(?:0x[0-9a-f]+(?: <[^>]+>)?:\s+)?'.join(number(byte) for byte in data)
        return ['x/%dxb %s' % (len(data), where)], [r':\s+' + rows]

    def set_memory(self, where, byte):
        return ['set variable *(unsigned char *)(%s) = %#x' % (where, byte)], []


class Lldb:
    name = 'lldb'
    preamble = ['settings set target.inline-breakpoint-strategy headers', 'settings set stop-line-count-before 1',
                'settings set stop-line-count-after 1']

    def marker(self, text):
        return '# ' + text

    def readable(self, output):
        """LLDB prints the answer to a monitor command as the digits of its packet."""
        return re.sub(r'^response: ((?:[0-9a-f]{2})+)$',
                      lambda m: bytes.fromhex(m.group(1)).decode(errors='replace'), output, flags=re.M)

    def connect(self):
        return ['process connect --plugin gdb-remote @LLDBURL@', '@stop'], [r'Process \d+ stopped']

    def detach(self):
        return ['process detach'], []   # "Process N detached" may come after the next command's output

    def kill(self):
        return ['process kill'], []

    def die(self):
        return ['platform shell ' + POKE + 'KILL'], []

    def shell(self, command):
        return ['platform shell ' + command], []

    def monitor(self, text):
        return ['process plugin packet monitor ' + text], []

    def break_at(self, where):
        return ['breakpoint set --name ' + where], [r'Breakpoint \d+: where = .*%s' % where]

    def hbreak_at(self, where):
        return ['breakpoint set --hardware --name ' + where], [r'Breakpoint \d+: where = .*%s' % where]

    def watch(self, variable, how):
        option = {'write': 'write', 'access': 'read_write'}[how]
        return ['watchpoint set variable -w %s %s' % (option, variable)], [r'Watchpoint created: Watchpoint \d+']

    def watch_refused(self, when):
        return [r'error: Watchpoint creation failed'] if when == 'set' else []

    def delete_all(self):
        return ['breakpoint delete -f', 'watchpoint delete -f'], []

    def cont(self):
        return ['process continue', '@stop'], []

    def cont_until_interrupted(self, text):
        return (['process continue', '@wait %s guest.out' % text, 'process interrupt', '@stop'],
                [r'stop reason = signal SIG(INT|STOP)'])

    def stepi(self, count):
        return ['thread step-inst', '@stop'] * count, []

    def nexti(self, count):
        return ['thread step-inst-over', '@stop'] * count, []

    def step(self):
        return ['thread step-in', '@stop'], []

    def next(self):
        return ['thread step-over', '@stop'], []

    def finish(self):
        return ['thread step-out', '@stop'], []

    def where(self):
        return ['frame info'], []

    def stopped(self, why, **about):
        if why == 'watch':
            return [r'old value: %(old)s\s+new value: %(new)s' % about, r'stop reason = watchpoint \d+']
        if why == 'access':
            return [r'stop reason = watchpoint \d+']
        if why == 'died':
            return [r'stop reason = \S+']
        if why == 'signal':
            return [r'stop reason = signal %(name)s' % about]
        return {'breakpoint': [r'stop reason = breakpoint \d+\.\d+'],
                'step': [r'stop reason = (instruction step (into|over)|step (in|over|out))']}[why]

    def exited(self, status):
        return [r'Process \d+ exited with status = %d \(' % status]

    def at(self, function, line=None):
        return [r'frame #0: 0x[0-9a-f]+ \S*`%s\b.*%s' % (function, r' at guest\.c:%d\b' % line if line else '')]

    def backtrace(self, *functions):
        return ['thread backtrace'], [r'(?s)' + r'.*'.join(r'frame #%d: 0x[0-9a-f]+ \S*`%s\b' % each
                                                          for each in enumerate(functions))]

    def frame(self, level):
        return ['frame select %d' % level], [r'frame #%d: ' % level]

    def variable(self, name, value):
        return ['expression -- ' + name], [r'\$\d+ = %s\b' % re.escape(str(value))]

    def set_variable(self, name, value):
        return ['expression -- %s = %s' % (name, value)], []

    def register(self, name, value=None):
        name = {'eflags': 'rflags'}.get(name, name)
        return ['register read --format hex ' + name], [r'\b%s = %s' % (name, r'0x[0-9a-f]+' if value is None else number(value))]

    def set_register(self, name, value):
        return ['register write %s %#x' % (name, value)], []

    def memory(self, where, data):
        rows = r'\s+(?:0x[0-9a-f]+:\s+)?'.join(number(byte) for byte in data)
        return ['memory read --size 1 --format x --count %d -- %s' % (len(data), where)], [r':\s+' + rows]

    def set_memory(self, where, byte):
        return ['expression -- *(unsigned char *)(%s) = %#x' % (where, byte)], []


DIALECTS = {d.name: d for d in (Gdb, Lldb)}
