/*
 * An export against the database: its orders go into a temporary table by COPY as they are read, SQL
 * compares, and the differences come back one by one. Nothing that names a person leaves this machine's
 * memory: not even a temporary table holds it.
 */
#include <errno.h>
#include <string.h>

#include "attrib/reconcile.h"
#include "import_value.h"
#include "pg_conn.h"
#include "pg_copy.h"
#include "table.h"

#define STATEMENT_TIMEOUT 3600000 /* ms */
#define WRITE_BYTES       ((size_t)65536)
#define PROGRESS_ROWS     1000

static const char *const names[ATTRIB_DIFFERENCES] = {
	[ATTRIB_DIFFERENCE_MISSING] = "missing",
	[ATTRIB_DIFFERENCE_EXTRA] = "extra",
	[ATTRIB_DIFFERENCE_AMOUNT] = "amount",
	[ATTRIB_DIFFERENCE_REFUND] = "refund",
	[ATTRIB_DIFFERENCE_STATUS] = "status",
};

const char *attrib_difference_name(enum attrib_difference difference)
{
	return names[difference];
}

static const struct table_column columns[] = {
	{"difference", TABLE_TEXT},
	{"order_id", TABLE_TEXT},
	{"line", TABLE_NUMBER},
	{"placed_at", TABLE_TEXT},
	{"currency", TABLE_TEXT},
	{"shop", TABLE_TEXT},
	{"attribd", TABLE_TEXT},
};
#define COLUMNS (sizeof columns / sizeof *columns)
enum { DUE = COLUMNS, TOTAL, REFUNDED, KNOWN_AS, PLACED };

struct comparing {
	const struct attrib_reconcile *asked;
	struct attrib_export *export;
	struct attrib_reconcile_result *result;
	struct attrib_sink_error *error;
	PGconn *conn;
	struct table table;
};

/* -- the file goes up ------------------------------------------------------------------------------- */

static void put_amount(struct pg_copy *copy, bool has, int64_t amount)
{
	if (has)
		pg_copy_int(copy, amount);
	else
		pg_copy_null(copy);
}

static void put_order(struct pg_copy *copy, const struct attrib_export_order *order)
{
	pg_copy_int(copy, (int64_t)order->line);
	pg_copy_text(copy, order->id);
	pg_copy_text_or_null(copy, order->name);
	pg_copy_text(copy, attrib_str_of(order->currency));
	put_amount(copy, order->has_total, order->total);
	put_amount(copy, order->has_refunded, order->refunded);
	pg_copy_int(copy, order->status);
	pg_copy_time(copy, order->placed_at);
	pg_copy_row(copy);
}

static int upload(struct comparing *c)
{
	struct attrib_export_order order;
	struct pg_copy copy;
	uint64_t n = 0;
	int more, saved = 0,
		  err = pg_run(c->conn, "SELECT attrib.stage_export_v1()", 0, NULL, c->error);

	if (!err)
		err = pg_copy_begin(&copy, c->conn, "export_row", c->error);
	if (err)
		return err;
	while ((more = attrib_export_next(c->export, &order)) == 1) {
		put_order(&copy, &order);
		if (c->asked->progress && ++n % PROGRESS_ROWS == 0)
			c->asked->progress(c->asked->arg, n);
	}
	saved = errno;
	err = pg_copy_end(&copy, c->error);
	errno = saved;
	if (more < 0)
		return more;
	return err ? err : pg_run(c->conn, "ANALYZE export_row", 0, NULL, c->error);
}

/* Only a balance tells one order on several lines. */
static int check_once(struct comparing *c)
{
	PGresult *result = NULL;
	int err;

	if (attrib_export_preset_of(c->export) == ATTRIB_EXPORT_STRIPE_BALANCE)
		return 0;
	err = pg_query(
		c->conn, "SELECT * FROM attrib.export_twice_v1()", 0, NULL, &result, c->error);
	if (err)
		return err;
	if (PQntuples(result)) {
		snprintf(c->error->text, sizeof c->error->text,
			"line %s: order %.60s stands on line %s already", PQgetvalue(result, 0, 0),
			PQgetvalue(result, 0, 1), PQgetvalue(result, 0, 2));
		err = ATTRIB_E_INVALID;
	}
	PQclear(result);
	return err;
}

/* -- the differences come back ---------------------------------------------------------------------- */

static int write_out(struct comparing *c, size_t at_least)
{
	struct attrib_buf *text = &c->table.out;
	int err = text->err;

	if (!err && text->n >= at_least) {
		err = c->asked->write(c->asked->arg, attrib_buf_view(text));
		attrib_buf_clear(text);
	}
	return err;
}

