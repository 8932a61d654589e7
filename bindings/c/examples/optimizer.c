/* SGD with momentum and Adam.
 * Weight decay and clipping are not here. */
#include "optimizer.h"

#include <math.h>

static qn_array* scalar(scope_t* s, double value) {
  RETURN_NEW(s, qn_scalar(s->rt, value, QN_F32, &out, &s->error));
}

static qn_array* add(scope_t* s, qn_array* x, qn_array* y) {
  RETURN_NEW(s, qn_add(s->rt, x, y, &out, &s->error));
}

static qn_array* subtract(scope_t* s, qn_array* x, qn_array* y) {
  RETURN_NEW(s, qn_subtract(s->rt, x, y, &out, &s->error));
}

static qn_array* multiply(scope_t* s, qn_array* x, qn_array* y) {
  RETURN_NEW(s, qn_multiply(s->rt, x, y, &out, &s->error));
}

static qn_array* divide(scope_t* s, qn_array* x, qn_array* y) {
  RETURN_NEW(s, qn_divide(s->rt, x, y, &out, &s->error));
}

static qn_array* square(scope_t* s, qn_array* x) {
  RETURN_NEW(s, qn_square(s->rt, x, &out, &s->error));
}

static qn_array* square_root(scope_t* s, qn_array* x) {
  RETURN_NEW(s, qn_sqrt(s->rt, x, &out, &s->error));
}

static qn_array* zeros_like(scope_t* s, qn_array* x) {
  qn_array* zero = scalar(s, 0);
  RETURN_NEW(s, qn_full(s->rt, zero, qn_array_shape(x), qn_array_ndim(x), &out, &s->error));
}

int optimizer_slots(const optimizer_t* o) { return o->adam ? 2 : 1; }

void optimizer_init(scope_t* s, optimizer_t* o, qn_array* const* params) {
  for (int i = 0; i < optimizer_slots(o) * kParams; ++i) {
    qn_array* zeros = zeros_like(s, params[i % kParams]);
    if (s->status != QN_OK) return;
    o->state[i] = qn_array_retain(zeros);
  }
}

void optimizer_release(optimizer_t* o) {
  for (int i = 0; i < kSlots * kParams; ++i) {
    qn_array_release(o->state[i]);
    o->state[i] = NULL;
  }
}

/* A number that changes from step to step is an array like any other, so one plan serves every
 * step. */
static double rate_now(const optimizer_t* o) {
  const double left = 1 - (double)(o->step - 1) / (double)o->n_step;
  return left > 0 ? o->lr * left : 0;
}

/* v = momentum v + g; p = p - lr v. */
static void sgd(scope_t* s, optimizer_t* o, qn_array* const* params, qn_array* const* grads,
                qn_array** new_params, qn_array** new_state) {
  qn_array* momentum = scalar(s, 0.9);
  qn_array* lr = scalar(s, rate_now(o));
  for (int i = 0; i < kParams; ++i) {
    new_state[i] = add(s, multiply(s, momentum, o->state[i]), grads[i]);
    new_params[i] = subtract(s, params[i], multiply(s, lr, new_state[i]));
  }
}

/* m and v are running means of g and g^2; p = p - rate m / (sqrt(v) + eps). The rate makes up for
 * means that started at zero. */
static void adam(scope_t* s, optimizer_t* o, qn_array* const* params, qn_array* const* grads,
                 qn_array** new_params, qn_array** new_state) {
  const double beta1 = 0.9, beta2 = 0.999, t = (double)o->step;
  qn_array* keep1 = scalar(s, beta1);
  qn_array* take1 = scalar(s, 1 - beta1);
  qn_array* keep2 = scalar(s, beta2);
  qn_array* take2 = scalar(s, 1 - beta2);
  qn_array* eps = scalar(s, 1e-8);
  qn_array* rate = scalar(s, rate_now(o) * sqrt(1 - pow(beta2, t)) / (1 - pow(beta1, t)));
  for (int i = 0; i < kParams; ++i) {
    qn_array** m = &new_state[i];
    qn_array** v = &new_state[kParams + i];
    *m = add(s, multiply(s, keep1, o->state[i]), multiply(s, take1, grads[i]));
    *v = add(s, multiply(s, keep2, o->state[kParams + i]), multiply(s, take2, square(s, grads[i])));
    qn_array* direction = divide(s, *m, add(s, square_root(s, *v), eps));
    new_params[i] = subtract(s, params[i], multiply(s, rate, direction));
  }
}

void optimizer_step(scope_t* s, optimizer_t* o, qn_array* const* params, qn_array* const* grads,
                    qn_array** new_params, qn_array** new_state) {
  o->step += 1;
  (o->adam ? adam : sgd)(s, o, params, grads, new_params, new_state);
}
