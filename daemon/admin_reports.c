/*
 * GET /v1/reports/<name>: what attribd report prints, page by page, as JSON or CSV. GET /v1/reports: which
 * there are, and what they take. docs/reports.md is the reference.
 */
#include <inttypes.h>

#include "attrib/id.h"
#include "attrib/text.h"
#include "errand.h"
#include "server.h"

#define PREFIX      ATTRIB_STR("/v1/reports/")
#define ROWS        1000
#define ROWS_MAX    10000
#define OFFSET_MAX  UINT64_C(1000000000000)
#define PAGE_BYTES  ((size_t)4 << 20)
#define NUMBER_SIZE 24

struct question {
	struct attrib_report report;
	struct attrib_report_page page;
	const char *limit, *offset, *format; /* as they were asked */
	struct attrib_str query,
		known;           /* as sent: that of the request, and an entity tag that it has */
	struct attrib_buf *text; /* borrowed; the errand's */
};

/* What a request may say; also what the report takes of it. 0 = every report does. */
static const struct parameter {
	const char *name;
	size_t at; /* of a text in struct question */
	unsigned takes;
} parameters[] = {
	{"site", offsetof(struct question, report.site), 0},
	{"from", offsetof(struct question, report.from), ATTRIB_REPORT_TAKES_PERIOD},
	{"to", offsetof(struct question, report.to), ATTRIB_REPORT_TAKES_PERIOD},
	{"by", offsetof(struct question, report.by), ATTRIB_REPORT_TAKES_DATING},
	{"model", offsetof(struct question, report.model), ATTRIB_REPORT_TAKES_MODEL},
	{"creator", offsetof(struct question, report.creator), ATTRIB_REPORT_TAKES_CREATOR},
	{"campaign", offsetof(struct question, report.campaign), ATTRIB_REPORT_TAKES_CAMPAIGN},
	{"format", offsetof(struct question, format), 0},
	{"limit", offsetof(struct question, limit), 0},
	{"offset", offsetof(struct question, offset), 0},
};
#define PARAMETER_COUNT (sizeof parameters / sizeof *parameters)

/* -- which there are ------------------------------------------------------------------------------ */

static void put_kind(struct attrib_buf *out, const struct attrib_report_kind *kind, bool first)
{
	bool first_parameter = true;

	attrib_buf_printf(out, "%s\n{\"name\":\"%s\",\"about\":", first ? "" : ",", kind->name);
	attrib_buf_json(out, attrib_str_of(kind->about));
	attrib_buf_str(out, ATTRIB_STR(",\"parameters\":["));
	for (size_t i = 0; i < PARAMETER_COUNT; i++) {
		unsigned takes = parameters[i].takes;
		if (takes && !(kind->takes & takes))
			continue;
		attrib_buf_printf(out, "%s\"%s\"", first_parameter ? "" : ",", parameters[i].name);
		first_parameter = false;
	}
	attrib_buf_str(out, ATTRIB_STR("]}"));
}

void attribd_admin_list_reports(struct attribd_exchange *exchange)
{
	struct attrib_buf *out = &exchange->worker->text;
	const struct attrib_report_kind *kind;

	attrib_buf_char(out, '[');
	for (size_t i = 0; (kind = attrib_report_kind(i)); i++)
		put_kind(out, kind, i == 0);
	attrib_buf_str(out, ATTRIB_STR("\n]\n"));
	exchange->response = (struct attrib_http_response){
		.status = 200, .content_type = "application/json", .body = attrib_buf_view(out)};
}

/* -- what is asked -------------------------------------------------------------------------------- */

static const struct parameter *find_parameter(struct attrib_str name)
{
	for (size_t i = 0; i < PARAMETER_COUNT; i++) {
		if (attrib_str_eq(attrib_str_of(parameters[i].name), name))
			return &parameters[i];
	}
	return NULL;
}

/* What is there without a value is not there. */
static bool take_parameter(struct attribd_exchange *exchange, struct attribd_errand *errand,
	struct attrib_str name, struct attrib_str value)
{
	const struct parameter *parameter;
	const char **text;

	if (!attribd_errand_keep(exchange, errand, &name) ||
		!attribd_errand_keep(exchange, errand, &value))
		return false;
	parameter = find_parameter(name);
	if (!parameter)
		return attribd_answer_unexpected(exchange, name.p,
			"site, from, to, by, model, creator, campaign, format, limit or offset",
			name.p);
	text = (const char **)((char *)errand->what + parameter->at);
	if (*text)
		return attribd_answer_unexpected(exchange, parameter->name, "it once", "it twice");
	if (value.n)
		*text = value.p;
	return true;
}

