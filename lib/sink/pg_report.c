/*
 * Reports are the views of the schema, or their functions over a period; here is only which of them
 * there are, what they can be asked for, and in which order their rows read best. Rows are taken one
 * by one: a list of all orders need not fit into memory unless a person wants it aligned.
 */
#include "attrib/tools.h"

#include <stdlib.h>
#include <string.h>

#include "import_value.h"
#include "pg_conn.h"
#include "pg_wait.h"
#include "table.h"

#define COLUMNS_MAX       128
#define WRITE_BYTES       ((size_t)65536)
#define STATEMENT_TIMEOUT 3600000 /* ms */

struct report_row {
	struct attrib_report_kind kind;
	const char *order;
	bool asks_model; /* a row is of the model that it is asked for, and does not name it */
};

enum {
	PERIOD = ATTRIB_REPORT_TAKES_PERIOD,
	MODEL = ATTRIB_REPORT_TAKES_MODEL,
	DATING = ATTRIB_REPORT_TAKES_DATING,
	CREATOR = ATTRIB_REPORT_TAKES_CREATOR,
	CAMPAIGN = ATTRIB_REPORT_TAKES_CAMPAIGN,
	ASKS_CREATOR =
		1 << 16, /* here alone: its function is told the creator, which makes it cheap */
	OF_GROUPS = 1 << 17, /* here alone: a row is of several sites, and names none */
};

