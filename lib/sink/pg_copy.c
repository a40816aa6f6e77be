/*
 * COPY in text form. Binary saves the server some parsing, but texts dominate our rows and are the
 * same in both.
 */
#include "pg_copy.h"

#include "attrib/time.h"

#include "pg_wait.h"

#define CHUNK_BYTES ((size_t)64 * 1024)

int pg_copy_begin(
	struct pg_copy *copy, PGconn *conn, const char *table, struct attrib_sink_error *error)
{
	char sql[96];
	PGresult *result;
	int err = 0;

	snprintf(sql, sizeof sql, "COPY %s FROM STDIN", table);
	result = pg_wait_exec(conn, sql, 0, NULL);
	if (PQresultStatus(result) != PGRES_COPY_IN)
		err = pg_fail(conn, result, error);
	PQclear(result);
	if (err)
		return err;
	*copy = (struct pg_copy){.conn = conn};
	attrib_buf_init(&copy->buf);
	return 0;
}

void pg_copy_capture(struct pg_copy *copy)
{
	*copy = (struct pg_copy){0};
	attrib_buf_init(&copy->buf);
}

static void next_column(struct pg_copy *copy)
{
	if (copy->in_row)
		attrib_buf_char(&copy->buf, '\t');
	copy->in_row = true;
}

static const char *escape_of(char c)
{
	switch (c) {
	case '\\':
		return "\\\\";
	case '\t':
		return "\\t";
	case '\n':
		return "\\n";
	case '\r':
		return "\\r";
	default: /* any other byte is itself */
		return NULL;
	}
}

void pg_copy_text(struct pg_copy *copy, struct attrib_str s)
{
	size_t from = 0;

	next_column(copy);
	for (size_t i = 0; i < s.n; i++) {
		const char *escape = escape_of(s.p[i]);

		if (!escape)
			continue;
		attrib_buf_put(&copy->buf, s.p + from, i - from);
		attrib_buf_put(&copy->buf, escape, 2);
		from = i + 1;
	}
	if (s.n > from)
		attrib_buf_put(&copy->buf, s.p + from, s.n - from);
}

void pg_copy_text_or_null(struct pg_copy *copy, struct attrib_str s)
{
	if (s.n)
		pg_copy_text(copy, s);
	else
		pg_copy_null(copy);
}

void pg_copy_int(struct pg_copy *copy, int64_t value)
{
	next_column(copy);
	attrib_buf_printf(&copy->buf, "%lld", (long long)value);
}

void pg_copy_bool(struct pg_copy *copy, bool value)
{
	next_column(copy);
	attrib_buf_char(&copy->buf, value ? 't' : 'f');
}

void pg_copy_time(struct pg_copy *copy, int64_t at)
{
	char text[32];

	if (at == ATTRIB_NEVER || at == ATTRIB_FOREVER) {
		pg_copy_null(copy);
		return;
	}
	next_column(copy);
	attrib_buf_put(&copy->buf, text, (size_t)attrib_time_format(at, text));
}

void pg_copy_id(struct pg_copy *copy, const struct attrib_id *id)
{
	char hex[2 * sizeof id->b];

	next_column(copy);
	attrib_hex(id->b, sizeof id->b, hex);
	attrib_buf_put(&copy->buf, "\\\\x", 3);
	attrib_buf_put(&copy->buf, hex, sizeof hex);
}

void pg_copy_ints(struct pg_copy *copy, const int64_t *values, size_t n)
{
	next_column(copy);
	for (size_t i = 0; i < n; i++)
		attrib_buf_printf(&copy->buf, "%c%lld", i ? ',' : '{', (long long)values[i]);
	attrib_buf_char(&copy->buf, '}');
}

void pg_copy_null(struct pg_copy *copy)
{
	next_column(copy);
	attrib_buf_put(&copy->buf, "\\N", 2);
}

static void send_chunk(struct pg_copy *copy)
{
	if (copy->buf.n && !copy->buf.err && !copy->failed)
		copy->failed = PQputCopyData(copy->conn, (const char *)copy->buf.p,
				       (int)copy->buf.n) != 1 ||
			       !pg_wait_sent(copy->conn);
	if (!copy->buf.err)
		attrib_buf_clear(&copy->buf);
}

void pg_copy_row(struct pg_copy *copy)
{
	attrib_buf_char(&copy->buf, '\n');
	copy->in_row = false;
	if (copy->conn && copy->buf.n >= CHUNK_BYTES)
		send_chunk(copy);
}

int pg_copy_end(struct pg_copy *copy, struct attrib_sink_error *error)
{
	const char *abandon;
	PGresult *result;
	int err = 0;

	send_chunk(copy);
	abandon = copy->buf.err ? "out of memory" : NULL;
	if (PQputCopyEnd(copy->conn, abandon) != 1 || !pg_wait_sent(copy->conn))
		copy->failed = true;
	if (copy->failed)
		err = pg_fail(copy->conn, NULL, error);
	while ((result = pg_wait_result(copy->conn)) != NULL) {
		if (PQresultStatus(result) != PGRES_COMMAND_OK && !err)
			err = pg_fail(copy->conn, result, error);
		PQclear(result);
		if (PQstatus(copy->conn) != CONNECTION_OK)
			break;
	}
	if (abandon)
		err = ATTRIB_E_NOMEM;
	attrib_buf_done(&copy->buf);
	return err;
}
