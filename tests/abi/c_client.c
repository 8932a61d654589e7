/* A client in C11: the headers compile as C, and a small computation works.
 * Called by hpp_test.cpp. */
#include "quern/kernel.h"
#include "quern/ops.h"

/* Sum of (0 .. 9) * 2, or -1. */
double c_client_sum(void);
double c_client_sum(void) {
  qn_runtime* rt = NULL;
  qn_array *x = NULL, *y = NULL, *sum = NULL;
  double out = -1;
  if (qn_runtime_create(NULL, &rt, NULL) == QN_OK &&
      qn_arange(rt, 0, 10, 1, QN_F64, &x, NULL) == QN_OK && qn_add(rt, x, x, &y, NULL) == QN_OK &&
      qn_sum(rt, y, NULL, 0, 0, &sum, NULL) == QN_OK) {
    if (qn_array_item_f64(sum, &out, NULL) != QN_OK) out = -1;
  }
  qn_array_release(sum);
  qn_array_release(y);
  qn_array_release(x);
  qn_runtime_release(rt);
  return out;
}
