/*
 * Exports of other systems, imported as they are. The header is compared with the preset's names, each row
 * becomes one of the table's, and the post that it is about is looked up once all rows are staged: what is
 * known of posts is in the database. From there on it is an import like any other.
 */
#include <stdlib.h>
#include <string.h>

#include "attrib/money.h"
#include "pg_import.h"

#define HEADER_MAX  ((size_t)65536) /* bytes of the first line */
#define SHOWN_BYTES 60

const char import_preset_stage_columns[] = ", ref_id text, ref_link text, ref_name text";

struct place {
	const struct preset_column *column;
	const char *head; /* as the file has it */
	int field;        /* -1 = it has none */
};

struct import_preset {
	struct place places[IMPORT_COLUMNS_MAX];
	size_t place_count;
	size_t fields;              /* of the header */
	const char *scope, *mode;   /* as somebody said; NULL = he did not */
	struct attrib_str currency; /* of the amount's heading */
	/* the row at hand */
	struct attrib_arena arena;
	struct attrib_str values[IMPORT_COLUMNS_MAX]; /* by column of the table */
	struct attrib_str id, link, name;
};

bool attrib_import_preset(size_t index, struct attrib_preset *out)
{
	const struct preset *preset = preset_at(index);

	if (preset)
		*out = (struct attrib_preset){preset->name, preset->about, preset->ads};
	return preset;
}

static bool is(const struct preset_column *column, const char *to)
{
	return strcmp(column->to, to) == 0;
}

static bool into_cost(const struct import_job *job)
{
	return strcmp(job->import->table, "cost") == 0;
}

/* A mistake that is of no line: of what was asked for. */
static void refuse(struct import_job *job, const char *what, const char *expected, const char *got)
{
	import_problem(job, 1, what);
	attrib_buf_printf(job->problems, "expected %s, got %s\n", expected, got);
}

/* -- what is asked for ---------------------------------------------------------------------------- */

static void read_as(struct import_job *job)
{
	static const char *const scopes[] = {"organic", "paid", "total"}, *const modes[] = {
										  "cumulative",
										  "delta"};
	struct import_preset *translator = job->translator;
	struct attrib_str rest = attrib_str_of(job->import->as), word;

	while (rest.p) {
		const char *scope = NULL, *mode = NULL;
		word = attrib_str_trim(attrib_str_split(rest, ',', &rest));
		for (size_t i = 0; i < 3; i++)
			scope = attrib_str_eq(word, attrib_str_of(scopes[i])) ? scopes[i] : scope;
		for (size_t i = 0; i < 2; i++)
			mode = attrib_str_eq(word, attrib_str_of(modes[i])) ? modes[i] : mode;
		if ((!scope && !mode) || (scope && translator->scope) ||
			(mode && translator->mode)) {
			refuse(job, "as",
				"one of organic, paid, total, one of cumulative, delta, or both",
				job->import->as);
			return;
		}
		translator->scope = scope ? scope : translator->scope;
		translator->mode = mode ? mode : translator->mode;
	}
}

static struct import_column *find(struct import_job *job, const char *name)
{
	for (size_t i = 0; i < job->column_count; i++) {
		if (strcmp(job->columns[i].name, name) == 0)
			return &job->columns[i];
	}
	return NULL;
}

void import_preset_columns(struct import_job *job)
{
	struct import_column *column;

	job->translator = attrib_arena_alloc(&job->arena, sizeof *job->translator);
	if (!job->translator) {
		refuse(job, NULL, "memory", "none");
		return;
	}
	attrib_arena_init(&job->translator->arena, 4096);
	if (!into_cost(job) && strcmp(job->import->table, "post_metrics") != 0)
		refuse(job, "preset", "the table post_metrics or cost", job->import->table);
	else if (into_cost(job) && !job->preset->ads)
		refuse(job, "preset", "tiktok-ads or meta-ads for the table cost",
			job->preset->name);
	if (job->import->on && !import_value_ok(IMPORT_DATE, attrib_str_of(job->import->on)))
		refuse(job, "on", "a day such as 2026-11-01", job->import->on);
	read_as(job);
	/* what the lookup of posts, and the site, fill in */
	if ((column = find(job, "placement")))
		column->required = false;
	if ((column = find(job, "currency")))
		column->required = false;
}

void import_preset_done(struct import_job *job)
{
	if (job->translator)
		attrib_arena_done(&job->translator->arena);
}

