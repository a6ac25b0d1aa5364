/*
 * Contents of guest memory, kept: an image is what all of memory held at one moment. Images share the pages
 * in which they agree, and pages of zeros cost nothing, so that one more image costs what has changed.
 *
 * Who keeps the images knows which pages changed since the last one was taken or put back ("dirty", a bitmap
 * of pages, see guest_mem.h). A bit too many costs a copy and nothing else; one too few is a wrong image.
 *
 * The caller serialises all calls; nobody writes guest memory meanwhile.
 */
#ifndef MEM_PAGE_STORE_H
#define MEM_PAGE_STORE_H

#include "mem/guest_mem.h"

#define PAGE_STORE_PAGE 4096u

struct page_store;
struct page_image;

/* mem is borrowed. max_pages: how many pages all images together may keep. -ENOMEM. */
int page_store_new(struct guest_mem *mem, uint64_t max_pages, struct page_store **ret, struct error *err);
void page_store_free(struct page_store *s);  /* with all its images; NULL is fine */

/*
 * What memory holds now. base: the image that it was equal to but for the dirty pages; NULL: all zeros.
 * The caller holds the result. -ENOMEM; -ENOSPC: max_pages; nothing is changed then.
 */
int page_store_capture(struct page_store *s, const struct page_image *base, const uint64_t *dirty,
                       struct page_image **ret, struct error *err);

/*
 * Makes memory equal to `to` (NULL: zeros). from: as base above. Returns how many pages were written.
 * guest_mem_mark() is not called for them.
 */
uint64_t page_store_apply(struct page_store *s, const struct page_image *from, const struct page_image *to,
                          const uint64_t *dirty);

/* One holder more, one fewer (an image without holders goes). Both take NULL. */
struct page_image *page_image_hold(struct page_image *image);
void page_store_drop(struct page_store *s, struct page_image *image);

/* The bytes of the page of that bit, NULL: zeros. Pages that are not zeros; and how many the store keeps. */
const uint8_t *page_store_page(const struct page_store *s, const struct page_image *image, uint64_t bit);
uint64_t page_image_pages(const struct page_image *image);
uint64_t page_store_pages(const struct page_store *s);
const struct guest_mem *page_store_memory(const struct page_store *s);

#endif
