/* scope.h - short-lived arrays with one place for errors, for programs with many small steps.
 * Not part of quern: a pattern to copy. It does not own runtimes, functions or files.
 *
 * A scope keeps every array made through it until scope_close. After the first error all further
 * calls do nothing and give NULL, so a formula is written straight and checked once, at its end. */
#ifndef EXAMPLE_SCOPE_H
#define EXAMPLE_SCOPE_H
#include <quern/ops.h>
#include <stdio.h>

enum { kScopeArrays = 512 };

typedef struct {
  qn_runtime* rt;
  qn_status status;
  qn_error* error;
  int count;
  qn_array* arrays[kScopeArrays];
} scope_t;

static inline scope_t scope_open(qn_runtime* rt) {
  scope_t s;
  s.rt = rt;
  s.status = QN_OK;
  s.error = NULL;
  s.count = 0;
  return s;
}

/* Gives an array into the scope's care. */
static inline qn_array* scope_keep(scope_t* s, qn_array* array) {
  if (!array) return NULL;
  if (s->count == kScopeArrays) {
    qn_array_release(array);
    if (s->status == QN_OK)
      s->status = qn_error_new(QN_E_RESOURCE_EXHAUSTED, "too many arrays in one scope", &s->error);
    return NULL;
  }
  return s->arrays[s->count++] = array;
}

static inline void scope_close(scope_t* s) {
  while (s->count > 0) qn_array_release(s->arrays[--s->count]);
  qn_error_free(s->error);
  s->error = NULL;
}

static inline int scope_failed(const scope_t* s, const char* doing) {
  if (s->status == QN_OK) return 0;
  fprintf(stderr, "%s: %s: %s\n", doing, qn_status_name(s->status), qn_error_message(s->error));
  return 1;
}

/* TRY(s, qn_foo(..., &s->error)): runs the call unless the scope has already failed. */
#define TRY(s, call)                                \
  do {                                              \
    if ((s)->status == QN_OK) (s)->status = (call); \
  } while (0)

/* The body of a helper: `return` the array that a call writes to `out`. */
#define RETURN_NEW(s, call)    \
  do {                         \
    qn_array* out = NULL;      \
    TRY(s, call);              \
    return scope_keep(s, out); \
  } while (0)

#endif
