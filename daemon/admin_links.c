/*
 * POST /v1/links: trackers that are handed out, an object or a list of them, each taken or refused by
 * itself. GET /v1/links?site=S[&creator=C]: those that there are.
 */
#include "links.h"
#include "server.h"

#define LISTED_MAX 1000

/* What an answer is made of while rows come in. */
struct answer {
	struct attribd_exchange *exchange;
	struct attrib_buf *links;   /* the worker's */
	struct attrib_buf rejected; /* owned */
	size_t count;
	bool with_item; /* rows answer items of the request */
	int err;
};

static void answer_init(struct answer *answer, struct attribd_exchange *exchange, bool with_item)
{
	*answer = (struct answer){
		.exchange = exchange, .links = &exchange->worker->text, .with_item = with_item};
	attrib_buf_init(&answer->rejected);
	attrib_buf_str(answer->links, ATTRIB_STR("{\"links\":["));
}

static void put_field(struct attrib_buf *out, const char *name, struct attrib_str value)
{
	if (value.n == 0)
		return;
	attrib_buf_printf(out, "%s\"%s\":", out->p[out->n - 1] == '{' ? "" : ",", name);
	attrib_buf_json(out, value);
}

static void put_link(struct answer *answer, const struct attrib_link_row *row)
{
	const struct attrib_link *link = &row->link;
	struct attrib_buf *out = answer->links;
	struct attrib_str url;
	int err = attribd_links_url(
		answer->exchange->snapshot->config, &answer->exchange->worker->arena, link, &url);

	if (err) {
		answer->err = err;
		return;
	}
	attrib_buf_str(out, answer->count++ ? ATTRIB_STR(",{") : ATTRIB_STR("{"));
	if (answer->with_item)
		attrib_buf_printf(out, "\"index\":%zu", row->item);
	if (out->err)
		return;
	put_field(out, "site", link->site);
	put_field(out, "kind", link->kind);
	put_field(out, "key", link->key);
	put_field(out, "creator", link->creator);
	put_field(out, "campaign", link->campaign);
	put_field(out, "placement", link->placement);
	put_field(out, "destination", link->destination);
	put_field(out, "valid_from", link->valid_from);
	put_field(out, "valid_to", link->valid_to);
	put_field(out, "sub", link->sub);
	put_field(out, "url", url);
	attrib_buf_char(out, '}');
}

static void put_row(void *arg, const struct attrib_link_row *row)
{
	struct answer *answer = arg;
	struct attrib_buf *out = &answer->rejected;

	if (!row->problem) {
		put_link(answer, row);
		return;
	}
	attrib_buf_printf(out,
		"%s{\"index\":%zu,\"code\":\"invalid\",\"field\":", out->n ? "," : "", row->item);
	if (row->field)
		attrib_buf_json(out, attrib_str_of(row->field));
	else
		attrib_buf_str(out, ATTRIB_STR("null"));
	attrib_buf_str(out, ATTRIB_STR(",\"message\":"));
	attrib_buf_json(out, attrib_str_of(row->problem));
	attrib_buf_char(out, '}');
}

static void answer_failure(
	struct attribd_exchange *exchange, int err, const struct attrib_sink_error *error)
{
	attrib_buf_clear(&exchange->worker->text);
	if (err == ATTRIB_E_UNAVAILABLE)
		attribd_admin_unanswered(exchange);
	else
		attribd_answer_error(exchange, err, *error->text ? error->text : NULL);
}

/* Ends the answer and frees what it is made of. err: of the whole. */
static void answer_done(struct answer *answer, int err, const struct attrib_sink_error *error)
{
	struct attribd_exchange *exchange = answer->exchange;
	bool all_bad = answer->rejected.n && !answer->count;

	if (answer->with_item) {
		attrib_buf_str(answer->links, ATTRIB_STR("],\"rejected\":["));
		attrib_buf_str(answer->links, attrib_buf_view(&answer->rejected));
	}
	attrib_buf_str(answer->links, ATTRIB_STR("]}\n"));
	if (!err)
		err = answer->err          ? answer->err
		      : answer->links->err ? answer->links->err
					   : answer->rejected.err;
	if (!err)
		exchange->response = (struct attrib_http_response){.status = all_bad ? 400 : 200,
			.content_type = "application/json",
			.body = attrib_buf_view(answer->links)};
	else
		answer_failure(exchange, err, error);
	attrib_buf_done(&answer->rejected);
}

/* A page that somebody on this host looks at can post forms and plain texts here, but no JSON: for that
 * its browser would ask first. */
static bool refuse_type(struct attribd_exchange *exchange)
{
	struct attrib_str rest,
		type = attrib_http_header(exchange->request, ATTRIB_STR("Content-Type"));

	type = attrib_str_trim(attrib_str_split(type, ';', &rest));
	if (attrib_str_ieq(type, ATTRIB_STR("application/json")))
		return attribd_refuse_encoding(exchange);
	exchange->response = (struct attrib_http_response){.status = 415};
	return true;
}

static void add(struct attribd_exchange *exchange, const struct attribd_site_config *site)
{
	struct attrib_link_adder adder = {.conninfo = exchange->snapshot->config->postgres,
		.items = exchange->body,
		.hurry = true,
		.row = put_row};
	struct attrib_sink_error error = {0};
	struct attrib_buf sites;
	struct answer answer;
	int err;

	attrib_buf_init(&sites);
	attribd_links_put_sites(exchange->snapshot->config, site, &sites);
	adder.sites = attrib_buf_view(&sites);
	answer_init(&answer, exchange, true);
	adder.arg = &answer;
	err = sites.err ? sites.err : attrib_postgres_add_links(&adder, &error);
	if (err == ATTRIB_E_INVALID) { /* its text is PostgreSQL's and may quote the body */
		err = ATTRIB_E_BAD_JSON;
		error.text[0] = '\0';
	}
	answer_done(&answer, err, &error);
	attrib_buf_done(&sites);
}

void attribd_admin_add_links(struct attribd_exchange *exchange)
{
	const struct attribd_config *config = exchange->snapshot->config;
	const struct attribd_site_config *site = config->site_count == 1 ? &config->sites[0] : NULL;

	if (refuse_type(exchange))
		return;
	if (attribd_admin_parameter(exchange, "site").n && !(site = attribd_admin_site(exchange)))
		return;
	if (attribd_admin_may_ask(exchange))
		add(exchange, site);
}

void attribd_admin_list_links(struct attribd_exchange *exchange)
{
	const struct attribd_site_config *site = attribd_admin_site(exchange);
	struct attrib_str creator = attribd_admin_parameter(exchange, "creator");
	struct attrib_link_lister lister = {.conninfo = exchange->snapshot->config->postgres,
		.limit = LISTED_MAX,
		.hurry = true,
		.row = put_row};
	struct attrib_sink_error error = {0};
	struct answer answer;

	if (!site || !attribd_admin_may_ask(exchange))
		return;
	lister.site = site->site.name.p;
	if (creator.n)
		lister.creator = attrib_arena_str(&exchange->worker->arena, creator).p;
	answer_init(&answer, exchange, false);
	lister.arg = &answer;
	answer_done(&answer, attrib_postgres_list_links(&lister, &error), &error);
}
