#ifndef ONEDNN_REPORT_H
#define ONEDNN_REPORT_H
#include "mezzo_backend.h"

#define ONEDNN_NO_OPERAND UINT32_MAX

#if defined(__GNUC__)
#define ONEDNN_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define ONEDNN_PRINTF(text, first)
#endif

/* Fills the host's buffer, cutting the text to fit, and returns status. */
mezzo_status onednn_report(mezzo_error *err, mezzo_status status, uint32_t why, uint32_t operand, const char *format,
                           ...) ONEDNN_PRINTF(5, 6);

#endif
