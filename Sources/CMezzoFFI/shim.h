#ifndef MEZZO_FFI_SHIM_H
#define MEZZO_FFI_SHIM_H
#include <ffi.h>
#include <stdint.h>
#include <string.h>

// libffi's type descriptors are mutable globals, which Swift 6 does not let near concurrent code; functions hide them.
static inline ffi_type *mezzo_ffi_pointer(void) { return &ffi_type_pointer; }
static inline ffi_type *mezzo_ffi_void(void) { return &ffi_type_void; }
static inline ffi_type *mezzo_ffi_sint8(void) { return &ffi_type_sint8; }
static inline ffi_type *mezzo_ffi_sint16(void) { return &ffi_type_sint16; }
static inline ffi_type *mezzo_ffi_sint32(void) { return &ffi_type_sint32; }
static inline ffi_type *mezzo_ffi_sint64(void) { return &ffi_type_sint64; }
static inline ffi_type *mezzo_ffi_uint8(void) { return &ffi_type_uint8; }
static inline ffi_type *mezzo_ffi_uint16(void) { return &ffi_type_uint16; }
static inline ffi_type *mezzo_ffi_uint32(void) { return &ffi_type_uint32; }
static inline ffi_type *mezzo_ffi_uint64(void) { return &ffi_type_uint64; }
static inline ffi_type *mezzo_ffi_float(void) { return &ffi_type_float; }
static inline ffi_type *mezzo_ffi_double(void) { return &ffi_type_double; }

// The argument vector lives on this stack frame, so a call allocates nothing and any number of threads may make it.
// libffi widens narrow results to ffi_arg.
static inline int32_t mezzo_ffi_call(ffi_cif *interface, void (*function)(void), void *self, void *args) {
  void *values[2] = {&self, &args};
  ffi_arg result = 0;
  ffi_call(interface, function, &result, values);
  return (int32_t)result;
}

static inline const void *mezzo_ffi_query(ffi_cif *interface, void (*function)(void), const void *offer) {
  void *values[1] = {&offer};
  void *result = NULL;
  ffi_call(interface, function, &result, values);
  return result;
}

// ---------------------------------------------------------------- calls of any signature, prepared before they are made

#define MEZZO_FFI_ARGUMENTS 32
#define MEZZO_FFI_TENSORS 16
#define MEZZO_FFI_AXES 16

// What a function returns.
enum {
  MEZZO_FFI_VOID, MEZZO_FFI_I8, MEZZO_FFI_I16, MEZZO_FFI_I32, MEZZO_FFI_I64, MEZZO_FFI_U8, MEZZO_FFI_U16, MEZZO_FFI_U32,
  MEZZO_FFI_U64, MEZZO_FFI_F16, MEZZO_FFI_F32, MEZZO_FFI_F64, MEZZO_FFI_PTR
};

// How the result is compared with what is expected.
enum { MEZZO_FFI_ANY, MEZZO_FFI_EQ, MEZZO_FFI_NE, MEZZO_FFI_LE, MEZZO_FFI_GE, MEZZO_FFI_LT, MEZZO_FFI_GT };

// An argument that is an address, known only when the call is made.
typedef struct mezzo_ffi_address {
  uint32_t argument;
  uint32_t tensor;      // place among the addresses
  const int64_t *steps; // bytes along each leading axis; NULL: the same for all
} mezzo_ffi_address;

// Everything but those addresses. Read by all threads, written by none.
typedef struct mezzo_ffi_plan {
  ffi_cif *interface;
  void (*function)(void);
  const uint64_t *slots; // the arguments, each at the beginning of eight bytes
  const mezzo_ffi_address *addresses;
  const int64_t *into_steps;
  int64_t expected, unsupported;
  uint32_t n_arguments, n_addresses;
  uint32_t returns;                      // MEZZO_FFI_VOID …
  uint32_t check, unsupported_check;     // MEZZO_FFI_ANY …
  int32_t into;                          // the address that takes the result; -1: none does
} mezzo_ffi_plan;

