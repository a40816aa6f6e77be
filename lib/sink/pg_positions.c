/* See pg_positions.h. */
#include "pg_positions.h"

#include <stdlib.h>

void pg_id(const struct attrib_id *id, char out[PG_ID_TEXT])
{
	memcpy(out, "\\x", 2);
	attrib_hex(id->b, sizeof id->b, out + 2);
	out[PG_ID_TEXT - 1] = '\0';
}

void pg_positions_done(struct pg_positions *positions)
{
	free(positions->p);
	*positions = (struct pg_positions){0};
}

static int take_rows(const PGresult *result, struct pg_positions *out)
{
	struct pg_positions made = {.count = (size_t)PQntuples(result)};
	int err = 0;

	made.p = calloc(made.count + 1, sizeof *made.p);
	if (!made.p)
		return ATTRIB_E_NOMEM;
	for (size_t i = 0; i < made.count && !err; i++) {
		struct attrib_position *p = &made.p[i];

		err = attrib_hex_decode(pg_str(result, (int)i, 0), p->lane.b, sizeof p->lane.b);
		p->number = (uint64_t)pg_int(result, (int)i, 1, 0);
		made.given_up += PQgetvalue(result, (int)i, 2)[0] == 't';
	}
	if (err) {
		pg_positions_done(&made);
		return err;
	}
	pg_positions_done(out);
	*out = made;
	return 0;
}

int pg_positions_read(PGconn *conn, const struct attrib_id *instance, struct pg_positions *out,
	struct attrib_sink_error *error)
{
	char id[PG_ID_TEXT];
	const char *params[] = {id};
	PGresult *result = NULL;
	int err;

	pg_id(instance, id);
	err = pg_run(conn, "SELECT FROM attrib.instance WHERE id = $1::bytea FOR UPDATE", 1, params,
		error);
	if (!err)
		err = pg_query(conn,
			"SELECT encode(lane, 'hex'), number, given_up FROM attrib.lane_position"
			" WHERE instance = $1::bytea ORDER BY given_up, lane",
			1, params, &result, error);
	if (err)
		return err;
	err = take_rows(result, out);
	PQclear(result);
	return err;
}

struct attrib_positions pg_positions_view(const struct pg_positions *positions)
{
	return (struct attrib_positions){
		.p = positions->p, .count = positions->count, .given_up = positions->given_up};
}

static struct attrib_position *find(
	const struct pg_positions *positions, const struct attrib_id *lane)
{
	for (size_t i = 0; i < positions->count; i++) {
		if (attrib_id_eq(&positions->p[i].lane, lane))
			return &positions->p[i];
	}
	return NULL;
}

uint64_t pg_positions_of(const struct pg_positions *positions, const struct attrib_id *lane)
{
	const struct attrib_position *p = find(positions, lane);

	return p ? p->number : 0;
}

/* A lane that is new to us goes before those that were given up. */
static int insert(struct pg_positions *positions, const struct attrib_position *position)
{
	size_t at = positions->count - positions->given_up;
	struct attrib_position *p =
		realloc(positions->p, (positions->count + 1) * sizeof *positions->p);

	if (!p)
		return ATTRIB_E_NOMEM;
	memmove(p + at + 1, p + at, positions->given_up * sizeof *p);
	p[at] = *position;
	positions->p = p;
	positions->count++;
	return 0;
}

int pg_positions_raise(struct pg_positions *positions, const struct attrib_batch_view *batch)
{
	int err = 0;

	for (size_t i = 0; i < batch->position_count && !err; i++) {
		struct attrib_position *known = find(positions, &batch->positions[i].lane);

		if (!known)
			err = insert(positions, &batch->positions[i]);
		else if (known->number < batch->positions[i].number)
			known->number = batch->positions[i].number;
	}
	return err;
}

bool pg_positions_cover(const struct pg_positions *newer, const struct pg_positions *older)
{
	for (size_t i = 0; i < older->count; i++) {
		if (pg_positions_of(newer, &older->p[i].lane) < older->p[i].number)
			return false;
	}
	return true;
}

static void put_number(struct attrib_buf *out, bool first, uint64_t number)
{
	attrib_buf_printf(out, "%s%llu", first ? "{" : ",", (unsigned long long)number);
}

static void close_array(struct attrib_buf *out, bool empty)
{
	attrib_buf_put(out, empty ? "{}" : "}", empty ? 3 : 2);
}

int pg_targets_init(struct pg_targets *t, const struct attrib_batch_view *batch,
	const struct pg_positions *from)
{
	attrib_buf_init(&t->lanes);
	attrib_buf_init(&t->from);
	attrib_buf_init(&t->numbers);
	for (size_t i = 0; i < batch->position_count; i++) {
		const struct attrib_position *p = &batch->positions[i];
		char lane[PG_ID_TEXT];

		pg_id(&p->lane, lane);
		attrib_buf_printf(&t->lanes, "%s\"\\%s\"", i ? "," : "{", lane);
		put_number(&t->from, i == 0, pg_positions_of(from, &p->lane));
		put_number(&t->numbers, i == 0, p->number);
	}
	close_array(&t->lanes, batch->position_count == 0);
	close_array(&t->from, batch->position_count == 0);
	close_array(&t->numbers, batch->position_count == 0);
	return t->lanes.err ? t->lanes.err : t->from.err ? t->from.err : t->numbers.err;
}

void pg_targets_done(struct pg_targets *t)
{
	attrib_buf_done(&t->lanes);
	attrib_buf_done(&t->from);
	attrib_buf_done(&t->numbers);
}
