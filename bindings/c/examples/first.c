#include <quern/ops.h>
#include <stdio.h>

int main(void) {
  qn_runtime* rt = NULL;
  qn_array *x = NULL, *y = NULL, *sum = NULL;
  double value = 0;
  qn_status s = qn_runtime_create(NULL, &rt, NULL);
  if (!s) s = qn_array_from_data(rt, (float[]){1, 2, 3, 4}, (int64_t[]){2, 2}, 2, QN_F32, &x, NULL);
  if (!s) s = qn_matmul(rt, x, x, &y, NULL); /* recorded, not yet computed */
  if (!s) s = qn_sum(rt, y, NULL, 0, 0, &sum, NULL);
  if (!s) s = qn_array_item_f64(sum, &value, NULL); /* computed now, in one plan */
  printf("%s: sum(x @ x) = %g\n", qn_status_name(s), value);
  qn_array_release(x), qn_array_release(y), qn_array_release(sum), qn_runtime_release(rt);
  return s;
}
