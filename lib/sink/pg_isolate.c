/*
 * Isolation by halves: a range of units is merged under a savepoint; what is refused is rolled back
 * and cut in two, down to the unit, and a unit into its groups. What is still refused then is set
 * aside. Everything happens in the order of the units, so that rows which only fail together are
 * told apart, too: the later one is at fault.
 */
#include "pg_isolate.h"

#include <stdio.h>

#include "pg_document.h"
#include "pg_stage.h"
#include "pg_units.h"

/* More refused rows than this, and than 1 % of the batch, are the server's fault: a missing partition
 * or a constraint that somebody added refuses with the SQLSTATEs of bad data. */
#define REFUSED_MAX     10
#define REFUSED_PERCENT 1

struct isolation {
	PGconn *conn;
	struct pg_units units;
	uint64_t refused, limit;
	struct attrib_sink_error last; /* why the last row was refused */
	struct attrib_sink_error *error;
};

/* -- one refused row ---------------------------------------------------------------------------- */

static void put_field(struct attrib_buf *out, const char *name, const char *value)
{
	attrib_buf_printf(out, ",\"%s\":", name);
	pg_document_put(out, attrib_str_of(value));
}

static void put_detail(struct attrib_buf *out, const struct pg_document *document,
	const struct attrib_buf *group, const struct attrib_sink_error *why)
{
	attrib_buf_printf(out, "{\"what\":\"%s\"", document->what);
	put_field(out, "sqlstate", why->sqlstate);
	put_field(out, "table", why->table);
	put_field(out, "column", why->column);
	put_field(out, "constraint", why->constraint);
	put_field(out, "message", why->message);
	if (document->ticket)
		attrib_buf_printf(out, ",\"ticket\":%llu", (unsigned long long)document->ticket);
	if (document->escaped)
		attrib_buf_str(out, ATTRIB_STR(",\"escaped\":true"));
	if (group->n)
		attrib_buf_printf(out, ",\"group\":%s", (const char *)group->p);
	attrib_buf_str(out, ATTRIB_STR("}"));
	attrib_buf_char(out, '\0');
}

static int put_aside(struct isolation *iso, const struct pg_document *document,
	const struct attrib_buf *group, const struct attrib_sink_error *why)
{
	struct attrib_buf detail;
	int err;

	attrib_buf_init(&detail);
	put_detail(&detail, document, group, why);
	err = detail.err;
	if (!err) {
		const char *params[] = {(const char *)document->site.p,
			(const char *)document->key.p, (const char *)document->order_id.p,
			(const char *)detail.p, (const char *)document->rows.p};

		err = pg_run(iso->conn,
			"SELECT attrib.refuse_v1($1, $2::jsonb, $3, $4::jsonb, $5::jsonb)", 5,
			params, iso->error);
	}
	attrib_buf_done(&detail);
	return err;
}

static int refuse_row(struct isolation *iso, size_t row, const struct attrib_buf *group,
	const struct attrib_sink_error *why)
{
	struct attrib_batch_view view;
	struct pg_document document;
	int err;

	pg_units_view(&iso->units, row, row + 1, &view);
	err = pg_document_init(&document, &view);
	if (!err)
		err = put_aside(iso, &document, group, why);
	pg_document_done(&document);
	return err;
}

/* -- one refused group -------------------------------------------------------------------------- */

/* The key of the order that the others of a group were merged into; of a group of one nothing. */
static int name_group(struct isolation *iso, size_t from, size_t to, struct attrib_buf *out)
{
	const struct attrib_decision **decisions = iso->units.decisions;
	struct attrib_batch_view view;
	struct pg_document document;
	size_t root = from;
	int err;

	if (to - from == 1)
		return 0;
	while (root + 1 < to && decisions[root]->merged_into.n)
		root++;
	pg_units_view(&iso->units, root, root + 1, &view);
	err = pg_document_init(&document, &view);
	attrib_buf_put(out, document.key.p, document.key.n);
	pg_document_done(&document);
	return err ? err : out->err;
}

static int too_many(struct isolation *iso)
{
	struct attrib_sink_error last = iso->last;

	*iso->error = last;
	snprintf(iso->error->text, sizeof iso->error->text,
		"more than %llu of %zu rows were refused for their data, the last in table %.40s, "
		"constraint %.40s: this is no fault of single rows",
		(unsigned long long)iso->limit, iso->units.row_count,
		*last.table ? last.table : "-", *last.constraint ? last.constraint : "-");
	return ATTRIB_E_INVALID;
}

static int refuse(struct isolation *iso, size_t from, size_t to)
{
	struct attrib_sink_error why = *iso->error;
	struct attrib_buf group;
	int err;

	iso->last = why;
	if (++iso->refused > iso->limit)
		return too_many(iso);
	attrib_buf_init(&group);
	err = name_group(iso, from, to, &group);
	for (size_t row = from; row < to && !err; row++)
		err = refuse_row(iso, row, &group, &why);
	attrib_buf_done(&group);
	return err;
}

/* -- halves ------------------------------------------------------------------------------------- */

/* 0: merged. ATTRIB_E_INVALID: refused, and as if it had not been tried. */
static int try_rows(struct isolation *iso, size_t from, size_t to)
{
	struct attrib_batch_view view;
	struct attrib_sink_error undo;
	int err, undone;

	pg_units_view(&iso->units, from, to, &view);
	err = pg_run(iso->conn, "SAVEPOINT piece", 0, NULL, iso->error);
	if (err)
		return err;
	err = pg_stage_batch(iso->conn, &view, iso->error);
	if (!err)
		err = pg_run(iso->conn,
			"SELECT attrib.merge_v1_rows(); SELECT attrib.unstage_v1(); RELEASE piece",
			0, NULL, iso->error);
	if (err != ATTRIB_E_INVALID)
		return err;
	undone = pg_run(iso->conn, "ROLLBACK TO piece; RELEASE piece", 0, NULL, &undo);
	if (undone)
		*iso->error = undo;
	return undone ? undone : err;
}

static int isolate_groups(struct isolation *iso, size_t from, size_t to)
{
	int err = 0;

	for (size_t end; from < to && !err; from = end) {
		end = pg_units_group_end(&iso->units, from);
		err = try_rows(iso, from, end);
		if (err == ATTRIB_E_INVALID)
			err = refuse(iso, from, end);
	}
	return err;
}

static int isolate(struct isolation *iso, size_t from, size_t to)
{
	const size_t *first = iso->units.first;
	int err = try_rows(iso, first[from], first[to]);

	if (err != ATTRIB_E_INVALID)
		return err;
	if (to - from == 1)
		return isolate_groups(iso, first[from], first[to]);
	err = isolate(iso, from, from + (to - from) / 2);
	return err ? err : isolate(iso, from + (to - from) / 2, to);
}

int pg_isolate(PGconn *conn, const struct attrib_batch_view *batch, uint64_t *refused,
	struct attrib_sink_error *error)
{
	struct isolation iso = {.conn = conn, .error = error};
	int err = pg_units_init(&iso.units, batch);

	if (err)
		return err;
	iso.limit = iso.units.row_count * REFUSED_PERCENT / 100;
	if (iso.limit < REFUSED_MAX)
		iso.limit = REFUSED_MAX;
	/* what is checked at COMMIT only would be refused there, and nobody would know which row */
	err = pg_run(conn, "SET CONSTRAINTS ALL IMMEDIATE", 0, NULL, error);
	if (!err && iso.units.count)
		err = isolate(&iso, 0, iso.units.count);
	if (!err && iso.refused)
		*error = iso.last;
	*refused = iso.refused;
	pg_units_done(&iso.units);
	return err;
}
