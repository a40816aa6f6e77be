/*
 * Data-driven attribution: paths come out of the database one by one as lists of numbers, lib/model makes
 * parts of them, the parts go back as a run. All in one transaction on one snapshot, so that what a run says
 * of its period is what stood there. In memory are the models, one for each currency, never the paths.
 */
#include <stdlib.h>
#include <string.h>

#include "attrib/model.h"
#include "attrib/tools.h"
#include "import_value.h"
#include "pg_conn.h"
#include "pg_copy.h"
#include "table.h"

#define STATEMENT_TIMEOUT 3600000 /* ms */
#define PROGRESS_ORDERS   10000
#define COLUMNS_MAX       32
#define PERIOD_ARGS       4

struct totals {
	uint64_t orders;
	int64_t gross, refunded;
};

struct currency {
	char code[4];
	struct attrib_markov *markov;   /* owned; of the two there is one */
	struct attrib_shapley *shapley; /* owned */
	struct totals touched, direct;  /* orders with a touch, and without */
};

struct modelling {
	const struct attrib_model_asked *asked;
	struct attrib_sink_error *error;
	PGconn *conn;
	size_t scopes;
	struct currency *currencies; /* owned */
	size_t currency_count;
	uint32_t *path; /* owned; of the row at hand */
	size_t path_room;
};

static void modelling_done(struct modelling *m)
{
	for (size_t i = 0; i < m->currency_count; i++) {
		attrib_markov_free(m->currencies[i].markov);
		attrib_shapley_free(m->currencies[i].shapley);
	}
	free(m->currencies);
	free(m->path);
	PQfinish(m->conn);
}

/* -- paths come in ---------------------------------------------------------------------------------- */

static int add_currency(struct modelling *m, struct attrib_str code)
{
	struct currency *list =
		realloc(m->currencies, (m->currency_count + 1) * sizeof *m->currencies);
	struct currency *c;

	if (!list)
		return ATTRIB_E_NOMEM;
	m->currencies = list;
	c = &list[m->currency_count++];
	*c = (struct currency){0};
	snprintf(c->code, sizeof c->code, "%.*s", (int)code.n, code.p);
	if (m->asked->order)
		c->markov = attrib_markov_new(m->asked->order);
	else
		c->shapley = attrib_shapley_new(m->scopes);
	return c->markov || c->shapley ? 0 : ATTRIB_E_NOMEM;
}

static int find_currency(struct modelling *m, struct attrib_str code, struct currency **out)
{
	int err = 0;
	size_t i = 0;

	while (i < m->currency_count && !attrib_str_eq(attrib_str_of(m->currencies[i].code), code))
		i++;
	if (i == m->currency_count)
		err = add_currency(m, code);
	*out = &m->currencies[i];
	return err;
}

/* "{3,1,3}" into m->path; an empty text has no touch. */
static int read_path(struct modelling *m, struct attrib_str text, size_t *n)
{
	const char *p = text.p, *end = text.p + text.n;
	size_t most = text.n / 2; /* a number has a digit and what follows it */

	*n = 0;
	if (most > m->path_room) {
		uint32_t *path = realloc(m->path, most * sizeof *path);
		if (!path)
			return ATTRIB_E_NOMEM;
		m->path = path;
		m->path_room = most;
	}
	while (p < end && *p != '}') {
		char *after;
		m->path[(*n)++] = (uint32_t)strtoul(p + 1, &after, 10);
		p = after;
	}
	return 0;
}

static int take_order(struct modelling *m, const PGresult *row)
{
	const struct totals order = {1, pg_int(row, 0, 1, 0), pg_int(row, 0, 2, 0)};
	struct currency *c;
	struct totals *sum;
	size_t n;
	int err = find_currency(m, pg_str(row, 0, 0), &c);

	if (!err)
		err = read_path(m, pg_str(row, 0, 3), &n);
	if (err)
		return err;
	sum = n ? &c->touched : &c->direct;
	sum->orders++;
	sum->gross += order.gross;
	sum->refunded += order.refunded;
	if (c->markov)
		return attrib_markov_add(c->markov, m->path, n, 1);
	return n ? attrib_shapley_add(c->shapley, m->path, n, order.gross, order.refunded) : 0;
}