/* clang-format off */
static const struct report_row rows[] = {
	{{"roi", "what each creator cost and brought, by model", PERIOD | MODEL | DATING | CREATOR | CAMPAIGN},
		"site, campaign, model, currency, row_kind, net DESC NULLS LAST, creator", false},
	{{"cac", "what a new customer cost, by campaign", PERIOD | CAMPAIGN},
		"site, campaign, currency", false},
	{{"creator_money", "what each creator brought, by the date of order, touch or refund",
		PERIOD | MODEL | DATING | CREATOR | CAMPAIGN},
		"site, campaign, model, currency, net DESC, creator", false},
	{{"kpi_site", "all key figures of each site", PERIOD | MODEL},
		"site", true},
	{{"kpi_campaign", "all key figures of each campaign", PERIOD | MODEL | CAMPAIGN},
		"site, cost DESC NULLS LAST, campaign", true},
	{{"kpi_creator", "all key figures of each creator", PERIOD | MODEL | CREATOR},
		"site, revenue DESC NULLS LAST, creator", true},
	{{"kpi_placement", "all key figures of each post", PERIOD | MODEL},
		"site, revenue DESC NULLS LAST, placement", true},
	{{"kpi_group", "all key figures of each group of sites", PERIOD | MODEL | OF_GROUPS},
		"site_group, currency", true},
	{{"kpi_funnel", "from impressions to new customers, by campaign", PERIOD | MODEL | CAMPAIGN},
		"site, campaign, step", true},
	{{"kpi_target_status", "which targets are met, and which are on the way", 0},
		"site, scope, scope_key, \"primary\" DESC, metric", false},
	{{"kpi_scorecard", "each creator beside benchmarks, its tier and its own history", PERIOD | MODEL | CREATOR | ASKS_CREATOR},
		"site, creator, n", true},
	{{"kpi_diagnosis", "what is low or high, why, and what to do about it", PERIOD},
		"site, scope, scope_key, rule", false},
	{{"kpi_unconverted", "money that has no exchange rate", 0},
		"site, what, currency", false},
	{{"forecast", "what one more post of each creator is to bring, from posts before", CREATOR},
		"site, creator, figure", false},
	{{"kpi_attribution", "revenue with an owner and without, claims counted twice, unknown keys", PERIOD | MODEL},
		"site", true},
	{{"kpi_mention", "what people say, by term, beside the time before", PERIOD},
		"site, mentions DESC NULLS LAST, platform, term", false},
	{{"kpi_cohort", "new customers by month, and what they have bought since", PERIOD | MODEL},
		"site, cohort", true},
	{{"kpi_cohort_campaign", "the same by the campaign that won them", PERIOD | MODEL | CAMPAIGN},
		"site, cohort, customers DESC, campaign", true},
	{{"kpi_cohort_creator", "the same by the creator that won them", PERIOD | MODEL | CREATOR},
		"site, cohort, customers DESC, creator", true},
	{{"double_count", "what the creators' own reports would count twice", PERIOD},
		"site, currency", false},
	{{"double_count_by_creator", "the same for each creator's own report", PERIOD | CREATOR},
		"site, currency, overstated_revenue DESC, creator", false},
	{{"double_count_by_channel", "the same for channels that each report alone", PERIOD},
		"site, currency", false},
	{{"double_count_outside", "the same for imported claims of outside platforms", PERIOD},
		"site, currency, platform", false},
	{{"outside_claim", "every imported claim, what was decided, who else claimed it", PERIOD | CREATOR},
		"site, platform, order_id, creator", false},
	{{"overlap_creators", "pairs of creators that claim the same orders", PERIOD},
		"site, currency, orders DESC, creator_a, creator_b", false},
	{{"overlap_channels", "pairs of channels that claim the same orders", PERIOD},
		"site, currency, orders DESC, channel_a, channel_b", false},
	{{"model_comparison", "data-driven models beside the policy, as attribd model computed them", 0},
		"site, from_date, to_date, level, model, order_n, currency, net DESC, scope", false},
	{{"statement", "what a creator may see of their commissions; with --creator", PERIOD | CREATOR | CAMPAIGN},
		"site, creator, currency, row_kind, day, line, payout NULLS LAST, status", false},
	{{"commission_status", "what each order earns its creator, and what of it is paid", PERIOD | CREATOR | CAMPAIGN},
		"site, day, kind, order_id, creator, campaign, rule", false},
	{{"payouts", "what was or is to be paid to creators", CREATOR},
		"site, payout", false},
	{{"order_credit", "who earned which part of each order, by model", PERIOD | MODEL | CREATOR | CAMPAIGN},
		"site, placed_at, kind, order_id, model, share DESC, creator, tracker", false},
	{{"conversion_status", "every order and lead with its state and money", PERIOD},
		"site, placed_at, kind, order_id", false},
	{{"adjustment", "refunds, voids and cancels by their own dates", PERIOD},
		"site, occurred_at, order_id, adjustment_id", false},
	{{"adjustment_credit", "whose credit they took, by model", PERIOD | MODEL | CREATOR | CAMPAIGN},
		"site, occurred_at, order_id, adjustment_id, model, touched_at, creator, tracker", false},
	{{"path_step", "every touch that an order considered, and why it counts or not", CREATOR | CAMPAIGN},
		"site, kind, order_id, step", false},
	{{"traffic_daily", "clicks, visits, carts and leads by day and tracker", PERIOD | CREATOR | CAMPAIGN},
		"site, day, campaign, creator, channel, tracker", false},
	{{"traffic_quality", "raw, valid, suspect and filtered events by day and tracker", PERIOD | CREATOR | CAMPAIGN},
		"site, day, campaign, creator, channel, tracker, type", false},
	{{"traffic_reason", "why events are suspect or filtered", PERIOD | CREATOR | CAMPAIGN},
		"site, day, campaign, creator, channel, tracker, type, class, reason", false},
	{{"suspect_credit", "orders that were credited by suspect touches", PERIOD | CREATOR},
		"site, currency, creator, reason", false},
	{{"unknown_tracker", "keys that were seen and belong to nobody", 0},
		"site, orders DESC, touches DESC, kind, key", false},
	{{"outbox", "forwarded events that were not confirmed yet", 0},
		"site, created_at, kind, order_id, revision", false},
	{{"quarantined", "what could not be applied and waits for a person", 0},
		"site, seen_at, reason, key", false},
};
/* clang-format on */
#define ROW_COUNT (sizeof rows / sizeof *rows)

