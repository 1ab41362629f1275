#ifndef MEZZO_FFI_SHIM_H
#define MEZZO_FFI_SHIM_H
#include <ffi.h>
#include <stdint.h>

// libffi's type descriptors are mutable globals, which Swift 6 does not let near concurrent code; functions hide them.
static inline ffi_type *mezzo_ffi_pointer(void) { return &ffi_type_pointer; }
static inline ffi_type *mezzo_ffi_sint32(void) { return &ffi_type_sint32; }

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
#endif
