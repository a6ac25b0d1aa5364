/* Private to tdesc.c: the types that the target description defines. */
#ifndef X86_TDESC_TYPES_H
#define X86_TDESC_TYPES_H

#include <stdint.h>

struct x86_tdesc_field { const char *name; uint8_t start, end; };

/* A flags register; bits without a field are shown by number. */
struct x86_tdesc_flags {
	const char *id, *feature;
	unsigned size;                       /* bytes */
	const struct x86_tdesc_field *field; /* ends with name NULL */
};

extern const struct x86_tdesc_flags x86_tdesc_flags[];
extern const unsigned x86_tdesc_flags_count;

#endif