static int take_orders(struct modelling *m)
{
	PGresult *result;
	uint64_t n = 0;
	int err = 0;

	while ((result = PQgetResult(m->conn))) {
		ExecStatusType status = PQresultStatus(result);
		if (status == PGRES_SINGLE_TUPLE)
			err = take_order(m, result);
		else if (status != PGRES_TUPLES_OK)
			err = pg_fail(m->conn, result, m->error);
		PQclear(result);
		if (err)
			return err; /* the caller closes the connection */
		if (m->asked->progress && ++n % PROGRESS_ORDERS == 0)
			m->asked->progress(m->asked->arg, n);
	}
	return 0;
}

static int read_orders(struct modelling *m, const char *const params[PERIOD_ARGS])
{
	PGresult *result = NULL;
	int err = pg_query(m->conn, "SELECT attrib.stage_model_v1($1, $2, $3, $4)", PERIOD_ARGS,
		params, &result, m->error);

	if (err)
		return pg_unknown_function(err, "stage_model_v1", m->error);
	m->scopes = (size_t)pg_int(result, 0, 0, 0);
	PQclear(result);
	if (!PQsendQueryParams(m->conn, "SELECT * FROM attrib.model_paths_v1($1, $2, $3, $4)",
		    PERIOD_ARGS, NULL, params, NULL, NULL, 0))
		return pg_fail(m->conn, NULL, m->error);
	PQsetSingleRowMode(m->conn);
	return take_orders(m);
}

/* -- parts go out ----------------------------------------------------------------------------------- */

static void put_effect(struct pg_copy *copy, const double *effect)
{
	char text[32];

	if (!effect) {
		pg_copy_null(copy);
		return;
	}
	snprintf(text, sizeof text, "%.17g", *effect);
	pg_copy_text(copy, attrib_str_of(text));
}

/* scope < 0: of orders without a touch; effect NULL = none. */
static void put_part(struct pg_copy *copy, const struct currency *c, int64_t scope,
	const double *effect, const struct attrib_model_part *part)
{
	pg_copy_text(copy, attrib_str_of(c->code));
	if (scope < 0)
		pg_copy_null(copy);
	else
		pg_copy_int(copy, scope);
	pg_copy_int(copy, (int64_t)c->touched.orders);
	put_effect(copy, effect);
	pg_copy_int(copy, part->orders);
	pg_copy_int(copy, part->gross);
	pg_copy_int(copy, part->refunded);
	pg_copy_row(copy);
}

static int put_markov(const struct modelling *m, const struct currency *c, struct pg_copy *copy)
{
	struct attrib_model_part *parts = calloc(m->scopes, sizeof *parts);
	double *effects = calloc(m->scopes, sizeof *effects);
	int err = parts && effects ? 0 : ATTRIB_E_NOMEM;

	if (!err)
		err = attrib_markov_effects(c->markov, m->scopes, effects);
	if (!err)
		err = attrib_markov_split(effects, m->scopes, c->touched.orders, c->touched.gross,
			c->touched.refunded, parts);
	for (size_t i = 0; i < m->scopes && !err; i++) {
		if (effects[i] > 0)
			put_part(copy, c, (int64_t)i, &effects[i], &parts[i]);
	}
	free(parts);
	free(effects);
	return err;
}

static int put_currency(const struct modelling *m, const struct currency *c, struct pg_copy *copy)
{
	const struct attrib_model_part direct = {
		(int64_t)c->direct.orders * ATTRIB_MODEL_ORDER_UNIT, c->direct.gross,
		c->direct.refunded};
	const struct attrib_model_part *parts;

	if (c->direct.orders)
		put_part(copy, c, -1, NULL, &direct);
	if (c->touched.orders == 0)
		return 0;
	if (c->markov)
		return put_markov(m, c, copy);
	parts = attrib_shapley_parts(c->shapley);
	for (size_t i = 0; i < m->scopes; i++) {
		if (parts[i].orders)
			put_part(copy, c, (int64_t)i, NULL, &parts[i]);
	}
	return 0;
}

static int put_parts(struct modelling *m)
{
	struct pg_copy copy;
	int err = pg_copy_begin(&copy, m->conn, "model_part", m->error), ended;

	if (err)
		return err;
	for (size_t i = 0; i < m->currency_count && !err; i++)
		err = put_currency(m, &m->currencies[i], &copy);
	ended = pg_copy_end(&copy, m->error);
	return err ? err : ended;
}

