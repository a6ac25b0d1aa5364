#!/usr/bin/env python3
"""The stop and resume of src/kvm/runctl.c, explored in every order of events: three vcpus, a client, an end.

usage: run_control.py [--vcpus N]

With pokes it is explored for two vcpus, since they multiply the states.

The model has the rules above the structs in src/kvm/internal.h, and each step that others can come between is a
step here: the three parts of a kick, the moment between choosing to run and KVM_RUN, the completion of an exit
that borrows immediate_exit.  What holds the machine's lock is one step, but for the kicks it sends.

Held in every state that can be reached:
  - a stop is told when nobody runs, and once
  - while the client holds the machine nobody runs or starts
  - where nothing more can happen, no kick is left untaken, no stop untold, nobody who may run asleep
  - while somebody runs who has no reason to come out by itself, a poke is not left unheeded
  - from everywhere a told stop, an undisturbed run or the end of all threads can be reached

Then each of the BROKEN variants must be found wrong: a model in which nothing can fail proves nothing.
"""

import argparse
import sys
from collections import deque

FREE, STOPPING, PARKED = range(3)                                       # the session
TOP, WAIT, LOOK, GAP, IN, BORROW, RETURN, RECHECK, OUT, REPORT, GONE = range(11)  # a vcpu's thread
NONE, WISHED, WANTED = range(3)                                         # a poke
AT = ('top', 'wait', 'look', 'gap', 'in', 'borrow', 'return', 'recheck', 'out', 'report', 'gone')

BROKEN = {
    'immediate_exit is not set again after a completion': 'recheck',
    'a kick is a signal alone': 'signal-only',
    'a kick is immediate_exit alone': 'no-signal',
    'who parks last wakes nobody': 'no-wake',
    'kicked is cleared when KVM_RUN is entered, not before the lock is left': 'late-clear',
    'a stop is told before all have parked': 'tell-early',
    'a stop does not hold those that stand': 'no-hold',
    'the end wakes no sleeper': 'end-no-wake',
    'a poke is a signal alone': 'poke-signal-only',
    'a poke is immediate_exit alone': 'poke-no-signal',
}


class Wrong(Exception):
    pass