// libffi widens narrow results to ffi_arg and writes no more than 16 bytes of the types that it is asked for here.
typedef union mezzo_ffi_result {
  ffi_arg integer;
  uint64_t wide;
  float f32;
  double f64;
  void *address;
  uint8_t bytes[16];
} mezzo_ffi_result;

typedef struct mezzo_ffi_program {
  const mezzo_ffi_plan *calls;
  const int64_t *extents; // of the leading axes
  uint32_t n_calls, n_axes, n_in, n_out;
} mezzo_ffi_program;

typedef struct mezzo_ffi_failure {
  uint32_t call;
  int64_t returned;
} mezzo_ffi_failure;

enum { MEZZO_FFI_DONE, MEZZO_FFI_FAILED, MEZZO_FFI_UNSUPPORTED, MEZZO_FFI_CONTRADICTION };

static inline int64_t mezzo_ffi_integer(uint32_t returns, const mezzo_ffi_result *result) {
  switch (returns) {
    case MEZZO_FFI_I8: return (int8_t)result->integer;
    case MEZZO_FFI_I16: return (int16_t)result->integer;
    case MEZZO_FFI_I32: return (int32_t)result->integer;
    case MEZZO_FFI_U8: return (uint8_t)result->integer;
    case MEZZO_FFI_U16: return (uint16_t)result->integer;
    case MEZZO_FFI_U32: return (uint32_t)result->integer;
    case MEZZO_FFI_I64:
    case MEZZO_FFI_U64: return (int64_t)result->wide;
    case MEZZO_FFI_PTR: return (int64_t)(intptr_t)result->address;
    default: return 0;
  }
}

static inline int mezzo_ffi_holds(uint32_t check, int64_t value, int64_t expected) {
  switch (check) {
    case MEZZO_FFI_EQ: return value == expected;
    case MEZZO_FFI_NE: return value != expected;
    case MEZZO_FFI_LE: return value <= expected;
    case MEZZO_FFI_GE: return value >= expected;
    case MEZZO_FFI_LT: return value < expected;
    case MEZZO_FFI_GT: return value > expected;
    default: return 1;
  }
}

// Writes a result to memory of its own type.
static inline void mezzo_ffi_store(uint32_t returns, const mezzo_ffi_result *result, void *to) {
  const int64_t integer = mezzo_ffi_integer(returns, result);
  switch (returns) {
    case MEZZO_FFI_I8:
    case MEZZO_FFI_U8: { const uint8_t value = (uint8_t)integer; memcpy(to, &value, 1); break; }
    case MEZZO_FFI_I16:
    case MEZZO_FFI_U16: { const uint16_t value = (uint16_t)integer; memcpy(to, &value, 2); break; }
    case MEZZO_FFI_I32:
    case MEZZO_FFI_U32: { const uint32_t value = (uint32_t)integer; memcpy(to, &value, 4); break; }
    case MEZZO_FFI_I64:
    case MEZZO_FFI_U64: memcpy(to, &integer, 8); break;
    case MEZZO_FFI_F16: { uint32_t bits; memcpy(&bits, result->bytes, 4); const uint16_t half = (uint16_t)bits; memcpy(to, &half, 2); break; }
    case MEZZO_FFI_F32: memcpy(to, &result->f32, 4); break;
    case MEZZO_FFI_F64: memcpy(to, &result->f64, 8); break;
    case MEZZO_FFI_PTR: memcpy(to, &result->address, sizeof(void *)); break;
    default: break;
  }
}

static inline char *mezzo_ffi_move(char *address, const int64_t *steps, const int64_t *place, uint32_t n_axes) {
  if (!steps || !address) return address;
  for (uint32_t axis = 0; axis < n_axes; axis++) address += place[axis] * steps[axis];
  return address;
}

