/* hermit.toml: as much of TOML 1.0 as such files have: tables, strings, whole numbers, arrays of them. */
#include "cli/archive.h"

#include <errno.h>
#include <string.h>

#define KEY_MAX 64

struct parser {
	const char *at, *end;
	unsigned line;
	struct cli_archive_config *ret;
	char table[KEY_MAX], key[KEY_MAX];
	struct error *err;
};

static int bad(struct parser *p, const char *what)
{
	return error_set(p->err, EINVAL, "hermit.toml, line %u: %s", p->line, what);
}

static char peek(const struct parser *p)
{
	return p->at < p->end ? *p->at : '\0';
}

static bool take(struct parser *p, char c)
{
	if (p->at == p->end || *p->at != c)
		return false;
	p->at++;
	return true;
}

static void skip_blanks(struct parser *p)
{
	while (peek(p) == ' ' || peek(p) == '\t' || peek(p) == '\r')
		p->at++;
}

/* Also over ends of lines and comments. */
static void skip_space(struct parser *p)
{
	for (;;) {
		skip_blanks(p);
		if (peek(p) == '#')
			while (p->at < p->end && *p->at != '\n')
				p->at++;
		if (!take(p, '\n'))
			return;
		p->line++;
	}
}

static bool put_char(struct parser *p, char c)
{
	struct cli_archive_config *r = p->ret;

	if (c == '\0' || r->text_used + 1 >= sizeof(r->text))
		return false;
	r->text[r->text_used++] = c;
	return true;
}

static char unescape(char c)
{
	static const char from[] = "\"\\nrtbfe", to[] = "\"\\\n\r\t\b\f\033";
	const char *found = c ? strchr(from, c) : NULL;

	return found ? to[found - from] : '\0';
}

/* A string in one line: "..." with escapes, '...' without. */
static int read_string(struct parser *p, const char **ret)
{
	char quote = *p->at++;
	const char *start = p->ret->text + p->ret->text_used;

	while (p->at < p->end && *p->at != quote) {
		char c = *p->at++;

		if (c == '\\' && quote == '"')
			c = p->at < p->end ? unescape(*p->at++) : '\0';
		if (c == '\n' || !put_char(p, c))
			return bad(p, "a string that is too long, or has characters that cannot be");
	}
	if (!take(p, quote))
		return bad(p, "a string without end");
	if (p->ret->text_used == sizeof(p->ret->text))
		return bad(p, "too much text");
	p->ret->text[p->ret->text_used++] = '\0';
	*ret = start;
	return 0;
}

static int read_word(struct parser *p, char *ret)
{
	size_t n = 0;

	if (peek(p) == '"' || peek(p) == '\'')
		return bad(p, "keys in quotes are not known");
	while (p->at < p->end &&
	       strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.", *p->at) &&
	       *p->at && n + 1 < KEY_MAX)
		ret[n++] = *p->at++;
	ret[n] = '\0';
	return n ? 0 : bad(p, "expected a name");
}

static bool is(const struct parser *p, const char *table, const char *key)
{
	return strcmp(p->table, table) == 0 && strcmp(p->key, key) == 0;
}

static void store_string(struct parser *p, const char *text)
{
	if (is(p, "", "version"))
		p->ret->version = text;
	else if (is(p, "", "kernel"))
		p->ret->kernel = text;
	else if (is(p, "requirements", "memory"))
		p->ret->memory = text;
}

static struct cli_archive_words *words_of(struct parser *p)
{
	if (is(p, "input", "kernel_args"))
		return &p->ret->kernel_args;
	if (is(p, "input", "app_args"))
		return &p->ret->app_args;
	return is(p, "input", "env_vars") ? &p->ret->env : NULL;
}

static int read_scalar(struct parser *p, const char **ret)
{
	uint64_t n = 0;
	unsigned digits = 0;

	*ret = NULL;
	if (peek(p) == '"' || peek(p) == '\'')
		return read_string(p, ret);
	if (p->end - p->at >= 4 && memcmp(p->at, "true", 4) == 0)
		return p->at += 4, 0;
	if (p->end - p->at >= 5 && memcmp(p->at, "false", 5) == 0)
		return p->at += 5, 0;
	for (; peek(p) >= '0' && peek(p) <= '9' && digits < 18; digits++)
		n = n * 10 + (uint64_t)(*p->at++ - '0');
	if (digits == 0)
		return bad(p, "expected a string, a number or a list");
	if (is(p, "requirements", "cpus"))
		p->ret->cpus = n;
	return 0;
}

static int read_array(struct parser *p)
{
	struct cli_archive_words *words = words_of(p);

	for (;;) {
		const char *text;
		int rc;

		skip_space(p);
		if (take(p, ']'))
			return 0;
		rc = read_scalar(p, &text);
		if (rc < 0)
			return rc;
		if (words && text) {
			if (words->count == CLI_ARCHIVE_WORDS_MAX)
				return bad(p, "more than 128 words");
			words->word[words->count++] = text;
		}
		skip_space(p);
		if (!take(p, ',') && peek(p) != ']')
			return bad(p, "expected ',' or ']'");
	}
}

static int read_pair(struct parser *p)
{
	const char *text;
	int rc = read_word(p, p->key);

	skip_blanks(p);
	if (rc == 0 && !take(p, '='))
		rc = bad(p, "expected '='");
	if (rc < 0)
		return rc;
	skip_blanks(p);
	if (take(p, '['))
		return read_array(p);
	rc = read_scalar(p, &text);
	if (rc == 0 && text)
		store_string(p, text);
	return rc;
}

static int read_line(struct parser *p)
{
	int rc;

	if (!take(p, '['))
		return read_pair(p);
	skip_blanks(p);
	rc = read_word(p, p->table);
	skip_blanks(p);
	return rc == 0 && !take(p, ']') ? bad(p, "expected ']'") : rc;
}

int cli_archive_config(const char *text, size_t len, struct cli_archive_config *ret, struct error *err)
{
	struct parser p = {.at = text, .end = text + len, .line = 1, .ret = ret, .err = err};

	memset(ret, 0, sizeof(*ret));
	for (;;) {
		int rc;

		skip_space(&p);
		if (p.at == p.end)
			return 0;
		rc = read_line(&p);
		if (rc < 0)
			return rc;
		skip_blanks(&p);
		if (p.at < p.end && *p.at != '\n' && *p.at != '#')
			return bad(&p, "expected the end of the line");
	}
}
