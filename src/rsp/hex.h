/* Bytes to hexadecimal digits and back, by table: this is the inner loop of m, M, g and G. */
#ifndef RSP_HEX_H
#define RSP_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Writes 2 * len lower-case digits to dst. dst and src must not overlap. */
void rsp_hex_encode(uint8_t *dst, const uint8_t *src, size_t len);

/*
 * Reads 2 * len digits of either case. dst may be src (the result is written from its start). False when
 * one is no digit; dst is then undefined.
 */
bool rsp_hex_decode(uint8_t *dst, const uint8_t *src, size_t len);

/* 0 to 15, or -1. */
int rsp_hex_digit(uint8_t c);

#endif