static bool take_parameters(struct attribd_exchange *exchange, struct attribd_errand *errand)
{
	struct attrib_str rest = exchange->request->query, name, value;

	while (attrib_query_next(&rest, &name, &value)) {
		if (name.n && !take_parameter(exchange, errand, name, value))
			return false;
	}
	return true;
}

/* A whole number from `least` to `most`; `fallback` when none was said. */
static bool read_number(
	const char *text, uint64_t least, uint64_t most, uint64_t fallback, uint64_t *out)
{
	uint64_t value = 0;

	*out = fallback;
	if (!text)
		return true;
	if (!*text || strlen(text) > 15)
		return false;
	for (const char *c = text; *c; c++) {
		if (*c < '0' || *c > '9')
			return false;
		value = 10 * value + (uint64_t)(*c - '0');
	}
	*out = value;
	return value >= least && value <= most;
}

static bool read_page(struct attribd_exchange *exchange, struct question *question)
{
	struct attrib_report_page *page = &question->page;

	if (!read_number(question->limit, 1, ROWS_MAX, ROWS, &page->limit))
		return attribd_answer_unexpected(
			exchange, "limit", "1 to 10000 rows", question->limit);
	if (!read_number(question->offset, 0, OFFSET_MAX, 0, &page->offset))
		return attribd_answer_unexpected(exchange, "offset",
			"the number of rows before this page", question->offset);
	page->bytes_max = PAGE_BYTES;
	question->report.page = page;
	return true;
}

/* Thousandths of "0.75"; what is no such number is 1. */
static int read_quality(struct attrib_str s)
{
	int value = 1000, digit = 100;

	if (s.n && s.p[0] == '0')
		value = 0;
	for (size_t i = 2; value < 1000 && i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++) {
		value += digit * (s.p[i] - '0');
		digit /= 10;
	}
	return value;
}

/* How much a media type is wanted, in thousandths; -1 = it is not named. */
static int wanted(struct attrib_str accept, struct attrib_str type)
{
	struct attrib_str one, name, rest;

	while (accept.p) {
		one = attrib_str_split(accept, ',', &accept);
		name = attrib_str_trim(attrib_str_split(one, ';', &rest));
		if (!attrib_str_ieq(name, type))
			continue;
		while (rest.p) {
			one = attrib_str_trim(attrib_str_split(rest, ';', &rest));
			if (one.n > 2 && (one.p[0] | 0x20) == 'q' && one.p[1] == '=')
				return read_quality((struct attrib_str){one.p + 2, one.n - 2});
		}
		return 1000;
	}
	return -1;
}

static bool read_format(struct attribd_exchange *exchange, struct question *question)
{
	struct attrib_str accept = attrib_http_header(exchange->request, ATTRIB_STR("Accept"));
	bool csv = wanted(accept, ATTRIB_STR("text/csv")) >
		   wanted(accept, ATTRIB_STR("application/json"));

	if (question->format) {
		csv = strcmp(question->format, "csv") == 0;
		if (!csv && strcmp(question->format, "json") != 0)
			return attribd_answer_unexpected(
				exchange, "format", "json or csv", question->format);
	}
	question->report.format = csv ? ATTRIB_REPORT_CSV : ATTRIB_REPORT_JSON;
	return true;
}

/* One of the configuration; without it the only one, or all. */
static bool read_site(struct attribd_exchange *exchange, struct attribd_errand *errand)
{
	const struct attribd_config *config = errand->snapshot->config;
	struct question *question = errand->what;
	const char *name = question->report.site;

	if (!name && config->site_count == 1)
		question->report.site = config->sites[0].site.name.p;
	if (!name || attribd_config_site(config, attrib_str_of(name)))
		return true;
	attribd_answer_refusal(exchange, ATTRIB_E_UNKNOWN_SITE, "site", NULL);
	return false;
}

/* -- the answer ----------------------------------------------------------------------------------- */

static int keep(void *arg, struct attrib_str text)
{
	struct question *question = arg;

	attrib_buf_str(question->text, text);
	return question->text->err;
}

/* The query of the next page: this one's, with another offset. */
static struct attrib_str next_query(struct attrib_arena *arena, const struct question *question)
{
	struct attrib_str rest = question->query, query = ATTRIB_STR(""), part;

