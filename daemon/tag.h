/*
 * The JavaScript tag (tag/a.js), as it is served.
 */
#ifndef ATTRIBD_TAG_H
#define ATTRIBD_TAG_H

#include "attrib/str.h"

struct attribd_tag {
	struct attrib_str body;
	const char *etag; /* strong, with its quotes */
};

/* The same script; `compressed` by gzip. */
extern const struct attribd_tag attribd_tag_plain, attribd_tag_compressed;

#endif
