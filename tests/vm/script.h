/* Runs the script of one row against a machine of its own. */
#ifndef TESTS_VM_SCRIPT_H
#define TESTS_VM_SCRIPT_H

#include "boot/loader.h"
#include "table.h"

/* True when all of it came out as written; else what did not has been printed. verbose: each line as well. */
bool script_run(const struct table_row *row, const struct boot_image *image, const struct kvm_probe *probe,
                unsigned limit_s, bool verbose);

#endif