const struct attrib_report_kind *attrib_report_kind(size_t index)
{
	return index < ROW_COUNT ? &rows[index].kind : NULL;
}

static const struct report_row *find_row(const char *name)
{
	for (size_t i = 0; i < ROW_COUNT; i++) {
		if (strcmp(rows[i].kind.name, name) == 0)
			return &rows[i];
	}
	return NULL;
}

/* -- what is asked ------------------------------------------------------------------------------ */

/* parameter: the one to blame. */
static int refuse(struct attrib_sink_error *error, const char *parameter, const char *format,
	const char *name)
{
	snprintf(error->column, sizeof error->column, "%s", parameter);
	snprintf(error->text, sizeof error->text, format, name);
	return ATTRIB_E_INVALID;
}

static bool is_word(const char *value, const char *const *words)
{
	while (*words && strcmp(*words, value) != 0)
		words++;
	return *words;
}

/* Words of a parameter that has a few. */
static int check_words(const struct attrib_report *report, struct attrib_sink_error *error)
{
	static const char *const models[] = {
#define X(name, text_of) text_of,
		ATTRIB_MODELS(X)
#undef X
			NULL};
	static const char *const datings[] = {"order", "touch", "refund", NULL};

	if (report->model && !is_word(report->model, models))
		return refuse(error, "model",
			"expected policy, last_touch, first_touch, linear, position or time_decay, "
			"got \"%s\"",
			report->model);
	if (report->by && !is_word(report->by, datings))
		return refuse(
			error, "by", "expected order, touch or refund, got \"%s\"", report->by);
	return 0;
}

static bool is_date(const char *s)
{
	return import_value_ok(IMPORT_DATE, attrib_str_of(s));
}

/* What was asked for and the report does not take. */
static int check_takes(const struct attrib_report *report, const struct attrib_report_kind *kind,
	struct attrib_sink_error *error)
{
	const struct {
		const char *value, *parameter;
		unsigned bit;
		const char *refusal;
	} asked[] = {
		{report->from, "from", PERIOD, "%s has no period"},
		{report->model, "model", MODEL, "%s has no model to choose"},
		{report->by, "by", DATING, "%s has one date only"},
		{report->creator, "creator", CREATOR, "%s has no creator to choose"},
		{report->campaign, "campaign", CAMPAIGN, "%s has no campaign to choose"},
	};

	for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
		if (asked[i].value && !(kind->takes & asked[i].bit))
			return refuse(error, asked[i].parameter, asked[i].refusal, kind->name);
	}
	return 0;
}

static int check_period(
	const struct attrib_report *report, const char *name, struct attrib_sink_error *error)
{
	if (!report->from && report->by)
		return refuse(error, "by", "%s needs a period to go by another date", name);
	if (!report->from)
		return 0;
	if (!is_date(report->from))
		return refuse(error, "from", "expected dates such as 2026-11-01, got \"%s\"",
			report->from);
	if (!is_date(report->to))
		return refuse(
			error, "to", "expected dates such as 2026-11-01, got \"%s\"", report->to);
	if (strcmp(report->from, report->to) > 0)
		return refuse(error, "to", "the period of %s ends before it begins", name);
	return 0;
}

static int check(const struct attrib_report *report, const struct report_row *row,
	struct attrib_sink_error *error)
{
	const struct attrib_report_kind *kind = &row->kind;
	int err;

	if (!report->from != !report->to)
		return refuse(error, report->from ? "to" : "from",
			"%s needs both ends of the period", kind->name);
	err = check_takes(report, kind, error);
	if (!err)
		err = check_words(report, error);
	return err ? err : check_period(report, kind->name, error);
}

/* A parameter that the report does not take is NULL, and mentioned all the same: its type is to be known. */
static void put_filter(struct attrib_buf *sql, bool takes, const char *column, int number)
{
	if (takes)
		attrib_buf_printf(
			sql, " AND ($%d::text IS NULL OR r.%s = $%d)", number, column, number);
	else
		attrib_buf_printf(sql, " AND ($%d::text IS NULL OR true)", number);
}

