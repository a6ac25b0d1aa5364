/*
 * Runs while trapline is built: makes the rules of sandbox_rules.c into BPF programs with libseccomp, and
 * writes them to standard output as C.
 */
#include "cli/sandbox_rules.h"
#include "kvm/ioctls.h"

#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

static struct scmp_arg_cmp comparison(const struct cli_sandbox_rule *r)
{
	switch (r->test) {
	case CLI_RULE_LACKS:
		return SCMP_CMP64(r->arg, SCMP_CMP_MASKED_EQ, r->value, 0);
	case CLI_RULE_SELF:
		return SCMP_CMP64(r->arg, SCMP_CMP_EQ, CLI_SANDBOX_SELF);
	default:
		return SCMP_CMP64(r->arg, SCMP_CMP_EQ, r->value);
	}
}

static int add_rules(scmp_filter_ctx ctx, unsigned filter)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < cli_sandbox_rules_count; i++) {
		const struct cli_sandbox_rule *r = &cli_sandbox_rules[i];
		struct scmp_arg_cmp cmp = comparison(r);

		if (r->filters & 1u << filter)
			rc = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, r->call,
			                            r->test == CLI_RULE_ANY ? 0 : 1, &cmp);
	}
	return rc;
}

static int add_kvm(scmp_filter_ctx ctx, unsigned filter)
{
	bool vcpu = filter >= CLI_FILTER_VCPU && filter <= CLI_FILTER_VCPU_MAPS;
	int rc = 0;

	for (size_t i = 0; rc == 0 && filter != CLI_FILTER_CONSOLE && i < kvm_ioctls_count; i++)
		if (vcpu || !kvm_ioctls[i].vcpu_only)
			rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SYS_ioctl, 1,
			                      SCMP_A1(SCMP_CMP_EQ, kvm_ioctls[i].request));
	return rc;
}

/* The program as bytes, by way of a file: libseccomp writes to descriptors. */
static int export(scmp_filter_ctx ctx, FILE *f)
{
	int rc = seccomp_export_bpf(ctx, fileno(f));

	rewind(f);
	return rc;
}

static int print_program(unsigned filter, FILE *f)
{
	/* A call of another architecture's table: the process ends there and then. */
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_TRAP);
	struct sock_filter op;
	int rc;

	if (ctx == NULL)
		return -1;
	rc = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (rc == 0) /* a tree instead of a list: a call costs the same wherever its row stands */
		rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (rc == 0)
		rc = add_rules(ctx, filter);
	if (rc == 0)
		rc = add_kvm(ctx, filter);
	if (rc == 0)
		rc = export(ctx, f);
	seccomp_release(ctx);
	printf("static const struct sock_filter code%u[] = {\n", filter);
	while (rc == 0 && fread(&op, sizeof(op), 1, f) == 1)
		printf("\t{0x%02x, %u, %u, 0x%08x},\n", op.code, op.jt, op.jf, op.k);
	printf("};\n\n");
	return rc;
}

int main(void)
{
	int rc = 0;

	printf("#include \"cli/sandbox_rules.h\"\n\n");
	for (unsigned i = 0; rc == 0 && i < CLI_FILTER_COUNT; i++) {
		FILE *f = tmpfile();

		rc = f == NULL ? -1 : print_program(i, f);
		if (f != NULL)
			fclose(f);
	}
	if (rc != 0) {
		fprintf(stderr, "the rules do not compile: %s\n", strerror(-rc));
		return 1;
	}
	printf("#define PROGRAM(i) {code##i, sizeof(code##i) / sizeof(code##i[0])}\n\n"
	       "const struct cli_sandbox_program cli_sandbox_programs[CLI_FILTER_COUNT] = {\n\t");
	for (unsigned i = 0; i < CLI_FILTER_COUNT; i++)
		printf("PROGRAM(%u), ", i);
	printf("\n};\n");
	return fflush(stdout) != 0;
}