/* -- the header ----------------------------------------------------------------------------------- */

static int read_first_line(FILE *in, struct attrib_buf *line)
{
	int c;

	while ((c = getc(in)) != EOF && c != '\n' && line->n < HEADER_MAX)
		attrib_buf_char(line, (char)c);
	if (line->n && line->p[line->n - 1] == '\r')
		line->n--;
	return line->err;
}

/* The one of , ; and tab that stands most often outside of quotes. */
static char delimiter_of(struct attrib_str line)
{
	static const char delimiters[] = ",;\t";
	size_t counts[3] = {0}, best = 0;
	bool quoted = false;

	for (size_t i = 0; i < line.n; i++) {
		const char *at = memchr(delimiters, line.p[i], 3);
		quoted ^= line.p[i] == '"';
		if (at && !quoted)
			counts[at - delimiters]++;
	}
	for (size_t i = 1; i < 3; i++)
		best = counts[i] > counts[best] ? i : best;
	return delimiters[best];
}

/* A heading of money says its currency in brackets: "Amount spent (EUR)". */
static struct attrib_str without_currency(struct attrib_str head, struct attrib_str *currency)
{
	struct attrib_str code = {head.n > 6 ? head.p + head.n - 4 : NULL, 3};

	*currency = ATTRIB_STR_NONE;
	if (!code.p || head.p[head.n - 1] != ')' || head.p[head.n - 5] != '(' ||
		attrib_currency_exponent(code) < 0)
		return head;
	*currency = code;
	return attrib_str_trim((struct attrib_str){head.p, head.n - 5});
}

static bool is_headed(
	struct import_job *job, const struct preset_column *column, struct attrib_str head)
{
	struct attrib_str names = attrib_str_of(column->names), currency = ATTRIB_STR_NONE;

	if (column->kind == PRESET_MONEY)
		head = without_currency(head, &currency);
	while (names.p) {
		if (!attrib_str_ieq(attrib_str_split(names, '|', &names), head))
			continue;
		if (currency.n)
			job->translator->currency = attrib_arena_str(&job->arena, currency);
		return true;
	}
	return false;
}

static int find_field(
	struct import_job *job, const struct preset_column *column, const struct csv *head)
{
	for (size_t i = 0; i < head->field_count; i++) {
		if (is_headed(job, column, attrib_str_trim(head->fields[i])))
			return (int)i;
	}
	return -1;
}

static void lacks(struct import_job *job, const struct preset_column *column)
{
	struct attrib_str rest, first = attrib_str_split(attrib_str_of(column->names), '|', &rest);

	import_problem(job, 1, attrib_arena_str(&job->arena, first).p);
	attrib_buf_printf(job->problems, "expected this column of %s", job->preset->name);
	while (rest.p) {
		struct attrib_str name = attrib_str_split(rest, '|', &rest);
		attrib_buf_printf(job->problems, " (or %.*s)", (int)name.n, name.p);
	}
	attrib_buf_str(job->problems, ATTRIB_STR(", got none\n"));
}

static void map_columns(struct import_job *job, const struct csv *head)
{
	struct import_preset *translator = job->translator;

	for (const struct preset_column *c = job->preset->columns; c->names; c++) {
		struct place *place = &translator->places[translator->place_count++];
		bool needed = c->required || (into_cost(job) && is(c, PRESET_AMOUNT));

		*place = (struct place){.column = c, .field = find_field(job, c, head)};
		if (place->field >= 0)
			place->head = attrib_arena_str(
				&job->arena, attrib_str_trim(head->fields[place->field]))
					      .p;
		/* what costs comes without impressions, too */
		else if (needed && !(into_cost(job) && *c->to != '@') && !import_full(job))
			lacks(job, c);
	}
	translator->fields = head->field_count;
}

void import_preset_read_header(struct import_job *job)
{
	struct attrib_buf line;
	struct csv head;
	FILE *in = NULL;

	attrib_buf_init(&line);
	if (!read_first_line(job->import->in, &line) && line.n)
		in = fmemopen(line.p, line.n, "r");
	csv_init(&head, in);
	job->csv.delimiter = head.delimiter = delimiter_of(attrib_buf_view(&line));
	if (in && csv_next(&head)) {
		map_columns(job, &head);
		job->csv.next_line = head.next_line == 1 ? 2 : head.next_line;
	} else {
		refuse(job, "header", "headings of an export",
			head.problem ? head.problem : "nothing");
	}
	csv_done(&head);
	if (in)
		fclose(in);
	attrib_buf_done(&line);
}

