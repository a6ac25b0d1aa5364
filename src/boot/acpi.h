/*
 * The ACPI tables of a trapline machine (ACPI 6.3, chapter 5): processors, I/O APIC, how to power off and to
 * reset. They lie at BOOT_ACPI_BASE, where systems without a pointer search them.
 */
#ifndef BOOT_ACPI_H
#define BOOT_ACPI_H

#include "boot/setup.h"

#define BOOT_ACPI_BASE 0xe0000ull
#define BOOT_ACPI_SIZE 0x4000ull
#define BOOT_ACPI_PM1_EVENT 0x600u    /* dev/power.h */
#define BOOT_ACPI_PM1_CONTROL 0x604u
#define BOOT_ACPI_RESET 0xcf9u        /* dev/reset.h */

/* The address of the RSDP, or 0 when memory there is missing or the image's. */
uint64_t boot_acpi_build(struct boot_setup *s, const struct boot_entry *entry);

#endif
