/*
 * The visitor cookie, "<id>.<MAC>". The MAC makes ids that others chose worthless: who could set a
 * shop's visitors to one known id would join their baskets, so a value in the cookie's form with a
 * wrong MAC is nobody.
 */
#include "parts.h"

#define ID_TEXT 22 /* base64url characters of 16 bytes */

static struct attrib_str sign(struct attrib_keys *keys, struct attrib_str text, char out[ID_TEXT])
{
	struct attrib_id mac = attrib_cookie_mac(keys, text);

	return (struct attrib_str){out, attrib_base64url(mac.b, sizeof mac.b, out)};
}

static struct attrib_str cookie_of(
	struct attrib_arena *arena, struct attrib_keys *keys, const char text[ID_TEXT])
{
	char *p = attrib_arena_raw(arena, 2 * ID_TEXT + 1);

	if (!p)
		return ATTRIB_STR_NONE;
	memcpy(p, text, ID_TEXT);
	p[ID_TEXT] = '.';
	sign(keys, (struct attrib_str){p, ID_TEXT}, p + ID_TEXT + 1);
	return (struct attrib_str){p, 2 * ID_TEXT + 1};
}

struct attrib_str attrib_visitor_cookie(
	struct attrib_arena *arena, struct attrib_keys *keys, const uint8_t random[16])
{
	char text[ID_TEXT];

	attrib_base64url(random, 16, text);
	return cookie_of(arena, keys, text);
}

static bool is_base64url(struct attrib_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (!letter && !(c >= '0' && c <= '9') && c != '-' && c != '_')
			return false;
	}
	return true;
}

static bool is_cookie_form(struct attrib_str s)
{
	return s.n == 2 * ID_TEXT + 1 && s.p[ID_TEXT] == '.' &&
	       is_base64url((struct attrib_str){s.p, ID_TEXT}) &&
	       is_base64url((struct attrib_str){s.p + ID_TEXT + 1, ID_TEXT});
}

struct attrib_str visitor_adopt(
	struct attrib_arena *arena, struct attrib_keys *keys, struct attrib_str sent)
{
	struct attrib_str text = is_cookie_form(sent) ? attrib_visitor_verify(keys, sent) : sent;

	if (text.n != ID_TEXT || !is_base64url(text))
		return ATTRIB_STR_NONE;
	return cookie_of(arena, keys, text.p);
}

struct attrib_str attrib_visitor_verify(struct attrib_keys *keys, struct attrib_str cookie)
{
	struct attrib_str text = {cookie.p, ID_TEXT}, mac;
	char expected[ID_TEXT];

	if (!is_cookie_form(cookie))
		return ATTRIB_STR_NONE;
	mac = (struct attrib_str){cookie.p + ID_TEXT + 1, ID_TEXT};
	return attrib_str_eq_secret(mac, sign(keys, text, expected)) ? text : ATTRIB_STR_NONE;
}

struct attrib_id visitor_of_text(
	struct attrib_keys *keys, struct attrib_str site, struct attrib_str text)
{
	return attrib_id_of(keys, ATTRIB_ID_VISITOR, site, text);
}

struct attrib_id attrib_visitor_id(
	struct attrib_keys *keys, struct attrib_str site, struct attrib_str sent)
{
	struct attrib_str text = is_cookie_form(sent) ? attrib_visitor_verify(keys, sent) : sent;

	if (text.n == 0 || attrib_str_eq(text, ATTRIB_STR("0")))
		return (struct attrib_id){{0}};
	return visitor_of_text(keys, site, text);
}

struct attrib_str visit_cookie(const struct attrib_intake *intake, const struct attrib_visit *visit)
{
	struct attrib_str cookie =
		attrib_http_cookie(visit->request, ATTRIB_STR(ATTRIB_VISITOR_COOKIE));

	return attrib_visitor_verify(intake->keys, cookie);
}

bool visit_opted_out(const struct attrib_visit *visit)
{
	static const struct attrib_str one = ATTRIB_STR("1");

	return attrib_str_eq(attrib_http_header(visit->request, ATTRIB_STR("Sec-GPC")), one) ||
	       attrib_str_eq(attrib_http_header(visit->request, ATTRIB_STR("DNT")), one);
}
