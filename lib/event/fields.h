/*
 * Events as bytes. One table says which member of which struct has which tag and form; writing and
 * reading are two walks over it, so they cannot disagree.
 *
 * A payload is a version byte and fields {tag byte, varint length, bytes} with growing tags. A member
 * that has its default is not written. Growing tags make a repeated field visible as damage and
 * leave the gaps for later fields; what a reader does not know it skips by the length.
 */
#ifndef ATTRIB_EVENT_FIELDS_H
#define ATTRIB_EVENT_FIELDS_H

#include "attrib/event.h"

#define EVENT_VERSION 1
#define TAGS          64  /* a struct's; those of struct attrib_event come first, ... */
#define ORDER_TAGS    64  /* ... then those of struct attrib_order ... */
#define REFUND_TAGS   128 /* ... and of struct attrib_refund */
#define VARINT_MAX    10  /* bytes of a 64-bit varint */

enum form {
	END = 0,  /* of a table */
	TEXT,     /* the bytes of a struct attrib_str */
	ID,       /* 16 bytes; none is not written */
	SMALL,    /* varint of a 32-bit member or an enum; 0 is not written */
	FLAG,     /* a bool: true is a field of length 0 */
	AMOUNT,   /* zigzag varint of an int64_t; 0 is not written */
	INSTANT,  /* 8 bytes, little endian; ATTRIB_NEVER is not written */
	AFTER,    /* zigzag varint of an instant's distance from received_at; 0 is not written */
	CURRENCY, /* three letters of a char[4] */
	KEYS,     /* per customer key: kind byte, 16 bytes of id */
	CODES,    /* per code: varint 2 * length + has_amount, bytes, zigzag varint amount */
	ALIASES,  /* per alias: varint length, kind, varint length, value, 16 bytes of id */
};

struct field {
	uint8_t tag;
	uint8_t form;
	uint16_t offset; /* of the member in its struct */
};

/* Each ends with a row of form END. */
extern const struct field event_fields[], order_fields[], refund_fields[];
/* The same rows; form END where no member has the tag. */
extern const struct field fields_by_tag[256];

#endif
