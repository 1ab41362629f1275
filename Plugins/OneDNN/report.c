#include "report.h"

#include <stdarg.h>
#include <stdio.h>

mezzo_status onednn_report(mezzo_error *err, mezzo_status status, uint32_t why, uint32_t operand, const char *format,
                           ...) {
  if (err == NULL) return status;
  err->code = status;
  err->why = why;
  err->operand = operand;
  err->msg_len = 0;
  if (err->msg == NULL || err->msg_cap == 0) return status;
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(err->msg, err->msg_cap, format, arguments);
  va_end(arguments);
  if (length > 0) err->msg_len = (uint32_t)length < err->msg_cap ? (uint32_t)length : err->msg_cap - 1;
  return status;
}
