/*
 * config_table.c - the options outside of any section.
 *
 * Runs in: whoever reads a configuration or prints its manual.
 * Owns: what these options are called, take, default to and mean.
 * Invariant: nothing else in the program repeats a default or a bound of them.
 */
#include "config/config_table.h"

#define TOP(member)	CONFIG_MEMBER(struct config, member)

const struct config_option config_top_options[] = {
	{ .name = "listen", .type = CONFIG_LISTEN, TOP(listen),
	    .heading = "Processes and paths", .restart = true,
	    .fallback = "unix:/run/fcgi-host/host.sock",
	    .text = "Where the web server reaches the host: unix:/PATH for a "
	    "Unix socket, or tcp:HOST:PORT, where HOST is a name, an IPv4 "
	    "address, or an IPv6 address in brackets.  A TCP port has no "
	    "access control of its own: whoever can connect can forge every "
	    "parameter, so bind it to a private address.  When systemd passes "
	    "a socket (LISTEN_FDS), that one is used instead." },
	{ .name = "listen_mode", .type = CONFIG_MODE, TOP(listen_mode),
	    .fallback = "0660", .restart = true,
	    .text = "Permissions of the Unix socket, in octal.  The web "
	    "server needs to be allowed to write to it." },
	{ .name = "listen_owner", .type = CONFIG_USER, TOP(listen_owner),
	    .fallback = "", .restart = true,
	    .text = "The user that owns the Unix socket, by name.  Empty: the "
	    "user that starts the host." },
	{ .name = "listen_group", .type = CONFIG_GROUP, TOP(listen_group),
	    .fallback = "", .restart = true,
	    .text = "The group of the Unix socket, by name: usually the web "
	    "server's, \"www-data\" on Debian.  Empty: the group that starts "
	    "the host." },
	{ .name = "listen_backlog", .type = CONFIG_COUNT, TOP(listen_backlog),
	    .fallback = "4096", .min = "1", .max = "65535", .restart = true,
	    .text = "How many connections may wait to be accepted.  The "
	    "kernel cuts it to net.core.somaxconn." },
	{ .name = "allow_users", .type = CONFIG_LIST, .item = CONFIG_ACCOUNT,
	    TOP(allow_users), .fallback = "", .example = "www-data",
	    .text = "The users that may connect to the Unix socket, by name "
	    "or uid: usually the web server's, \"www-data\" on Debian.  The "
	    "kernel says who connects; the connections of others, root's "
	    "included, are closed at once, and counted in fcgi-host status.  "
	    "Names are looked up when this file is read.  Empty: whoever "
	    "listen_mode, listen_owner and listen_group let in." },
	{ .name = "allow_addresses", .type = CONFIG_LIST,
	    .item = CONFIG_NETWORK, TOP(allow_addresses),
	    .fallback = "127.0.0.0/8 ::1",
	    .text = "The addresses that may connect to a TCP port: IPv4 or "
	    "IPv6, alone or as networks such as \"10.0.0.0/8\" and "
	    "\"fd00::/8\".  The connections of others are closed at once.  "
	    "The default is this machine, so a port that a web server on "
	    "another one is to reach needs that one's address here.  "
	    "\"0.0.0.0/0\" is every IPv4 address, \"::/0\" every IPv6 one." },
	{ .name = "user", .type = CONFIG_USER, TOP(user),
	    .fallback = "", .restart = true,
	    .text = "The user that every process but the supervisor runs as, "
	    "by name.  It takes effect when the host is started by root.  "
	    "Empty: the user that starts the host.  Handlers may belong to "
	    "this user or to root." },
	{ .name = "group", .type = CONFIG_GROUP, TOP(group),
	    .fallback = "", .restart = true,
	    .text = "The group of these processes, by name; it takes effect "
	    "together with user.  Empty: that user's own group." },
	{ .name = "handlers", .type = CONFIG_PATH, TOP(handlers),
	    .fallback = "/usr/lib/fcgi-host/handlers",
	    .text = "The directory of the handlers.  Every file in it that "
	    "ends in .so is loaded, in the order of their names.  What is "
	    "loaded is a copy, so a file here may be replaced at any time.  A "
	    "file that its group or everybody may write to is refused, and so "
	    "is one that belongs neither to root nor to the user the "
	    "processes run as (see user)." },
	{ .name = "state_dir", .type = CONFIG_PATH, TOP(state_dir),
	    .fallback = "/var/lib/fcgi-host", .restart = true,
	    .text = "A directory of the host's own, for request bodies that "
	    "are spooled and for the generations that are kept: the handler "
	    "files that each one loaded and its configuration.  A handler "
	    "whose new file is refused is served from there in its last good "
	    "version, after a restart too.  See keep_generations." },
	{ .name = "control", .type = CONFIG_SOCKET, TOP(control),
	    .fallback = "/run/fcgi-host/control.sock", .restart = true,
	    .text = "The Unix socket on which fcgi-host status, reload, "
	    "rollback and generations talk to the host.  It belongs to the "
	    "supervisor, so it answers when every worker is busy." },
	{ .name = "log_level", .type = CONFIG_CHOICE, TOP(log_level),
	    .fallback = "info", .choices = "error warn info debug",
	    .text = "What is logged to standard error: lines of this level "
	    "and of those before it." },
	{ .name = "check_responses", .type = CONFIG_BOOL,
	    TOP(check_responses),
	    .fallback = "false",
	    .text = "true: a reply of a handler whose route declares responses "
	    "(FH_RESPONSES) and that is none of them, by its status, its type "
	    "or its JSON, becomes a 500 that says what was declared.  For "
	    "development: each reply is parsed once more.  A reply that is "
	    "sent while it is made is not looked at once its header has "
	    "left." },
	{ .name = "log_query", .type = CONFIG_BOOL, TOP(log_query),
	    .fallback = "false",
	    .text = "false: where the log and crash reports name a request, "
	    "the values in its query are left out: /login?user=...&key=...  "
	    "true: they are shown." },
	{ .name = "capture_crashed", .type = CONFIG_BOOL,
	    TOP(capture_crashed),
	    .fallback = "false",
	    .text = "true: the request in which a handler crashes is kept in "
	    "state_dir/crashes, beside the crash report that names the file, "
	    "and goes with it: fcgi-host call --request FILE runs it again, "
	    "under gdb or valgrind too.  It holds all headers and the body, "
	    "with whatever data of persons are in them, but Authorization, "
	    "Cookie and API keys are overwritten with as many letters x; "
	    "only the user of the service and root may read it.  A "
	    "request with a body over 16 MiB, and one that crashed in a "
	    "finish(), is not kept." },

	{ .name = "connections", .type = CONFIG_COUNT, TOP(connections),
	    .heading = "Limits on what a peer may send",
	    .fallback = "4096", .min = "1", .max = "65536",
	    .text = "How many connections from web servers may be open at a "
	    "time, idle kept ones included.  For one more the longest idle "
	    "one is closed; while none is idle, it waits in the listen "
	    "queue." },
	{ .name = "params_limit", .type = CONFIG_SIZE, TOP(params_limit),
	    .fallback = "64 KiB", .min = "4 KiB", .max = "1 MiB",
	    .text = "The most bytes that all CGI parameters of a request, "
	    "names and request headers included, may take.  A request with "
	    "more is refused." },
	{ .name = "body_limit", .type = CONFIG_SIZE, TOP(body_limit),
	    .fallback = "8 MiB", .min = "1 B", .max = "1 TiB", .zero = true,
	    .text = "The most bytes that a request's body may have; more get "
	    "a 413.  0: no request may have a body.  The web server has a "
	    "limit of its own (nginx: client_max_body_size)." },
	{ .name = "body_memory", .type = CONFIG_SIZE, TOP(body_memory),
	    .fallback = "64 KiB", .min = "1 B", .max = "16 MiB",
	    .zero = true,
	    .text = "A body up to this size is kept in memory; a larger one "
	    "is spooled to a file in state_dir, which the handler gets as an "
	    "open descriptor and a mapping.  So is a smaller one while the "
	    "bodies of all requests have 8 MiB and 4 KiB for each of "
	    "connections already.  0: every body is spooled." },
	{ .name = "body_files", .type = CONFIG_TEXT, TOP(body_files),
	    .fallback = "", .example = "/var/lib/nginx/body",
	    .text = "The folder into which the web server puts the bodies of "
	    "requests, as an absolute path.  Where it says in the parameter "
	    "REQUEST_BODY_FILE which file there a body is in, that file is "
	    "taken over, and nothing is sent or copied "
	    "(nginx-conf/fcgi-host-bodies.conf).  It must be a regular file "
	    "below this folder that belongs to the user the processes run as, "
	    "so the host has to run as the web server's user; else the "
	    "request gets a 500, and the log says why.  From another file "
	    "system than that of state_dir, and before Linux 5.19 with "
	    "sandbox, it is copied.  Whoever can connect (see "
	    "allow_users) can name any such file; a client of a web server "
	    "cannot.  Empty: the parameter means nothing." },
	{ .name = "form_fields", .type = CONFIG_COUNT, TOP(form_fields),
	    .fallback = "1000", .min = "1", .max = "100000", .zero = true,
	    .text = "How many fields that are no files a form may have, of "
	    "type application/x-www-form-urlencoded or multipart/form-data.  "
	    "One with more is answered 413 where a route declares what it "
	    "takes; else a handler gets nothing of it, and what it says to "
	    "that is meant to be a 413." },
	{ .name = "form_files", .type = CONFIG_COUNT, TOP(form_files),
	    .fallback = "100", .min = "1", .max = "100000", .zero = true,
	    .text = "How many files a form may have, file inputs that were "
	    "left empty included." },
	{ .name = "form_memory", .type = CONFIG_SIZE, TOP(form_memory),
	    .fallback = "2 MiB", .min = "1 KiB", .max = "1 GiB",
	    .text = "How many bytes the names and values of the fields of a "
	    "form of type multipart/form-data may take together, and what its "
	    "files are called.  The bytes of files do not count: they stay "
	    "where the body is, in memory or in its spool file (see "
	    "body_memory), and body_limit bounds them." },
	{ .name = "idle_timeout", .type = CONFIG_TIME, TOP(idle_timeout_ms),
	    .fallback = "0", .min = "10ms", .max = "7d", .zero = true,
	    .text = "A kept connection without a request is closed after this "
	    "time.  0: never; the web server decides, and an idle connection "
	    "costs no thread and no worker." },
	{ .name = "read_timeout", .type = CONFIG_TIME, TOP(read_timeout_ms),
	    .fallback = "60s", .min = "10ms", .max = "1d",
	    .text = "The time from the beginning of a request to the last "
	    "byte of its body.  A web server that buffers requests, as nginx "
	    "does by default, sends them at once." },
	{ .name = "send_timeout", .type = CONFIG_TIME, TOP(send_timeout_ms),
	    .fallback = "60s", .min = "10ms", .max = "1d",
	    .text = "How long a reply may wait for a reader that takes "
	    "nothing before its connection is closed." },
	{ .name = "stream_keep_alive", .type = CONFIG_TIME,
	    TOP(stream_keep_alive_ms),
	    .fallback = "15s", .min = "10ms", .max = "1d", .zero = true,
	    .text = "After how long without an event a comment is sent into "
	    "an event stream (fh_sse_begin) whose handler waits in fh_wait(), "
	    "so that nobody on the way takes the connection for dead (nginx: "
	    "fastcgi_read_timeout) and a client that vanished is found out.  "
	    "0: none." },

	{ .name = "header_limit", .type = CONFIG_SIZE, TOP(header_limit),
	    .heading = "Replies",
	    .fallback = "16 KiB", .min = "1 KiB", .max = "1 MiB",
	    .text = "The most bytes that the header of a reply may have.  It "
	    "must not be over the web server's own limit (nginx: "
	    "fastcgi_buffer_size), which would answer a 502: a larger header "
	    "becomes a 500 that names its size." },
	{ .name = "reply_space", .type = CONFIG_SIZE, TOP(reply_space),
	    .fallback = "64 KiB", .min = "16 KiB", .max = "64 MiB",
	    .step = 4096,
	    .text = "Shared memory through which the reply of one running "
	    "async request flows.  A larger reply waits for its reader when "
	    "the space is full, so this bounds memory, not replies." },
	{ .name = "sync_reply_limit", .type = CONFIG_SIZE,
	    TOP(sync_reply_limit),
	    .fallback = "8 MiB", .min = "16 KiB", .max = "1 GiB",
	    .text = "The largest reply of a sync handler, which cannot wait "
	    "for its reader; a larger one becomes a 500." },
	{ .name = "server_timing", .type = CONFIG_BOOL, TOP(server_timing),
	    .fallback = "false",
	    .text = "true: each reply of a handler, unless its route says "
	    "otherwise, has a Server-Timing header, which browsers show: "
	    "queue, from when the host had the whole request until its "
	    "handler was called; run, from there until the first byte of the "
	    "reply was written; write, from there until the header left.  "
	    "In milliseconds.  It tells everybody how busy the host is." },

	{ .name = "timeout", .type = CONFIG_TIME, TOP(timeout_ms),
	    .heading = "Time",
	    .fallback = "60s", .min = "1ms", .max = "7d", .zero = true,
	    .text = "How long an async handler may run, unless its route says "
	    "otherwise.  The client then gets a 504 and the worker is freed.  "
	    "0: no limit.  The web server must be ready to wait for this "
	    "and for queue_timeout (nginx: fastcgi_read_timeout)." },
	{ .name = "deadline", .type = CONFIG_TIME, TOP(deadline_ms),
	    .fallback = "0", .min = "1ms", .max = "7d", .zero = true,
	    .text = config_text_deadline },
	{ .name = "sync_warn", .type = CONFIG_TIME, TOP(sync_warn_ms),
	    .fallback = "250ms", .min = "1ms", .max = "1d", .zero = true,
	    .text = config_text_sync_warn },
	{ .name = "kill_grace", .type = CONFIG_TIME, TOP(kill_grace_ms),
	    .fallback = "2s", .min = "1ms", .max = "10m",
	    .text = "Between the steps that free a worker whose handler is "
	    "over its time: first fh_cancelled() is true, then the worker is "
	    "sent SIGTERM, then SIGKILL." },
	{ .name = "drain_timeout", .type = CONFIG_TIME, TOP(drain_timeout_ms),
	    .fallback = "30s", .min = "1ms", .max = "1d",
	    .text = "How long requests that have begun may go on after a "
	    "stop, and in the old generation after a reload.  Then "
	    "fh_cancelled() is true for their handlers; what still runs after "
	    "kill_grace is ended, and its client gets a 503 or a 504." },
	{ .name = "stop_delay", .type = CONFIG_TIME, TOP(stop_delay_ms),
	    .fallback = "0", .min = "1ms", .max = "1h", .zero = true,
	    .text = config_text_stop_delay },

	{ .name = "sync_max", .type = CONFIG_TIME, TOP(sync_max_ms),
	    .heading = "Faults",
	    .fallback = "10s", .min = "10ms", .max = "1d", .zero = true,
	    .text = "A sync handler that runs longer holds up everybody: the "
	    "front is replaced, with the listening socket open, and what it "
	    "held is lost.  So it is after the route's timeout and "
	    "kill_grace, if that is earlier.  0: only then." },
	{ .name = "on_sync_fault", .type = CONFIG_CHOICE,
	    TOP(on_sync_fault),
	    .fallback = "demote", .choices = "demote keep",
	    .text = "What happens to a handler that took the front along, by "
	    "a crash, an exit or by not returning.  demote: until the next "
	    "generation its sync routes run in the pool, as if they were "
	    "tagged async; if it was in finish(), that is not called any "
	    "more.  keep: nothing." },
	{ .name = "breaker_failures", .type = CONFIG_COUNT,
	    TOP(breaker_failures),
	    .fallback = "5", .min = "1", .max = "100", .zero = true,
	    .text = "A route whose handler crashes or times out that many "
	    "times within breaker_window is closed for breaker_pause: its "
	    "requests get a 503 with Retry-After and reach no worker.  Then "
	    "one request is let through: if it ends well the route is open "
	    "for all again, if not it is closed for twice as long, up to a "
	    "minute.  0: no route is closed." },
	{ .name = "breaker_window", .type = CONFIG_TIME,
	    TOP(breaker_window_ms),
	    .fallback = "10s", .min = "10ms", .max = "1d",
	    .text = "The time within which breaker_failures count." },
	{ .name = "breaker_pause", .type = CONFIG_TIME,
	    TOP(breaker_pause_ms),
	    .fallback = "5s", .min = "10ms", .max = "1m",
	    .text = "How long a route is closed at first." },
	{ .name = "poison_kills", .type = CONFIG_COUNT, TOP(poison_kills),
	    .fallback = "2", .min = "1", .max = "100", .zero = true,
	    .text = "A request that has ended that many workers within "
	    "poison_window is refused on its own with a 503: the same method, "
	    "URI and body, on the same route.  Others of the route are served "
	    "on; and for breaker_failures it counts once only.  0: none is "
	    "refused for that." },
	{ .name = "poison_window", .type = CONFIG_TIME,
	    TOP(poison_window_ms),
	    .fallback = "10m", .min = "10ms", .max = "7d",
	    .text = "How long the host remembers a request that ended a "
	    "worker." },

	{ .name = "default_auth", .type = CONFIG_TEXT, TOP(default_auth),
	    .heading = "Access", .fallback = "", .example = "partners",
	    .text = "How clients show who they are to routes that say nothing "
	    "of it, neither in their handler nor in a section route: names of "
	    "sections auth with blanks between, any of which will do.  So a "
	    "new handler is not open by accident; one that is to be has "
	    "auth = \"none\".  Empty: such routes are for everybody." },
	{ .name = "auth_failures", .type = CONFIG_COUNT, TOP(auth_failures),
	    .fallback = "100", .min = "1", .max = "1000000", .zero = true,
	    .text = "How many wrong keys, tokens and passwords a client "
	    "address (REMOTE_ADDR) may send within 10 seconds before its "
	    "tokens and passwords get a 429 without being looked at, so that "
	    "guessing costs the host nothing.  Those that were good before "
	    "are let through, and a key is always looked at, which costs next "
	    "to nothing.  0: any number." },

	{ .name = "rate", .type = CONFIG_RATE, TOP(rate),
	    .fallback = "", .example = "100/s",
	    .text = "How often a client address may come, in a second "
	    "(\"100/s\") or a minute (\"30/m\"), to all routes together "
	    "that have no rate of their own.  The host does not count: nginx "
	    "does, with what fcgi-host nginx writes for it, and answers the "
	    "rest with a 429 and Retry-After.  Without nginx, or before "
	    "fcgi-host nginx has run again, this has no effect.  Empty: as "
	    "often as it likes." },
	{ .name = "rate_burst", .type = CONFIG_COUNT, TOP(rate_burst),
	    .fallback = "0", .min = "1", .max = "1000000", .zero = true,
	    .text = "How many requests beyond an even pace a client may send "
	    "at once; they are not held back.  0: as many as the number in "
	    "rate, less the one that is due: of \"10/s\", 10 may come in "
	    "one moment, and then one every 100ms." },

	{ .name = "cors_origins", .type = CONFIG_LIST, .item = CONFIG_TEXT,
	    TOP(cors_origins), .fallback = "",
	    .text = "The origins whose pages may read replies (CORS), as "
	    "browsers send them: \"https://app.example\", with the port where "
	    "it is not the usual one, without a slash behind it.  \"*\": any, "
	    "and then none with cors_credentials.  The host says so in every "
	    "reply, its own errors included, and answers preflights with the "
	    "methods that the path has.  Where it does, headers named "
	    "Access-Control-... that a handler sets itself are left out: "
	    "there is one answer, and it stands here.  A section route may "
	    "have rules of its own; what belongs to no route (a path that "
	    "is not there, a question about a job) has these.  Empty: none, "
	    "and nothing is said." },
	{ .name = "cors_headers", .type = CONFIG_LIST, .item = CONFIG_TEXT,
	    TOP(cors_headers),
	    .fallback = "Authorization Content-Type X-API-Key",
	    .text = "The headers that such pages may send." },
	{ .name = "cors_expose", .type = CONFIG_LIST, .item = CONFIG_TEXT,
	    TOP(cors_expose), .fallback = "",
	    .text = "The headers of a reply that such pages may read, beyond "
	    "those that all may." },
	{ .name = "cors_credentials", .type = CONFIG_BOOL,
	    TOP(cors_credentials), .fallback = "false",
	    .text = "true: such pages may send cookies and what the browser "
	    "knows of its user.  Only for origins that are named." },
	{ .name = "cors_max_age", .type = CONFIG_TIME, TOP(cors_max_age_ms),
	    .fallback = "10m", .min = "1s", .max = "1d", .zero = true,
	    .text = "How long a browser need not ask again." },

	{ .name = "watch", .type = CONFIG_BOOL, TOP(watch),
	    .heading = "Reloads",
	    .fallback = "true",
	    .text = "true: the host itself takes over a handler file that is "
	    "added, replaced or removed.  false: it waits for fcgi-host "
	    "reload or SIGHUP, as it always does with changes of models and "
	    "of this file." },
	{ .name = "watch_delay", .type = CONFIG_TIME, TOP(watch_delay_ms),
	    .fallback = "500ms", .min = "10ms", .max = "1m",
	    .text = "How long the handler directory must have been quiet "
	    "before a change in it is taken over, so that files that are "
	    "copied together are loaded together and none is read half "
	    "written.  Changes that go on and on are taken over after 20 "
	    "times that, and then less and less often, up to every 30 "
	    "seconds." },
	{ .name = "keep_generations", .type = CONFIG_COUNT,
	    TOP(keep_generations),
	    .fallback = "5", .min = "1", .max = "1000",
	    .text = "How many generations are kept in state_dir, the one that "
	    "serves included.  Those that are like a newer one are removed "
	    "first, then the oldest: starts, and reloads that changed "
	    "nothing, do not use up what there is to go back to.  fcgi-host "
	    "rollback returns to one of them; fcgi-host generations lists "
	    "them.  The last good version of a handler is kept in any "
	    "case." },
	{ .name = "load_timeout", .type = CONFIG_TIME, TOP(load_timeout_ms),
	    .fallback = "60s", .min = "10ms", .max = "1d",
	    .text = "How long a new version of a handler may take to be "
	    "loaded and tried, for each handler alone and each of these "
	    "steps: loading, preload(), worker_init() and self_test().  One "
	    "that takes longer is refused, and its last good version serves "
	    "on.  Models have a load_timeout of their own." },

	{ .name = "sandbox", .type = CONFIG_BOOL, TOP(sandbox),
	    .heading = "Sandbox", .fallback = "true",
	    .text = "true: once a front, a worker or the process that tries "
	    "new handlers runs their code, it has no capabilities, gets no "
	    "new privileges, and may not open network connections, start "
	    "processes, send signals to others, change its user, trace, "
	    "mount, load modules and the like.  A handler that does ends like "
	    "a crash, and the report names it, the system call, and what to "
	    "set here to allow it: network, processes or syscalls in the "
	    "handler's section.  Files it reaches as read_paths and "
	    "write_paths say.  false: none of this.  Loading a handler and "
	    "its preload() run before, outside of it, and so does the code "
	    "that makes a model." },
	{ .name = "read_paths", .type = CONFIG_LIST, .item = CONFIG_PATH,
	    TOP(read_paths), .fallback = "",
	    .text = "Files and folders, with all below them, that handlers "
	    "may read, list and, with processes, execute, where the kernel "
	    "has Landlock (Linux 5.13; fcgi-host status shows it).  Always "
	    "allowed: /usr, /bin, /sbin, /lib*, /etc, /opt, /proc, /sys, the "
	    "handler directory, what write_paths allows, and whatever is open "
	    "already.  Another file is refused with EACCES (Permission "
	    "denied), as if it belonged to somebody else; the permissions of "
	    "files hold besides.  A path that is not there when a process "
	    "starts is left out, and the log says so.  Unix sockets are not "
	    "files: handlers may connect to them." },
	{ .name = "write_paths", .type = CONFIG_LIST, .item = CONFIG_PATH,
	    TOP(write_paths), .fallback = "",
	    .text = "Files and folders that handlers may read and write; in a "
	    "folder they may also make, rename and remove files.  Always "
	    "allowed: /tmp, /var/tmp, /dev/shm, what TMPDIR names, and "
	    "/dev/null and its like.  SQLite wants the folder of its "
	    "database.  A core file, too, is only written where this "
	    "allows it." },
	{ .name = "environment", .type = CONFIG_LIST,
	    .item = CONFIG_VARIABLE, TOP(environment),
	    .fallback = "PATH HOME USER LOGNAME LANG LANGUAGE LC_* TZ TMPDIR "
	    "LD_* GLIBC_TUNABLES MALLOC_* OMP_* GOMP_* OPENBLAS_* MKL_* "
	    "SSL_CERT_FILE SSL_CERT_DIR",
	    .text = "The variables of the host's environment that handlers "
	    "see, also while they are loaded and in preload(), with sandbox = "
	    "true; the rest is taken away, so that a password in it is not "
	    "every handler's.  A name that ends in '*' is that of all that "
	    "begin like it.  This replaces the default: PGPASSFILE, "
	    "CREDENTIALS_DIRECTORY or http_proxy are to be added to it.  "
	    "What a single handler needs is better given to it by set." },

	{ .name = "jobs_path", .type = CONFIG_PATH, TOP(jobs_path),
	    .heading = "Jobs", .fallback = "/jobs", .restart = true,
	    .text = "Where jobs are asked for: GET, DELETE and the like of "
	    "this path, '/' and a job's id.  It is taken, with all below it, "
	    "as soon as a route of a loaded handler is a job; a handler's own "
	    "routes there are then not reached, and fcgi-host check says "
	    "so." },
	{ .name = "jobs_database", .type = CONFIG_TEXT, TOP(jobs_database),
	    .fallback = "", .restart = true,
	    .text = "Where jobs are kept.  Empty: a SQLite file in "
	    "state_dir/jobs, for this host alone.  Else the words of a "
	    "connection to PostgreSQL, \"host=db dbname=jobs\" or "
	    "\"postgresql://user@db/jobs\", 10 or later: all hosts that name "
	    "the same one share the work, and a job accepted on one may run "
	    "on another that has its route.  No password belongs here: it is "
	    "taken from the host's own PGPASSWORD, PGPASSFILE or ~/.pgpass, "
	    "or from a passfile= in it.  The host makes its tables, which "
	    "begin with fh_job, where it finds none; the user must be allowed "
	    "to." },
	{ .name = "jobs_concurrency", .type = CONFIG_COUNT,
	    TOP(jobs_concurrency), .restart = true,
	    .fallback = "4", .min = "1", .max = "1000",
	    .text = "How many jobs this host runs at a time.  Each takes a "
	    "worker of its route's pool; more than there are wait there for "
	    "queue_timeout, and are then put back." },
	{ .name = "jobs_attempts", .type = CONFIG_COUNT, TOP(jobs_attempts),
	    .fallback = "3", .min = "1", .max = "1000",
	    .text = "How often a job is begun at most, unless its route says "
	    "otherwise.  An attempt failed when its worker died, when it took "
	    "longer than timeout, and when the handler answered with a status "
	    "of 500 or more; one of 400 to 499 is final.  An attempt that the "
	    "host itself ended or could not begin does not count." },
	{ .name = "jobs_retry", .type = CONFIG_TIME, TOP(jobs_retry_ms),
	    .fallback = "10s", .min = "10ms", .max = "1d",
	    .text = "How long after a failed attempt the next one is begun, "
	    "unless the route says otherwise: twice as long after each "
	    "further one, a day at most, and at least what Retry-After of "
	    "the handler's answer says." },
	{ .name = "jobs_keep", .type = CONFIG_TIME, TOP(jobs_keep_ms),
	    .fallback = "1d", .min = "1s", .max = "366d",
	    .text = "How long a job that has ended is kept, with its result "
	    "and its Idempotency-Key, unless its route says otherwise." },
	{ .name = "jobs_lease", .type = CONFIG_TIME, TOP(jobs_lease_ms),
	    .restart = true,
	    .fallback = "30s", .min = "500ms", .max = "1h",
	    .text = "Jobs of a machine that died are run again after this "
	    "time; a machine that lives renews it at a third." },
	{ .name = "jobs_wait", .type = CONFIG_TIME, TOP(jobs_wait_ms),
	    .restart = true,
	    .fallback = "60s", .min = "10ms", .max = "1h",
	    .text = "The longest that ?wait= of a request for a job may "
	    "wait; more is as much.  The web server must be ready to wait "
	    "for it too (nginx: fastcgi_read_timeout)." },
	{ .name = "jobs_webhooks", .type = CONFIG_LIST, .item = CONFIG_TEXT,
	    TOP(jobs_webhooks), .restart = true, .fallback = "",
	    .text = "What a request for a job may name in its header "
	    "Webhook-URL, to be told of its end: URLs that begin like this, "
	    "such as \"https://hooks.example.org/jobs\".  Name as much of "
	    "them as can be said: whoever may make a job may have the host "
	    "send a POST there.  Empty: none.  It is sent again until it is "
	    "answered with 200 to 299, ten times at most, after the times of "
	    "jobs_retry; certificates are verified, and no redirect is "
	    "followed." },
	{ .name = "jobs_webhook_secret", .type = CONFIG_TEXT,
	    TOP(jobs_webhook_secret), .restart = true, .fallback = "",
	    .text = "The file of the secret with which webhooks are signed, "
	    "as standardwebhooks.com says: \"whsec_\" and Base64, or any "
	    "bytes.  The user of the service must be able to read it.  "
	    "Without it none is sent." },
	{ .name = "jobs_body_limit", .type = CONFIG_SIZE,
	    TOP(jobs_body_limit), .restart = true,
	    .fallback = "8 MiB", .min = "1 KiB", .max = "256 MiB",
	    .text = "The largest body of a request that becomes a job; a "
	    "larger one gets a 413.  The process that keeps the jobs holds "
	    "four of that size at a time, and others wait." },
	{ .name = "jobs_result_limit", .type = CONFIG_SIZE,
	    TOP(jobs_result_limit), .restart = true,
	    .fallback = "1 MiB", .min = "1 KiB", .max = "256 MiB",
	    .text = "The largest reply of a job's handler that is kept; with "
	    "a larger one the job has failed.  The process that keeps the "
	    "jobs holds 64 MiB and four of that size of replies that "
	    "clients have not taken yet; who asks for a large one then gets "
	    "a 503." },

	{ .name = "memory_plan", .type = CONFIG_CHOICE, TOP(memory_plan),
	    .heading = "Memory",
	    .fallback = "enforce", .choices = "enforce warn off",
	    .text = "What happens when models, workers and buffers together "
	    "do not fit in the memory there is: enforce refuses to start and "
	    "shows the sum, warn logs it, off does not look.  See fcgi-host "
	    "plan." },
	{ .name = "worker_memory", .type = CONFIG_SIZE, TOP(worker_memory),
	    .fallback = "8 MiB", .min = "1 B", .max = "1 TiB", .zero = true,
	    .text = "Private memory of one worker, as the plan counts it.  "
	    "fcgi-host status shows what workers really have." },
	{ .name = "cache_size", .type = CONFIG_SIZE, TOP(cache_size),
	    .fallback = "4 MiB", .min = "1 MiB", .max = "64 GiB",
	    .zero = true, .restart = true,
	    .text = config_text_cache_size },
	{ .name = "omp_threads", .type = CONFIG_COUNT, TOP(omp_threads),
	    .fallback = "1", .min = "1", .max = "1024",
	    .text = "How many threads OpenMP, OpenBLAS and MKL may start in "
	    "each process (OMP_NUM_THREADS and its kin, which win if they are "
	    "set in the environment).  Threads of many workers compete for "
	    "the same CPUs: raise it only with few workers." },

	{ .name = "api_title", .type = CONFIG_TEXT, TOP(api_title),
	    .heading = "The OpenAPI document",
	    .fallback = "API",
	    .text = "The title of the OpenAPI document, which fcgi-host "
	    "openapi makes from what the handlers declare." },
	{ .name = "api_version", .type = CONFIG_TEXT, TOP(api_version),
	    .fallback = "0.1.0",
	    .text = "The version of the API, as the document gives it: yours "
	    "to choose, and to raise." },
	{ .name = "api_description", .type = CONFIG_TEXT,
	    TOP(api_description), .fallback = "",
	    .text = "What the API is for, in the document; Markdown." },
	{ .name = "api_servers", .type = CONFIG_LIST, .item = CONFIG_TEXT,
	    TOP(api_servers), .fallback = "",
	    .example = "https://api.example.org/v1",
	    .text = "The URLs that the document names as servers.  Empty: "
	    "the one that it is read from itself, by a relative reference, "
	    "whatever the prefix that the host is mounted under." },
	{ .name = "openapi_path", .type = CONFIG_TEXT, TOP(openapi_path),
	    .fallback = "", .example = "/openapi.json",
	    .text = "Where the host itself serves the document, below the "
	    "mount point.  Empty: nowhere; it tells everybody who can read it "
	    "what there is, routes for your own use included, unless they are "
	    "declared hidden; default_auth does not protect it.  If a handler "
	    "has that route, the handler's is served." },
	{ .name = "docs_path", .type = CONFIG_TEXT, TOP(docs_path),
	    .fallback = "", .example = "/docs",
	    .text = "Where the host serves a page on the document "
	    "(openapi_path), on which requests can be tried: Swagger UI, "
	    "whole, from this host and no other.  Empty: nowhere.  Its files "
	    "are below that path." },
	{ .name = "docs_files", .type = CONFIG_PATH, TOP(docs_files),
	    .fallback = "/usr/share/fcgi-host/docs",
	    .text = "The folder with the files of that page.  They are read "
	    "once per generation.  An installation without npm has none; "
	    "fcgi-host/docs-page/fetch of the sources makes the folder." },

	{ .name = "metrics", .type = CONFIG_TEXT, TOP(metrics),
	    .heading = "Metrics", .fallback = "", .example = "/metrics",
	    .text = config_text_metrics },
	{ .name = "metrics_auth", .type = CONFIG_TEXT, TOP(metrics_auth),
	    .fallback = "", .example = "monitoring",
	    .text = config_text_metrics_auth },
	{ .name = "livez", .type = CONFIG_TEXT, TOP(livez),
	    .heading = "Health", .fallback = "", .example = "/livez",
	    .text = config_text_livez },
	{ .name = "readyz", .type = CONFIG_TEXT, TOP(readyz),
	    .fallback = "", .example = "/readyz",
	    .text = config_text_readyz },
	{ .name = "readyz_auth", .type = CONFIG_TEXT, TOP(readyz_auth),
	    .fallback = "", .example = "monitoring",
	    .text = config_text_readyz_auth },
	{ .name = NULL }
};
