/* A kernel that never runs: what a core of it must show to a debugger. Built freestanding with -O0 -g. */
struct point { int x, y; };

volatile int answer = 42;
struct point where = {3, -4};

__attribute__((noinline)) int inner(int depth)
{
	return answer + depth;
}

__attribute__((noinline)) int outer(int depth)
{
	return inner(depth + 1) + 1;
}

void _start(void)
{
	outer(0);
	for (;;)
		;
}
