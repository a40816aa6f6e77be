/*
 * The log: one line an event on stderr, "<level> <message>", with the syslog prefix that systemd
 * understands (<3>..<7>) when the journal listens. The daemon logs once, where something is decided,
 * and the line ends with what happens next ("retrying in 4 s"). Never a secret, e-mail or address.
 */
#ifndef ATTRIBD_LOG_H
#define ATTRIBD_LOG_H

enum attribd_log_level {
	ATTRIBD_LOG_ERROR = 3,
	ATTRIBD_LOG_WARNING,
	ATTRIBD_LOG_NOTICE,
	ATTRIBD_LOG_INFO,
	ATTRIBD_LOG_DEBUG
};

/* Thread-safe; one write(2) a line; longer lines are cut at 1 KiB. */
void attribd_log(enum attribd_log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void attribd_log_set_level(enum attribd_log_level level);

#endif
