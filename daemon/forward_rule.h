/*
 * Whom a forwarded event may be sent to, and when it is sent again: rules without sockets and clocks.
 */
#ifndef ATTRIBD_FORWARD_RULE_H
#define ATTRIBD_FORWARD_RULE_H

#include <stdint.h>
#include <sys/socket.h>

/* What an address is when it is not a public one: "loopback", "private", "link-local", ...; NULL = public.
 * An IPv6 address that leads to an IPv4 one is what that is. */
const char *attribd_address_class(const struct sockaddr *address);
/* The same of a numeric address as text; what is none is "no address". */
const char *attribd_address_text_class(const char *text);

/* How long to wait after the `tries`th failed try (from 1): about first_us, and twice as long after each
 * further one, up to 6 hours; by `random` between half of it and all, so that what failed together does
 * not come back together. */
int64_t attribd_backoff_us(int tries, int64_t first_us, uint32_t random);

#endif