static void take_row(struct comparing *c, const PGresult *row)
{
	struct attrib_str cells[COLUMNS];
	struct attrib_export_due due = {
		.line = (uint64_t)pg_int(row, 0, 2, 0),
		.what = (unsigned)pg_int(row, 0, DUE, 0),
		.total = pg_int(row, 0, TOTAL, 0),
		.refunded = pg_int(row, 0, REFUNDED, 0),
		.known_as = PQgetvalue(row, 0, KNOWN_AS),
		.placed_at = pg_int(row, 0, PLACED, ATTRIB_NEVER),
	};

	for (size_t i = 0; i < COLUMNS; i++)
		cells[i] = PQgetisnull(row, 0, (int)i) ? ATTRIB_STR_NONE : pg_str(row, 0, (int)i);
	table_add(&c->table, cells);
	for (int i = 0; i < ATTRIB_DIFFERENCES; i++)
		c->result->found[i] += attrib_str_eq(cells[0], attrib_str_of(names[i]));
	c->result->unsent += due.what == 0;
	if (due.what)
		c->asked->due(c->asked->arg, &due);
}

static int take_rows(struct comparing *c)
{
	PGresult *result;
	int err = 0;

	while ((result = PQgetResult(c->conn))) {
		ExecStatusType status = PQresultStatus(result);
		if (status == PGRES_SINGLE_TUPLE)
			take_row(c, result);
		else if (status != PGRES_TUPLES_OK)
			err = pg_fail(c->conn, result, c->error);
		PQclear(result);
		if (!err)
			err = write_out(c, WRITE_BYTES);
		if (err)
			return err; /* the caller closes the connection */
	}
	err = table_end(&c->table);
	return err ? err : write_out(c, 1);
}

static int compare(struct comparing *c)
{
	enum attrib_export_preset preset = attrib_export_preset_of(c->export);
	bool stripe =
		preset == ATTRIB_EXPORT_STRIPE_BALANCE || preset == ATTRIB_EXPORT_STRIPE_PAYMENTS;
	const char *const params[] = {
		c->asked->site, c->asked->from, c->asked->to, stripe ? "t" : "f"};
	int err;

	if (!PQsendQueryParams(c->conn, "SELECT * FROM attrib.reconcile_v1($1, $2, $3, $4)", 4,
		    NULL, params, NULL, NULL, 0))
		return pg_fail(c->conn, NULL, c->error);
	PQsetSingleRowMode(c->conn);
	table_init(&c->table, c->asked->format, columns, COLUMNS);
	err = take_rows(c);
	table_done(&c->table);
	return err;
}

static int tell_period(struct comparing *c)
{
	const char *const params[] = {c->asked->site, c->asked->from, c->asked->to};
	PGresult *row = NULL;
	int err = pg_query(c->conn, "SELECT * FROM attrib.export_period_v1($1, $2, $3)", 3, params,
		&row, c->error);

	if (err)
		return err;
	c->result->orders = (uint64_t)pg_int(row, 0, 0, 0);
	snprintf(c->result->from, sizeof c->result->from, "%s", PQgetvalue(row, 0, 1));
	snprintf(c->result->to, sizeof c->result->to, "%s", PQgetvalue(row, 0, 2));
	PQclear(row);
	return 0;
}

static int check_period(const struct attrib_reconcile *asked, struct attrib_sink_error *error)
{
	if (!asked->from != !asked->to)
		pg_say(error, "expected both ends of the period, --from and --to");
	else if (asked->from && (!import_value_ok(IMPORT_DATE, attrib_str_of(asked->from)) ||
					!import_value_ok(IMPORT_DATE, attrib_str_of(asked->to))))
		pg_say(error, "expected dates such as 2026-11-01 for --from and --to");
	else if (asked->from && strcmp(asked->from, asked->to) > 0)
		pg_say(error, "the period ends before it begins");
	else
		return 0;
	return ATTRIB_E_BAD_TIME;
}

int attrib_postgres_reconcile(const struct attrib_reconcile *asked, struct attrib_export *export,
	struct attrib_reconcile_result *result, struct attrib_sink_error *error)
{
	static const struct pg_timeouts timeouts = {.statement_ms = STATEMENT_TIMEOUT};
	struct comparing c = {.asked = asked, .export = export, .result = result, .error = error};
	int err;

	*error = (struct attrib_sink_error){0};
	*result = (struct attrib_reconcile_result){0};
	err = check_period(asked, error);
	if (!err)
		err = pg_open(asked->conninfo, &timeouts, &c.conn, error);
	if (err)
		return err;
	err = upload(&c);
	if (!err)
		err = check_once(&c);
	if (!err)
		err = compare(&c);
	if (!err)
		err = tell_period(&c);
	PQfinish(c.conn);
	return err;
}
