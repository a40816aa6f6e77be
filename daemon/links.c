#include "links.h"

static void put_site(const struct attribd_site_config *site, struct attrib_buf *out)
{
	attrib_buf_json(out, site->site.name);
	attrib_buf_printf(out, ":{\"public_url\":%s,\"affiliate\":%s}",
		site->public_url.n ? "true" : "false",
		site->intake.affiliate_param_count ? "true" : "false");
}

void attribd_links_put_sites(const struct attribd_config *config,
	const struct attribd_site_config *site, struct attrib_buf *out)
{
	attrib_buf_str(out, ATTRIB_STR("{\"default\":"));
	if (site)
		attrib_buf_json(out, site->site.name);
	else
		attrib_buf_str(out, ATTRIB_STR("null"));
	attrib_buf_str(out, ATTRIB_STR(",\"sites\":{"));
	for (size_t i = 0; i < config->site_count; i++) {
		if (i)
			attrib_buf_char(out, ',');
		put_site(&config->sites[i], out);
	}
	attrib_buf_str(out, ATTRIB_STR("}}"));
}

int attribd_links_url(const struct attribd_config *config, struct attrib_arena *arena,
	const struct attrib_link *link, struct attrib_str *out)
{
	const struct attribd_site_config *site = attribd_config_site(config, link->site);
	struct attrib_str parameter = ATTRIB_STR_NONE;
	int err;

	*out = ATTRIB_STR_NONE;
	if (!site)
		return 0;
	if (site->intake.affiliate_param_count)
		parameter = site->intake.affiliate_params[0];
	err = attrib_link_url(arena, link, site->public_url, parameter, out);
	return err == ATTRIB_E_INVALID ? 0 : err;
}
