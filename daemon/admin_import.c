/*
 * POST /v1/import/<table>?site=S[&preset=P]: what attribd import takes from a file, all or nothing. A list of
 * objects becomes CSV first.
 * docs/reports.md is the reference.
 */
#include <inttypes.h>

#include "attrib/intake.h"
#include "attrib/rows.h"
#include "attrib/text.h"
#include "errand.h"
#include "log.h"
#include "server.h"

#define PREFIX ATTRIB_STR("/v1/import/")

struct job {
	struct attrib_import import;
	struct attrib_str body; /* 64 readable bytes follow it */
	bool json;
	struct attrib_buf csv, lines; /* of JSON; owned */
	struct attrib_buf answer;     /* its problems; owned */
	size_t problem_count;
	/* for rows that name persons */
	struct attrib_keys *keys;    /* owned */
	struct attrib_arena scratch; /* owned; of the value at hand */
};

/* -- persons -------------------------------------------------------------------------------------- */

static bool key_of(void *arg, struct attrib_str site, enum attrib_customer_kind kind,
	struct attrib_str value, struct attrib_customer_key *out)
{
	struct job *job = arg;

	attrib_arena_reset(&job->scratch);
	return attrib_customer_key_of(job->keys, &job->scratch, site, kind, value, out);
}

static int make_keys(struct job *job, const struct attribd_server *server)
{
	job->import.key = key_of;
	job->import.key_arg = job;
	job->import.secret_fingerprint = server->fingerprint;
	if (!attrib_import_names_persons(job->import.table))
		return 0;
	job->keys = attrib_keys_new(server->secret);
	return job->keys ? 0 : ATTRIB_E_NOMEM;
}

/* -- the answer ----------------------------------------------------------------------------------- */

/* Where a mistake is: of CSV a line, from 1; of JSON an object, from 0, or -1 = the whole. */
static void put_place(struct job *job, int64_t place)
{
	struct attrib_buf *out = &job->answer;

	attrib_buf_printf(
		out, "%s\n{\"%s\":", job->problem_count++ ? "," : "", job->json ? "index" : "line");
	if (place < 0)
		attrib_buf_str(out, ATTRIB_STR("null"));
	else
		attrib_buf_printf(out, "%" PRId64, place);
}

static void put_mistake(
	struct job *job, int64_t place, struct attrib_str column, struct attrib_str message)
{
	struct attrib_buf *out = &job->answer;

	put_place(job, place);
	attrib_buf_str(out, ATTRIB_STR(",\"column\":"));
	if (column.n)
		attrib_buf_json(out, column);
	else
		attrib_buf_str(out, ATTRIB_STR("null"));
	attrib_buf_str(out, ATTRIB_STR(",\"message\":"));
	attrib_buf_json(out, message);
	attrib_buf_char(out, '}');
}

/* The object that a line is of. */
static int64_t index_of(const struct job *job, uint64_t line)
{
	const uint64_t *lines = (const uint64_t *)job->lines.p;
	int64_t n = (int64_t)(job->lines.n / sizeof *lines);

	while (n > 0 && lines[n - 1] > line)
		n--;
	return n - 1;
}

static void put_problem(void *arg, const struct attrib_import_problem *problem)
{
	struct job *job = arg;

	put_mistake(job, job->json ? index_of(job, problem->line) : (int64_t)problem->line,
		attrib_str_of(problem->column), problem->message);
}

static void put_problems(struct attribd_errand *errand, const struct job *job, const char *name)
{
	attrib_buf_printf(&errand->text, "\"%s\":[", name);
	attrib_buf_str(&errand->text, attrib_buf_view(&job->answer));
	attrib_buf_str(&errand->text, ATTRIB_STR("\n]}\n"));
	attribd_errand_answer(errand, "application/json");
}

static void answer_problems(struct attribd_errand *errand, const struct job *job)
{
	attrib_buf_str(&errand->text,
		ATTRIB_STR("{\"code\":\"invalid\",\"message\":\"nothing was imported\","));
	put_problems(errand, job, "problems");
	if (errand->response.status == 200)
		errand->response.status = attrib_error_http(ATTRIB_E_INVALID);
}

static void answer_result(struct attribd_errand *errand, const struct job *job,
	const struct attrib_import_result *result)
{
	struct attrib_buf *text = &errand->text;

	attrib_buf_printf(text,
		"{\"table\":\"%s\",\"rows\":%" PRIu64 ",\"added\":%" PRIu64 ",\"%s\":%" PRIu64,
		job->import.table, result->rows, result->added,
		attrib_import_names_persons(job->import.table) ? "known" : "replaced",
		result->replaced);
	if (result->skipped) {
		attrib_buf_printf(text, ",\"skipped\":%" PRIu64 ",", result->skipped);
		put_problems(errand, job, "unmatched");
	} else {
		attrib_buf_str(text, ATTRIB_STR("}\n"));
		attribd_errand_answer(errand, "application/json");
	}
	attribd_log(ATTRIBD_LOG_NOTICE,
		"import over HTTP: %" PRIu64 " rows into %s, %" PRIu64 " of them new", result->rows,
		job->import.table, result->added);
}

