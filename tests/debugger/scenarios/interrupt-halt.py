"""Ctrl-C stops a guest that sleeps in HLT with interrupts off; it can be resumed and stopped again."""

MODE = 'halt'


def play(s):
    s.connect()
    s.cont_until_interrupted('halting')
    s.where('halt')
    s.cont_until_interrupted('halting')
    s.where('halt')
    s.kill()
