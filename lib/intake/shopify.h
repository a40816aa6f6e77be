/* The two halves of Shopify: orders and refunds. */
#ifndef ATTRIB_INTAKE_SHOPIFY_H
#define ATTRIB_INTAKE_SHOPIFY_H

#include "vendor.h"

/* False for what is sold and is no revenue: gift cards and tips. */
bool shopify_is_goods(struct attrib_json line);
/* Notes a refund; order: the body that it came in, which is the refund's own when it came alone. */
bool shopify_note_refund(struct draft *draft, struct attrib_json refund, struct attrib_json order);

#endif
