/*
 * Tells systemd what the service does. Without $NOTIFY_SOCKET nothing happens.
 */
#ifndef ATTRIBD_NOTIFY_H
#define ATTRIBD_NOTIFY_H

/* "READY=1", "STOPPING=1"; for a reload attribd_notify_reloading. */
void attribd_notify(const char *state);
/* RELOADING=1 with the monotonic time that Type=notify-reload wants. */
void attribd_notify_reloading(void);

#endif
