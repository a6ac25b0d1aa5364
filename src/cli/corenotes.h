/* The notes of a core file: registers of each vcpu in Linux's formats (<sys/procfs.h>). Pure. */
#ifndef CLI_CORENOTES_H
#define CLI_CORENOTES_H

#include "cli/coredump.h"

/* Bytes that always suffice for so many vcpus. */
size_t cli_corenotes_room(unsigned cpus);

/* The PT_NOTE segment's contents into buf (cli_corenotes_room(cfg->cpus) bytes). Returns the length. */
size_t cli_corenotes_fill(const struct cli_coredump *cfg, uint8_t *buf);

#endif
