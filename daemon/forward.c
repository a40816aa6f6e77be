/*
 * One loop: what has ended is marked, what is due is claimed and begun, what is on its way goes on.
 * Marks come first: a slot is free when PostgreSQL knows what became of its event.
 */
#include "forward.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "background.h"
#include "clock.h"
#include "forward_site.h"
#include "log.h"
#include "metrics.h"

#define MARGIN_US      30000000 /* a claim outlasts its post by so much: a mark may have to wait */
#define PASS_MAX_US    1000000  /* between two looks at the configuration */
#define RETRY_FIRST_US 250000
#define RETRY_MAX_US   10000000
#define LOOK_US        2000000 /* between two looks at the length of the queue */
#define TRIM_US        60000000
#define TRIM_MOST      1000
#define TRIM_NEXT_US   100000 /* when there is more to delete */
#define KEEP_SENT_US   (7 * ATTRIB_US_PER_DAY)
#define KEEP_DEAD_US   (90 * ATTRIB_US_PER_DAY)

/* -- PostgreSQL ------------------------------------------------------------------------------------ */

/* The beginning of an outage, not every attempt. */
static void away(struct attribd_forward *forward, int err, const struct attrib_sink_error *error)
{
	if (!forward->told_away)
		attribd_log(ATTRIBD_LOG_WARNING, "forward: %s; trying again until it works",
			error->text[0] ? error->text : attrib_error_text(err));
	forward->told_away = true;
	attrib_outbox_close(forward->outbox);
	forward->outbox = NULL;
	forward->retry_us = forward->retry_us ? 2 * forward->retry_us : RETRY_FIRST_US;
	if (forward->retry_us > RETRY_MAX_US)
		forward->retry_us = RETRY_MAX_US;
	forward->connect_at = attribd_clock_mono() + forward->retry_us;
}

/* True when there is a connection. */
static bool connected(struct attribd_forward *forward)
{
	struct attrib_sink_error error = {0};
	int err;

	if (forward->outbox || attribd_clock_mono() < forward->connect_at)
		return forward->outbox != NULL;
	err = attrib_outbox_open(forward->snapshot->config->postgres, &forward->instance,
		!forward->attached, &forward->outbox, &error);
	if (err) {
		forward->outbox = NULL;
		away(forward, err, &error);
		return false;
	}
	if (forward->told_away)
		attribd_log(ATTRIBD_LOG_NOTICE, "forward: PostgreSQL answers again");
	forward->attached = true;
	forward->told_away = false;
	forward->retry_us = 0;
	return true;
}

/* -- marks ------------------------------------------------------------------------------------------ */

static int mark(
	struct attribd_forward *forward, struct forward_slot *slot, struct attrib_sink_error *error)
{
	const struct attrib_outbox_mark m = {.id = slot->id,
		.claim = slot->claim,
		.outcome = slot->outcome,
		.wait_us = slot->wait_us,
		.error = slot->why};
	bool held = false;
	int err = attrib_outbox_mark(forward->outbox, &m, &held, error);

	if (err)
		return err;
	if (held && slot->outcome == ATTRIB_OUTBOX_DEAD) {
		slot->site->given_up++;
		attribd_metric_add(ATTRIBD_METRIC_FORWARD_GIVEN_UP, 1);
	}
	slot->state = FORWARD_FREE;
	return 0;
}

/* All that has ended; the next ones of their conversions are due then. */
static void mark_all(struct attribd_forward *forward)
{
	struct attrib_sink_error error = {0};
	int err = 0;

	for (struct attribd_forward_site *site = forward->sites; site && !err; site = site->next) {
		for (size_t i = 0; i < ATTRIBD_FORWARD_POSTS && !err; i++) {
			if (site->slots[i].state != FORWARD_ENDED)
				continue;
			err = mark(forward, &site->slots[i], &error);
			forward->claim_at = 0;
		}
	}
	if (err)
		away(forward, err, &error);
}

/* -- claims ----------------------------------------------------------------------------------------- */

struct claiming {
	struct attribd_forward *forward;
	struct attribd_forward_site *site;
};

