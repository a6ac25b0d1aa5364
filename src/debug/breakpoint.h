/*
 * The list of points: breakpoints and watchpoints as the debugger wishes them, and the means by which each
 * is made true (int3 byte, debug register, single-stepping). Changes are applied when the machine is
 * resumed, so that GDB's habit of removing and re-inserting everything at each stop costs nothing.
 * (To be completed by the debug layer's author.)
 */
#ifndef DEBUG_BREAKPOINT_H
#define DEBUG_BREAKPOINT_H

#endif
