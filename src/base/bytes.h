/* Little-endian loads and stores, alignment and checked arithmetic. Pure; all inline. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The low `size` (1..8) bytes of a value, little-endian, at any alignment. */
static inline uint64_t bytes_get_le(const void *p, unsigned size)
{
	uint64_t v = 0;
	for (unsigned i = 0; i < size && i < 8; i++)
		v |= (uint64_t)((const uint8_t *)p)[i] << (8 * i);
	return v;
}

static inline void bytes_put_le(void *p, uint64_t v, unsigned size)
{
	for (unsigned i = 0; i < size && i < 8; i++)
		((uint8_t *)p)[i] = (uint8_t)(v >> (8 * i));
}

static inline uint16_t bytes_get_le16(const void *p) { return (uint16_t)bytes_get_le(p, 2); }
static inline uint32_t bytes_get_le32(const void *p) { return (uint32_t)bytes_get_le(p, 4); }
static inline uint64_t bytes_get_le64(const void *p) { return bytes_get_le(p, 8); }
static inline void bytes_put_le16(void *p, uint16_t v) { bytes_put_le(p, v, 2); }
static inline void bytes_put_le32(void *p, uint32_t v) { bytes_put_le(p, v, 4); }
static inline void bytes_put_le64(void *p, uint64_t v) { bytes_put_le(p, v, 8); }

/* align is a power of two. bytes_align_up wraps like any unsigned sum: check first where it matters. */
static inline uint64_t bytes_align_down(uint64_t v, uint64_t align) { return v & ~(align - 1); }
static inline uint64_t bytes_align_up(uint64_t v, uint64_t align)
{
	return (v + align - 1) & ~(align - 1);
}

/* True when the sum or product does not fit; *ret is then the wrapped value. */
static inline bool bytes_add_overflows(uint64_t a, uint64_t b, uint64_t *ret)
{
	return __builtin_add_overflow(a, b, ret);
}
static inline bool bytes_mul_overflows(uint64_t a, uint64_t b, uint64_t *ret)
{
	return __builtin_mul_overflow(a, b, ret);
}

#endif
