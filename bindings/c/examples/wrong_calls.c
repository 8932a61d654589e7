/* 200 wrong calls, from NULL handles to shapes beyond the address space: each is refused with a
 * text that names the function, the op or the file format, and nothing else happens. Prints the
 * texts, exits 0. It shows no right use; see first.c. */
#include <quern/ops.h>
#include <stdio.h>
#include <string.h>

static int calls, good;

static void tell(const char* who, qn_status s, qn_error* e) {
  const char* text = qn_error_message(e);
  good += s != QN_OK && qn_error_code(e) == s && text[0] == '[' && strlen(text) > 20;
  printf("%3d %s %s: %s\n", ++calls, who, qn_status_name(s), text);
  qn_error_free(e);
}
#define WRONG(fn, ...) (e = NULL, s = fn(__VA_ARGS__, &e), tell(#fn, s, e))

int main(void) {
  qn_runtime* rt = NULL;
  qn_array *x = NULL, *v = NULL, *out = NULL;
  qn_fn* f = NULL;
  qn_error* e;
  qn_status s = qn_runtime_create(NULL, &rt, NULL);
  const int64_t shape[] = {2, 3}, three[] = {3}, bad[] = {-1, 3}, huge[] = {1ll << 40, 1ll << 40};
  const float data[6] = {0};
  const char* const names[] = {"x", "x"};
  if (s || qn_array_from_data(rt, data, shape, 2, QN_F32, &x, NULL)) return 1;
  if (qn_array_from_data(rt, data, three, 1, QN_F32, &v, NULL)) return 1;
  qn_array* const pair[] = {x, v};

  WRONG(qn_runtime_set_kernels, rt, "matmul:naive");
  WRONG(qn_array_from_data, NULL, data, shape, 2, QN_F32, &out);
  WRONG(qn_array_from_data, rt, NULL, shape, 2, QN_F32, &out);
  WRONG(qn_array_from_data, rt, data, bad, 2, QN_F32, &out);
  WRONG(qn_array_from_data, rt, data, huge, 2, QN_F32, &out);
  WRONG(qn_array_from_data, rt, data, shape, 65, QN_F32, &out);
  WRONG(qn_array_from_data, rt, data, shape, 2, 12345, &out);
  WRONG(qn_array_from_data, rt, data, shape, 2, QN_F32, NULL);
  WRONG(qn_array_borrow, rt, NULL, shape, NULL, 2, QN_F32, NULL, NULL, &out);
  WRONG(qn_array_copy_out, x, (void*)data, 5);
  WRONG(qn_array_item_f64, x, &(double){0});
  WRONG(qn_eval, NULL, 2);
  WRONG(qn_op_lookup, "no such op", &(uint32_t){0});
  WRONG(qn_op, rt, 99999, &x, 1, NULL, 0, &out, 1);
  WRONG(qn_fn_create, rt, NULL, NULL, NULL, 1, 1, &f);
  WRONG(qn_fn_call, NULL, &x, 1, &out, 1);
  WRONG(qn_plugin_load, rt, "relative.so", NULL);
  WRONG(qn_plugin_load, rt, "/no/such/plugin.so", NULL);
  WRONG(qn_load_npy, rt, "/no/such/file.npy", &out);
  WRONG(qn_save_npy, "", x);
  WRONG(qn_save_npz, "/tmp/never.npz", names, pair, 2, 7);
  WRONG(qn_save_safetensors, "/tmp/never", names, pair, 2);
  WRONG(qn_matmul, rt, x, x, &out);
  WRONG(qn_add, rt, x, NULL, &out);
  WRONG(qn_reshape, rt, x, three, 1, &out);
  WRONG(qn_transpose, rt, x, three, 1, &out);
  WRONG(qn_concatenate, rt, pair, 2, 0, &out);
  WRONG(qn_softmax, rt, x, three, 1, &out);

  /* And every op in turn: with an attribute of no known type, then with a thousand inputs. */
  for (uint32_t i = 0; calls < 200; ++i) {
    static qn_array* many[1000];
    const qn_attr odd = {77, 0, {0}};
    const char* name = strstr(qn_op_schema(i % qn_op_count()), "\"name\": \"") + 9;
    char who[64];
    uint32_t op = 0;
    snprintf(who, sizeof who, "%.*s", (int)strcspn(name, "\""), name);
    e = NULL;
    if ((s = qn_op_lookup(who, &op, NULL)) == QN_OK)
      s = i < qn_op_count() ? qn_op(rt, op, many, 1000, NULL, 0, &out, 1, &e)
                            : qn_op(rt, op, &x, 1, (qn_attr[64]){odd}, 64, &out, 1, &e);
    tell(who, s, e);
  }
  qn_array_release(x), qn_array_release(v), qn_runtime_release(rt);
  printf("%d wrong calls, %d good messages\n", calls, good);
  return calls == good && !out && !f ? 0 : 1;
}
