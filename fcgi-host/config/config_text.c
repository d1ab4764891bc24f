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
