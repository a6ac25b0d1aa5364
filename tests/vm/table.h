/*
 * The table of runs: text files of rows, each a name and a script. Their language is described in
 * doc/testing.md, "Tiny guests".
 */
#ifndef TESTS_VM_TABLE_H
#define TESTS_VM_TABLE_H

#include "kvm/probe.h"
#include <stdbool.h>

#define TABLE_LINES 96
#define TABLE_WORDS 24

/* One script line that holds in this lane; words point into the file's text. */
struct table_line {
	unsigned number;
	char *word[TABLE_WORDS + 1];
	unsigned count;
	char *pattern;            /* what follows " ~ "; NULL */
};

struct table_row {
	const char *file, *name, *guest, *entry, *proves;
	unsigned cpus;
	const char *skip;         /* why it cannot run here; NULL */
	const char *because;      /* why it shows a fallback here and not the thing itself; NULL */
	struct table_line line[TABLE_LINES];
	unsigned count;
};

/* Where the rows are to run: what "on CONDITION:" is held against. */
struct table_lane {
	const char *name;         /* host, svm, vmx */
	const struct kvm_probe *probe;
	bool la57;
};

/* Calls fn for each row of the file. 0, or -1 after saying what is wrong with it on standard output. */
int table_read(const char *path, const struct table_lane *lane, void (*fn)(void *ctx, struct table_row *row),
               void *ctx);

#endif