class Model:
    """State: (vcpus, elected, session, kicks under way, resumes left, interrupts left, events left, poke, ended).
    A vcpu: (where, running, held, kicked, immediate_exit)."""

    def __init__(self, count, broken, pokes):
        self.count, self.broken, self.pokes = count, broken, pokes
        self.begin = LOOK if pokes else GAP

    def first(self):
        return ((TOP, 0, 0, 0, 0),) * self.count, -1, FREE, (), 2, 1, 2, WISHED if self.pokes else NONE, 0

    # ---- pieces that run with the lock held ----

    @staticmethod
    def change(vcpus, i, **fields):
        names = ('where', 'running', 'held', 'kicked', 'imm')
        v = list(vcpus[i])
        for name, value in fields.items():
            v[names.index(name)] = value
        return vcpus[:i] + (tuple(v),) + vcpus[i + 1:]

    def wake(self, vcpus, i):
        return self.change(vcpus, i, where=TOP) if vcpus[i][0] == WAIT else vcpus

    def kick_parts(self, i):
        parts = [(i, 'kicked')]
        if self.broken != 'signal-only':
            parts.append((i, 'imm'))
        if self.broken != 'no-signal':
            parts.append((i, 'signal'))
        return tuple(parts)

    def poke_parts(self, vcpus, poke):
        """kvm_vcpu_poke()"""
        running = [i for i in range(self.count) if vcpus[i][1] and not vcpus[i][2]]
        if poke != WANTED or not running:
            return ()
        parts = ((running[0], 'imm'), (running[0], 'signal'))
        return parts[1:] if self.broken == 'poke-signal-only' else parts[:1] if self.broken == 'poke-no-signal' else parts

    def stop(self, vcpus, elected, by):
        """kvm_runctl_stop()"""
        kicks = ()
        for i in range(self.count):
            if vcpus[i][1] or self.broken != 'no-hold':
                vcpus = self.change(vcpus, i, held=1)
            if vcpus[i][1]:
                kicks += self.kick_parts(i)
        elected = by if elected < 0 else elected
        if not any(v[1] for v in vcpus):
            vcpus = self.wake(vcpus, elected)
        return vcpus, elected, kicks

    @staticmethod
    def is_asleep(state):
        vcpus, elected, session, kicks, *_, ended = state
        return (session == FREE and elected < 0 and not kicks and not ended and
                any(v[0] == IN and not v[2] for v in vcpus) and all(v[0] in (IN, WAIT) for v in vcpus))

    # ---- every next state ----

    def next(self, state):
        vcpus, elected, session, kicks, resumes, interrupts, events, poke, ended = state
        if poke == WANTED and self.is_asleep(state):
            raise Wrong('a poke is left unheeded: ' + told(state))
        if kicks:
            yield self.kick(state)
        for i in range(self.count):
            if vcpus[i][0] in (LOOK, GAP, IN, BORROW, RETURN, RECHECK):
                yield from self.without_lock(state, i)
            elif not kicks:
                yield from self.with_lock(state, i)
        if not kicks:
            yield from self.client(state)

    def ignore(self, vcpus, i):
        """kvm_vcpu_ignore(): from here on as behind a completion"""
        return self.change(vcpus, i, where=BORROW)

    def kick(self, state):
        vcpus, elected, session, kicks, *rest = state
        i, part = kicks[0]
        if part == 'kicked':
            vcpus = self.change(vcpus, i, kicked=1)
        elif part == 'imm':
            vcpus = self.change(vcpus, i, imm=1)
        elif vcpus[i][0] == IN:  # EINTR; elsewhere the handler has nothing to interrupt
            vcpus = self.change(vcpus, i, where=OUT) if vcpus[i][3] else self.ignore(vcpus, i)
        return (vcpus, elected, session, kicks[1:], *rest)

    def without_lock(self, state, i):
        vcpus, elected, session, kicks, resumes, interrupts, events, poke, ended = state
        where, _, _, kicked, imm = vcpus[i]

        def to(fields, left=events, wish=poke):
            return self.change(vcpus, i, **fields), elected, session, kicks, resumes, interrupts, left, wish, ended

        if where == LOOK:
            yield to({'where': GAP}, wish=NONE if poke == WANTED else poke)
        elif where == GAP:
            if self.broken == 'late-clear':
                yield to({'where': IN, 'kicked': 0, 'imm': 0})
            elif imm and kicked:
                yield to({'where': OUT})
            elif imm:
                yield (self.ignore(vcpus, i),) + to({})[1:]
            else:
                yield to({'where': IN})
        elif where == IN and events:
            yield to({'where': REPORT}, events - 1)
            yield to({'where': BORROW, 'imm': 1}, events - 1)
        elif where == BORROW:  # KVM_RUN comes back at once: EINTR
            yield to({'where': RETURN, 'imm': 0})
        elif where == RETURN:  # and looks whether somebody kicked meanwhile
            yield to({'where': RECHECK, 'imm': 1 if kicked and self.broken != 'recheck' else imm})
        elif where == RECHECK:
            yield to({'where': self.begin})

    def with_lock(self, state, i):
        vcpus, elected, session, kicks, resumes, interrupts, events, poke, ended = state
        where, _, held, _, _ = vcpus[i]
        rest = (resumes, interrupts, events, poke, ended)
        if where == TOP:
            running = any(v[1] for v in vcpus)
            may_run = elected < 0 and not held
            if ended:
                yield (self.change(vcpus, i, where=GONE), elected, session, (), *rest)
            elif elected == i and (not running or self.broken == 'tell-early'):
                if session != STOPPING:
                    raise Wrong('a stop is told that nobody asked for, or twice')
                yield (vcpus, -1, PARKED, (), *rest)
            elif may_run:
                if session == PARKED:
                    raise Wrong('vcpu %d starts while the client holds the machine' % i)
                clear = {} if self.broken == 'late-clear' else {'kicked': 0, 'imm': 0}
                yield (self.change(vcpus, i, where=self.begin, running=1, **clear), elected, session, (), *rest)
            else:
                yield (self.change(vcpus, i, where=WAIT), elected, session, (), *rest)
        elif where in (OUT, REPORT):
            vcpus = self.change(vcpus, i, where=TOP, running=0)
            if elected not in (-1, i) and not any(v[1] for v in vcpus) and self.broken != 'no-wake':
                vcpus = self.wake(vcpus, elected)
            left = self.poke_parts(vcpus, poke)
            if where == OUT or ended:
                yield (vcpus, elected, session, left, *rest)
                return
            if session == FREE:  # a condition that does not hold: it goes on
                yield (vcpus, elected, session, left, *rest)
            vcpus, elected, kicks = self.stop(vcpus, elected, i)
            yield (vcpus, elected, STOPPING, left + kicks, *rest)

    def client(self, state):
        vcpus, elected, session, kicks, resumes, interrupts, events, poke, ended = state
        if ended:
            return
        if poke == WISHED:
            yield (vcpus, elected, session, self.poke_parts(vcpus, WANTED), resumes, interrupts, events, WANTED, ended)
        if session == FREE and interrupts:
            stopped, chosen, more = self.stop(vcpus, elected, 0)
            yield stopped, chosen, STOPPING, more, resumes, interrupts - 1, events, poke, ended
        if session == PARKED and any(v[1] for v in vcpus):
            raise Wrong('somebody runs while the client holds the machine')
        if session == PARKED and resumes:
            for alone in (None, self.count - 1):  # all, or one with the others held
                after = vcpus
                for i in range(self.count):
                    if alone in (None, i):
                        after = self.wake(self.change(after, i, held=0), i)
                yield after, elected, FREE, (), resumes - 1, interrupts, events, poke, ended
        if not interrupts or session == PARKED:
            after, parts = vcpus, ()
            for i in range(self.count):
                if vcpus[i][1]:
                    parts += self.kick_parts(i)
                if self.broken != 'end-no-wake':
                    after = self.wake(after, i)
            yield after, elected, session, parts, resumes, interrupts, events, poke, 1


