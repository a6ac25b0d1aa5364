/* Threads: one per vcpu, numbered from 1, named "cpu0" on. */
#ifndef DEBUG_THREADS_H
#define DEBUG_THREADS_H

#include "debug/internal.h"

/* The document of qXfer:threads:read. Its length. */
size_t debug_threads_xml(struct debug_session *s, char *buf, size_t size);

#endif
