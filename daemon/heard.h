/*
 * When each site last heard of an order from a source that speaks for the shop: a webhook that was
 * switched off says nothing, so silence has to be seen. One table for the process, as the metrics; kept
 * over restarts in <state_dir>/heard.
 */
#ifndef ATTRIBD_HEARD_H
#define ATTRIBD_HEARD_H

#include <stdint.h>
#include "attrib/buf.h"
#include "attrib/event.h"

/* Any thread: an event that was taken. Orders of signed sources are noted, all else is passed over; no
 * lock, but for the first order of a source. */
void attribd_heard(const struct attrib_event *event);
/* Reads what was kept; a file that can't be used, or a line of it, is none. Before other threads run. */
void attribd_heard_open(const char *state_dir);
/* Keeps it, when there is something new. One thread at a time: the admin thread, whenever somebody
 * looks, and the main thread at the end. */
void attribd_heard_keep(const char *state_dir);
/* As Prometheus text. */
void attribd_heard_write(struct attrib_buf *out);

#endif