/* Pages of one report have to have one order: in the end whole rows are compared. */
static void put_page(struct attrib_buf *sql, const struct attrib_report_page *page)
{
	attrib_buf_printf(sql, ", r::text COLLATE \"C\" LIMIT %llu OFFSET %llu",
		(unsigned long long)page->limit + 1, (unsigned long long)page->offset);
}

/* $1 site, $2 model, $3 and $4 the period, $5 what it goes by, $6 creator, $7 campaign. */
static void put_sql(
	struct attrib_buf *sql, const struct attrib_report *report, const struct report_row *row)
{
	const char *name = row->kind.name;
	unsigned takes = row->kind.takes;

	if (report->from || row->asks_model)
		attrib_buf_printf(sql,
			"SELECT r.* FROM attrib.%s_between($1, $3::date, $4::date%s%s%s) r", name,
			takes & ASKS_CREATOR ? ", creator => $6" : "",
			takes & MODEL ? ", model => $2" : "", takes & DATING ? ", by => $5" : "");
	else
		attrib_buf_printf(sql, "SELECT r.* FROM attrib.%s r", name);
	attrib_buf_str(sql, takes & OF_GROUPS
				    ? ATTRIB_STR(" WHERE true")
				    : ATTRIB_STR(" WHERE ($1::text IS NULL OR r.site = $1)"));
	put_filter(sql, takes & MODEL && !row->asks_model, "model", 2);
	put_filter(sql, takes & CREATOR, "creator", 6);
	put_filter(sql, takes & CAMPAIGN, "campaign", 7);
	attrib_buf_str(sql, ATTRIB_STR(" AND ($3::date IS NULL OR $4::date IS NOT NULL)"
				       " AND ($5::text IS NULL OR $3 IS NOT NULL)"));
	attrib_buf_printf(sql, " ORDER BY %s", row->order);
	if (report->page)
		put_page(sql, report->page);
	attrib_buf_char(sql, 0);
}

/* -- what comes back ---------------------------------------------------------------------------- */

static enum table_kind kind_of_type(Oid type)
{
	switch (type) { /* fixed numbers of pg_type */
	case 16:
		return TABLE_BOOL;
	case 20:
	case 21:
	case 23:
	case 700:
	case 701:
	case 1700:
		return TABLE_NUMBER;
	default:
		return TABLE_TEXT;
	}
}

struct output {
	const struct attrib_report *report;
	struct table table;
	struct table_column columns[COLUMNS_MAX];
	size_t written; /* bytes */
	bool begun;
};

static int begin_output(struct output *out, const PGresult *result)
{
	int n = PQnfields(result);

	if (n > COLUMNS_MAX)
		return ATTRIB_E_SCHEMA;
	for (int i = 0; i < n; i++) {
		out->columns[i] = (struct table_column){
			strdup(PQfname(result, i)), kind_of_type(PQftype(result, i))};
		if (!out->columns[i].name)
			return ATTRIB_E_NOMEM;
	}
	table_init(&out->table, out->report->format, out->columns, (size_t)n);
	out->begun = true;
	return 0;
}

static void add_rows(struct output *out, const PGresult *result)
{
	struct attrib_str cells[COLUMNS_MAX];

	for (int r = 0; r < PQntuples(result); r++) {
		for (size_t i = 0; i < out->table.column_count; i++) {
			cells[i] = ATTRIB_STR_NONE;
			if (PQgetisnull(result, r, (int)i))
				continue;
			cells[i] = (struct attrib_str){PQgetvalue(result, r, (int)i),
				(size_t)PQgetlength(result, r, (int)i)};
			if (out->columns[i].kind == TABLE_BOOL)
				cells[i] = *cells[i].p == 't' ? ATTRIB_STR("true")
							      : ATTRIB_STR("false");
		}
		table_add(&out->table, cells);
	}
}