/* Without memory the claim is given back as if it had not been. */
static void begin(void *arg, const struct attrib_outbox_event *event)
{
	struct claiming *claiming = arg;
	struct forward_slot *slot = forward_site_slot(claiming->site);

	slot->id = event->id;
	slot->claim = event->claim;
	slot->tries = event->tries;
	slot->begun_us = event->begun_us;
	slot->started_at = attribd_clock_mono();
	slot->state = FORWARD_FLYING;
	if (attribd_post_start(&claiming->forward->poster, &slot->post,
		    &claiming->site->config->forward, event->webhook_id, event->body)) {
		slot->state = FORWARD_ENDED;
		slot->outcome = ATTRIB_OUTBOX_RELEASED;
		slot->wait_us = PASS_MAX_US;
	}
}

static int64_t stop_at(struct attribd_forward *forward)
{
	return atomic_load(&forward->stop_at);
}

static int claim_site(struct attribd_forward *forward, struct attribd_forward_site *site,
	struct attrib_sink_error *error)
{
	struct claiming claiming = {forward, site};
	int most = forward_site_count(site, FORWARD_FREE);

	if (!site->config || !most || (stop_at(forward) && site->failing))
		return 0;
	return attrib_outbox_claim(forward->outbox, site->name, most,
		site->config->forward.timeout_us + MARGIN_US, begin, &claiming, error);
}

/* How often the queue is looked at when nothing has ended: as often as it is filled. */
static int64_t pass_us(const struct attribd_forward *forward)
{
	int64_t us = forward->snapshot->config->flush_interval_us;

	return us < PASS_MAX_US ? us : PASS_MAX_US;
}

static void claim_all(struct attribd_forward *forward)
{
	struct attrib_sink_error error = {0};
	int64_t now = attribd_clock_mono();
	int err = 0;

	if (now < forward->claim_at)
		return;
	forward->claim_at = now + pass_us(forward);
	for (struct attribd_forward_site *site = forward->sites; site && !err; site = site->next)
		err = claim_site(forward, site, &error);
	if (err)
		away(forward, err, &error);
}

/* -- the queue -------------------------------------------------------------------------------------- */

static int look_at(struct attribd_forward *forward, struct attrib_sink_error *error)
{
	struct attrib_outbox_queue queue = {0};
	const char **names;
	size_t n = 0;
	int err;

	for (struct attribd_forward_site *s = forward->sites; s; s = s->next)
		n++;
	names = calloc(n + 1, sizeof *names);
	if (!names)
		return ATTRIB_E_NOMEM;
	n = 0;
	for (struct attribd_forward_site *s = forward->sites; s; s = s->next)
		names[n++] = s->name;
	err = attrib_outbox_queue(forward->outbox, names, n, &queue, error);
	free(names);
	if (err)
		return err;
	attribd_metric_set(ATTRIBD_METRIC_FORWARD_WAITING, queue.waiting);
	attribd_metric_set(ATTRIBD_METRIC_FORWARD_OLDEST, queue.oldest_us / ATTRIB_US_PER_S);
	attribd_metric_set(ATTRIBD_METRIC_FORWARD_DEAD, queue.dead);
	return 0;
}

static void tend(struct attribd_forward *forward)
{
	struct attrib_sink_error error = {0};
	int64_t now = attribd_clock_mono(), deleted = 0;
	int err = 0;

	if (now >= forward->look_at) {
		forward->look_at = now + LOOK_US;
		err = look_at(forward, &error);
	}
	if (!err && now >= forward->trim_at) {
		err = attrib_outbox_trim(
			forward->outbox, KEEP_SENT_US, KEEP_DEAD_US, TRIM_MOST, &deleted, &error);
		forward->trim_at = now + (deleted >= TRIM_MOST ? TRIM_NEXT_US : TRIM_US);
	}
	if (err)
		away(forward, err, &error);
}

/* -- the loop --------------------------------------------------------------------------------------- */

static void hear_answers(struct attribd_forward *forward)
{
	struct attribd_answer answer;
	uint32_t random = 0;

	while (attribd_poster_next(&forward->poster, &answer)) {
		struct forward_slot *slot =
			(struct forward_slot *)((char *)answer.post -
						offsetof(struct forward_slot, post));
		(void)!getrandom(&random, sizeof random, 0);
		forward_site_hear(slot, &answer, random, attribd_clock_mono());
	}
}

static void take_configuration(struct attribd_forward *forward)
{
	if (attribd_snapshots_refresh(forward->snapshots, &forward->snapshot) &&
		forward_sites_take(forward))
		attribd_log(ATTRIBD_LOG_ERROR,
			"forward: out of memory; a site is not forwarded until the next reload");
	forward_sites_sweep(forward);
	if (forward->sites || !forward->outbox)
		return;
	attrib_outbox_close(forward->outbox);
	forward->outbox = NULL;
	attribd_metric_set(ATTRIBD_METRIC_FORWARD_WAITING, 0);
	attribd_metric_set(ATTRIBD_METRIC_FORWARD_OLDEST, 0);
	attribd_metric_set(ATTRIBD_METRIC_FORWARD_DEAD, 0);
}

