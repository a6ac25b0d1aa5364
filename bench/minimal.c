/*
 * minimal KERNEL MIB: the least program that boots the guests of this suite. Port 0xe9 writes to standard
 * output, port 0xf8 ends with its value as the status.
 */
#include "serve.h"
#include "vm.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct vm vm;

	if (argc != 3)
		bench_die("usage: minimal KERNEL MIB");
	vm_open(&vm, strtoull(argv[2], NULL, 10) << 20);
	vm_start_at(&vm, vm_load(&vm, argv[1]), true);
	for (;;) {
		int reason = vm_run(&vm);
		const uint8_t *data = (const uint8_t *)vm.run + vm.run->io.data_offset;

		if (reason == -EINTR)
			continue;
		if (reason != KVM_EXIT_IO)
			bench_die("KVM_RUN came back with %d", reason);
		if (vm.run->io.port == 0xf8)
			_exit(*data);
		if (vm.run->io.port == 0xe9 && write(STDOUT_FILENO, data, 1) < 0)
			return 1;
	}
}
