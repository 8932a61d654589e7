/* Sums the runtime's kernel report by op, plugin and kernel, and prints the result.
 * Rejected candidates are not shown: `quern kernels OP` tells about those. */
#include "kernel_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  char op[40], kernel[60];
  uint64_t runs, total_ns;
} row_t;

typedef struct {
  row_t* rows;
  size_t count, room;
  int out_of_memory;
} table_t;

static void add_row(void* self, const qn_kernel_report* report) {
  table_t* t = self;
  if (report->runs == 0 || t->out_of_memory) return;
  row_t row = {.runs = report->runs, .total_ns = report->total_ns};
  snprintf(row.op, sizeof row.op, "%s", report->op);
  snprintf(row.kernel, sizeof row.kernel, "%s/%s", report->plugin, report->kernel);
  for (size_t i = 0; i < t->count; ++i) {
    if (strcmp(t->rows[i].op, row.op) || strcmp(t->rows[i].kernel, row.kernel)) continue;
    t->rows[i].runs += row.runs;
    t->rows[i].total_ns += row.total_ns;
    return;
  }
  if (t->count == t->room) {
    const size_t room = t->room ? 2 * t->room : 32;
    row_t* rows = realloc(t->rows, room * sizeof *rows);
    if (!rows) {
      t->out_of_memory = 1;
      return;
    }
    t->rows = rows;
    t->room = room;
  }
  t->rows[t->count++] = row;
}

static int slower_first(const void* a, const void* b) {
  const row_t *x = a, *y = b;
  if (x->total_ns != y->total_ns) return x->total_ns < y->total_ns ? 1 : -1;
  return strcmp(x->op, y->op);
}

qn_status print_kernel_table(qn_runtime* rt, qn_error** error) {
  table_t t = {0};
  qn_status status = qn_report_kernels(rt, add_row, &t, error);
  if (status == QN_OK && t.out_of_memory)
    status = qn_error_new(QN_E_RESOURCE_EXHAUSTED, "no memory for the kernel table", error);
  if (status == QN_OK) {
    if (t.count > 0) qsort(t.rows, t.count, sizeof *t.rows, slower_first);
    uint64_t total = 0;
    for (size_t i = 0; i < t.count; ++i) total += t.rows[i].total_ns;
    printf("\n%-39s %-32s %9s %10s %6s\n", "op", "kernel", "runs", "ms", "share");
    for (size_t i = 0; i < t.count; ++i) {
      const row_t* r = &t.rows[i];
      printf("%-39s %-32s %9" PRIu64 " %10.1f %5.1f%%\n", r->op, r->kernel, r->runs,
             (double)r->total_ns / 1e6, total ? 100.0 * (double)r->total_ns / (double)total : 0.0);
    }
  }
  free(t.rows);
  return status;
}
