/* The words behind "monitor catch": "exception 14 if rax == 1". Pure. */
#ifndef DEBUG_CATCH_PARSE_H
#define DEBUG_CATCH_PARSE_H

#include "base/error.h"
#include "debug/target.h"

/* What is to be caught: an exit of the machine, or vectors (EXCEPTION, IRQ); both ends included. */
struct debug_catch_spec {
	struct debug_catch_range range;
	const char *condition;     /* text behind "if", within the given line; NULL: none */
};

/* 0, or -EINVAL with text that says what would be understood. *ret untouched on failure. */
int debug_catch_parse(const char *line, struct debug_catch_spec *ret, struct error *err);

/* "exception", "io", ...; static. */
const char *debug_catch_kind_name(enum debug_catch_kind kind);
/* "#PF page fault" of vector 14 and so on; "" where there is no name. Static. */
const char *debug_catch_vector_name(uint64_t vector);
/* True when the CPU pushes an error code (SDM 3A table 6-1). */
bool debug_catch_has_error(uint64_t vector);

#endif
