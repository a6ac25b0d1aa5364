/* The comparison of tests/fuzz/fuzz_paging.c over a fixed run of pseudo-random inputs. */
#include "../../fuzz/fuzz_paging.h"
#include "../cmocka_all.h"
#include "x86/paging.h"

#define INPUTS 100000
#define MAX_SIZE 600

/* Knuth's 64-bit linear congruential generator: the same inputs on every machine. */
static uint8_t next_byte(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint8_t)(*seed >> 56);
}

static void test_random_tables(void **state)
{
	uint8_t data[MAX_SIZE];
	uint64_t seed = 20240229;

	(void)state;
	for (unsigned i = 0; i < INPUTS; i++) {
		size_t size = 16 + (next_byte(&seed) * 256u + next_byte(&seed)) % (MAX_SIZE - 16);

		for (size_t k = 0; k < size; k++)
			data[k] = next_byte(&seed);
		LLVMFuzzerTestOneInput(data, size);
	}
}

/* The inputs above have met every outcome that a mode has, so agreement means something. */
static void test_inputs_reach_everything(void **state)
{
	(void)state;
	for (int mode = 0; mode < 5; mode++) {
		for (int result = 0; result < 5; result++) {
			bool possible = mode != X86_PAGING_NONE || result == X86_WALK_OK ||
				result == X86_WALK_NOT_CANONICAL;
			unsigned seen = fuzz_paging_seen[mode][result];

			if (possible && seen < 20)
				fail_msg("%s, %s: seen %u times",
					x86_paging_mode_name((enum x86_paging_mode)mode),
				         x86_walk_result_name((enum x86_walk_result)result), seen);
			if (!possible)
				assert_int_equal(seen, 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_tables), cmocka_unit_test(test_inputs_reach_everything),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