/* Nothing to do at all: then there is no connection, either. */
static bool idle(const struct attribd_forward *forward)
{
	return forward->sites == NULL;
}

/* Slots in a state, of all sites or of those whose receiver does not fail. */
static int count(const struct attribd_forward *forward, enum forward_state state, bool healthy)
{
	int n = 0;

	for (const struct attribd_forward_site *s = forward->sites; s; s = s->next)
		n += healthy && s->failing ? 0 : forward_site_count(s, state);
	return n;
}

static void pass(struct attribd_forward *forward)
{
	int64_t now, wait = PASS_MAX_US;

	take_configuration(forward);
	if (!idle(forward) && connected(forward))
		mark_all(forward);
	if (forward->outbox)
		claim_all(forward);
	if (forward->outbox)
		tend(forward);
	now = attribd_clock_mono();
	for (struct attribd_forward_site *s = forward->sites; s; s = s->next)
		forward_site_tell(s, now);
	if (!idle(forward) && forward->outbox)
		wait = forward->claim_at > now ? forward->claim_at - now : 0;
	if (stop_at(forward) && wait > RETRY_FIRST_US)
		wait = RETRY_FIRST_US;
	attribd_poster_run(&forward->poster, &forward->bell, wait);
	hear_answers(forward);
}

/* Told to stop, and nothing is left that is worth waiting for. */
static bool is_over(struct attribd_forward *forward, int64_t claimed_at)
{
	int64_t until = stop_at(forward);

	if (!until)
		return false;
	if (attribd_clock_mono() >= until || idle(forward) || !forward->outbox)
		return true;
	return claimed_at && !count(forward, FORWARD_FLYING, true) &&
	       !count(forward, FORWARD_ENDED, false);
}

/* What is still on its way is due again at once: the next start sends it. */
static void let_go(struct attribd_forward *forward)
{
	for (struct attribd_forward_site *s = forward->sites; s; s = s->next) {
		for (size_t i = 0; i < ATTRIBD_FORWARD_POSTS; i++) {
			struct forward_slot *slot = &s->slots[i];
			if (slot->state != FORWARD_FLYING)
				continue;
			attribd_post_end(&forward->poster, &slot->post);
			slot->state = FORWARD_ENDED;
			slot->outcome = ATTRIB_OUTBOX_RELEASED;
			slot->wait_us = 0;
		}
	}
	if (forward->outbox)
		mark_all(forward);
}

static void *forward_main(void *arg)
{
	struct attribd_forward *forward = arg;
	int64_t claimed_at = 0; /* the first pass that had heard of the stop */

	attribd_background("forward");
	while (!is_over(forward, claimed_at)) {
		bool stopping = stop_at(forward) != 0;
		if (stopping && !claimed_at)
			forward->claim_at = 0;
		pass(forward);
		if (stopping)
			claimed_at = attribd_clock_mono();
	}
	let_go(forward);
	return NULL;
}

/* -- life ------------------------------------------------------------------------------------------- */

int attribd_forward_init(struct attribd_forward *forward, struct attribd_snapshots *snapshots,
	const struct attrib_id *instance, const uint8_t secret[ATTRIB_SECRET_BYTES])
{
	int err;

	*forward = (struct attribd_forward){.snapshots = snapshots, .instance = *instance};
	err = attribd_bell_init(&forward->bell);
	forward->made = true;
	return err ? err : attribd_poster_init(&forward->poster, secret);
}

int attribd_forward_start(struct attribd_forward *forward)
{
	if (pthread_create(&forward->thread, NULL, forward_main, forward))
		return ATTRIB_E_NOMEM;
	forward->started = true;
	return 0;
}

void attribd_forward_stop(struct attribd_forward *forward, int64_t until)
{
	atomic_store(&forward->stop_at, until);
	attribd_bell_ring(&forward->bell);
}

void attribd_forward_done(struct attribd_forward *forward)
{
	if (!forward->made)
		return;
	forward_sites_done(forward);
	attrib_outbox_close(forward->outbox);
	attribd_snapshot_unref(forward->snapshot);
	attribd_poster_done(&forward->poster);
	attribd_bell_done(&forward->bell);
}
