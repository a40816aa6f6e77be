/*
 * Order is everything here. Start: the state directory, the journal, a first snapshot, the sink and
 * the catalog (for a moment, they may be away), the lanes, then those who use them, the public door
 * last. The stop is in serve_stop.c.
 */
#include "serve.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "gaps.h"
#include "heard.h"
#include "log.h"
#include "notify.h"
#include "serve_stop.h"
#include "server.h"
#include "statedir.h"

#define FIRST_TRY_US 6000000 /* PostgreSQL's chance to tell what it knows before lanes are opened */

/* -- start: what lies on the disk --------------------------------------------------------------- */

static int open_dir(struct attribd_server *server, const struct attribd_config *config)
{
	int err = attribd_statedir_lock(config->state_dir, &server->lock);

	if (err == ATTRIB_E_UNAVAILABLE) {
		attribd_log(ATTRIBD_LOG_ERROR,
			"%s: another attribd runs on this state_dir; stopping", config->state_dir);
		return EX_UNAVAILABLE;
	}
	if (!err)
		err = attribd_statedir_instance(config->state_dir, &server->instance);
	if (err) {
		attribd_log(ATTRIBD_LOG_ERROR, "%s: %s; stopping", config->state_dir,
			err == ATTRIB_E_IO ? strerror(errno) : "the file `instance` is damaged");
		return EX_IOERR;
	}
	return 0;
}

static int open_secret(struct attribd_server *server, const struct attribd_config *config)
{
	int err = attribd_secret_load(config->secret_file, server->secret);
	struct attrib_keys *keys;

	if (err) {
		attribd_log(ATTRIBD_LOG_ERROR, "%s: %s; stopping", config->secret_file,
			err == ATTRIB_E_IO ? strerror(errno)
					   : "not a secret of attribd, or readable by everybody");
		return err == ATTRIB_E_IO ? EX_IOERR : EX_CONFIG;
	}
	keys = attrib_keys_new(server->secret);
	if (!keys)
		return EX_OSERR;
	attrib_keys_fingerprint(keys, server->fingerprint);
	attrib_keys_free(keys);
	return 0;
}

/* Workers call it after every commit. */
static void on_commit(void *arg)
{
	struct attribd_server *server = arg;

	if (atomic_load(&server->progress.behind_at) == 0)
		atomic_store(&server->progress.behind_at, attribd_clock_now());
	attribd_bell_ring(&server->pump.bell);
	attribd_trim_look(&server->trim);
}

static void on_note(void *arg, enum attrib_journal_note what, const char *text)
{
	(void)arg;
	attribd_log(what == ATTRIB_JOURNAL_NEWER ? ATTRIBD_LOG_ERROR : ATTRIBD_LOG_WARNING,
		"journal: %s", text);
}

static void warn_foreign(const struct attribd_server *server, const char *dir)
{
	uint64_t n = attrib_journal_foreign(server->journal);

	if (n)
		attribd_log(ATTRIBD_LOG_WARNING,
			"%s: %llu segment%s of other instances: not read, not counted, not "
			"touched; "
			"move them to the state_dir that has their instance in its file `instance`",
			dir, (unsigned long long)n, n == 1 ? "" : "s");
}

static int open_journal(struct attribd_server *server, const struct attribd_config *config)
{
	char dir[4096];
	struct attrib_journal_options options = {.dir = dir,
		.instance = server->instance,
		.note = on_note,
		.segment_size = (uint64_t)config->journal_segment_size,
		.quota = (uint64_t)config->journal_quota};

	snprintf(dir, sizeof dir, "%s/journal", config->state_dir);
	int err = attrib_journal_open(&options, &server->journal);
	if (err) {
		attribd_log(ATTRIBD_LOG_ERROR, "%s: %s; stopping", dir,
			err == ATTRIB_E_IO ? strerror(errno) : attrib_error_text(err));
		return err == ATTRIB_E_VERSION ? EX_CONFIG : EX_IOERR;
	}
	warn_foreign(server, dir);
	server->held.journal = server->journal;
	if (attribd_trim_init(&server->trim, server->journal, config))
		return EX_OSERR;
	attribd_damage_init(&server->damage, server->journal, config->state_dir);
	attrib_journal_on_commit(server->journal, on_commit, server);
	attribd_told_open(&server->told, config->state_dir, &server->progress);
	attribd_heard_open(config->state_dir);
	return 0;
}

