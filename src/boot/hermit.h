/*
 * Hermit unikernels, as their boot protocol and uhyve's interface have them: recognised by notes; entered in
 * 64-bit mode with a BootInfo, a device tree and page tables at the start of memory. doc/boot.md tells what a
 * kernel finds.
 */
#ifndef BOOT_HERMIT_H
#define BOOT_HERMIT_H

#include "boot/setup.h"

#define BOOT_HERMIT_PAGE (2ull << 20)    /* memory begins at a multiple of it */
#define BOOT_HERMIT_V1_END 0xc0000000ull /* interface 1 knows 32-bit addresses, below the PC's hole */
#define BOOT_HERMIT_V2_START BOOT_4G
#define BOOT_HERMIT_V2_END 0x1000000000ull

/* What the notes of an image tell. */
struct boot_hermit_notes {
	unsigned entry;     /* version of BootInfo: 3 or 4 */
	unsigned interface; /* version of the hypercalls: 1, 2 or 3 */
	bool has_kernel;    /* the ABI tag is there, with the kernel's version; older kernels have none */
	uint32_t kernel[3];
};

/* True for an ELF file with Hermit's note. */
bool boot_hermit_probe(const struct boot_image *image);
/* 0, or -EINVAL with text: notes that lie, versions that trapline does not know. *ret untouched then. */
int boot_hermit_notes(const struct boot_image *image, struct boot_hermit_notes *ret, struct error *err);

/*
 * Adds the machine's memory where the image wants it: at 0 or, for kernels of interface 2 and 3, at 4 GiB.
 * random != 0 moves it to a place chosen by that number, if the image can be moved. 0, or negative errno with
 * text: -EINVAL (image), -ENOMEM (size bytes are more than there can be, or cannot be had).
 */
int boot_hermit_memory(const struct boot_image *image, uint64_t size, uint64_t random, struct guest_mem *mem,
		       struct error *err);

int boot_hermit_load(const struct boot_image *image, struct guest_mem *mem, struct boot_entry *ret,
		     struct error *err);
int boot_hermit_enter(struct boot_setup *s, struct boot_entry *entry, struct error *err);

#endif