/* -- a row ---------------------------------------------------------------------------------------- */

static struct attrib_str raw(const struct import_job *job, const struct place *place)
{
	if (place->field < 0 || (size_t)place->field >= job->csv.field_count)
		return ATTRIB_STR_NONE;
	return attrib_str_trim(job->csv.fields[place->field]);
}

static void bad_value(struct import_job *job, const struct place *place)
{
	struct attrib_str got = raw(job, place);

	import_problem(job, job->csv.line, place->head);
	attrib_buf_printf(job->problems, "expected %s, got ", preset_expected(place->column->kind));
	attrib_buf_json(job->problems,
		(struct attrib_str){got.p, got.n < SHOWN_BYTES ? got.n : SHOWN_BYTES});
	attrib_buf_char(job->problems, '\n');
}

/* The value of the first column for this that has one. False: its problem is told. */
static bool take(struct import_job *job, const char *to, struct attrib_str *out)
{
	*out = ATTRIB_STR_NONE;
	for (size_t i = 0; i < job->translator->place_count && !out->n; i++) {
		const struct place *place = &job->translator->places[i];
		if (!is(place->column, to))
			continue;
		if (preset_value(
			    &job->translator->arena, place->column->kind, raw(job, place), out))
			continue;
		bad_value(job, place);
		return false;
	}
	return true;
}

static void set(struct import_job *job, const char *name, struct attrib_str value)
{
	const struct import_column *column = find(job, name);

	if (column)
		job->translator->values[column - job->columns] = value;
}

static bool take_counts(struct import_job *job)
{
	struct attrib_str value, views = ATTRIB_STR_NONE;

	if (!take(job, "views", &views))
		return false;
	for (size_t i = 0; i < job->translator->place_count; i++) {
		const struct place *place = &job->translator->places[i];
		if (*place->column->to == '@' || place->field < 0)
			continue;
		if (!take(job, place->column->to, &value))
			return false;
		if (place->column->kind == PRESET_RATE_OF_VIEWS && value.n)
			value = views.n ? attrib_arena_printf(&job->translator->arena, "%.0Lf",
						  strtold(value.p, NULL) * strtold(views.p, NULL))
					: ATTRIB_STR_NONE;
		set(job, place->column->to, value);
	}
	return true;
}

static bool lacks_day(struct import_job *job)
{
	import_problem(job, job->csv.line, NULL);
	attrib_buf_str(job->problems,
		job->preset->ads
			? ATTRIB_STR(
				  "expected a day in a column such as Day or Date (export by day), "
				  "or the option on, got neither\n")
			: ATTRIB_STR("expected the option on, the day of the numbers, for a file "
				     "that does not say it, got none\n"));
	return false;
}

/* The days that a row is of: *last is never empty, *told says that the file has it. */
static bool take_days(
	struct import_job *job, struct attrib_str *first, struct attrib_str *last, bool *told)
{
	struct attrib_str on, from, to;

	if (!take(job, PRESET_ON, &on) || !take(job, PRESET_FROM, &from) ||
		!take(job, PRESET_TO, &to))
		return false;
	*told = on.n || to.n || from.n;
	*last = on.n ? on : to.n ? to : from.n ? from : attrib_str_of(job->import->on);
	*first = on.n || !from.n ? *last : from;
	return last->n || lacks_day(job);
}

static bool translate_metrics(struct import_job *job)
{
	const struct import_preset *translator = job->translator;
	struct attrib_str first, last;
	const char *mode = translator->mode;
	bool told;

	if (!take_days(job, &first, &last, &told) || !take_counts(job))
		return false;
	if (!mode) /* what a file tells by day adds up */
		mode = told ? "delta" : job->preset->mode;
	set(job, "taken_at", last);
	set(job, "scope",
		attrib_str_of(translator->scope ? translator->scope : job->preset->scope));
	set(job, "mode", attrib_str_of(mode));
	return true;
}

