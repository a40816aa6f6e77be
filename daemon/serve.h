/*
 * The command `serve`: starts every thread in order, runs until a signal, stops in order.
 */
#ifndef ATTRIBD_SERVE_H
#define ATTRIBD_SERVE_H

#include "config.h"

/* Takes the configuration over. config_file is read again on SIGHUP. Returns the exit code: 0 after a
 * graceful stop, 69, 74 or 78 as in the manual. */
int attribd_serve(struct attribd_config *config, const char *config_file);

#endif
