#include "debug/catch_parse.h"

#include "base/parse.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define WORD_MAX_LEN 48

enum argument { ARG_NONE, ARG_OPTIONAL, ARG_NEEDED };

static const struct kind_row {
	const char *name;
	enum debug_catch_kind kind;
	enum argument argument;
	uint64_t min, max;
	const char *usage;
} kinds[] = {
	{ "exception", DEBUG_CATCH_EXCEPTION, ARG_OPTIONAL, 0, 31, "exception [0..31 or #PF...]" },
	{ "irq", DEBUG_CATCH_IRQ, ARG_NEEDED, 32, 255, "irq VECTOR (32..255)" },
	{ "cr3", DEBUG_CATCH_CR3, ARG_NONE, 0, UINT64_MAX, "cr3" },
	{ "msr", DEBUG_CATCH_MSR, ARG_NEEDED, 0, UINT32_MAX, "msr N" },
	{ "io", DEBUG_CATCH_IO, ARG_NEEDED, 0, 0xffff, "io PORT or io FIRST-LAST" },
	{ "mmio", DEBUG_CATCH_MMIO, ARG_NEEDED, 0, UINT64_MAX, "mmio ADDR, ADDR+LENGTH or FIRST-LAST" },
	{ "hlt", DEBUG_CATCH_HLT, ARG_NONE, 0, UINT64_MAX, "hlt" },
	{ "shutdown", DEBUG_CATCH_SHUTDOWN, ARG_NONE, 0, UINT64_MAX, "shutdown" },
	{ "hypercall", DEBUG_CATCH_HYPERCALL, ARG_NONE, 0, UINT64_MAX, "hypercall" },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static const struct { uint8_t vector; bool error; const char *name; } vectors[] = {
	{ 0, false, "#DE divide error" }, { 1, false, "#DB debug" }, { 2, false, "NMI" },
	{ 3, false, "#BP breakpoint" }, { 4, false, "#OF overflow" }, { 5, false, "#BR bound range" },
	{ 6, false, "#UD invalid opcode" }, { 7, false, "#NM no device" }, { 8, true, "#DF double fault" },
	{ 10, true, "#TS invalid TSS" }, { 11, true, "#NP segment not present" },
	{ 12, true, "#SS stack fault" }, { 13, true, "#GP general protection" },
	{ 14, true, "#PF page fault" }, { 16, false, "#MF x87 error" },
	{ 17, true, "#AC alignment check" }, { 18, false, "#MC machine check" },
	{ 19, false, "#XM SIMD error" }, { 21, true, "#CP control protection" },
	{ 29, true, "#VC VMM communication" }, { 30, true, "#SX security" },
};

#define VECTORS (sizeof(vectors) / sizeof(vectors[0]))

const char *debug_catch_kind_name(enum debug_catch_kind kind)
{
	for (size_t i = 0; i < KINDS; i++)
		if (kinds[i].kind == kind)
			return kinds[i].name;
	return "?";
}

const char *debug_catch_vector_name(uint64_t vector)
{
	for (size_t i = 0; i < VECTORS; i++)
		if (vectors[i].vector == vector)
			return vectors[i].name;
	return "";
}

bool debug_catch_has_error(uint64_t vector)
{
	for (size_t i = 0; i < VECTORS; i++)
		if (vectors[i].vector == vector)
			return vectors[i].error;
	return false;
}

/* The next word in text of fixed size; what does not fit is no word of ours. */
static const char *next_word(const char *at, char *word)
{
	size_t len;

	at += strspn(at, " \t");
	len = strcspn(at, " \t");
	word[0] = '\0';
	if (len < WORD_MAX_LEN) {
		memcpy(word, at, len);
		word[len] = '\0';
	}
	return at + len;
}

/* "#PF" or "pf". */
static bool find_mnemonic(const char *word, uint64_t *ret)
{
	word += *word == '#';
	for (size_t i = 0; i < VECTORS; i++) {
		const char *name = vectors[i].name + (vectors[i].name[0] == '#');
		size_t len = strcspn(name, " ");

		if (strlen(word) != len || strncasecmp(word, name, len) != 0)
			continue;
		*ret = vectors[i].vector;
		return true;
	}
	return false;
}

/* "N", "N-M", "N+LEN". */
static bool parse_range(char *word, const struct kind_row *k, struct debug_catch_range *r)
{
	char *mark = strpbrk(word, "-+"), how = '\0';
	uint64_t other;

	if (mark) {
		how = *mark;
		*mark = '\0';
	}
	if (k->kind == DEBUG_CATCH_EXCEPTION && !mark && find_mnemonic(word, &r->first)) {
		r->last = r->first;
		return true;
	}
	if (parse_u64(word, k->min, k->max, &r->first) < 0)
		return false;
	r->last = r->first;
	if (!mark)
		return true;
	if (parse_u64(mark + 1, how == '+', UINT64_MAX, &other) < 0)
		return false;
	if (how == '+' && other - 1 > k->max - r->first)
		return false;
	r->last = how == '+' ? r->first + (other - 1) : other;
	return r->last >= r->first && r->last <= k->max;
}

static int bad_kind(const char *word, struct error *err)
{
	char list[200] = "";

	for (size_t i = 0, len = 0; i < KINDS; i++)
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", i ? " " : "", kinds[i].name);
	return error_set(err, EINVAL, "catch knows %s, not '%.40s'", list, word);
}

static const struct kind_row *find_kind(const char *word)
{
	for (size_t i = 0; i < KINDS; i++)
		if (strcmp(word, kinds[i].name) == 0)
			return &kinds[i];
	return NULL;
}

int debug_catch_parse(const char *line, struct debug_catch_spec *ret, struct error *err)
{
	struct debug_catch_spec spec = { .condition = NULL };
	char word[WORD_MAX_LEN];
	const char *at = next_word(line, word), *behind;
	const struct kind_row *k = find_kind(word);

	if (!k)
		return bad_kind(word, err);
	spec.range = (struct debug_catch_range){ .kind = k->kind, .first = k->min, .last = k->max };
	behind = next_word(at, word);
	if (word[0] && strcmp(word, "if") != 0) {
		if (k->argument == ARG_NONE || !parse_range(word, k, &spec.range))
			return error_set(err, EINVAL, "'%.40s' is not for it; it is catch %s [if EXPR]", word,
			                 k->usage);
		at = behind;
		behind = next_word(at, word);
	} else if (k->argument == ARG_NEEDED) {
		return error_set(err, EINVAL, "it is catch %s [if EXPR]", k->usage);
	}
	at += strspn(at, " \t");
	if (strcmp(word, "if") == 0)
		spec.condition = behind + strspn(behind, " \t");
	else if (*at)
		return error_set(err, EINVAL, "'%.40s' is too much; it is catch %s [if EXPR]", at, k->usage);
	if (spec.condition && !*spec.condition)
		return error_set(err, EINVAL, "a condition is to follow behind 'if'");
	*ret = spec;
	return 0;
}
