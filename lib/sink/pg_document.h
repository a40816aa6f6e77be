/*
 * Rows of a batch as JSON that PostgreSQL can hold, whatever bytes they are of.
 */
#ifndef ATTRIB_SINK_PG_DOCUMENT_H
#define ATTRIB_SINK_PG_DOCUMENT_H

#include "attrib/batch.h"
#include "attrib/buf.h"

struct pg_document {
	/* owned, each NUL-terminated text */
	struct attrib_buf site, order_id; /* order_id empty = concerns none */
	struct attrib_buf key;            /* array: what it is, and its ids */
	struct attrib_buf rows;           /* object: by staging table its rows as arrays of texts */
	const char *what;                 /* order, lead, refund, cancel, customer, traffic */
	uint64_t ticket;                  /* of a decision, else 0 */
	bool escaped; /* some text of it can't be stored and has \xNN in its place */
};

/* Of a batch of one row. ATTRIB_E_NOMEM; pg_document_done in any case. */
int pg_document_init(
	struct pg_document *document, const struct attrib_batch_view *row) ATTRIB_MUST_CHECK;
void pg_document_done(struct pg_document *document);

/* Appends s as a JSON string. True: it was no text, and bytes of it were escaped. */
bool pg_document_put(struct attrib_buf *out, struct attrib_str s);

#endif
