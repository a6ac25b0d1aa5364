/*
 * PVH: kernels with a Xen note that names a 32-bit entry point ("x86/HVM direct boot ABI", Xen's
 * docs/misc/pvh.pandoc; start info version 1). Linux's vmlinux is one.
 */
#ifndef BOOT_PVH_H
#define BOOT_PVH_H

#include "boot/setup.h"

#define BOOT_PVH_NOTE_NAME "Xen"
#define BOOT_PVH_NOTE_ENTRY 18u /* XEN_ELFNOTE_PHYS32_ENTRY */
#define BOOT_PVH_MAGIC 0x336ec578u

bool boot_pvh_probe(const struct boot_image *image);
int boot_pvh_load(const struct boot_image *image, struct guest_mem *mem, struct boot_entry *ret,
                  struct error *err);
int boot_pvh_enter(struct boot_setup *s, struct boot_entry *entry, struct error *err);

#endif
