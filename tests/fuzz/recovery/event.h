/*
 * Events from a few bytes each: few visitors, customers, orders and keys, so that they meet.
 */
#ifndef FUZZ_EVENT_H
#define FUZZ_EVENT_H

#include "attrib/buf.h"
#include "attrib/catalog.h"
#include "input.h"

/* What the events are about: one site, its settings and the owners of its keys. */
struct attrib_catalog *fuzz_catalog(const struct attrib_zone *zone);

/* Appends the payload of one event. Now and then some of its bytes are others: false, no worker writes such
 * a one. Its names and keyed ids may disagree, so of an order of two names any may be what is left. */
bool fuzz_payload(struct input *in, struct attrib_buf *out);

#endif
