/* CPUs of several sizes, as CPUID rows, for the tests. */
#ifndef TESTS_UNIT_X86_LAYOUTS_H
#define TESTS_UNIT_X86_LAYOUTS_H

#include "x86/layout.h"

/* A server CPU with everything we show; offsets as real ones have them. */
static const struct x86_cpuid cpuid_max[] = {
	{ 1, 0, 0, 0, 1u << 26, 0 }, { 7, 0, 0, 0, 1u << 3 | 1u << 16, 0 },
	{ 0xd, 0, 0x2e7, 2696, 2696, 0 }, { 0xd, 2, 256, 576, 0, 0 }, { 0xd, 5, 64, 1088, 0, 0 },
	{ 0xd, 6, 512, 1152, 0, 0 }, { 0xd, 7, 1024, 1664, 0, 0 }, { 0xd, 9, 8, 2688, 0, 0 },
	{ 0x80000001, 0, 0, 0, 0, 1u << 20 | 1u << 26 }, { 0x80000008, 0, 46 | 57 << 8, 0, 0, 0 },
};

/* AVX and no more. */
static const struct x86_cpuid cpuid_avx[] = {
	{ 1, 0, 0, 0, 1u << 26, 0 }, { 0xd, 0, 7, 832, 832, 0 }, { 0xd, 2, 256, 576, 0, 0 },
	{ 0x80000001, 0, 0, 0, 0, 1u << 20 }, { 0x80000008, 0, 40 | 48 << 8, 0, 0, 0 },
};

/* No XSAVE at all. */
static const struct x86_cpuid cpuid_sse[] = { { 1, 0, 0, 0, 0, 0 } };

static const struct { const char *name; const struct x86_cpuid *rows; unsigned count; } test_layouts[] = {
	{ "max", cpuid_max, sizeof(cpuid_max) / sizeof(cpuid_max[0]) },
	{ "avx", cpuid_avx, sizeof(cpuid_avx) / sizeof(cpuid_avx[0]) },
	{ "sse", cpuid_sse, sizeof(cpuid_sse) / sizeof(cpuid_sse[0]) },
};

#endif
