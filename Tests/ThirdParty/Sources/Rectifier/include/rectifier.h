#ifndef RECTIFIER_H
#define RECTIFIER_H
#include "mezzo_backend.h"

MEZZO_EXPORT const mezzo_backend *mezzo_backend_query(const mezzo_offer *offer);

#endif
