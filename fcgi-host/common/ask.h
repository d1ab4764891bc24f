/*
 * ask.h - documents that only the supervisor can make.
 *
 * The control socket's clients ask it for them, and a front does so for a
 * request: MESSAGE_ASK, MESSAGE_ANSWER (common/contract.h).  It is asked for
 * one by its kind alone, so it still reads no byte of a web server.
 */
#ifndef COMMON_ASK_H
#define COMMON_ASK_H

enum ask_kind {
	ASK_METRICS,		/* OpenMetrics */
	ASK_METRICS_TEXT,	/* the older form, 0.0.4 */
	ASK_STATUS,		/* `fcgi-host status --json` */
	ASK_READY,		/* common/health.h */
	ASK_KINDS,
	ASK_ALIVE = ASK_KINDS	/* none: the front answers, as long as it can */
};

#endif
