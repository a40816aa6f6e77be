/*
 * attribd take-over: the operator's word that this state_dir is the one to go on with.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attrib/journal.h"
#include "cmd.h"
#include "gaps.h"
#include "shared.h"
#include "statedir.h"

struct take_over {
	struct attribd_config *config;
	struct attrib_id instance;
	uint8_t fingerprint[32];
	uint64_t hash_seed;
	int lock; /* owned; of the state directory */
	struct attrib_journal *journal;
	struct attrib_checkpoints *checkpoints;
	struct attribd_held held;
	struct attrib_position *lanes; /* owned */
};

static void say(void *arg, const char *text)
{
	(void)arg;
	printf("%s\n", text);
}

static void complain_note(void *arg, enum attrib_journal_note what, const char *text)
{
	(void)arg, (void)what;
	cmd_complain("journal: %s", text);
}

static void complain_checkpoint(void *arg, enum attrib_checkpoint_note what, const char *text)
{
	(void)arg, (void)what;
	cmd_complain("checkpoint: %s", text);
}

/* A daemon with another secret would not start afterwards. */
static int open_secret(struct take_over *t)
{
	struct attrib_keys *keys;
	int status = cmd_load_keys(t->config->secret_file, &keys, t->fingerprint);

	if (status)
		return status;
	t->hash_seed = attrib_keys_hash_seed(keys);
	attrib_keys_free(keys);
	return EX_OK;
}

static int failed(const char *dir, int err)
{
	if (err)
		cmd_complain("%s: %s", dir,
			err == ATTRIB_E_IO ? strerror(errno) : attrib_error_text(err));
	return cmd_exit_status(err);
}

static int open_state(struct take_over *t)
{
	const char *dir = t->config->state_dir;
	char journal[4096];
	char checkpoints[4096];
	struct attrib_journal_options options = {.dir = journal, .note = complain_note};
	struct attrib_checkpoints_options copies = {
		.dir = checkpoints, .note = complain_checkpoint};
	int err = attribd_statedir_lock(dir, &t->lock);

	if (err == ATTRIB_E_UNAVAILABLE) {
		cmd_complain("%s: the daemon runs; stop it first", dir);
		return EX_UNAVAILABLE;
	}
	if (!err)
		err = attribd_statedir_instance(dir, &t->instance);
	snprintf(journal, sizeof journal, "%s/journal", dir);
	options.instance = t->instance;
	if (!err)
		err = attrib_journal_open(&options, &t->journal);
	snprintf(checkpoints, sizeof checkpoints, "%s/checkpoint", dir);
	copies.instance = t->instance;
	if (!err)
		err = attrib_checkpoints_open(&copies, &t->checkpoints);
	t->held.journal = t->journal;
	t->held.shared = attribd_config_shares_state(t->config);
	return failed(dir, err);
}

/* Only whoever reads all of a checkpoint knows that it is whole: a start would pass over one that is not. */
static int read_checkpoints(struct take_over *t)
{
	const struct attrib_checkpoint_load how = {.memory = {.hash_seed = t->hash_seed}};
	size_t i = 0;
	int err = 0;

	while (i < attrib_checkpoints_count(t->checkpoints) && !err) {
		struct attrib_state *state;
		err = attrib_checkpoints_load(t->checkpoints, i, &how, &state);
		if (!err) {
			state->ops->free(state);
			i++;
		} else if (err == ATTRIB_E_CORRUPT) {
			err = 0;
		}
	}
	if (!err)
		err = attribd_held_take(&t->held, t->checkpoints);
	return failed(t->config->state_dir, err);
}

/* The lanes that the daemon would refuse to start for. */
static int find(void *arg, const struct attrib_positions *positions,
	const struct attrib_position **lanes, size_t *n)
{
	struct take_over *t = arg;
	char text[ATTRIBD_GAP_TEXT];
	struct attribd_gaps gaps;
	int err = attribd_gaps_find(&t->held, positions, &gaps);

	if (err)
		return err;
	t->lanes = calloc(gaps.count + 1, sizeof *t->lanes);
	for (size_t i = 0; i < gaps.count && t->lanes; i++) {
		attribd_gap_text(&gaps.p[i], text);
		printf("%s\n", text);
		t->lanes[i] = gaps.p[i].lane;
	}
	*lanes = t->lanes;
	*n = gaps.count;
	attribd_gaps_done(&gaps);
	return t->lanes ? 0 : ATTRIB_E_NOMEM;
}

static int write_down(struct take_over *t)
{
	struct attrib_str *sites = calloc(t->config->site_count + 1, sizeof *sites);
	struct attrib_postgres_take_over what = {
		.owner = {.instance = t->instance, .secret_fingerprint = t->fingerprint},
		.sites = sites,
		.site_count = t->config->site_count,
		.find = find,
		.line = say,
		.arg = t};
	struct attrib_sink_error error = {0};
	int err = sites ? 0 : ATTRIB_E_NOMEM;

	for (size_t i = 0; i < t->config->site_count && !err; i++)
		sites[i] = t->config->sites[i].site.name;
	if (!err)
		err = attribd_shared_find(t->config, true, &what.owner, &error);
	if (!err)
		err = attrib_postgres_take_over(t->config->postgres, &what, &error);
	if (!err)
		err = attribd_shared_keep(t->config, &what.owner);
	free(sites);
	return err ? cmd_database_failed(err, &error) : EX_OK;
}

int cmd_take_over(const struct cmd_line *line)
{
	struct take_over t = {.lock = -1};
	int status = cmd_load_config(line->config, &t.config);

	if (status)
		return status;
	status = open_state(&t);
	if (!status)
		status = open_secret(&t);
	if (!status)
		status = read_checkpoints(&t);
	if (!status)
		status = write_down(&t);
	free(t.lanes);
	attribd_held_done(&t.held);
	attrib_checkpoints_close(t.checkpoints);
	attrib_journal_close(t.journal);
	if (t.lock >= 0)
		close(t.lock);
	attribd_config_free(t.config);
	if (!status)
		printf("done: the daemon may start with this state_dir\n");
	return fflush(stdout) ? EX_IOERR : status;
}
