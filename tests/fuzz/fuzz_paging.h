/* The page-walk comparison, for the fuzzer and for the bounded replay among the unit tests. */
#ifndef TESTS_FUZZ_FUZZ_PAGING_H
#define TESTS_FUZZ_FUZZ_PAGING_H

#include <stddef.h>
#include <stdint.h>

/* How often each mode gave each result; tells whether the inputs reach everything. */
extern unsigned fuzz_paging_seen[5][5];

/* Aborts when the two walks differ. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
