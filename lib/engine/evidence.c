/*
 * Bodies of touches: one byte of type, four of verdicts, one that tells which texts follow, then each
 * text as two bytes of length and its bytes. Small, because a visitor with one touch is the most
 * frequent thing that the state holds.
 */
#include "evidence.h"

#include <string.h>

#include "facts.h"

#define TEXTS     8
#define KEYS      3 /* of them; the others are the utm's */
#define HEAD_SIZE 6
#define TEXT_MAX  UINT16_MAX

static void texts_of(struct attrib_evidence *e, struct attrib_str *texts[TEXTS])
{
	struct attrib_str *all[TEXTS] = {&e->event_id, &e->link, &e->affiliate, &e->utm.source,
		&e->utm.medium, &e->utm.campaign, &e->utm.term, &e->utm.content};

	memcpy(texts, all, sizeof all);
}

static struct attrib_str cut(struct attrib_str s)
{
	return s.n <= TEXT_MAX ? s : (struct attrib_str){s.p, TEXT_MAX};
}

static char *text_put(char *p, struct attrib_str s)
{
	*p++ = (char)s.n;
	*p++ = (char)(s.n >> 8);
	memcpy(p, s.p, s.n);
	return p + s.n;
}

struct attrib_str attrib_evidence_write(
	const struct attrib_event *event, struct attrib_arena *arena)
{
	const struct attrib_str *keys[KEYS] = {&event->event_id, &event->link, &event->affiliate};
	const struct attrib_utm *utm = &event->utm;
	const struct attrib_str *parts[TEXTS - KEYS] = {
		&utm->source, &utm->medium, &utm->campaign, &utm->term, &utm->content};
	struct attrib_str texts[TEXTS];
	size_t n = 0, size = HEAD_SIZE;
	uint8_t present = 0;
	char *p, *start;

	for (unsigned i = 0; i < (event->has_utm ? TEXTS : KEYS); i++) {
		const struct attrib_str *text = i < KEYS ? keys[i] : parts[i - KEYS];
		if (!text->n)
			continue;
		texts[n] = cut(*text);
		size += 2 + texts[n++].n;
		present |= (uint8_t)(1u << i);
	}
	start = p = attrib_arena_raw(arena, size);
	if (!p)
		return ATTRIB_STR_NONE;
	*p++ = (char)event->type;
	for (int shift = 0; shift < 32; shift += 8)
		*p++ = (char)(event->verdicts >> shift);
	*p++ = (char)present;
	for (size_t i = 0; i < n; i++)
		p = text_put(p, texts[i]);
	return (struct attrib_str){start, size};
}

bool attrib_evidence_read(const struct attrib_fact *touch, struct attrib_evidence *out)
{
	const uint8_t *p = (const uint8_t *)touch->body.p, *end = p + touch->body.n;
	struct attrib_str *texts[TEXTS];
	uint8_t present;

	*out = (struct attrib_evidence){0};
	if (touch->body.n < HEAD_SIZE)
		return false;
	out->type = p[0];
	out->verdicts = p[1] | (uint32_t)p[2] << 8 | (uint32_t)p[3] << 16 | (uint32_t)p[4] << 24;
	present = p[5];
	p += HEAD_SIZE;
	texts_of(out, texts);
	for (size_t i = 0; i < TEXTS; i++) {
		size_t n;
		if (!(present >> i & 1))
			continue;
		if (end - p < 2)
			return false;
		n = p[0] | (size_t)p[1] << 8;
		p += 2;
		if ((size_t)(end - p) < n)
			return false;
		*texts[i] = (struct attrib_str){(const char *)p, n};
		p += n;
	}
	out->has_utm = present >> 3 != 0;
	return true;
}
