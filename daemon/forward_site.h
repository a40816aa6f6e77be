/*
 * Inside the forward thread: a site with its receiver, the posts that are on their way to it, and what
 * the log was told of it.
 */
#ifndef ATTRIBD_FORWARD_SITE_H
#define ATTRIBD_FORWARD_SITE_H

#include "forward.h"

enum forward_state {
	FORWARD_FREE,
	FORWARD_FLYING,
	FORWARD_ENDED, /* and not marked yet */
};
struct forward_slot {
	enum forward_state state;
	struct attribd_post post; /* first: who ends is found by it */
	struct attribd_forward_site *site;
	int64_t id; /* of the event */
	int claim, tries;
	int64_t begun_us;                   /* between its first try and this one */
	int64_t started_at;                 /* monotonic */
	enum attrib_outbox_outcome outcome; /* of what has ended */
	int64_t wait_us;
	char why[160];
};

struct attribd_forward_site {
	struct attribd_forward_site *next;
	const struct attribd_site_config
		*config; /* of the thread's snapshot; NULL = no longer sends */
	char name[72];
	struct forward_slot slots[ATTRIBD_FORWARD_POSTS];
	bool failing;      /* the last that ended has failed */
	bool told_failing; /* what the log says */
	char why[160];     /* why it did */
	int64_t told_at;   /* monotonic; 0 = never */
	int64_t given_up;  /* events of which the log has not heard */
};

/* The list as the snapshot's configuration has it: states of sites that were there before stay.
 * ATTRIB_E_NOMEM: some are missing. */
int forward_sites_take(struct attribd_forward *forward) ATTRIB_MUST_CHECK;
/* Drops sites that are no longer configured and whose posts have all ended. */
void forward_sites_sweep(struct attribd_forward *forward);
void forward_sites_done(struct attribd_forward *forward);
/* How many of its slots are in a state. */
int forward_site_count(const struct attribd_forward_site *site, enum forward_state state);
/* A free one, or NULL. */
struct forward_slot *forward_site_slot(struct attribd_forward_site *site);
/* What became of a post: into its slot, and what the site is after it. */
void forward_site_hear(struct forward_slot *slot, const struct attribd_answer *answer,
	uint32_t random, int64_t now);
/* Log lines: when it begins to fail, when it takes again, how many were given up; one of a kind at a
 * time. */
void forward_site_tell(struct attribd_forward_site *site, int64_t now);

#endif