/* After the journal: what it knows of itself may be less than what a checkpoint has of it. */
static int open_checkpoints(struct attribd_server *server, const struct attribd_config *config)
{
	int err = attribd_checkpoint_init(&server->checkpoint, config->state_dir, &server->instance,
		server->journal, &server->pump.bell);

	server->held.shared = attribd_config_shares_state(config);
	if (!err)
		err = attribd_held_take(&server->held, server->checkpoint.files);
	if (!err)
		return 0;
	attribd_log(ATTRIBD_LOG_ERROR, "%s/checkpoint: %s; stopping", config->state_dir,
		err == ATTRIB_E_IO ? strerror(errno) : attrib_error_text(err));
	return err == ATTRIB_E_VERSION ? EX_CONFIG : err == ATTRIB_E_NOMEM ? EX_OSERR : EX_IOERR;
}

/* -- start: threads ----------------------------------------------------------------------------- */

static int start_flush(struct attribd_server *server, const struct attribd_config *config)
{
	struct attrib_postgres_options options = {.conninfo = config->postgres,
		.instance = server->instance,
		.secret_fingerprint = server->fingerprint,
		.statement_timeout_ms = (int)(config->flush_timeout_us / 1000),
		.fits = attribd_gaps_fits,
		.fits_arg = &server->held};
	struct attrib_sink *sink;
	int err = attrib_sink_postgres_new(&options, &sink);

	if (!err)
		err = attribd_flush_init(
			&server->flush, sink, &server->progress, &server->pump.bell, &server->bell);
	server->flush.confirmed =
		server->held.shared ? attribd_trim_confirmed_shared : attribd_trim_confirmed;
	server->flush.confirmed_arg = server->journal;
	return err ? err : attribd_flush_start(&server->flush);
}

static int fatal_code(const struct attribd_server *server)
{
	return atomic_load(&server->flush.fatal) || atomic_load(&server->catalog.fatal) ||
			       atomic_load(&server->pump.fatal)
		       ? EX_CONFIG
		       : 0;
}

static bool tried(struct attribd_server *server)
{
	return atomic_load(&server->flush.attach) != ATTRIBD_ATTACH_TRYING &&
	       atomic_load(&server->catalog.tried);
}

static void on_late(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	*(bool *)arg = true;
}

/* Both have had one try, or it took too long. The loop runs meanwhile: whoever asks the admin listener
 * is answered, and a signal stops. */
static void await_first_try(struct attribd_server *server)
{
	struct timeval most = {.tv_sec = FIRST_TRY_US / 1000000};
	struct event timer;
	bool late = false;

	evtimer_assign(&timer, server->base, on_late, &late);
	event_add(&timer, &most);
	attribd_serve_hear(SIG_UNBLOCK);
	while (!tried(server) && !late && !server->stopping && !fatal_code(server))
		event_base_loop(server->base, EVLOOP_ONCE);
	attribd_serve_hear(SIG_BLOCK);
	event_del(&timer);
}

static int start_workers(struct attribd_server *server)
{
	struct attribd_worker_options options = {.snapshots = &server->snapshots,
		.progress = &server->progress,
		.secret = server->secret,
		.routes = attribd_public_routes,
		.raw_keys = &server->raw_keys,
		.request_bytes = &server->request_bytes,
		.flood = server->flood = attribd_flood_new()};
	int count = server->snapshot->config->workers, err = 0;

	server->workers = calloc((size_t)count, sizeof *server->workers);
	if (!server->workers || !server->flood)
		return ATTRIB_E_NOMEM;
	attrib_journal_raise_base(server->journal, atomic_load(&server->flush.base));
	for (; server->worker_count < count && !err; server->worker_count++) {
		err = attrib_lane_open(server->journal, attribd_clock_now(), &options.lane);
		if (err)
			return err;
		err = attribd_worker_init(&server->workers[server->worker_count], &options);
		if (err) {
			(void)!attrib_lane_close(options.lane);
			return err;
		}
	}
	return 0;
}

