/* optimizer.h - SGD with momentum and Adam, written with public ops.
 * They compute new values from old ones; they do not know the network. */
#ifndef EXAMPLE_OPTIMIZER_H
#define EXAMPLE_OPTIMIZER_H
#include "cnn.h"

enum { kSlots = 2 }; /* SGD: velocity; Adam: mean and mean square of the gradients */

typedef struct {
  int adam;
  double lr;      /* at the first step; falls in a straight line to 0 at the last */
  int64_t step;   /* steps taken */
  int64_t n_step; /* steps there will be */
  qn_array* state[kSlots * kParams];
} optimizer_t;

/* Slots in use: those of state[] are numbered slot * kParams + parameter. */
int optimizer_slots(const optimizer_t* o);
/* Fills state[] with zeros of the parameters' shapes. */
void optimizer_init(scope_t* s, optimizer_t* o, qn_array* const* params);
void optimizer_release(optimizer_t* o);
/* Records one step. new_params and new_state belong to the scope; nothing is computed yet. */
void optimizer_step(scope_t* s, optimizer_t* o, qn_array* const* params, qn_array* const* grads,
                    qn_array** new_params, qn_array** new_state);

#endif
