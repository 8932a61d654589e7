// Functions for the scenarios of functions and of transforms.
#pragma once
#include <vector>

#include "env.h"

namespace faults {

// Callbacks: sum(x * x), and the loss of a dense layer, sum(tanh(x @ w)^2).
qn_status square_sum(void*, qn_array* const* in, uint32_t n_in, qn_array** out, uint32_t n_out,
                     qn_error** error);
qn_status layer(void*, qn_array* const* in, uint32_t n_in, qn_array** out, uint32_t n_out,
                qn_error** error);

// Functions that live to the end of the scenario.
qn_fn* function(Env& e, qn_callback f, uint32_t n_in);  // one output
qn_fn* compiled(Env& e, qn_fn* f);
qn_fn* grad(Env& e, qn_fn* f, uint32_t argnum = 0);  // value and gradient
using Transform = qn_status (*)(qn_fn*, const uint32_t*, uint32_t, qn_fn**, qn_error**);
qn_fn* differentiate(Env& e, const char* name, Transform t, qn_fn* f, uint32_t argnum);

// Calls f and evaluates what it returns.
void apply(Env& e, qn_fn* f, std::vector<qn_array*> in);

}  // namespace faults
