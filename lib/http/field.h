/*
 * The header fields that decide how a request is read, private to this room.
 */
#ifndef ATTRIB_HTTP_FIELD_H
#define ATTRIB_HTTP_FIELD_H

#include "attrib/http.h"

/* Takes note of one header of `request`, whose version is known: 0 or minus a status. */
int attrib_http_field(struct attrib_http_request *request, const struct attrib_http_header *header);

#endif