	while (rest.p) {
		part = attrib_str_split(rest, '&', &rest);
		if (part.n && (part.n < 7 || memcmp(part.p, "offset=", 7) != 0))
			query = attrib_arena_printf(
				arena, "%.*s%.*s&", (int)query.n, query.p, (int)part.n, part.p);
	}
	return attrib_arena_printf(arena, "%.*soffset=%" PRIu64, (int)query.n, query.p,
		question->page.offset + question->page.rows);
}

/* The client sent the query in a target without blanks and controls; an angle bracket would end the link. */
static struct attrib_str put_link(struct attrib_arena *arena, const struct question *question)
{
	struct attrib_str query = next_query(arena, question);

	if (!question->page.more || !query.p || memchr(query.p, '>', query.n))
		return ATTRIB_STR("");
	return attrib_arena_printf(arena, "Link: </v1/reports/%s?%.*s>; rel=\"next\"\r\n",
		question->report.name, (int)query.n, query.p);
}

static bool is_known(struct attrib_str known, struct attrib_str tag)
{
	while (known.p) {
		struct attrib_str one = attrib_str_trim(attrib_str_split(known, ',', &known));
		if (attrib_str_eq(one, ATTRIB_STR("*")) || attrib_str_eq(one, tag))
			return true;
		/* a cache on the way may have weakened it */
		if (one.n > 2 && memcmp(one.p, "W/", 2) == 0 &&
			attrib_str_eq((struct attrib_str){one.p + 2, one.n - 2}, tag))
			return true;
	}
	return false;
}

static void answer(struct attribd_errand *errand, const struct question *question)
{
	struct attrib_arena *arena = &errand->arena;
	const struct attrib_buf *text = &errand->text;
	bool csv = question->report.format == ATTRIB_REPORT_CSV;
	struct attrib_str link = put_link(arena, question), tag;

	tag = attrib_arena_printf(arena, "\"%016" PRIx64 "%016" PRIx64 "\"",
		attrib_hash64(text->p, text->n, 1), attrib_hash64(text->p, text->n, 2));
	attribd_errand_answer(errand, csv ? "text/csv; charset=utf-8" : "application/json");
	if (tag.p && link.p && errand->response.status == 200) {
		errand->response.headers = attrib_arena_printf(arena,
			"ETag: %.*s\r\nCache-Control: no-cache\r\nVary: Accept\r\n%.*s", (int)tag.n,
			tag.p, (int)link.n, link.p);
		if (is_known(question->known, tag))
			errand->response.status = 304;
	}
}

static void run_report(struct attribd_errand *errand)
{
	struct question *question = errand->what;
	struct attrib_sink_error error;
	int err;

	question->text = &errand->text;
	question->report.patience = &errand->patience;
	question->report.write = keep;
	question->report.arg = question;
	err = attrib_postgres_report(&question->report, &error);
	if (!err)
		answer(errand, question);
	else if (err == ATTRIB_E_INVALID)
		attribd_errand_refuse(errand, err, error.column, error.text);
	else if (strcmp(error.sqlstate, "57014") == 0)
		attribd_errand_refuse(errand, ATTRIB_E_UNAVAILABLE, NULL,
			"the report took longer than admin_timeout; ask for less of it");
	else if (err == ATTRIB_E_NOT_FOUND)
		attribd_errand_refuse(
			errand, err, NULL, "expected the name of a report, see /v1/reports");
	else
		attribd_errand_refuse(errand, err, NULL,
			err == ATTRIB_E_UNAVAILABLE ? "PostgreSQL does not answer, try again"
			: *error.text               ? error.text
						    : NULL);
}

void attribd_admin_report(struct attribd_exchange *exchange)
{
	const struct attrib_http_request *request = exchange->request;
	struct attrib_str name = {request->path.p + PREFIX.n, request->path.n - PREFIX.n};
	struct attribd_errand *errand =
		attribd_errand_new(exchange, run_report, sizeof(struct question));
	struct question *question;

	if (!errand)
		return;
	question = errand->what;
	question->report.conninfo = errand->snapshot->config->postgres;
	question->report.name = attrib_arena_str(&errand->arena, name).p;
	question->query = attrib_arena_str(&errand->arena, request->query);
	question->known = attrib_arena_str(
		&errand->arena, attrib_http_header(request, ATTRIB_STR("If-None-Match")));
	if (take_parameters(exchange, errand) && read_page(exchange, question) &&
		read_format(exchange, question) && read_site(exchange, errand)) {
		attribd_errand_send(exchange, errand);
		return;
	}
	attribd_errand_free(errand);
}
