/* kernel_table.h - prints which kernels ran, how often and for how long.
 * The figures are the runtime's own report; profiling must be on for the times. */
#ifndef EXAMPLE_KERNEL_TABLE_H
#define EXAMPLE_KERNEL_TABLE_H
#include <quern/quern.h>

qn_status print_kernel_table(qn_runtime* rt, qn_error** error);

#endif
