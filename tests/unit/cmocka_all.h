/* cmocka wants these in this order. */
#ifndef TESTS_UNIT_CMOCKA_ALL_H
#define TESTS_UNIT_CMOCKA_ALL_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#endif
