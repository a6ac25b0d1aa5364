#include "../cmocka_all.h"

#include "cli/doctor.h"
#include "cli/text.h"

#include <errno.h>
#include <string.h>

static const struct kvm_probe bare_metal = {
	.api_version = 12, .max_vcpus = 1024, .irqchip = true, .sync_regs = true, .immediate_exit = true,
	.guest_debug = true, .block_irq = true, .sse = true,
	.kernel = {true, true, true, true, KVM_INT3_DEBUG_EXIT},
	.user = {true, true, true, true, KVM_INT3_DEBUG_EXIT},
	.caps = {true, true, true, true, true, true},
	.micros = 1234,
};

/* Kernel mode by an emulator: no data watchpoints, int3 by a detour, nothing at CPL 3. */
static const struct kvm_probe emulated = {
	.api_version = 12, .max_vcpus = 8, .irqchip = true, .sync_regs = true, .immediate_exit = true,
	.guest_debug = true, .block_irq = true,
	.kernel = {true, true, true, false, KVM_INT3_EMULATION_ERROR},
	.user = {true, false, false, false, KVM_INT3_NONE},
	.caps = {true, true, true, true, false, false},
};

/* Only steps. */
static const struct kvm_probe steps_only = {
	.api_version = 12,
	.max_vcpus = 8,
	.irqchip = true,
	.immediate_exit = true,
	.guest_debug = true,
	.sse = true,
	.kernel = {true, true, false, false, KVM_INT3_NONE},
	.user = {.runs = true, .step = true},
	.caps = {.step = true},
};

static const struct kvm_probe no_debug = {
	.api_version = 12, .max_vcpus = 1, .irqchip = true, .immediate_exit = true};

struct doctor_case {
	const char *name;
	const struct kvm_probe *probe;
	int rc;
	const char *error;
	bool suffices;
	int landlock;         /* and filters, where it is not 0 */
	const char *lines[8]; /* each is a part of the text */
};

static const struct doctor_case cases[] = {
	{"bare metal",
	 &bare_metal,
	 0,
	 "",
	 true,
	 4,
	 {"single-step               yes", "int3                      debug exit",
	  "data watchpoints          yes", "guest debug at CPL 3      yes",
	  "max vcpus                 1024\n", "probe took           1234 us\n",
	  "guests are confined\nLandlock                  version 4        and",
	  "\neverything works\n"}},
	{"emulated",
	 &emulated,
	 0,
	 "",
	 true,
	 0,
	 {"int3                      emulation error  software breakpoints: the error",
	  "data watchpoints          no               watch: by stepping and comparing",
	  "guest debug at CPL 3      no               stop and step in the guest's kernel",
	  "time stands in stops      in part          kvmclock and timers stand",
	  "SSE at CPL 0              no               build the kernel with -mgeneral-regs-only",
	  "system call filters       no               needed, or --sandbox=off",
	  "Landlock                  no               files are guarded by the system call filter alone",
	  "with the limits"}},
	{"steps only",
	 &steps_only,
	 0,
	 "",
	 true,
	 0,
	 {"int3                      not reported     software breakpoints: by single-stepping, slow",
	  "execute breakpoints       no               hbreak: by single-stepping",
	  "guest debug at CPL 3      in part", "steps without interrupts  no",
	  "sync regs                 no"}},
	{"no debug",
	 &no_debug,
	 0,
	 "",
	 false,
	 0,
	 {"guest debug interface     no", "guests cannot be debugged on this KVM: use a machine"}},
	{"no device",
	 NULL,
	 -ENOENT,
	 "no /dev/kvm: modprobe kvm_intel",
	 false,
	 0,
	 {"KVM present               no\n",
	  "usable by this user       no\n\nno /dev/kvm: modprobe kvm_intel\n"}},
	{"no permission",
	 NULL,
	 -EACCES,
	 "no permission: adduser",
	 false,
	 0,
	 {"KVM present               yes\nusable by this user       no\n", "\nno permission: adduser\n"}},
};

static void text(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct doctor_case *c = &cases[i];
		struct error err = {.code = -c->rc};
		struct cli_doctor d = {.rc = c->rc, .err = &err, .probe = c->probe,
		                       .filters = c->landlock > 0, .landlock = c->landlock};
		char buf[8192];
		size_t len;

		strcpy(err.text, c->error);
		assert_int_equal(cli_doctor_suffices(&d), c->suffices);
		len = cli_doctor_text(&d, buf, sizeof(buf));
		assert_int_equal(len, strlen(buf));
		for (size_t k = 0; k < ARRAY_LEN(c->lines) && c->lines[k] != NULL; k++)
			if (strstr(buf, c->lines[k]) == NULL)
				fail_msg("%s: '%s' is not in:\n%s", c->name, c->lines[k], buf);
	}
}

static void json(void **state)
{
	struct error err = {.code = EACCES, .text = "say \"please\"\\\n"};
	struct cli_doctor d = {.rc = 0, .err = &err, .probe = &emulated};
	char buf[8192];

	(void)state;
	assert_true(cli_doctor_json(&d, buf, sizeof(buf)) < sizeof(buf) - 1);
	assert_non_null(strstr(buf, "{\"suffices\":true,\"verdict\":\""));
	assert_non_null(strstr(buf, "\"int3\":{\"ok\":false,\"value\":\"emulation error\",\"effect\":\""));
	assert_non_null(strstr(buf, "\"max_vcpus\":{\"ok\":true,\"value\":\"8\",\"effect\":\"\"}"));
	assert_string_equal(buf + strlen(buf) - 3, "}}\n");
	d.rc = -EACCES;
	cli_doctor_json(&d, buf, sizeof(buf));
	assert_non_null(strstr(buf, "{\"suffices\":false,\"verdict\":\"say \\\"please\\\"\\\\\\u000a\""));
	assert_null(strstr(buf, "int3"));
	/* Short buffers are filled, not overrun. */
	memset(buf, 'x', sizeof(buf));
	assert_int_equal(cli_doctor_json(&d, buf, 20), 19);
	assert_int_equal(buf[19], '\0');
	assert_int_equal(buf[20], 'x');
}

static void foreign_names(void **state)
{
	struct cli_text t;
	char buf[16];

	(void)state;
	cli_text_init(&t, buf, sizeof(buf));
	cli_text_add_foreign(&t, "ma\x1b[2Jin\xff", 100);
	assert_string_equal(buf, "ma?[2Jin?");
	cli_text_init(&t, buf, sizeof(buf));
	cli_text_add_foreign(&t, "abcdef", 3);
	assert_string_equal(buf, "abc");
	cli_text_add(&t, "%s", "0123456789abcdefgh");
	assert_string_equal(buf, "abc0123456789ab");
	cli_text_add(&t, "more");
	assert_string_equal(buf, "abc0123456789ab");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text),
		cmocka_unit_test(json),
		cmocka_unit_test(foreign_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
