/*
 * QR codes (ISO 18004) of an address, for a terminal and for print.
 */
#ifndef ATTRIBD_CMD_QR_H
#define ATTRIBD_CMD_QR_H

#include "attrib/buf.h"
#include "attrib/error.h"

/* Lines of half blocks, dark on light whatever the terminal's own colours are (`colours`: by its escapes; else
 * light modules are blocks, as dark terminals need them). ATTRIB_E_TOO_LARGE, ATTRIB_E_NOMEM. */
int cmd_qr_text(const char *address, bool colours, struct attrib_buf *out) ATTRIB_MUST_CHECK;
/* A drawing (SVG) of square units, to be scaled at will. */
int cmd_qr_svg(const char *address, struct attrib_buf *out) ATTRIB_MUST_CHECK;

#endif
