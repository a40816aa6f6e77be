/*
 * Threads behind the journal. It holds what they have not done yet, so when the cores do not suffice
 * for everything they stand back for who answers requests, and catch up later.
 */
#ifndef ATTRIBD_BACKGROUND_H
#define ATTRIBD_BACKGROUND_H

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#define ATTRIBD_BACKGROUND_NICE 10 /* a tenth of a worker's share: enough to catch up beside it */

/* Names the calling thread and lowers its priority. On Linux both belong to the thread alone. */
static inline void attribd_background(const char *name)
{
	pthread_setname_np(pthread_self(), name);
	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), ATTRIBD_BACKGROUND_NICE);
}

#endif