static bool translate_cost(struct import_job *job)
{
	struct import_preset *translator = job->translator;
	struct attrib_str first, last, amount, currency;
	bool told;

	if (!take(job, PRESET_AMOUNT, &amount) || !take(job, PRESET_CURRENCY, &currency) ||
		!take_days(job, &first, &last, &told))
		return false;
	if (!amount.n)
		return false; /* nothing was spent */
	set(job, "cost_id",
		attrib_arena_printf(&translator->arena, "%s:%.*s:%.*s%s%.*s", job->preset->name,
			(int)translator->id.n, translator->id.p, (int)first.n, first.p,
			attrib_str_eq(first, last) ? "" : "..",
			attrib_str_eq(first, last) ? 0 : (int)last.n, last.p));
	set(job, "kind", ATTRIB_STR("paid_media"));
	set(job, "amount", amount);
	set(job, "currency", translator->currency.n ? translator->currency : currency);
	set(job, "incurred_on", last);
	set(job, "covers_from", first);
	set(job, "covers_to", last);
	return true;
}

/* Sums over others stand at the beginning or at the end and name no post. */
static bool is_total(const struct import_job *job)
{
	const struct import_preset *translator = job->translator;

	if (preset_is_total(translator->id) || preset_is_total(translator->name))
		return true;
	return !translator->id.n && !translator->link.n &&
	       (!translator->name.n || preset_is_total(job->csv.fields[0]));
}

bool import_preset_row(struct import_job *job)
{
	struct import_preset *translator = job->translator;

	attrib_arena_reset(&translator->arena);
	memset(translator->values, 0, sizeof translator->values);
	if (!take(job, PRESET_ID, &translator->id) || !take(job, PRESET_LINK, &translator->link) ||
		!take(job, PRESET_NAME, &translator->name) || is_total(job))
		return false;
	if (job->csv.field_count != translator->fields) {
		import_problem(job, job->csv.line, NULL);
		attrib_buf_printf(job->problems, "expected %zu fields as in the header, got %zu\n",
			translator->fields, job->csv.field_count);
		return false;
	}
	if (into_cost(job) ? !translate_cost(job) : !translate_metrics(job))
		return false;
	set(job, "site", job->import->site);
	return true;
}

struct attrib_str import_preset_field(
	const struct import_job *job, const struct import_column *column)
{
	return job->translator->values[column - job->columns];
}

void import_preset_stage(struct import_job *job)
{
	pg_copy_text_or_null(&job->copy, job->translator->id);
	pg_copy_text_or_null(&job->copy, job->translator->link);
	pg_copy_text_or_null(&job->copy, job->translator->name);
}

/* -- the posts ------------------------------------------------------------------------------------ */

/* Of several ways the first that names one post; an address that is that of two names neither. */
static const char find_posts[] =
	"WITH posts AS MATERIALIZED (SELECT site, name, url, substring(url FROM $2) AS key FROM "
	"attrib.placement),"
	" wanted AS (SELECT DISTINCT site, ref_id, ref_link, coalesce(substring(ref_link FROM $2),"
	"  CASE WHEN ref_link IS NULL THEN ref_id END) AS key FROM pg_temp.import_text),"
	" found AS (SELECT w.*, coalesce("
	"  (SELECT m.placement FROM attrib.ad_map m WHERE m.site = w.site AND m.ad_id = w.ref_id"
	"   AND m.platform = ANY ($1::text[]) ORDER BY array_position($1::text[], "
	"m.platform::text) LIMIT 1),"
	"  (SELECT min(p.name) FROM posts p WHERE p.site = w.site AND p.key = w.key HAVING "
	"count(*) = 1),"
	"  (SELECT min(p.name) FROM posts p WHERE p.site = w.site AND p.url = w.ref_link HAVING "
	"count(*) = 1),"
	"  (SELECT p.name FROM posts p WHERE p.site = w.site AND p.name = w.ref_id)) AS placement "
	"FROM wanted w)"
	"UPDATE pg_temp.import_text t SET placement = f.placement FROM found f"
	" WHERE t.site = f.site AND t.ref_id IS NOT DISTINCT FROM f.ref_id"
	" AND t.ref_link IS NOT DISTINCT FROM f.ref_link";
static const char unmatched[] =
	"SELECT min(line), coalesce(ref_id, ref_link), left(min(ref_name), 60), count(*) OVER ()"
	" FROM pg_temp.import_text WHERE placement IS NULL GROUP BY coalesce(ref_id, ref_link) "
	"ORDER BY 1"
	" LIMIT 20";

static int find_placements(struct import_job *job)
{
	const char *const *platforms = job->preset->platforms;
	struct attrib_buf names;
	size_t n = 0;
	int err;

	while (platforms[n])
		n++;
	attrib_buf_init(&names);
	err = pg_put_names(&names, platforms, n);
	if (!err) {
		const char *const params[] = {(const char *)names.p, job->preset->key};
		err = pg_run(job->conn, find_posts, 2, params, job->error);
	}
	attrib_buf_done(&names);
	return err;
}

