/*
 * Attach, wait, flush, again. Everything that goes wrong with PostgreSQL ends here: it is logged once
 * per outage and tried again, later and later, up to ten seconds. Only what waiting can't heal ends the
 * daemon: see is_final.
 */
#include "flush.h"

#include <stdlib.h>
#include <string.h>

#include "background.h"
#include "log.h"
#include "metrics.h"

#define BACKOFF_FIRST_US 250000
#define BACKOFF_MAX_US   10000000

/* -- trouble ------------------------------------------------------------------------------------ */

static void fail(struct attribd_flush *flush, int err)
{
	atomic_store(&flush->fatal, err);
	attribd_bell_ring(flush->owner);
}

/* No later attempt can end otherwise: the wrong schema, another secret, or somebody else runs as us. */
static bool is_final(int err)
{
	return err == ATTRIB_E_FENCED || err == ATTRIB_E_SCHEMA || err == ATTRIB_E_CONFIG;
}

/* Logs the beginning of an outage, when it turns into another one, and its end: not every attempt. */
static void complain(struct attribd_flush *flush, const char *doing, int err)
{
	const struct attrib_sink_error *error = flush->sink->ops->error(flush->sink);

	attribd_metric_add(ATTRIBD_METRIC_SINK_ERRORS, 1);
	attribd_metric_set(ATTRIBD_METRIC_SINK_UP, 0);
	atomic_store(&flush->up, false);
	if (is_final(err))
		attribd_log(ATTRIBD_LOG_ERROR, "%s: %s; stopping", doing,
			error->text[0] ? error->text : attrib_error_text(err));
	else if (flush->told != err)
		attribd_log(err == ATTRIB_E_INVALID ? ATTRIBD_LOG_ERROR : ATTRIBD_LOG_WARNING,
			"%s: %s%s%s%s; events wait in the journal, trying again until it works",
			doing, error->text[0] ? error->text : attrib_error_text(err),
			error->sqlstate[0] ? " (" : "", error->sqlstate,
			error->sqlstate[0] ? ")" : "");
	flush->told = err;
}

static void recovered(struct attribd_flush *flush)
{
	attribd_metric_set(ATTRIBD_METRIC_SINK_UP, 1);
	atomic_store(&flush->up, true);
	if (flush->told)
		attribd_log(ATTRIBD_LOG_NOTICE, "%s answers again", flush->sink->ops->name);
	flush->told = 0;
	flush->backoff_us = 0;
}

/* Waits longer after each failure; a bell that rings for a new batch doesn't shorten it. */
static void back_off(struct attribd_flush *flush)
{
	flush->backoff_us = flush->backoff_us ? 2 * flush->backoff_us : BACKOFF_FIRST_US;
	if (flush->backoff_us > BACKOFF_MAX_US)
		flush->backoff_us = BACKOFF_MAX_US;
	for (int64_t left = flush->backoff_us; left > 0 && !atomic_load(&flush->stop);
		left -= BACKOFF_FIRST_US)
		attribd_bell_wait(&flush->bell, BACKOFF_FIRST_US);
}

/* -- attach and flush --------------------------------------------------------------------------- */

/* Keeps what an attach told: the sink's own array changes with the next one. */
static int remember(struct attribd_flush *flush, const struct attrib_sink_attach *attach)
{
	size_t size = attach->position_count * sizeof *attach->positions;
	struct attrib_position *copy = malloc(size ? size : 1);

	if (!copy)
		return ATTRIB_E_NOMEM;
	if (size)
		memcpy(copy, attach->positions, size);
	pthread_mutex_lock(&flush->lock);
	free(flush->first.positions);
	flush->first = *attach;
	flush->first.positions = copy;
	pthread_mutex_unlock(&flush->lock);
	atomic_store(&flush->base, attach->base);
	return 0;
}

static void tell_confirmed(
	struct attribd_flush *flush, const struct attrib_position *positions, size_t n)
{
	if (flush->confirmed)
		flush->confirmed(flush->confirmed_arg, positions, n);
}