static void answer_failure(
	struct attribd_errand *errand, int err, const struct attrib_sink_error *error)
{
	const char *message = *error->text ? error->text : NULL;

	if (strcmp(error->sqlstate, "57014") == 0)
		message = "the import took longer than admin_timeout; nothing was imported";
	else if (err == ATTRIB_E_UNAVAILABLE)
		message = "PostgreSQL does not answer, try again";
	attribd_errand_refuse(errand, err, NULL, message);
}

/* -- on its thread -------------------------------------------------------------------------------- */

static int read_json(struct attribd_errand *errand, struct job *job)
{
	struct attrib_rows_problem problem;
	int err = attrib_rows_csv(&errand->arena, job->body, &job->csv, &job->lines, &problem);

	if (err == ATTRIB_E_INVALID)
		put_mistake(job, problem.index, problem.name, attrib_str_of(problem.message));
	job->body = attrib_buf_view(&job->csv);
	return err;
}

static int import(struct attribd_errand *errand, struct job *job,
	struct attrib_import_result *result, struct attrib_sink_error *error)
{
	struct attrib_buf
		lines; /* the problems as a person reads them: put_problem has heard them */
	int err = make_keys(job, errand->context);

	if (!err && job->json)
		err = read_json(errand, job);
	if (err)
		return err;
	job->import.in = fmemopen((void *)job->body.p, job->body.n, "r");
	if (!job->import.in)
		return ATTRIB_E_NOMEM;
	attrib_buf_init(&lines);
	err = attrib_postgres_import(&job->import, result, &lines, error);
	attrib_buf_done(&lines);
	fclose(job->import.in);
	return err ? err : job->answer.err;
}

static void run_import(struct attribd_errand *errand)
{
	struct job *job = errand->what;
	struct attrib_import_result result = {0};
	struct attrib_sink_error error = {0};
	int err;

	attrib_buf_init(&job->answer);
	attrib_buf_init(&job->csv);
	attrib_buf_init(&job->lines);
	attrib_arena_init(&job->scratch, 1024);
	job->import.problem = put_problem;
	job->import.arg = job;
	job->import.patience = &errand->patience;
	err = import(errand, job, &result, &error);
	if (!err)
		answer_result(errand, job, &result);
	else if (err == ATTRIB_E_INVALID && job->problem_count)
		answer_problems(errand, job);
	else
		answer_failure(errand, err, &error);
	attrib_keys_free(job->keys);
	attrib_arena_done(&job->scratch);
	attrib_buf_done(&job->answer);
	attrib_buf_done(&job->csv);
	attrib_buf_done(&job->lines);
}

/* -- on the admin thread -------------------------------------------------------------------------- */

/* The table of the path, or NULL: it is answered. */
static const char *find_table(struct attribd_exchange *exchange)
{
	struct attrib_arena *arena = &exchange->worker->arena;
	struct attrib_str path = exchange->request->path, all = ATTRIB_STR("");
	struct attrib_str name = {path.p + PREFIX.n, path.n - PREFIX.n};

	for (const char *const *table = attrib_import_tables(); *table; table++) {
		if (attrib_str_eq(attrib_str_of(*table), name))
			return *table;
		all = attrib_arena_printf(
			arena, "%.*s%s%s", (int)all.n, all.p, all.n ? ", " : "", *table);
	}
	all = attrib_arena_printf(arena, "expected one of the tables %.*s", (int)all.n, all.p);
	attribd_answer_error(exchange, ATTRIB_E_NOT_FOUND, all.p);
	return NULL;
}

/* Of a page that somebody on this host looks at no browser sends these types without asking first. */
static bool refuse_type(struct attribd_exchange *exchange, bool *json)
{
	struct attrib_str rest,
		type = attrib_http_header(exchange->request, ATTRIB_STR("Content-Type"));

	type = attrib_str_trim(attrib_str_split(type, ';', &rest));
	*json = attrib_str_ieq(type, ATTRIB_STR("application/json"));
	if (*json || attrib_str_ieq(type, ATTRIB_STR("text/csv")))
		return attribd_refuse_encoding(exchange);
	attribd_answer_error(exchange, ATTRIB_E_INVALID,
		"expected a body of Content-Type: text/csv or application/json");
	exchange->response.status = 415;
	return true;
}