static int write_out(struct output *out, size_t at_least)
{
	struct attrib_buf *text = &out->table.out;
	int err = 0;

	if (text->err)
		return text->err;
	if (text->n >= at_least) {
		err = out->report->write(out->report->arg, attrib_buf_view(text));
		out->written += text->n;
		attrib_buf_clear(text);
	}
	return err;
}

static int take_result(
	struct output *out, PGconn *conn, const PGresult *result, struct attrib_sink_error *error)
{
	ExecStatusType status = PQresultStatus(result);
	int err = 0;

	if (status != PGRES_SINGLE_TUPLE && status != PGRES_TUPLES_OK) {
		return pg_fail(conn, result, error);
	}
	if (!out->begun)
		err = begin_output(out, result);
	if (err)
		return err;
	add_rows(out, result);
	if (out->report->page)
		out->report->page->rows += (uint64_t)PQntuples(result);
	return write_out(out, WRITE_BYTES);
}

static bool page_is_full(const struct output *out)
{
	const struct attrib_report_page *page = out->report->page;

	return page && page->rows &&
	       (page->rows >= page->limit || out->written + out->table.out.n >= page->bytes_max);
}

/* Whatever ends it early, the caller closes the connection: nobody waits for the rest. */
static int take_results(struct output *out, PGconn *conn, struct attrib_sink_error *error)
{
	PGresult *result;
	int err = 0;

	while (!err && (result = pg_wait_result(conn))) {
		bool behind = PQntuples(result) && page_is_full(out);
		if (behind)
			out->report->page->more = true;
		else
			err = take_result(out, conn, result, error);
		PQclear(result);
		if (behind)
			break;
	}
	if (!err && out->begun)
		err = table_end(&out->table);
	return err ? err : write_out(out, 1);
}

static void output_done(struct output *out)
{
	if (out->begun)
		table_done(&out->table);
	for (size_t i = 0; i < COLUMNS_MAX; i++)
		free((char *)out->columns[i].name);
	free(out);
}

static int run(const struct attrib_report *report, const struct report_row *row, PGconn *conn,
	struct attrib_sink_error *error)
{
	const char *const params[] = {report->site, report->model, report->from, report->to,
		report->by, report->creator, report->campaign};
	struct output *out = calloc(1, sizeof *out);
	struct attrib_buf sql;
	int err = ATTRIB_E_NOMEM;

	attrib_buf_init(&sql);
	put_sql(&sql, report, row);
	if (!out || sql.err)
		goto out;
	out->report = report;
	if (!PQsendQueryParams(conn, (const char *)sql.p, 7, NULL, params, NULL, NULL, 0)) {
		err = pg_fail(conn, NULL, error);
		goto out;
	}
	PQsetSingleRowMode(conn);
	err = pg_wait_sent(conn) ? take_results(out, conn, error) : pg_fail(conn, NULL, error);
out:
	attrib_buf_done(&sql);
	if (out)
		output_done(out);
	return err;
}

int attrib_postgres_report(const struct attrib_report *report, struct attrib_sink_error *error)
{
	struct pg_timeouts timeouts = {.statement_ms = STATEMENT_TIMEOUT};
	const struct report_row *row = find_row(report->name);
	PGconn *conn;
	int err;

	*error = (struct attrib_sink_error){0};
	if (!row)
		return ATTRIB_E_NOT_FOUND;
	err = check(report, row, error);
	if (err)
		return err;
	if (report->patience)
		timeouts = pg_timeouts_of(report->patience);
	if (report->page)
		*report->page = (struct attrib_report_page){.offset = report->page->offset,
			.limit = report->page->limit,
			.bytes_max = report->page->bytes_max};
	err = pg_open(report->conninfo, &timeouts, &conn, error);
	if (err)
		return err;
	err = run(report, row, conn, error);
	/* what is invalid now is not the question, which was checked, but an answer */
	if (err == ATTRIB_E_INVALID)
		err = ATTRIB_E_UNAVAILABLE;
	PQfinish(conn);
	return err;
}