static void tell_unmatched(struct import_job *job, const PGresult *rows)
{
	const char *expected =
		job->preset->ads
			? "expected an ad that ad_map has"
			: "expected the address of one placement, or an id that ad_map has";
	long long all = PQntuples(rows) ? strtoll(PQgetvalue(rows, 0, 3), NULL, 10) : 0;

	for (int i = 0; i < PQntuples(rows) && !import_full(job); i++) {
		import_problem(job, strtoull(PQgetvalue(rows, i, 0), NULL, 10), NULL);
		attrib_buf_printf(job->problems, "%s, got ", expected);
		attrib_buf_json(job->problems, pg_str(rows, i, 1));
		if (!PQgetisnull(rows, i, 2)) {
			attrib_buf_str(job->problems, ATTRIB_STR(", named "));
			attrib_buf_json(job->problems, pg_str(rows, i, 2));
		}
		if (i + 1 == PQntuples(rows) && all > i + 1)
			attrib_buf_printf(job->problems, " (and %lld more)", all - i - 1);
		attrib_buf_str(job->problems,
			job->import->skip_unmatched ? ATTRIB_STR("; skipped\n") : ATTRIB_STR("\n"));
	}
}

static int skip_unmatched(struct import_job *job)
{
	PGresult *gone;
	int err = pg_query(job->conn, "DELETE FROM pg_temp.import_text WHERE placement IS NULL", 0,
		NULL, &gone, job->error);

	if (err)
		return err;
	job->skipped = strtoull(PQcmdTuples(gone), NULL, 10);
	PQclear(gone);
	job->note_count = job->problem_count;
	job->problem_count = 0;
	return 0;
}

static int check_unmatched(struct import_job *job)
{
	PGresult *rows;
	int err = pg_query(job->conn, unmatched, 0, NULL, &rows, job->error);

	if (err)
		return err;
	tell_unmatched(job, rows);
	PQclear(rows);
	return job->import->skip_unmatched ? skip_unmatched(job) : 0;
}

/* -- what is one row to us ------------------------------------------------------------------------ */

/* Several ads of a post, or an ad by age and country: their counts add up. */
static int add_up(struct import_job *job)
{
	bool first = true;

	attrib_buf_clear(&job->sql);
	attrib_buf_str(&job->sql,
		ATTRIB_STR(
			"CREATE TEMP TABLE import_sum ON COMMIT DROP AS SELECT min(line) AS line"));
	for (size_t i = 0; i < job->column_count; i++) {
		const struct import_column *c = &job->columns[i];
		const char *how = c->key ? "\"%s\""
				  : c->kind == IMPORT_INTEGER || c->kind == IMPORT_DECIMAL
					  ? "sum(\"%s\"::numeric)::text"
					  : "min(\"%s\")";
		attrib_buf_str(&job->sql, ATTRIB_STR(", "));
		attrib_buf_printf(&job->sql, how, c->name);
		attrib_buf_printf(&job->sql, " AS \"%s\"", c->name);
	}
	attrib_buf_str(&job->sql, ATTRIB_STR(" FROM pg_temp.import_text GROUP BY "));
	for (size_t i = 0; i < job->column_count; i++) {
		if (!job->columns[i].key)
			continue;
		attrib_buf_printf(&job->sql, "%s\"%s\"", first ? "" : ", ", job->columns[i].name);
		first = false;
	}
	attrib_buf_str(
		&job->sql, ATTRIB_STR("; DROP TABLE pg_temp.import_text;"
				      "ALTER TABLE pg_temp.import_sum RENAME TO import_text"));
	return import_run_sql(job);
}

/* What a file does not name is the site's own. */
static int set_currency(struct import_job *job)
{
	return pg_run(job->conn,
		"UPDATE pg_temp.import_text t SET currency = s.currency FROM attrib.site s"
		" WHERE s.name = t.site AND t.currency IS NULL",
		0, NULL, job->error);
}

int import_preset_resolve(struct import_job *job)
{
	int err = find_placements(job);

	if (!err)
		err = check_unmatched(job);
	if (!err && !job->problem_count && into_cost(job))
		err = set_currency(job);
	if (!err && !job->problem_count && job->preset->ads)
		err = add_up(job);
	return err;
}