static bool take_preset(struct attribd_exchange *exchange, struct job *job, const char *value)
{
	struct attrib_arena *arena = &exchange->worker->arena;
	struct attrib_preset preset;
	struct attrib_str all = ATTRIB_STR("one of");

	job->import.preset = value;
	for (size_t i = 0; attrib_import_preset(i, &preset); i++) {
		if (strcmp(preset.name, value) == 0)
			return true;
		all = attrib_arena_printf(
			arena, "%.*s%s %s", (int)all.n, all.p, i ? "," : "", preset.name);
	}
	return attribd_answer_unexpected(exchange, "preset", all.p ? all.p : "a preset", value);
}

static bool take_site(
	struct attribd_exchange *exchange, struct attribd_errand *errand, const char *value)
{
	const struct attribd_site_config *site =
		attribd_config_site(errand->snapshot->config, attrib_str_of(value));

	if (site)
		((struct job *)errand->what)->import.site = site->site.name;
	else
		attribd_answer_refusal(exchange, ATTRIB_E_UNKNOWN_SITE, "site", NULL);
	return site;
}

static bool take_parameter(struct attribd_exchange *exchange, struct attribd_errand *errand,
	const char *name, const char *value)
{
	struct job *job = errand->what;

	if (strcmp(name, "site") == 0)
		return take_site(exchange, errand, value);
	if (strcmp(name, "preset") == 0)
		return take_preset(exchange, job, value);
	if (strcmp(name, "as") == 0) {
		job->import.as = value;
	} else if (strcmp(name, "on") == 0) {
		job->import.on = value;
	} else if (strcmp(name, "skip_unmatched") == 0) {
		job->import.skip_unmatched = strcmp(value, "true") == 0;
		return job->import.skip_unmatched || strcmp(value, "false") == 0 ||
		       attribd_answer_unexpected(exchange, name, "true or false", value);
	} else {
		return attribd_answer_unexpected(
			exchange, name, "site, preset, as, on or skip_unmatched", name);
	}
	return true;
}

/* What is there without a value is not there. */
static bool take_parameters(struct attribd_exchange *exchange, struct attribd_errand *errand)
{
	struct attrib_str rest = exchange->request->query, name, value;
	struct job *job = errand->what;

	while (attrib_query_next(&rest, &name, &value)) {
		if (!attribd_errand_keep(exchange, errand, &name) ||
			!attribd_errand_keep(exchange, errand, &value))
			return false;
		if (name.n && value.n && !take_parameter(exchange, errand, name.p, value.p))
			return false;
	}
	if (job->import.preset && job->json)
		return attribd_answer_unexpected(exchange, "preset",
			"a body of Content-Type: text/csv with it", "application/json");
	if (job->import.preset ||
		(!job->import.as && !job->import.on && !job->import.skip_unmatched))
		return true;
	return attribd_answer_unexpected(
		exchange, "preset", "a preset with as, on or skip_unmatched", "none");
}

/* The request's buffer is not ours for long. */
static bool copy_body(struct attribd_errand *errand, struct job *job)
{
	char *copy = attrib_arena_raw(&errand->arena, job->body.n + ATTRIBD_READ_PADDING);

	if (!copy)
		return false;
	memcpy(copy, job->body.p, job->body.n);
	memset(copy + job->body.n, 0, ATTRIBD_READ_PADDING);
	job->body.p = copy;
	return true;
}

static bool take_sites(struct attribd_errand *errand, struct job *job)
{
	const struct attribd_config *config = errand->snapshot->config;
	struct attrib_str *names =
		attrib_arena_alloc(&errand->arena, (config->site_count + 1) * sizeof *names);

	for (size_t i = 0; names && i < config->site_count; i++)
		names[i] = config->sites[i].site.name;
	job->import.sites = names;
	job->import.site_count = config->site_count;
	if (!job->import.site.n && config->site_count == 1)
		job->import.site = config->sites[0].site.name;
	job->import.conninfo = config->postgres;
	job->import.file = "body";
	return names && copy_body(errand, job);
}

void attribd_admin_import(struct attribd_exchange *exchange)
{
	const char *table = find_table(exchange);
	struct attribd_errand *errand;
	struct job *job;
	bool json;

	if (!table || refuse_type(exchange, &json))
		return;
	if (exchange->body.n == 0) {
		attribd_answer_error(exchange, ATTRIB_E_INVALID,
			"expected CSV whose first line names columns, got nothing");
		return;
	}
	errand = attribd_errand_new(exchange, run_import, sizeof *job);
	if (!errand)
		return;
	job = errand->what;
	job->import.table = table;
	job->body = exchange->body;
	job->json = json;
	if (!take_parameters(exchange, errand)) {
		attribd_errand_free(errand);
	} else if (!take_sites(errand, job)) {
		attribd_errand_free(errand);
		attribd_answer_error(exchange, ATTRIB_E_NOMEM, NULL);
	} else {
		attribd_errand_send(exchange, errand);
	}
}
