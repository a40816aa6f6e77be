/* See forward_site.h. */
#include "forward_site.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forward_rule.h"
#include "log.h"
#include "metrics.h"

#define TELL_US 10000000 /* between two lines of a site: receivers that flap are no news */

/* -- the list ------------------------------------------------------------------------------------- */

static struct attribd_forward_site *find(struct attribd_forward *forward, const char *name)
{
	for (struct attribd_forward_site *s = forward->sites; s; s = s->next) {
		if (strcmp(s->name, name) == 0)
			return s;
	}
	return NULL;
}

static struct attribd_forward_site *add(struct attribd_forward *forward, const char *name)
{
	struct attribd_forward_site *site = calloc(1, sizeof *site);

	if (!site)
		return NULL;
	snprintf(site->name, sizeof site->name, "%s", name);
	for (size_t i = 0; i < ATTRIBD_FORWARD_POSTS; i++)
		site->slots[i].site = site;
	site->next = forward->sites;
	forward->sites = site;
	return site;
}

static bool is_done(const struct attribd_forward_site *site)
{
	return !site->config && forward_site_count(site, FORWARD_FREE) == ATTRIBD_FORWARD_POSTS;
}

int forward_sites_take(struct attribd_forward *forward)
{
	const struct attribd_config *config = forward->snapshot->config;
	int err = 0;

	for (struct attribd_forward_site *s = forward->sites; s; s = s->next)
		s->config = NULL;
	for (size_t i = 0; i < config->site_count; i++) {
		struct attribd_forward_site *site = find(forward, config->sites[i].site.name.p);
		if (!config->sites[i].forward.url.n)
			continue;
		if (!site)
			site = add(forward, config->sites[i].site.name.p);
		if (site)
			site->config = &config->sites[i];
		else
			err = ATTRIB_E_NOMEM;
	}
	return err;
}

void forward_sites_sweep(struct attribd_forward *forward)
{
	struct attribd_forward_site **at = &forward->sites;

	while (*at) {
		struct attribd_forward_site *site = *at;
		if (!is_done(site)) {
			at = &site->next;
			continue;
		}
		*at = site->next;
		free(site);
	}
}

void forward_sites_done(struct attribd_forward *forward)
{
	while (forward->sites) {
		struct attribd_forward_site *site = forward->sites;
		forward->sites = site->next;
		for (size_t i = 0; i < ATTRIBD_FORWARD_POSTS; i++)
			attribd_post_end(&forward->poster, &site->slots[i].post);
		free(site);
	}
}

int forward_site_count(const struct attribd_forward_site *site, enum forward_state state)
{
	int n = 0;

	for (size_t i = 0; i < ATTRIBD_FORWARD_POSTS; i++)
		n += site->slots[i].state == state;
	return n;
}

struct forward_slot *forward_site_slot(struct attribd_forward_site *site)
{
	for (size_t i = 0; i < ATTRIBD_FORWARD_POSTS; i++) {
		if (site->slots[i].state == FORWARD_FREE)
			return &site->slots[i];
	}
	return NULL;
}

/* -- what became of a post ------------------------------------------------------------------------- */

static void fail(struct forward_slot *slot, const struct attribd_answer *answer, uint32_t random,
	int64_t now)
{
	struct attribd_forward_site *site = slot->site;
	int64_t asked = answer->retry_after * ATTRIB_US_PER_S, tried;

	slot->outcome = ATTRIB_OUTBOX_AGAIN;
	if (site->config) {
		const struct attribd_forward_config *to = &site->config->forward;
		tried = slot->begun_us + (now - slot->started_at);
		slot->wait_us = attribd_backoff_us(slot->tries, to->retry_after_us, random);
		if (slot->wait_us < asked)
			slot->wait_us = asked;
		if (tried >= to->give_up_us)
			slot->outcome = ATTRIB_OUTBOX_DEAD;
	}
	memcpy(slot->why, answer->why, sizeof slot->why);
	memcpy(site->why, answer->why, sizeof site->why);
	site->failing = true;
	attribd_metric_add(ATTRIBD_METRIC_FORWARD_FAILED, 1);
}

void forward_site_hear(struct forward_slot *slot, const struct attribd_answer *answer,
	uint32_t random, int64_t now)
{
	slot->state = FORWARD_ENDED;
	slot->wait_us = 0;
	slot->why[0] = '\0';
	if (!answer->taken) {
		fail(slot, answer, random, now);
		return;
	}
	slot->outcome = ATTRIB_OUTBOX_SENT;
	slot->site->failing = false;
	attribd_metric_add(ATTRIBD_METRIC_FORWARD_SENT, 1);
}

/* -- the log ---------------------------------------------------------------------------------------- */

static struct attrib_str host_of(const struct attribd_forward_site *site)
{
	struct attrib_str url = site->config->forward.url, host;

	host.p = strstr(url.p, "://") + 3;
	host.n = strcspn(host.p, "/?#");
	return host;
}

void forward_site_tell(struct attribd_forward_site *site, int64_t now)
{
	bool turned = site->failing != site->told_failing;

	if (!site->config || (!turned && !site->given_up) ||
		(site->told_at && now - site->told_at < TELL_US))
		return;
	struct attrib_str host = host_of(site);
	if (turned && site->failing)
		attribd_log(ATTRIBD_LOG_WARNING,
			"forward: site %s: %.*s: %s; trying again, later and later", site->name,
			(int)host.n, host.p, site->why);
	else if (turned)
		attribd_log(ATTRIBD_LOG_NOTICE, "forward: site %s: %.*s takes events again",
			site->name, (int)host.n, host.p);
	if (site->given_up)
		attribd_log(ATTRIBD_LOG_ERROR,
			"forward: site %s: %lld event%s given up; see attribd outbox list",
			site->name, (long long)site->given_up,
			site->given_up == 1 ? " was" : "s were");
	site->told_failing = site->failing;
	site->given_up = 0;
	site->told_at = now;
}
