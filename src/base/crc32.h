/* CRC-32 as zlib, gzip and Ethernet have it (ISO 3309, reflected, polynomial 0x04c11db7). Pure. */
#ifndef BASE_CRC32_H
#define BASE_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* Begin with 0; the value so far goes in again with the next bytes. */
uint32_t crc32_add(uint32_t crc, const void *bytes, size_t len);

#endif
