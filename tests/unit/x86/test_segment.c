#include "../cmocka_all.h"
#include "base/bytes.h"
#include "x86/segment.h"
#include <errno.h>
#include <string.h>

static struct x86_state st;
static uint8_t gdt[128], ldt[16];

#define GDT 0x1000
#define LDT 0x8000

static int read_tables(void *ctx, uint64_t gva, void *buf, size_t len)
{
	(void)ctx;
	if (gva >= GDT && gva + len <= GDT + sizeof(gdt))
		memcpy(buf, gdt + (gva - GDT), len);
	else if (gva >= LDT && gva + len <= LDT + sizeof(ldt))
		memcpy(buf, ldt + (gva - LDT), len);
	else
		return -EFAULT;
	return 0;
}

static const struct x86_reader reader = { read_tables, NULL };

/* Descriptors by selector; 0x00af9b000000ffff and friends are what kernels have in their GDT. */
static const uint64_t descriptors[16] = {
	[1] = 0x00af9b000000ffff,  /* 08: code64 */
	[2] = 0x00cf93000000ffff,  /* 10: data */
	[3] = 0x00cffb000000ffff,  /* 18: code32 dpl 3 */
	[4] = 0x00cff3000000ffff,  /* 20: data dpl 3 */
	[5] = 0x00cf91000000ffff,  /* 28: data, read-only */
	[6] = 0x00cf13000000ffff,  /* 30: data, not present */
	[7] = 0x00cf99000000ffff,  /* 38: code, execute only */
	[8] = 0x00ef9b000000ffff,  /* 40: code with L and D */
	[9] = 0x12008956789a0067,  /* 48: available TSS, base 0x..1256789a */
	[10] = 0x00000000ffff8123, /*     upper half */
	[11] = 0x000082008000000f, /* 58: LDT at 0x8000 */
	[12] = 0,
	[13] = 0x00cf9f000000ffff, /* 68: conforming code32 */
	[14] = 0x00cf92000000ffff, /* 70: data, not accessed */
};

static int setup(void **state)
{
	(void)state;
	memset(&st, 0, sizeof(st));
	st.cr0 = X86_CR0_PE | X86_CR0_PG;
	st.efer = X86_EFER_LME | X86_EFER_LMA;
	st.seg[X86_CS] = x86_seg_code64(8);
	st.seg[X86_SS] = st.seg[X86_DS] = x86_seg_data(0x10);
	st.seg[X86_LDTR] = x86_seg_none();
	st.gdt = (struct x86_table){ GDT, sizeof(gdt) - 1 };
	for (unsigned i = 0; i < 16; i++)
		bytes_put_le64(gdt + 8 * i, descriptors[i]);
	bytes_put_le64(ldt + 8, 0x00cf93000000ffff);
	return 0;
}