def is_goal(state):
    vcpus, _, session, kicks, *_, ended = state
    if ended:
        return all(v[0] == GONE for v in vcpus)
    if kicks or session == STOPPING:
        return False
    if session == PARKED:
        return True
    return all(v[0] == IN if not v[2] else v[0] == WAIT for v in vcpus)


def told(state):
    vcpus, elected, session, *_ = state
    return 'elected %d, session %d: %s' % (elected, session, ', '.join(
        '%s%s%s' % (AT[v[0]], ' running' * v[1], ' kicked' * v[3]) for v in vcpus))


def explore(count, broken=None, pokes=False):
    """The number of states; Wrong when one of them, or the way on from it, is."""
    model = Model(count, broken, pokes)
    seen, queue, before = {model.first()}, deque([model.first()]), {}
    goals = deque()
    while queue:
        state = queue.popleft()
        after = set(model.next(state))
        if is_goal(state):
            goals.append(state)
        elif not after:
            raise Wrong('nothing more happens: ' + told(state))
        for each in after:
            before.setdefault(each, []).append(state)
            if each not in seen:
                seen.add(each)
                queue.append(each)
    reached = set(goals)
    while goals:
        for each in before.get(goals.popleft(), ()):
            if each not in reached:
                reached.add(each)
                goals.append(each)
    lost = seen - reached
    if lost:
        raise Wrong('no way on: ' + told(min(lost)))
    return len(seen)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--vcpus', type=int, default=3)
    args = parser.parse_args()
    failures = 0
    try:
        print('%d vcpus: %d states, all of them right' % (args.vcpus, explore(args.vcpus)))
        print('2 vcpus and a poke: %d states, all of them right' % explore(2, pokes=True))
    except Wrong as why:
        print('WRONG: %s' % why)
        failures += 1
    for name, broken in BROKEN.items():
        try:
            explore(2, broken, pokes=True)
            explore(args.vcpus, broken)
            print('NOT FOUND: %s' % name)
            failures += 1
        except Wrong as why:
            print('found: %s (%s)' % (name, why))
    return failures > 0


if __name__ == '__main__':
    sys.exit(main())
