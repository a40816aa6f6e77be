/*
 * The JavaScript tag: made at build time, the same for everybody.
 */
#include "route.h"

#include "attrib/text.h"
#include "tag.h"
#include "worker.h"

/* Whether a list of a header (Accept-Encoding, If-None-Match) has the item; parameters are left out, but
 * one of q=0 says no. */
static bool lists(struct attrib_str list, struct attrib_str wanted)
{
	struct attrib_str item, parameters;

	while (list.n) {
		item = attrib_str_split(list, ',', &list);
		item = attrib_str_trim(attrib_str_split(item, ';', &parameters));
		if (item.n > 2 && memcmp(item.p, "W/", 2) == 0)
			item = (struct attrib_str){item.p + 2, item.n - 2};
		if (attrib_str_ieq(item, wanted))
			return !attrib_str_eq(attrib_str_trim(parameters), ATTRIB_STR("q=0"));
	}
	return false;
}

static const struct attribd_tag *choose(const struct attrib_http_request *request)
{
	struct attrib_str accepted = attrib_http_header(request, ATTRIB_STR("Accept-Encoding"));

	return lists(accepted, ATTRIB_STR("gzip")) ? &attribd_tag_compressed : &attribd_tag_plain;
}

static bool is_current(const struct attrib_http_request *request, const struct attribd_tag *tag)
{
	struct attrib_str known = attrib_http_header(request, ATTRIB_STR("If-None-Match"));

	return lists(known, attrib_str_of(tag->etag)) || lists(known, ATTRIB_STR("*"));
}

/* Browsers ask again once a day; in between a page that knows an older tag goes on with it. */
static void answer_tag(struct attribd_exchange *exchange)
{
	const struct attribd_tag *tag = choose(exchange->request);
	bool current = is_current(exchange->request, tag);
	const char *encoding =
		tag == &attribd_tag_compressed && !current ? "Content-Encoding: gzip\r\n" : "";

	exchange->response = (struct attrib_http_response){.status = current ? 304 : 200,
		.content_type = "text/javascript; charset=utf-8",
		.body = tag->body,
		.headers = attrib_arena_printf(&exchange->worker->arena,
			"ETag: %s\r\n"
			"Cache-Control: public, max-age=86400, stale-while-revalidate=604800\r\n"
			"Vary: Accept-Encoding\r\n"
			"Access-Control-Allow-Origin: *\r\n"
			"Cross-Origin-Resource-Policy: cross-origin\r\n"
			"X-Content-Type-Options: nosniff\r\n"
			"%s",
			tag->etag, encoding)};
	if (!exchange->response.headers.p)
		attribd_answer_overload(exchange);
}

/* With an event in the query it is the pixel that is asked for, under the tag's name. */
static bool is_pixel(const struct attrib_http_request *request)
{
	struct attrib_str rest = request->query, name, value;

	while (attrib_query_next(&rest, &name, &value)) {
		if (attrib_str_eq(name, ATTRIB_STR("e")))
			return true;
	}
	return false;
}

void attribd_handle_tag(struct attribd_exchange *exchange)
{
	if (is_pixel(exchange->request))
		attribd_handle_pixel(exchange);
	else
		answer_tag(exchange);
}
