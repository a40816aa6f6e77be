/* See errand.h. */
#include "errand.h"

#include <stdlib.h>

#include "attrib/text.h"
#include "connection.h"
#include "worker.h"

#define ARENA_BLOCK ((size_t)4096)

/* -- one errand ----------------------------------------------------------------------------------- */

struct attribd_errand *attribd_errand_new(
	struct attribd_exchange *exchange, attribd_errand_run *run, size_t what_size)
{
	const struct attribd_worker *worker = exchange->worker;
	struct attribd_errand *errand = calloc(1, sizeof *errand);

	if (errand) {
		attrib_arena_init(&errand->arena, ARENA_BLOCK);
		attrib_buf_init(&errand->text);
		errand->run = run;
		errand->context = worker->context;
		errand->snapshot = attribd_snapshots_get(worker->snapshots);
		errand->patience.stop = &worker->errands->stop;
		errand->method = exchange->request->method;
		errand->minor = exchange->request->minor;
		errand->keep_alive = exchange->request->keep_alive;
		errand->what = attrib_arena_alloc(&errand->arena, what_size);
	}
	if (errand && errand->what && errand->snapshot) {
		errand->patience.timeout_ms =
			(int)(errand->snapshot->config->admin_timeout_us / 1000);
		return errand;
	}
	attribd_errand_free(errand);
	attribd_answer_error(exchange, ATTRIB_E_NOMEM, NULL);
	return NULL;
}

bool attribd_errand_keep(
	struct attribd_exchange *exchange, struct attribd_errand *errand, struct attrib_str *part)
{
	*part = attrib_arena_str(&errand->arena, attrib_form_decode(&errand->arena, *part));
	if (!part->p)
		attribd_answer_error(exchange, ATTRIB_E_NOMEM, NULL);
	return part->p;
}

void attribd_errand_free(struct attribd_errand *errand)
{
	if (!errand)
		return;
	attrib_arena_done(&errand->arena);
	attrib_buf_done(&errand->text);
	attribd_snapshot_unref(errand->snapshot);
	free(errand);
}

void attribd_errand_answer(struct attribd_errand *errand, const char *content_type)
{
	if (errand->text.err) {
		attribd_errand_refuse(errand, errand->text.err, NULL, NULL);
		return;
	}
	errand->response.status = 200;
	errand->response.content_type = content_type;
	errand->response.body = attrib_buf_view(&errand->text);
}

void attribd_errand_refuse(
	struct attribd_errand *errand, int err, const char *parameter, const char *message)
{
	attrib_buf_clear(&errand->text);
	attribd_put_refusal(&errand->text, err, parameter, message);
	errand->response = (struct attrib_http_response){.status = attrib_error_http(err),
		.content_type = "application/json",
		.body = attrib_buf_view(&errand->text)};
	if (err == ATTRIB_E_UNAVAILABLE)
		errand->response.headers = ATTRIB_STR("Retry-After: 5\r\n");
}

/* -- there and back ------------------------------------------------------------------------------- */

void attribd_errand_send(struct attribd_exchange *exchange, struct attribd_errand *errand)
{
	struct attribd_errands *errands = exchange->worker->errands;
	bool taken;

	pthread_mutex_lock(&errands->lock);
	taken = errands->waiting_n < ATTRIBD_ERRANDS_MAX && !atomic_load(&errands->stop);
	if (taken) {
		exchange->errand = errand;
		errands->waiting_n++;
		TAILQ_INSERT_TAIL(&errands->waiting, errand, link);
		pthread_cond_signal(&errands->some);
	}
	pthread_mutex_unlock(&errands->lock);
	if (taken)
		return;
	attribd_errand_free(errand);
	attribd_answer_overload(exchange);
}

static struct attribd_errand *next_waiting(struct attribd_errands *errands)
{
	struct attribd_errand *errand;

	pthread_mutex_lock(&errands->lock);
	while (!(errand = TAILQ_FIRST(&errands->waiting)) && !atomic_load(&errands->stop))
		pthread_cond_wait(&errands->some, &errands->lock);
	if (errand) {
		TAILQ_REMOVE(&errands->waiting, errand, link);
		errands->waiting_n--;
	}
	pthread_mutex_unlock(&errands->lock);
	return errand;
}

static void *errand_main(void *arg)
{
	struct attribd_errands *errands = arg;
	struct attribd_errand *errand;

	while ((errand = next_waiting(errands))) {
		if (atomic_load(&errands->stop))
			attribd_errand_refuse(
				errand, ATTRIB_E_UNAVAILABLE, NULL, "the daemon stops");
		else
			errand->run(errand);
		pthread_mutex_lock(&errands->lock);
		TAILQ_INSERT_TAIL(&errands->back, errand, link);
		pthread_mutex_unlock(&errands->lock);
		attribd_bell_ring(errands->bell);
	}
	return NULL;
}

static struct attribd_errand *next_back(struct attribd_errands *errands)
{
	struct attribd_errand *errand;

	pthread_mutex_lock(&errands->lock);
	errand = TAILQ_FIRST(&errands->back);
	if (errand)
		TAILQ_REMOVE(&errands->back, errand, link);
	pthread_mutex_unlock(&errands->lock);
	return errand;
}

void attribd_errands_deliver(struct attribd_errands *errands)
{
	struct attribd_errand *errand;

	while ((errand = next_back(errands))) {
		if (errand->connection)
			attribd_connection_deliver(errand->connection);
		attribd_errand_free(errand);
	}
}

/* -- all of them ---------------------------------------------------------------------------------- */

void attribd_errands_init(struct attribd_errands *errands, struct attribd_bell *bell)
{
	*errands = (struct attribd_errands){.bell = bell};
	pthread_mutex_init(&errands->lock, NULL);
	pthread_cond_init(&errands->some, NULL);
	TAILQ_INIT(&errands->waiting);
	TAILQ_INIT(&errands->back);
}

int attribd_errands_start(struct attribd_errands *errands)
{
	for (int i = 0; i < ATTRIBD_ERRAND_THREADS; i++) {
		if (pthread_create(&errands->threads[i], NULL, errand_main, errands))
			return ATTRIB_E_NOMEM;
		errands->started[i] = true;
	}
	return 0;
}

void attribd_errands_stop(struct attribd_errands *errands)
{
	pthread_mutex_lock(&errands->lock);
	atomic_store(&errands->stop, true);
	pthread_cond_broadcast(&errands->some);
	pthread_mutex_unlock(&errands->lock);
}

void attribd_errands_done(struct attribd_errands *errands)
{
	struct attribd_errand *errand;

	while ((errand = next_back(errands)))
		attribd_errand_free(errand);
	pthread_cond_destroy(&errands->some);
	pthread_mutex_destroy(&errands->lock);
}
