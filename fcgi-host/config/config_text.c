/*
 * config_text.c - what some options mean, for config_table.c.
 *
 * Runs in: whoever prints the configuration's manual.
 * Owns: nothing.
 * Invariant: a table that is too long to read at once has its longest texts
 * here; each belongs to the option of its name.
 */
#include "config/config_table.h"

const char config_text_cache_size[] =
    "Shared memory for what handlers of all processes keep "
    "together (fh_cache_set() and its kin).  It is taken as it is "
    "used, and counted whole by the plan.  What has not been read for "
    "longest leaves when it is full.  A value may have up to a 32nd "
    "of it, and 1 MiB at most.  0: there is none, and these functions "
    "fail with ENOTSUP.";

const char config_text_deadline[] =
    "How long a request may take from its arrival to its reply, waiting "
    "included, unless its route says otherwise.  One that is over it before "
    "it is begun gets a 503 and is never run; one that runs gets a 504, as "
    "after timeout.  The arrival is when the web server passed the request "
    "on (REQUEST_START in nginx-conf, from a web server on the same "
    "machine), else when its first byte was read; the time in which its "
    "body came is not counted.  0: timeout and queue_timeout together, or "
    "no deadline if one of them is 0.";

const char config_text_sync_warn[] =
    "A sync handler that runs for longer than this, unless its route says "
    "otherwise, is named in the log while it runs, with a backtrace: "
    "nothing else is answered meanwhile, so it should be tagged async.  One "
    "line per route and 10 seconds; fcgi-host status counts all of them as "
    "\"slow\".  It is looked for every half of this time, 50ms at least, "
    "while sync handlers run.  0: never.";

const char config_text_metrics[] =
    "Where the host itself serves what it does in numbers, "
    "below the mount point, for Prometheus and whoever reads the "
    "same: OpenMetrics 1.0, or the older text format 0.0.4, as the "
    "client's Accept says.  fcgi-host metrics prints them without "
    "it.  Empty: nowhere.  If a handler has that route, the "
    "handler's is served.";

const char config_text_metrics_auth[] =
    "How clients show there who they are: names of sections "
    "auth, as in default_auth, which does not protect it; \"none\" "
    "is whoever can reach the web server, and should not be written "
    "unless that one has rules of its own for the path.  Empty: only "
    "clients of this machine, by REMOTE_ADDR, and none that another "
    "proxy has passed on (X-Forwarded-For, Forwarded, X-Real-IP or "
    "Via in the request); others get a 403.";

const char config_text_livez[] =
    "Where the host itself answers 200 for as long as its front's loop turns, "
    "whatever else it does: for probes that restart what does not answer "
    "(Kubernetes' livenessProbe).  It asks no worker and no other process, "
    "and says nothing about handlers or models, which a restart would not "
    "mend.  Everybody may ask.  Empty: nowhere.  If a handler has that route, "
    "the handler's is served.";

const char config_text_readyz[] =
    "Where the host itself says whether requests should be sent to it: 200, "
    "or 503 with the reasons as JSON.  It is not ready while it starts or is "
    "about to stop (stop_delay), while a model is replaced with reload = "
    "free-first, without a front, and when no pool that any route needs has a "
    "worker that is ready.  What a single handler can bring about does not "
    "make the host unready, nor does what it is short of or a model that it "
    "may go on without: these are warnings, so that one bad handler on every "
    "host does not take all of them out.  A reload does not change it.  "
    "Below the path there are models/NAME, pools/NAME and routes/METHOD/PATH "
    "with the path as in fcgi-host routes (routes/GET/users/{id}): 503 also "
    "if that part is not ready (a model that is not loaded, a pool without a "
    "worker, a route whose breaker is open, whose pool has no worker or whose "
    "jobs' database is away), and 404 if there is none of that name.  "
    "?model=NAME&pool=NAME&route=GET%20/x asks for several at once, "
    "?verbose for everything; another query is a 400.  Without a supervisor "
    "that answers within two seconds it is a 503.  Empty: nowhere.";

const char config_text_readyz_auth[] =
    "How clients show there who they are, as in metrics_auth.  Empty: "
    "everybody may ask, and only clients of this machine (as without "
    "metrics_auth) are told names and sentences; others get the status and "
    "the reasons' words.";

const char config_text_stop_delay[] =
    "How long the host serves on as before when it is told to stop, while "
    "readyz and fcgi-host health say that it is not ready: time for a load "
    "balancer to send new requests elsewhere before connections are "
    "refused.  Longer than its interval between probes.  A second signal ends "
    "the delay.  0: it stops at once.";