static int start_pump(struct attribd_server *server)
{
	struct attribd_pump_options options = {.journal = server->journal,
		.flush = &server->flush,
		.snapshots = &server->snapshots,
		.progress = &server->progress,
		.checkpoint = server->held.shared ? NULL : &server->checkpoint,
		.held = &server->held,
		.secret = server->secret,
		.memory_limit = (uint64_t)server->snapshot->config->memory_limit};
	int err = attribd_pump_init(&server->pump, &options);

	if (!err)
		attrib_reader_on_damage(server->pump.reader, attribd_damage_hear, &server->damage);
	for (int i = 0; i < server->worker_count && !err; i++)
		err = attribd_worker_start(&server->workers[i]);
	if (!err)
		err = attribd_checkpoint_start(&server->checkpoint);
	if (!err)
		err = attribd_pump_start(&server->pump);
	if (!err)
		err = attribd_trim_start(&server->trim);
	return err ? err : attribd_forward_start(&server->forward);
}

static int start_admin(struct attribd_server *server)
{
	struct attribd_worker_options options = {.snapshots = &server->snapshots,
		.progress = &server->progress,
		.secret = server->secret,
		.routes = attribd_admin_routes,
		.errands = &server->errands,
		.context = server};
	int err = attribd_worker_init(&server->admin_worker, &options);

	attribd_errands_init(&server->errands, &server->admin_worker.bell);
	if (!err)
		err = attribd_worker_start(&server->admin_worker);
	return err ? err : attribd_errands_start(&server->errands);
}

/* -- the two doors ------------------------------------------------------------------------------ */

static void on_admin(void *arg, int fd, const struct attribd_peer *peer)
{
	struct attribd_server *server = arg;

	attribd_worker_hand(&server->admin_worker, fd, peer);
}

static void on_public(void *arg, int fd, const struct attribd_peer *peer)
{
	struct attribd_server *server = arg;
	struct attribd_worker *best = &server->workers[0];
	int64_t total = 0;

	for (int i = 0; i < server->worker_count; i++) {
		struct attribd_worker *worker = &server->workers[i];
		int load = atomic_load(&worker->load);
		total += load;
		if (load < atomic_load(&best->load))
			best = worker;
	}
	attribd_snapshots_refresh(&server->snapshots, &server->snapshot);
	if (total >= server->snapshot->config->max_connections) {
		attribd_metric_add(ATTRIBD_METRIC_CONNECTIONS_REFUSED, 1);
		close(fd);
		return;
	}
	attribd_worker_hand(best, fd, peer);
}

static int open_doors(struct attribd_server *server, const struct attribd_config *config)
{
	const struct attribd_address *address = &config->admin_listen;
	int err = attribd_listener_open(&server->admin, address);

	if (!err) {
		address = &config->listen;
		err = attribd_listener_open(&server->public, address);
	}
	if (err)
		attribd_log(ATTRIBD_LOG_ERROR, "listen on %s port %u: %s; stopping", address->host,
			address->port, strerror(errno));
	return err ? EX_UNAVAILABLE : 0;
}

static void free_server(struct attribd_server *server)
{
	for (int i = 0; i < server->worker_count; i++)
		attribd_worker_done(&server->workers[i]);
	free(server->workers);
	attribd_flood_free(server->flood);
	if (server->admin_worker.base) {
		attribd_worker_done(&server->admin_worker);
		attribd_errands_done(&server->errands);
	}
	attribd_pump_done(&server->pump);
	if (server->flush.sink)
		attribd_flush_done(&server->flush);
	if (server->catalog.snapshots)
		attribd_catalog_done(&server->catalog);
	attribd_forward_done(&server->forward);
	attribd_snapshot_unref(server->snapshot);
	attribd_snapshots_done(&server->snapshots);
	attribd_damage_done(&server->damage);
	attribd_trim_done(&server->trim);
	attribd_checkpoint_done(&server->checkpoint);
	attribd_held_done(&server->held);
	attrib_journal_close(server->journal);
	if (server->base)
		event_base_free(server->base);
	attribd_bell_done(&server->bell);
	attribd_told_close(&server->told);
	if (server->lock >= 0)
		close(server->lock);
	free(server);
}

