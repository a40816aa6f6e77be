/*
 * What `attribd reconcile --backfill` sends: orders of an export that were not heard, as native events.
 */
#ifndef ATTRIBD_CMD_RECONCILE_H
#define ATTRIBD_CMD_RECONCILE_H

#include "attrib/reconcile.h"
#include "config.h"

struct cmd_backfill {
	const struct attribd_config *config;
	const struct attribd_site_config *site;
	int64_t exported_at; /* when the file was written: no later word than that is in it */
	struct attrib_export_due *list; /* in the order of the lines; owned, and known_as; that is
					 * NULL for what is missing */
	size_t n, cap;
	bool failed; /* memory was out */
	bool terminal;
	uint64_t sent, refused; /* events */
};
void cmd_backfill_add(struct cmd_backfill *backfill, const struct attrib_export_due *due);
void cmd_backfill_done(struct cmd_backfill *backfill);
/* Reads an export again, which has begun, and sends what is due to the running daemon. EX_OK, or an exit
 * status with the problem on stderr; what the daemon refused is told there and counted. */
int cmd_backfill_send(struct cmd_backfill *backfill, struct attrib_export *export);

#endif