static void test_pack_and_unpack(void **state)
{
	static const struct {
		uint64_t raw, base;
		uint32_t limit;
		uint8_t type, s, dpl, present, l, db, g;
	} rows[] = {
		{ 0x00af9b000000ffff, 0, 0xffffffff, 11, 1, 0, 1, 1, 0, 1 },
		{ 0x00cff3000000ffff, 0, 0xffffffff, 3, 1, 3, 1, 0, 1, 1 },
		{ 0x12408956789abcde, 0x1256789a, 0xbcde, 9, 0, 0, 1, 0, 1, 0 },
		{ 0x000f13fffffffffe, 0xffffff, 0xffffe, 3, 1, 0, 0, 0, 0, 0 },
		{ 0xff8093ffffff0000, 0xffffffff, 0xfff, 3, 1, 0, 1, 0, 0, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct x86_seg seg;

		x86_seg_unpack(0x1b, rows[i].raw, 0, &seg);
		assert_int_equal(seg.selector, 0x1b);
		assert_int_equal(seg.base, rows[i].base);
		assert_int_equal(seg.limit, rows[i].limit);
		assert_int_equal(seg.type, rows[i].type);
		assert_int_equal(seg.s, rows[i].s);
		assert_int_equal(seg.dpl, rows[i].dpl);
		assert_int_equal(seg.present, rows[i].present);
		assert_int_equal(seg.unusable, !rows[i].present);
		assert_int_equal(seg.l, rows[i].l);
		assert_int_equal(seg.db, rows[i].db);
		assert_int_equal(seg.g, rows[i].g);
		assert_true(x86_seg_pack(&seg) == rows[i].raw);
	}
}

static void test_upper_half_is_for_system(void **state)
{
	struct x86_seg seg;

	(void)state;
	x86_seg_unpack(0x48, descriptors[9], 0xffff8123, &seg);
	assert_true(seg.base == 0xffff81231256789a);
	x86_seg_unpack(0x10, descriptors[2], 0xffff8123, &seg);
	assert_true(seg.base == 0);
}

/* What VM entry wants of each (SDM 3C 26.3.1.2), and what a GDT entry made of it looks like. */
static void test_flat_segments(void **state)
{
	struct x86_seg seg;

	(void)state;
	seg = x86_seg_code64(8);
	assert_true(x86_seg_pack(&seg) == 0x00af9b000000ffff);
	seg = x86_seg_code32(8);
	assert_true(x86_seg_pack(&seg) == 0x00cf9b000000ffff);
	seg = x86_seg_data(0x10);
	assert_true(x86_seg_pack(&seg) == 0x00cf93000000ffff);
	seg = x86_seg_data(0x23);
	assert_true(x86_seg_pack(&seg) == 0x00cff3000000ffff);
	seg = x86_seg_real(0xf000, true);
	assert_int_equal(seg.base, 0xf0000);
	assert_int_equal(seg.limit, 0xffff);
	assert_int_equal(seg.type, 11);
	seg = x86_seg_real(0x1234, false);
	assert_int_equal(seg.base, 0x12340);
	assert_int_equal(seg.type, 3);
	seg = x86_seg_tss64(0x18, 0xffff800000001000, 0x67);
	assert_int_equal(seg.type, 11);
	assert_int_equal(seg.s, 0);
	assert_int_equal(seg.g, 0);
	assert_true(seg.base == 0xffff800000001000);
	assert_int_equal(x86_seg_none().unusable, 1);
}

struct load_row { enum x86_seg_name name; uint16_t selector; const char *text; /* NULL: loads */ };

static const struct load_row long_rows[] = {
	{ X86_CS, 0x08, NULL }, { X86_CS, 0x1b, NULL }, { X86_CS, 0x68, NULL }, { X86_CS, 0x6b, NULL },
	{ X86_CS, 0x10, "not a code segment" }, { X86_CS, 0x0b, "privilege" }, { X86_CS, 0x18, "privilege" },
	{ X86_CS, 0x40, "both L and D" }, { X86_CS, 0x00, "null" }, { X86_CS, 0x48, "not a code segment" },
	{ X86_SS, 0x10, NULL }, { X86_SS, 0x23, NULL }, { X86_SS, 0x00, NULL },
	{ X86_SS, 0x03, "null stack" },
	{ X86_SS, 0x28, "writable" }, { X86_SS, 0x08, "writable" }, { X86_SS, 0x20, "privilege" },
	{ X86_DS, 0x10, NULL }, { X86_DS, 0x23, NULL }, { X86_DS, 0x28, NULL }, { X86_DS, 0x08, NULL },
	{ X86_DS, 0x38, "readable" }, { X86_DS, 0x30, "not present" }, { X86_DS, 0x00, NULL },
	{ X86_DS, 0x03, NULL },
	{ X86_DS, 0x80, "outside" }, { X86_DS, 0xfff8, "outside" }, { X86_DS, 0x14, "no LDT" },
	{ X86_FS, 0x48, "readable" }, { X86_GS, 0x10, NULL },
	{ X86_TR, 0x48, NULL }, { X86_TR, 0x10, "TSS" }, { X86_TR, 0, "null" }, { X86_TR, 0x4c, "GDT" },
	{ X86_LDTR, 0x58, NULL }, { X86_LDTR, 0x48, "LDT" }, { X86_LDTR, 0, NULL },
	{ X86_LDTR, 0x78, "outside" },
};

static void check_load(const struct load_row *row)
{
	static struct x86_state before;
	struct error err = { 0 };
	int rc;

	memcpy(&before, &st, sizeof(st));
	rc = x86_seg_load(&st, row->name, row->selector, &reader, &err);
	if ((rc == 0) != (row->text == NULL))
		fail_msg("segment %d selector %#x: %d %s", row->name, row->selector, rc, err.text);
	if (rc == 0) {
		assert_int_equal(st.seg[row->name].selector, row->selector);
		st.seg[row->name] = before.seg[row->name];
	} else {
		assert_int_equal(rc, -EINVAL);
		if (strstr(err.text, row->text) == NULL)
			fail_msg("selector %#x: text is \"%s\"", row->selector, err.text);
	}
	assert_memory_equal(&before, &st, sizeof(st)); /* nothing else has changed */
}

static void test_load(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(long_rows); i++)
		check_load(&long_rows[i]);
}

