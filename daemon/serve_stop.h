/*
 * The end of the running daemon, in the reverse order of its start: the door, the workers with their lanes, the
 * engine, the flush, the rest. Each has its time; what hangs in a call beyond it is left behind.
 */
#ifndef ATTRIBD_SERVE_STOP_H
#define ATTRIBD_SERVE_STOP_H

#include "server.h"

/* Main thread: SIG_BLOCK or SIG_UNBLOCK for the signals that stop. All threads are born while all signals are
 * blocked: they are the main thread's business, and only while its loop runs. A reload waits until there is
 * something to reload. */
void attribd_serve_hear(int how);

/* Main thread; of a start that failed, too, once it has a journal. From here on a signal ends the process at once: the
 * journal has what was acknowledged. False: a thread hangs in a call; memory must not be taken from under it. *code
 * becomes EX_IOERR when that call is one of the disk. */
bool attribd_serve_stop(struct attribd_server *server, int *code);

#endif