static int attach_once(struct attribd_flush *flush)
{
	struct attrib_sink_attach attach = {0};
	int err = flush->sink->ops->attach(flush->sink, &attach);
	bool first = atomic_load(&flush->attach) != ATTRIBD_ATTACH_DONE;

	if (!err && first)
		err = remember(flush, &attach);
	if (err)
		return err;
	if (!flush->stuck)
		recovered(flush);
	atomic_store(&flush->progress->refused, flush->sink->quarantined);
	if (first) {
		tell_confirmed(flush, attach.positions, attach.position_count);
		atomic_store(&flush->attach, ATTRIBD_ATTACH_DONE);
		attribd_bell_ring(flush->owner);
		attribd_bell_ring(flush->engine);
	}
	return 0;
}

/* False: stopped, or there is no point in going on. */
static bool attach_until(struct attribd_flush *flush)
{
	while (!atomic_load(&flush->stop)) {
		int err = attach_once(flush);
		if (!err)
			return true;
		complain(flush, "connecting", err);
		if (is_final(err)) {
			fail(flush, err);
			return false;
		}
		if (atomic_load(&flush->attach) == ATTRIBD_ATTACH_TRYING) {
			atomic_store(&flush->attach, ATTRIBD_ATTACH_FAILED);
			attribd_bell_ring(flush->owner);
		}
		back_off(flush);
	}
	return false;
}

/* Rows that were refused for their data are in the quarantine: the rest went on, but somebody has to
 * know. */
static void tell_refused(struct attribd_flush *flush, uint64_t before)
{
	const struct attrib_sink_error *error = flush->sink->ops->error(flush->sink);
	unsigned long long n = (unsigned long long)(flush->sink->refused - before);

	if (n == 0)
		return;
	attribd_metric_add(ATTRIBD_METRIC_SINK_REFUSED, (int64_t)n);
	attribd_log(ATTRIBD_LOG_ERROR,
		"flushing: %llu row%s refused and set aside, the others are in; the last: %s (%s); "
		"see attribd quarantine list",
		n, n == 1 ? " was" : "s were", error->text, error->sqlstate);
}

/* A question is always asked, of batches only the first that another master has decided. */
static int meet(struct attribd_flush *flush)
{
	const struct attrib_master *master = &flush->sealed.master;
	bool met = flush->sealed.batch && attrib_master_eq(master, &flush->met);
	int err = 0;

	if (met || !flush->sink->ops->meet || attrib_master_none(master))
		return 0;
	err = flush->sink->ops->meet(flush->sink, master);
	if (!err)
		flush->met = *master;
	return err;
}

static int flush_once(struct attribd_flush *flush, const struct attrib_batch_view *view)
{
	int err = meet(flush);

	if (err || !flush->sealed.batch)
		return err;
	return flush->sink->ops->flush(flush->sink, view, flush->sealed.catalog_version);
}

/* What the engine does next goes by what the sink has by then: what became of an earlier try may not be known. */
static bool give_back(struct attribd_flush *flush)
{
	flush->stuck = false;
	recovered(flush);
	if (!flush->sealed.batch)
		return true;
	atomic_store(&flush->attach, ATTRIBD_ATTACH_FAILED);
	return attach_until(flush);
}

/* Flushes the sealed batch until it is in, or given back; false as above. An attach in between is no recovery: what
 * counts is that the batch gets in. */
static bool flush_until(struct attribd_flush *flush, bool *given_back)
{
	uint64_t refused = flush->sink->refused;
	struct attrib_batch_view view = {0};

	if (flush->sealed.batch)
		attrib_batch_seal(flush->sealed.batch, &view);
	for (;;) {
		int err = flush_once(flush, &view);
		*given_back = err == ATTRIB_E_SUPERSEDED;
		if (*given_back)
			return give_back(flush);
		flush->stuck = err != 0;
		if (!err) {
			recovered(flush);
			tell_refused(flush, refused);
			tell_confirmed(flush, view.positions, view.position_count);
			return true;
		}
		complain(flush, "flushing", err);
		if (is_final(err)) {
			fail(flush, err);
			return false;
		}
		back_off(flush);
		if (!attach_until(flush))
			return false;
	}
}

