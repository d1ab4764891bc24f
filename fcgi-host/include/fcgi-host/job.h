/*
 * job.h - long work: a route whose requests become jobs.
 *
 *	static int
 *	train(struct fh_request *rq)
 *	{
 *		for (int i = 0; i < 100; i++) {
 *			if (fh_cancelled(rq))
 *				return fh_problem(rq, 503, "Ended early.");
 *			step(i);
 *			fh_progress(rq, i + 1, 100, "trees");
 *		}
 *		return fh_reply_json(rq, 200, summary());
 *	}
 *
 *	FH_HANDLER(.name = "train", .routes = FH_ROUTES(
 *		{ "POST", "/train", .serve = train, .job = true }));
 *
 * What the client sees.  POST /train is checked as the route declares it, and
 * answered 202 with `Location: /jobs/ID` once it is on the disk.  GET of that
 * gives {"id", "state", "attempts", "progress", "result" or "problem", ...};
 * a result that is JSON, of 1 MiB at most, is in it, of another it says where;
 * state is queued, running, retrying, succeeded, failed or cancelled.
 * ?wait=10s answers when it has ended, or after that time; /jobs/ID/events, or
 * Accept: text/event-stream, follows it; /jobs/ID/result is the reply: its
 * status, if that is below 300, its type and body; DELETE cancels it.  With a
 * header Idempotency-Key the same request makes one job, however often it is
 * sent, and another request with that key gets a 422.  With a header
 * Webhook-URL that one is told of its end, signed, if `jobs_webhooks` of the
 * configuration allows it.  `jobs_path` is where jobs are.  A job that
 * was sent with credentials (identity.h) is seen with the same alone, and is a
 * 404 to others; of any other one the id is the key, which cannot be guessed.
 *
 * What the handler sees.  A request like any other: its body, parameters and
 * declared inputs, whatever has become of the client, but for the headers
 * Authorization, Proxy-Authorization, Idempotency-Key and Webhook-URL, which
 * are not kept.
 * fh_param(rq, "JOB_ID") is its id and "JOB_ATTEMPT" the number of the attempt.
 * fh_cancelled() is true when somebody has deleted the job, when its timeout is
 * over, and when the host will not wait any longer.
 *
 * More than once.  A status of 500 or more, a crash, a timeout and the death of
 * the machine make it run again, `jobs_attempts` times at most; 400 to 499 and
 * what is below 400 are final.  Once it has ended `poison_kills` workers, it is
 * refused in place of a further attempt.  So write what it does to the outside
 * in such a way that the second time does no harm: under its JOB_ID, or in one
 * transaction.  Exactly one result is kept.
 *
 * With another version.  A job is a request that is kept: it is run by whatever
 * handler has its route then, after a reload or an upgrade too, and on any host
 * that shares the database, which during an update may be an older one.  So
 * take what the version before took.  A job whose route is gone waits until
 * there is one again, or until it is deleted.
 *
 * `timeout` of the route is for one attempt: the default is made for requests
 * that somebody waits for, so set one.
 */
#ifndef FCGI_HOST_JOB_H
#define FCGI_HOST_JOB_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fh_request;

/*
 * How far it is: `done` of `total` (0: nobody knows), and a few words, UTF-8,
 * of which about 250 bytes are kept; NULL for none.  Cheap enough for an inner
 * loop: what was said last is passed on a few times a second.  Of no effect in
 * a request that is no job.  Since ABI 1.2.
 */
void	fh_progress(struct fh_request *, int64_t done, int64_t total,
	    const char *text);

#ifdef __cplusplus
}
#endif

#endif
