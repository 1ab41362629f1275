#ifndef MZ_RULES_H
#define MZ_RULES_H
#include "mezzo_backend.h"

enum { MZ_RULES = 134 };
extern const mezzo_rule mz_rules[];

#endif