static void confirm(struct attribd_flush *flush)
{
	if (!flush->sealed.batch)
		return;
	if (flush->sealed.settles)
		atomic_store(&flush->progress->catalog_settled, flush->sealed.settles);
	atomic_store(&flush->progress->refused, flush->sink->quarantined);
	atomic_store(&flush->progress->flushed, flush->sealed.records);
	attribd_metric_add(ATTRIBD_METRIC_SINK_FLUSHES, 1);
}

static void hand_back(struct attribd_flush *flush, bool given_back)
{
	pthread_mutex_lock(&flush->lock);
	flush->busy = false;
	flush->given_back = given_back;
	pthread_mutex_unlock(&flush->lock);
	attribd_bell_ring(flush->engine);
}

static void *flush_main(void *arg)
{
	struct attribd_flush *flush = arg;
	bool go, given_back;

	attribd_background("flush");
	go = attach_until(flush);
	while (go) {
		if (attribd_flush_busy(flush)) {
			go = flush_until(flush, &given_back);
			if (go && !given_back)
				confirm(flush);
			if (go)
				hand_back(flush, given_back);
		} else if (atomic_load(&flush->stop)) {
			go = false;
		} else {
			attribd_bell_wait(&flush->bell, -1);
		}
	}
	atomic_store(&flush->ended, true);
	attribd_bell_ring(flush->engine);
	return NULL;
}

/* -- the other side ----------------------------------------------------------------------------- */

bool attribd_flush_attached(struct attribd_flush *flush, struct attrib_sink_attach *out)
{
	if (atomic_load(&flush->attach) != ATTRIBD_ATTACH_DONE)
		return false;
	pthread_mutex_lock(&flush->lock);
	*out = flush->first;
	pthread_mutex_unlock(&flush->lock);
	return true;
}

bool attribd_flush_busy(struct attribd_flush *flush)
{
	pthread_mutex_lock(&flush->lock);
	bool busy = flush->busy;
	pthread_mutex_unlock(&flush->lock);
	return busy;
}

bool attribd_flush_given_back(struct attribd_flush *flush)
{
	pthread_mutex_lock(&flush->lock);
	bool given_back = flush->given_back;
	pthread_mutex_unlock(&flush->lock);
	return given_back;
}

void attribd_flush_offer(struct attribd_flush *flush, const struct attribd_sealed *sealed)
{
	pthread_mutex_lock(&flush->lock);
	flush->sealed = *sealed;
	flush->busy = true;
	flush->given_back = false;
	pthread_mutex_unlock(&flush->lock);
	attribd_bell_ring(&flush->bell);
}

int attribd_flush_init(struct attribd_flush *flush, struct attrib_sink *sink,
	struct attribd_progress *progress, struct attribd_bell *engine, struct attribd_bell *owner)
{
	*flush = (struct attribd_flush){
		.sink = sink, .progress = progress, .engine = engine, .owner = owner};
	pthread_mutex_init(&flush->lock, NULL);
	return attribd_bell_init(&flush->bell);
}

int attribd_flush_start(struct attribd_flush *flush)
{
	if (pthread_create(&flush->thread, NULL, flush_main, flush))
		return ATTRIB_E_NOMEM;
	flush->started = true;
	return 0;
}

void attribd_flush_stop(struct attribd_flush *flush)
{
	atomic_store(&flush->stop, true);
	attribd_bell_ring(&flush->bell);
}

bool attribd_flush_ended(struct attribd_flush *flush)
{
	return !flush->started || atomic_load(&flush->ended);
}

void attribd_flush_join(struct attribd_flush *flush)
{
	if (flush->started)
		pthread_join(flush->thread, NULL);
	flush->started = false;
}

void attribd_flush_done(struct attribd_flush *flush)
{
	if (flush->sink)
		flush->sink->ops->free(flush->sink);
	free(flush->first.positions);
	attribd_bell_done(&flush->bell);
	pthread_mutex_destroy(&flush->lock);
}