/* -- signals ------------------------------------------------------------------------------------ */

/* The first signal asks, the second one kills, see attribd_serve_stop(). */
static void on_stop(evutil_socket_t number, short what, void *arg)
{
	struct attribd_server *server = arg;

	(void)what;
	attribd_log(ATTRIBD_LOG_NOTICE, "%s: stopping; a second signal ends at once",
		number == SIGTERM ? "SIGTERM" : "SIGINT");
	attribd_notify("STOPPING=1");
	event_del(&server->on_term);
	event_del(&server->on_int);
	server->stopping = true;
	event_base_loopbreak(server->base);
}

static void refuse_reload(struct attrib_buf *why)
{
	attrib_buf_char(why, '\0');
	attribd_metric_add(ATTRIBD_METRIC_CONFIG_RELOADS_FAILED, 1);
	attribd_log(ATTRIBD_LOG_ERROR, "reload refused, the old configuration stays: %s",
		why->err ? "out of memory" : (const char *)why->p);
}

/* All or nothing: a configuration that is not valid or wants a restart changes nothing. */
static void on_reload(evutil_socket_t number, short what, void *arg)
{
	struct attribd_server *server = arg;
	struct attribd_config *config;
	struct attrib_buf why;

	(void)number, (void)what;
	attribd_notify_reloading();
	attribd_snapshots_refresh(&server->snapshots, &server->snapshot);
	attrib_buf_init(&why);
	if (attribd_config_load(server->config_file, &config, &why)) {
		refuse_reload(&why);
	} else {
		attribd_config_restart_diff(server->snapshot->config, config, &why);
		if (why.n || why.err) {
			attrib_buf_str(&why, ATTRIB_STR(": can only be changed by a restart"));
			refuse_reload(&why);
			attribd_config_free(config);
		} else {
			attribd_catalog_reconfigure(&server->catalog, config);
			attribd_metric_add(ATTRIBD_METRIC_CONFIG_RELOADS, 1);
			attribd_log(ATTRIBD_LOG_NOTICE, "configuration reloaded");
		}
	}
	attrib_buf_done(&why);
	attribd_notify("READY=1");
}

static void on_bell(evutil_socket_t fd, short what, void *arg)
{
	struct attribd_server *server = arg;

	(void)fd, (void)what;
	attribd_bell_clear(&server->bell);
	if (fatal_code(server))
		event_base_loopbreak(server->base);
}

/* Without keys webhooks that can't be used are not kept; nothing else depends on them. */
static void tend_raw_keys(struct attribd_server *server)
{
	if (attribd_raw_keys_tend(&server->raw_keys, attribd_clock_now()))
		attribd_log(ATTRIBD_LOG_WARNING,
			"%s: %s; webhooks that can't be used are not kept, trying again "
			"in an hour",
			server->raw_keys.directory, strerror(errno));
}

static void on_hour(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	tend_raw_keys(arg);
}

static void handle_events(struct attribd_server *server)
{
	static const struct timeval hour = {.tv_sec = 3600};

	event_assign(&server->every_hour, server->base, -1, EV_PERSIST, on_hour, server);
	event_add(&server->every_hour, &hour);
	event_assign(&server->bell_event, server->base, server->bell.fd, EV_READ | EV_PERSIST,
		on_bell, server);
	evsignal_assign(&server->on_term, server->base, SIGTERM, on_stop, server);
	evsignal_assign(&server->on_int, server->base, SIGINT, on_stop, server);
	evsignal_assign(&server->on_hup, server->base, SIGHUP, on_reload, server);
	event_add(&server->bell_event, NULL);
	event_add(&server->on_term, NULL);
	event_add(&server->on_int, NULL);
	event_add(&server->on_hup, NULL);
}

