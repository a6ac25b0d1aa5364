#include "table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
	const char *path;
	const struct table_lane *lane;
	void (*fn)(void *ctx, struct table_row *row);
	void *ctx;
	struct table_row row, defaults;
	bool in_row, ended;
	unsigned number;
};

static int wrong(const struct reader *r, const char *what, const char *word)
{
	printf("%s:%u: %s%s%s\n", r->path, r->number, what, word ? ": " : "", word ? word : "");
	return -1;
}

/* ---- conditions ---- */

static bool trait(const struct table_lane *lane, const char *name, bool *ret)
{
	const struct kvm_probe *p = lane->probe;
	const struct { const char *name; bool value; } traits[] = {
		{"host", strcmp(lane->name, "host") == 0},
		{"svm", strcmp(lane->name, "svm") == 0},
		{"vmx", strcmp(lane->name, "vmx") == 0},
		{"step", p->caps.step},
		{"block_irq", p->caps.block_irq},
		{"int3", p->caps.int3},
		{"int3_real", p->caps.int3_real},
		{"exec_dr", p->caps.exec_dr},
		{"data_dr", p->caps.data_dr},
		{"step_user", p->caps.step_user},
		{"user_debug", p->caps.step_user && p->caps.exec_user && p->caps.int3_user},
		{"protect", p->caps.protect},
		{"emulated", !p->sse}, /* a KVM that interprets ring 0: it knows integer instructions alone */
		{"la57", lane->la57},
	};

	for (size_t i = 0; i < sizeof(traits) / sizeof(traits[0]); i++) {
		if (strcmp(traits[i].name, name) != 0)
			continue;
		*ret = traits[i].value;
		return true;
	}
	return false;
}

/* "a,!b": a holds, or b does not. */
static int holds(const struct reader *r, char *conditions, bool *ret)
{
	char *save, *c;

	*ret = false;
	for (c = strtok_r(conditions, ",", &save); c != NULL; c = strtok_r(NULL, ",", &save)) {
		bool value;

		if (!trait(r->lane, c + (*c == '!'), &value))
			return wrong(r, "no such condition", c);
		*ret |= value != (*c == '!');
	}
	return 0;
}

/* Takes "on CONDITIONS:" off the front, any number of them. 0: *text holds what is left; 1: not for here. */
static int take_conditions(const struct reader *r, char **text)
{
	while (strncmp(*text, "on ", 3) == 0) {
		char *colon = strchr(*text, ':');
		bool yes;

		if (colon == NULL)
			return wrong(r, "on CONDITION: expected", NULL);
		*colon = '\0';
		if (holds(r, *text + 3, &yes) < 0)
			return -1;
		if (!yes)
			return 1;
		*text = colon + 1 + strspn(colon + 1, " \t");
	}
	return 0;
}

/* ---- lines ---- */

static char *take_because(char *text)
{
	char *at = strstr(text, " because \""), *end;

	if (at == NULL)
		return NULL;
	*at = '\0';
	at += strlen(" because \"");
	end = strrchr(at, '"');
	if (end != NULL)
		*end = '\0';
	return at;
}

static int split(const struct reader *r, char *text, struct table_line *ret)
{
	char *tilde = strstr(text, " ~ "), *save, *word;

	ret->number = r->number;
	if (tilde != NULL) {
		*tilde = '\0';
		ret->pattern = tilde + 3;
	}
	for (word = strtok_r(text, " \t", &save); word != NULL; word = strtok_r(NULL, " \t", &save)) {
		if (ret->count == TABLE_WORDS)
			return wrong(r, "too many words", NULL);
		ret->word[ret->count++] = word;
	}
	return 0;
}

static void end_row(struct reader *r)
{
	if (r->in_row)
		r->fn(r->ctx, &r->row);
	r->in_row = false;
}

static const char *rest_of(const char *text, const char *keyword)
{
	size_t n = strlen(keyword);

	if (strncmp(text, keyword, n) != 0 || text[n] != ' ')
		return NULL;
	return text + n + strspn(text + n, " \t");
}

/* Lines that describe a row, not its course. */
static bool take_setting(struct reader *r, const char *text)
{
	struct table_row *row = r->in_row ? &r->row : &r->defaults;
	const char *rest;

	if ((rest = rest_of(text, "guest")) != NULL)
		row->guest = rest;
	else if ((rest = rest_of(text, "cpus")) != NULL)
		row->cpus = (unsigned)strtoul(rest, NULL, 10);
	else if ((rest = rest_of(text, "entry")) != NULL)
		row->entry = rest;
	else if ((rest = rest_of(text, "proves")) != NULL)
		row->proves = rest;
	else
		return false;
	return true;
}

static int take_line(struct reader *r, char *text)
{
	const char *rest = rest_of(text, "row");
	const char *because;
	int rc;

	if (rest != NULL) {
		end_row(r);
		r->row = r->defaults;
		r->row.name = rest;
		r->in_row = true;
		r->ended = false;
		return 0;
	}
	if (r->ended)
		return 0;
	rc = take_conditions(r, &text);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	if (take_setting(r, text))
		return 0;
	because = take_because(text);
	if (strcmp(text, "fallback") == 0) {
		(r->in_row ? &r->row : &r->defaults)->because = because;
		return 0;
	}
	if (!r->in_row)
		return wrong(r, "before the first row", text);
	if (strcmp(text, "skip") == 0) {
		r->row.skip = because ? because : "no reason given";
		return 0;
	}
	if (because != NULL)
		r->row.because = because;
	if (strcmp(text, "end") == 0) {
		r->ended = true;
		return 0;
	}
	if (r->row.count == TABLE_LINES)
		return wrong(r, "the row is too long", NULL);
	return split(r, text, &r->row.line[r->row.count++]);
}

static char *read_whole(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 1 << 20);

	if (f == NULL || text == NULL || fread(text, 1, (1 << 20) - 1, f) == 0) {
		printf("%s: cannot be read\n", path);
		free(text);
		text = NULL;
	}
	if (f != NULL)
		fclose(f);
	return text;
}

int table_read(const char *path, const struct table_lane *lane, void (*fn)(void *ctx, struct table_row *row),
               void *ctx)
{
	struct reader *r = calloc(1, sizeof(*r));
	char *text = read_whole(path), *line, *next;
	int rc = text == NULL || r == NULL ? -1 : 0;

	if (rc == 0)
		*r = (struct reader){.path = path, .lane = lane, .fn = fn, .ctx = ctx, .defaults.cpus = 1,
		                     .defaults.file = path};
	for (line = text; rc == 0 && *line; line = next) {
		size_t len = strcspn(line, "\n"), end = len;

		next = line + len + (line[len] == '\n');
		while (end > 0 && strchr(" \t\r", line[end - 1]))
			end--;
		line[end] = '\0';
		line += strspn(line, " \t");
		r->number++;
		if (*line && *line != '#')
			rc = take_line(r, line);
	}
	if (rc == 0)
		end_row(r);
	free(r);
	free(text);
	return rc;
}
