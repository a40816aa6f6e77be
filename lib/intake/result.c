/*
 * Items of a request gathered into its result: what was accepted, and what not and why.
 */
#include "draft.h"

/* rejects are rare: their room is only taken when there is one. */
int result_open(const struct sender *sender, size_t items, struct attrib_intake_result *out)
{
	*out = (struct attrib_intake_result){0};
	out->events = attrib_arena_raw(sender->intake->arena, items * sizeof *out->events);
	return out->events ? 0 : ATTRIB_E_NOMEM;
}

static int add(const struct sender *sender, struct attrib_reject **list, size_t *count,
	const struct attrib_reject *reject)
{
	size_t n = *count;
	struct attrib_reject *grown;

	if ((n & (n - 1)) == 0) { /* the next power of two */
		grown = attrib_arena_raw(sender->intake->arena, (n ? 2 * n : 1) * sizeof *grown);
		if (!grown)
			return ATTRIB_E_NOMEM;
		if (n)
			memcpy(grown, *list, n * sizeof *grown);
		*list = grown;
	}
	(*list)[(*count)++] = *reject;
	return 0;
}

static int add_reject(const struct sender *sender, struct attrib_intake_result *out,
	const struct attrib_reject *reject)
{
	return add(sender, &out->rejects, &out->reject_count, reject);
}

int result_ignore(const struct sender *sender, struct attrib_intake_result *out, size_t index,
	const char *reason)
{
	struct attrib_reject note = {.index = index, .message = attrib_str_of(reason)};

	return add(sender, &out->ignored, &out->ignored_count, &note);
}

static void note_visitor(struct attrib_intake_result *out, const struct draft *draft)
{
	const struct attrib_event *event = &draft->event;

	out->declined |= draft_declined(draft);
	out->consented |= draft_sent(draft, BIT(CONSENT)) && draft->consent;
	out->landed |= event->type == ATTRIB_EVENT_VISIT &&
		       (event->has_utm || event->affiliate.n || !attrib_id_none(&event->click));
	if (!attrib_id_none(&event->visitor) && draft->visitor_id.n)
		out->visitor_id = draft->visitor_id;
}

int result_take(struct attrib_intake_result *out, struct draft *draft, bool refused)
{
	struct attrib_reject reject = {.index = draft->index};
	bool keep = false;

	if (!refused && draft_set(draft) && draft_finish(draft, &keep)) {
		out->accepted++;
		note_visitor(out, draft);
		if (keep) {
			out->events[out->event_count++] = draft->event;
			out->late += draft->clamped < 0;
			out->future += draft->clamped > 0;
		}
		return 0;
	}
	if (draft->error == ATTRIB_E_NOMEM)
		return ATTRIB_E_NOMEM;
	reject.error = draft->error;
	reject.message = draft->message;
	return add_reject(draft->sender, out, &reject);
}

int result_refuse(const struct sender *sender, struct attrib_intake_result *out, size_t index,
	int error, const char *message)
{
	struct attrib_reject reject = {
		.index = index, .error = error, .message = attrib_str_of(message)};

	*out = (struct attrib_intake_result){.whole = true};
	if (add_reject(sender, out, &reject))
		return ATTRIB_E_NOMEM;
	return error;
}