/* -- the whole ---------------------------------------------------------------------------------- */

/* A connection is a descriptor: all that the system allows us. */
static void raise_descriptors(const struct attribd_config *config)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < (rlim_t)config->max_connections)
		attribd_log(ATTRIBD_LOG_WARNING,
			"max_connections is %lld, but only %llu descriptors are allowed "
			"(LimitNOFILE)",
			(long long)config->max_connections, (unsigned long long)limit.rlim_max);
}

/* Everything up to the lanes; an exit code. */
static int prepare(struct attribd_server *server, struct attribd_config *config)
{
	int code = open_dir(server, config);

	raise_descriptors(config);
	if (!code)
		code = open_secret(server, config);
	if (!code)
		code = open_journal(server, config);
	if (!code)
		code = open_checkpoints(server, config);
	if (!code)
		code = open_doors(server, config);
	if (code) {
		attribd_config_free(config);
		return code;
	}
	struct attrib_owner sites = {
		.instance = server->instance, .secret_fingerprint = server->fingerprint};
	atomic_store(&server->progress.behind_at, attribd_clock_now());
	if (attribd_catalog_init(&server->catalog, &server->snapshots, &server->progress, config,
		    &sites, &server->pump.bell, &server->bell)) {
		attribd_config_free(config);
		return EX_OSERR;
	}
	if (attribd_forward_init(
		    &server->forward, &server->snapshots, &server->instance, server->secret))
		return EX_OSERR;
	attribd_snapshots_refresh(&server->snapshots, &server->snapshot);
	attribd_raw_keys_init(&server->raw_keys, server->snapshot->config->state_dir);
	tend_raw_keys(server);
	handle_events(server);
	return 0;
}

static int start(struct attribd_server *server)
{
	const struct attribd_config *config = server->snapshot->config;

	if (start_admin(server) || start_flush(server, config) ||
		attribd_catalog_start(&server->catalog))
		return EX_OSERR;
	attribd_listener_start(&server->admin, server->base, on_admin, server);
	await_first_try(server);
	if (server->stopping || fatal_code(server))
		return fatal_code(server);
	int err = start_workers(server);
	if (!err)
		err = start_pump(server);
	if (err) {
		attribd_log(ATTRIBD_LOG_ERROR, "start: %s; stopping",
			err == ATTRIB_E_IO ? strerror(errno) : attrib_error_text(err));
		return err == ATTRIB_E_IO || err == ATTRIB_E_NO_SPACE ? EX_IOERR : EX_OSERR;
	}
	attribd_listener_start(&server->public, server->base, on_public, server);
	atomic_store(&server->taking, true);
	return 0;
}

static int run(struct attribd_server *server)
{
	sigset_t none;

	attribd_log(ATTRIBD_LOG_NOTICE, "attribd %s: %d workers, listening on %s, admin on %s",
		ATTRIB_VERSION, server->worker_count, server->public.text, server->admin.text);
	attribd_notify("READY=1");
	sigemptyset(&none);
	pthread_sigmask(SIG_SETMASK, &none, NULL);
	event_base_dispatch(server->base);
	return fatal_code(server);
}

int attribd_serve(struct attribd_config *config, const char *config_file)
{
	struct attribd_server *server = calloc(1, sizeof *server);
	sigset_t all;
	int code;

	if (!server || attribd_bell_init(&server->bell) || attribd_pump_prepare(&server->pump)) {
		free(server);
		attribd_config_free(config);
		return EX_OSERR;
	}
	server->config_file = config_file;
	server->lock = server->told.fd = server->public.fd = server->admin.fd = -1;
	attribd_snapshots_init(&server->snapshots);
	server->base = event_base_new();
	signal(SIGPIPE, SIG_IGN);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	code = server->base ? prepare(server, config) : EX_OSERR;
	if (!code)
		code = start(server);
	if (!code && !server->stopping)
		code = run(server);
	if (server->journal && !attribd_serve_stop(server, &code))
		_exit(code);
	free_server(server);
	return code;
}