static int put_run(struct modelling *m, char run[32])
{
	char order[] = {(char)('0' + m->asked->order), 0};
	const char *const params[] = {m->asked->site, m->asked->order ? "markov" : "shapley",
		m->asked->order ? order : NULL, m->asked->level, m->asked->from, m->asked->to};
	PGresult *result = NULL;
	int err = pg_query(m->conn, "SELECT attrib.put_model_v1($1, $2, $3, $4, $5, $6)", 6, params,
		&result, m->error);

	if (err)
		return err;
	snprintf(run, 32, "%s", PQgetvalue(result, 0, 0));
	PQclear(result);
	return 0;
}

/* -- and are shown ---------------------------------------------------------------------------------- */

static int write_rows(const struct modelling *m, const PGresult *result)
{
	struct table_column columns[COLUMNS_MAX];
	struct attrib_str cells[COLUMNS_MAX];
	struct table table;
	int n = PQnfields(result), err;

	for (int i = 0; i < n; i++)
		columns[i] = (struct table_column){
			PQfname(result, i), i < 2 ? TABLE_TEXT : TABLE_NUMBER};
	table_init(&table, m->asked->format, columns, (size_t)n);
	for (int row = 0; row < PQntuples(result); row++) {
		for (int i = 0; i < n; i++)
			cells[i] = PQgetisnull(result, row, i) ? ATTRIB_STR_NONE
							       : pg_str(result, row, i);
		table_add(&table, cells);
	}
	err = table_end(&table);
	if (!err)
		err = table.out.err;
	if (!err)
		err = m->asked->write(m->asked->arg, attrib_buf_view(&table.out));
	table_done(&table);
	return err;
}

static int show_run(const struct modelling *m, const char *run)
{
	PGresult *result = NULL;
	int err = pg_query(m->conn,
		"SELECT scope, currency, share, removal_effect, conversions, gross, refunded, net,"
		" policy_conversions, policy_net, net_difference"
		" FROM attrib.model_comparison_rows($1)"
		" ORDER BY currency, net DESC, scope",
		1, &run, &result, m->error);

	if (!err)
		err = write_rows(m, result);
	PQclear(result);
	return err;
}

/* -- the call --------------------------------------------------------------------------------------- */

static int check_period(const struct attrib_model_asked *asked, struct attrib_sink_error *error)
{
	if (!asked->from || !asked->to)
		pg_say(error, "expected both ends of the period, --from and --to");
	else if (!import_value_ok(IMPORT_DATE, attrib_str_of(asked->from)) ||
		 !import_value_ok(IMPORT_DATE, attrib_str_of(asked->to)))
		pg_say(error, "expected dates such as 2026-11-01 for --from and --to");
	else if (strcmp(asked->from, asked->to) > 0)
		pg_say(error, "the period ends before it begins");
	else
		return 0;
	return ATTRIB_E_INVALID;
}

static int run(struct modelling *m)
{
	const char *const params[PERIOD_ARGS] = {
		m->asked->site, m->asked->level, m->asked->from, m->asked->to};
	char id[32];
	int err = pg_run(m->conn, "BEGIN ISOLATION LEVEL REPEATABLE READ", 0, NULL, m->error);

	if (!err)
		err = read_orders(m, params);
	if (!err)
		err = put_parts(m);
	if (!err)
		err = put_run(m, id);
	if (!err)
		err = pg_run(m->conn, "COMMIT", 0, NULL, m->error);
	/* only now: who takes no more than the first lines has a run all the same */
	return err ? err : show_run(m, id);
}

int attrib_postgres_model(const struct attrib_model_asked *asked, struct attrib_sink_error *error)
{
	static const struct pg_timeouts timeouts = {.statement_ms = STATEMENT_TIMEOUT};
	struct modelling m = {.asked = asked, .error = error};
	int err;

	*error = (struct attrib_sink_error){0};
	err = check_period(asked, error);
	if (!err)
		err = pg_open(asked->conninfo, &timeouts, &m.conn, error);
	if (err)
		return err;
	err = run(&m);
	/* what is invalid now is not the question, which was checked, but an answer */
	if (err == ATTRIB_E_INVALID)
		err = ATTRIB_E_UNAVAILABLE;
	modelling_done(&m);
	return err;
}