static void test_loaded_values(void **state)
{
	(void)state;
	assert_int_equal(x86_seg_load(&st, X86_DS, 0x70, &reader, NULL), 0);
	assert_int_equal(st.seg[X86_DS].type, 3); /* accessed now */
	assert_int_equal(x86_seg_load(&st, X86_TR, 0x48, &reader, NULL), 0);
	assert_int_equal(st.seg[X86_TR].type, 11); /* busy now */
	assert_true(st.seg[X86_TR].base == 0xffff81231256789a);
	assert_int_equal(st.seg[X86_TR].limit, 0x67);
	assert_int_equal(x86_seg_load(&st, X86_ES, 0, &reader, NULL), 0);
	assert_int_equal(st.seg[X86_ES].unusable, 1);
}

static void test_ldt(void **state)
{
	(void)state;
	assert_int_equal(x86_seg_load(&st, X86_LDTR, 0x58, &reader, NULL), 0);
	assert_int_equal(st.seg[X86_LDTR].base, LDT);
	assert_int_equal(x86_seg_load(&st, X86_ES, 0x0c, &reader, NULL), 0);
	assert_int_equal(st.seg[X86_ES].limit, 0xffffffff);
	/* past the LDT's 16 bytes */
	assert_int_equal(x86_seg_load(&st, X86_ES, 0x14, &reader, NULL), -EINVAL);
}

static void test_legacy_mode(void **state)
{
	struct error err;

	(void)state;
	st.efer = 0;
	st.seg[X86_CS] = x86_seg_code32(8);
	assert_int_equal(x86_seg_load(&st, X86_CS, 0x08, &reader, &err), -EINVAL);
	assert_non_null(strstr(err.text, "outside long mode"));
	assert_int_equal(x86_seg_load(&st, X86_SS, 0, &reader, NULL), -EINVAL);
	assert_int_equal(x86_seg_load(&st, X86_TR, 0x48, &reader, NULL), 0);
	assert_int_equal(st.seg[X86_TR].base, 0x1256789a); /* 8-byte descriptors here */
}

static void test_real_mode(void **state)
{
	(void)state;
	st.cr0 = 0;
	st.efer = 0;
	st.seg[X86_DS] = x86_seg_data(0); /* "unreal": the limit stays */
	assert_int_equal(x86_seg_load(&st, X86_DS, 0xb800, NULL, NULL), 0);
	assert_int_equal(st.seg[X86_DS].selector, 0xb800);
	assert_int_equal(st.seg[X86_DS].base, 0xb8000);
	assert_int_equal(st.seg[X86_DS].limit, 0xffffffff);
	st.cr0 = X86_CR0_PE;
	st.rflags = X86_RFLAGS_VM;
	assert_int_equal(x86_seg_load(&st, X86_ES, 0x100, NULL, NULL), 0);
	assert_int_equal(st.seg[X86_ES].base, 0x1000);
}

static void test_without_memory(void **state)
{
	struct error err;

	(void)state;
	assert_int_equal(x86_seg_load(&st, X86_DS, 0x20, NULL, &err), -EINVAL);
	assert_int_equal(x86_seg_load(&st, X86_DS, 0, NULL, &err), 0);
	st.gdt.base = 0x999000;
	assert_int_equal(x86_seg_load(&st, X86_DS, 0x20, &reader, &err), -EINVAL);
	assert_string_equal(err.text, "cannot load ds with selector 0x20: its descriptor is not readable");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pack_and_unpack), cmocka_unit_test(test_upper_half_is_for_system),
		cmocka_unit_test(test_flat_segments), cmocka_unit_test_setup(test_load, setup),
		cmocka_unit_test_setup(test_loaded_values, setup), cmocka_unit_test_setup(test_ldt, setup),
		cmocka_unit_test_setup(test_legacy_mode, setup),
		cmocka_unit_test_setup(test_real_mode, setup),
		cmocka_unit_test_setup(test_without_memory, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