// Arguments and the vector of their addresses lie on this stack frame: nothing is allocated, and threads share the plan.
static inline int mezzo_ffi_invoke(
    const mezzo_ffi_plan *plan, char *const *tensors, const int64_t *place, uint32_t n_axes, mezzo_ffi_result *result) {
  uint64_t slots[MEZZO_FFI_ARGUMENTS];
  void *values[MEZZO_FFI_ARGUMENTS];
  for (uint32_t i = 0; i < plan->n_arguments; i++) {
    slots[i] = plan->slots[i];
    values[i] = &slots[i];
  }
  for (uint32_t i = 0; i < plan->n_addresses; i++) {
    const mezzo_ffi_address *address = &plan->addresses[i];
    char *const moved = mezzo_ffi_move(tensors[address->tensor], address->steps, place, n_axes);
    memcpy(&slots[address->argument], &moved, sizeof moved);
  }
  memset(result, 0, sizeof *result);
  ffi_call(plan->interface, plan->function, result, values);
  const int64_t returned = mezzo_ffi_integer(plan->returns, result);
  if (plan->unsupported_check && mezzo_ffi_holds(plan->unsupported_check, returned, plan->unsupported)) {
    return MEZZO_FFI_UNSUPPORTED;
  }
  if (!mezzo_ffi_holds(plan->check, returned, plan->expected)) return MEZZO_FFI_FAILED;
  if (plan->into >= 0) {
    mezzo_ffi_store(plan->returns, result, mezzo_ffi_move(tensors[plan->into], plan->into_steps, place, n_axes));
  }
  return MEZZO_FFI_DONE;
}

// An array of tensors as the ABI lays it out; only their data pointers are read.
typedef struct mezzo_ffi_tensors {
  const char *at;
  uint32_t count, stride;
} mezzo_ffi_tensors;

static inline char *mezzo_ffi_data(mezzo_ffi_tensors tensors, uint32_t index, uint32_t byte_offset) {
  char *data;
  uint64_t offset;
  memcpy(&data, tensors.at + (size_t)index * tensors.stride, sizeof data);
  memcpy(&offset, tensors.at + (size_t)index * tensors.stride + byte_offset, sizeof offset);
  return data ? data + offset : data;
}

// Makes the program's calls for every place along the leading axes, and stops at the first that fails.
static inline int mezzo_ffi_run(
    const mezzo_ffi_program *program, mezzo_ffi_tensors in, mezzo_ffi_tensors out, uint32_t byte_offset, void *workspace,
    mezzo_ffi_failure *failure) {
  char *tensors[MEZZO_FFI_TENSORS + 1];
  int64_t place[MEZZO_FFI_AXES] = {0};
  mezzo_ffi_result result;
  if (in.count < program->n_in || out.count < program->n_out) return MEZZO_FFI_CONTRADICTION;
  for (uint32_t i = 0; i < program->n_in; i++) tensors[i] = mezzo_ffi_data(in, i, byte_offset);
  for (uint32_t i = 0; i < program->n_out; i++) tensors[program->n_in + i] = mezzo_ffi_data(out, i, byte_offset);
  tensors[program->n_in + program->n_out] = (char *)workspace;
  for (uint32_t axis = 0; axis < program->n_axes; axis++) {
    if (program->extents[axis] <= 0) return MEZZO_FFI_DONE;
  }
  for (;;) {
    for (uint32_t call = 0; call < program->n_calls; call++) {
      const int status = mezzo_ffi_invoke(&program->calls[call], tensors, place, program->n_axes, &result);
      if (status == MEZZO_FFI_DONE) continue;
      failure->call = call;
      failure->returned = mezzo_ffi_integer(program->calls[call].returns, &result);
      return status;
    }
    uint32_t axis = program->n_axes;
    while (axis > 0 && ++place[axis - 1] == program->extents[axis - 1]) place[--axis] = 0;
    if (axis == 0) return MEZZO_FFI_DONE;
  }
}

// A number that threads read on the run path and change under a lock.
static inline int64_t mezzo_ffi_load(const int64_t *number) { return __atomic_load_n(number, __ATOMIC_ACQUIRE); }
static inline void mezzo_ffi_publish(int64_t *number, int64_t value) { __atomic_store_n(number, value, __ATOMIC_RELEASE); }
#endif
