/*
 * config_sections.c - the sections of the configuration and their options.
 *
 * Runs in: whoever reads a configuration or prints its manual.
 * Owns: what these options are called, take, default to and mean.
 * Invariant: nothing else in the program repeats a default or a bound of them.
 */
#include "config/config_table.h"

#define POOL(member)	CONFIG_MEMBER(struct config_pool, member)
#define ROUTE(member)	CONFIG_MEMBER(struct config_route, member)
#define MODEL(member)	CONFIG_MEMBER(struct config_model, member)
#define HANDLER(member)	CONFIG_MEMBER(struct config_handler, member)

#define CORS_UNSET	"what is said outside of sections"

#define ARRAY(list, number) \
	.array = offsetof(struct config, list), \
	.count = offsetof(struct config, number)

const struct config_option config_pool_options[] = {
	{ .name = "workers", .type = CONFIG_WORKERS, POOL(workers_option),
	    .fallback = "auto", .min = "1", .max = "1024",
	    .choices = "static dynamic ondemand",
	    .text = "How many processes serve the pool; auto is the number of "
	    "CPUs the host may run on.  A number is there all the time, and "
	    "static is as many as max_workers.  dynamic: as many as the "
	    "requests that run or wait need, and spare_workers more, within "
	    "min_workers and max_workers.  ondemand: none while there is "
	    "nothing to do; the first request starts one and waits for it, "
	    "more start as they are needed, up to max_workers." },
	{ .name = "max_workers", .type = CONFIG_WORKERS, POOL(max_workers),
	    .fallback = "auto", .min = "1", .max = "1024",
	    .text = "How many workers there may be, with workers = static, "
	    "dynamic or ondemand.  fcgi-host plan counts as many." },
	{ .name = "min_workers", .type = CONFIG_COUNT, POOL(min_workers),
	    .fallback = "1", .min = "1", .max = "1024", .zero = true,
	    .text = "How many workers there are at least, with workers = "
	    "dynamic." },
	{ .name = "spare_workers", .type = CONFIG_COUNT, POOL(spare_workers),
	    .fallback = "1", .min = "1", .max = "1024", .zero = true,
	    .text = "How many workers without work are kept ready for the "
	    "next requests, with workers = dynamic." },
	{ .name = "idle_timeout", .type = CONFIG_TIME, POOL(idle_timeout_ms),
	    .fallback = "10s", .min = "100ms", .max = "1d",
	    .text = "For how long there must be more workers than were needed "
	    "before they leave, one after another, with workers = dynamic or "
	    "ondemand.  Who leaves ends what it runs first." },
	{ .name = "threads", .type = CONFIG_COUNT, POOL(threads),
	    .fallback = "1", .min = "1", .max = "4096",
	    .text = "How many requests one worker runs at a time, each in a "
	    "thread that is created when it is first needed.  For handlers "
	    "that wait on databases and services; handlers that compute gain "
	    "nothing, and a crash takes all requests of its worker." },
	{ .name = "queue", .type = CONFIG_COUNT, POOL(queue),
	    .fallback = "1000", .min = "1", .max = "1000000", .zero = true,
	    .text = "How many requests may wait for a worker; more get a 503 "
	    "with Retry-After.  0: none waits." },
	{ .name = "queue_timeout", .type = CONFIG_TIME,
	    POOL(queue_timeout_ms),
	    .fallback = "10s", .min = "1ms", .max = "1d", .zero = true,
	    .text = "How long a request may wait before it gets a 503, from "
	    "its arrival on (see deadline): waiting in the web server, in the "
	    "kernel's backlog and here counts alike.  What has waited longer "
	    "is never run, and a request whose client left is not either.  "
	    "The default pool's holds for sync handlers, which wait for each "
	    "other.  0: as long as its client does." },
	{ .name = "stack", .type = CONFIG_SIZE, POOL(stack),
	    .fallback = "256 KiB", .min = "64 KiB", .max = "64 MiB",
	    .step = 4096,
	    .text = "Stack of each thread of a worker but its first, which "
	    "has the usual one.  Only what is touched costs memory." },
	{ .name = "max_memory", .type = CONFIG_SIZE, POOL(max_memory),
	    .fallback = "0", .min = "1 MiB", .max = "1 TiB", .zero = true,
	    .text = "How much private memory a worker may take beyond what it "
	    "has when it starts and its threads' stacks: an allocation over "
	    "it fails in that worker alone (malloc() returns NULL).  Models "
	    "and other shared memory do not count, and neither does what "
	    "preload() made.  0: no limit." },
	{ .name = "max_files", .type = CONFIG_COUNT, POOL(max_files),
	    .fallback = "0", .min = "64", .max = "1000000", .zero = true,
	    .text = "How many descriptors a worker may have open "
	    "(RLIMIT_NOFILE), the ten or so of its own included: one more "
	    "fails with EMFILE in that worker alone, so that a leak ends "
	    "there.  A library that uses select() wants 1024 at most.  0: as "
	    "many as the host may." },
	{ .name = "recycle_requests", .type = CONFIG_COUNT,
	    POOL(recycle_requests),
	    .fallback = "0", .min = "1", .max = "1000000000", .zero = true,
	    .text = "After how many requests a worker is replaced by a fresh "
	    "one, for libraries that leak.  The fresh one has done its "
	    "worker_init and is ready before the old one is told to leave, "
	    "which ends what it runs; at most one worker in eight is out at a "
	    "time.  0: never." },
	{ .name = "recycle_age", .type = CONFIG_TIME, POOL(recycle_age_ms),
	    .fallback = "0", .min = "1s", .max = "365d", .zero = true,
	    .text = "After which time a worker is replaced in the same way.  "
	    "0: never." },
	{ .name = "recycle_memory", .type = CONFIG_SIZE,
	    POOL(recycle_memory),
	    .fallback = "0", .min = "1 MiB", .max = "1 TiB", .zero = true,
	    .text = "With how much private memory a worker is replaced in the "
	    "same way.  Models and other memory that is shared do not count.  "
	    "A worker must have grown by a quarter since it was ready.  It "
	    "looks at itself after a request, about once a second.  0: never; "
	    "see max_memory for a bound." },
	{ .name = "recycle_jitter", .type = CONFIG_COUNT,
	    POOL(recycle_jitter),
	    .fallback = "10", .min = "1", .max = "50", .zero = true,
	    .text = "By up to how many percent these three figures are lower, "
	    "at random, for each worker: so workers that started together are "
	    "not replaced together." },
	{ .name = "max_per_client", .type = CONFIG_COUNT,
	    POOL(max_per_client),
	    .fallback = "0", .min = "1", .max = "1000000", .zero = true,
	    .text = "How many requests of one client may run or wait in the "
	    "pool at a time; more get a 503 with Retry-After, so that one "
	    "client cannot take all workers.  A request whose client left "
	    "counts until its handler has ended.  0: no limit." },
	{ .name = "client_param", .type = CONFIG_TEXT, POOL(client_param),
	    .fallback = "",
	    .text = "The FastCGI parameter that says for max_per_client whose "
	    "request it is.  A request without it is not limited, so it "
	    "should be one that the web server sets.  An IPv6 address counts "
	    "as its /64.  Empty: REMOTE_ADDR." },
	{ .name = NULL }
};

const struct config_option config_route_options[] = {
	{ .name = "async", .type = CONFIG_BOOL, ROUTE(async),
	    .example = "true",
	    .text = "true: runs in a worker of the pool.  false: runs in the "
	    "front, and nothing else does meanwhile." },
	{ .name = "pool", .type = CONFIG_NAME, ROUTE(pool),
	    .example = "default",
	    .text = "The pool whose workers run it." },
	{ .name = "timeout", .type = CONFIG_TIME, ROUTE(timeout_ms),
	    .example = "5s",
	    .min = "1ms", .max = "7d", .zero = true,
	    .text = "How long the handler may run before the client gets a "
	    "504.  0: no limit." },
	{ .name = "deadline", .type = CONFIG_TIME, ROUTE(deadline_ms),
	    .example = "10s",
	    .min = "1ms", .max = "7d", .zero = true,
	    .text = "How long a request may take from its arrival to its "
	    "reply; see the option of this name outside of sections.  0: "
	    "timeout and the pool's queue_timeout together." },
	{ .name = "sync_warn", .type = CONFIG_TIME, ROUTE(sync_warn_ms),
	    .example = "2s",
	    .min = "1ms", .max = "1d", .zero = true,
	    .text = "How long it may run as a sync handler before the log "
	    "says so; see the option of this name outside of sections.  0: "
	    "as long as it likes." },
	{ .name = "max_concurrent", .type = CONFIG_COUNT,
	    ROUTE(max_concurrent), .example = "10",
	    .min = "1", .max = "1000000", .zero = true,
	    .text = "How many requests of this route may run or wait at a "
	    "time; more get a 503.  0: no limit but the pool's." },
	{ .name = "reserve", .type = CONFIG_COUNT, ROUTE(reserve),
	    .example = "1",
	    .min = "1", .max = "1023", .zero = true,
	    .text = "How many workers of the pool are kept for this route: "
	    "the others together get only the rest, whatever comes in.  This "
	    "route takes more than its own where there are any, and has a "
	    "queue to itself, as long as the pool's.  A worker with threads "
	    "counts as that many requests.  One worker at least must be left "
	    "to all.  Of no use to a sync route.  0: none." },
	{ .name = "body_limit", .type = CONFIG_SIZE, ROUTE(body_limit),
	    .example = "1 GiB", .min = "1 B", .max = "1 TiB", .zero = true,
	    .text = "The most bytes that the body of a request to it may "
	    "have, whatever the option of this name outside of sections says, "
	    "which may be less or more; a larger body gets a 413, as soon as "
	    "its announced length or what has come of it is over.  The web "
	    "server has a limit too (nginx: client_max_body_size in the "
	    "location), and large bodies are files in state_dir, so the disk "
	    "must have room.  0: no body." },
	{ .name = "server_timing", .type = CONFIG_BOOL, ROUTE(server_timing),
	    .example = "true",
	    .text = "Whether its replies say where the time went; see the "
	    "option of this name outside of sections." },
	{ .name = "job_concurrency", .type = CONFIG_COUNT,
	    ROUTE(job_concurrency), .example = "1",
	    .min = "1", .max = "1000", .zero = true,
	    .text = "How many jobs of this route this host runs at a time; "
	    "the others wait, and none is refused.  0: as many as "
	    "jobs_concurrency allows.  This and the following are for routes "
	    "that are jobs." },
	{ .name = "job_priority", .type = CONFIG_COUNT, ROUTE(job_priority),
	    .example = "5",
	    .min = "1", .max = "100", .zero = true,
	    .text = "Of the jobs that wait those with a larger number are "
	    "begun first.  0 where nothing is said." },
	{ .name = "job_attempts", .type = CONFIG_COUNT, ROUTE(job_attempts),
	    .example = "1", .min = "1", .max = "1000",
	    .text = "See jobs_attempts outside of sections." },
	{ .name = "job_retry", .type = CONFIG_TIME, ROUTE(job_retry_ms),
	    .example = "1m", .min = "10ms", .max = "1d",
	    .text = "See jobs_retry outside of sections." },
	{ .name = "job_keep", .type = CONFIG_TIME, ROUTE(job_keep_ms),
	    .example = "7d", .min = "1s", .max = "366d",
	    .text = "See jobs_keep outside of sections." },
	{ .name = "auth", .type = CONFIG_TEXT, ROUTE(auth),
	    .example = "partners",
	    .text = "How a client shows who it is: the name of a section auth, "
	    "or several with blanks between, any of which will do.  \"none\": "
	    "whoever it is." },
	{ .name = "scopes", .type = CONFIG_SCOPES, ROUTE(scopes),
	    .example = "read",
	    .text = "What a client must be allowed, as words with blanks "
	    "between: it needs all of them, and gets a 403 without." },
	{ .name = "cache", .type = CONFIG_TIME, ROUTE(cache_ms),
	    .example = "60s", .min = "1ms", .max = "365d", .zero = true,
	    .text = "How long a reply with status 200 is kept, in the memory "
	    "of cache_size, and given to requests that are equal: same path, "
	    "inputs, body, Accept, host and credentials.  Inputs are those "
	    "that the handler declares in query, headers and cookies; of one "
	    "that declares none, the query and all cookies.  Of equal "
	    "requests that come at the same time one is run, and the others "
	    "wait for its reply without taking workers.  A reply with "
	    "Set-Cookie, with Cache-Control: private, no-store or no-cache, "
	    "with Vary on other headers, or over reply_space is not kept.  A "
	    "request with Range is run; one with If-None-Match and its kin "
	    "gets its 304 from a kept reply that has an ETag or a "
	    "Last-Modified.  "
	    "For GET, HEAD and POST.  0: none is." },
	{ .name = "cache_refresh", .type = CONFIG_BOOL, ROUTE(cache_refresh),
	    .example = "true",
	    .text = "true: a request with Cache-Control: no-cache is run, and "
	    "its reply kept in place of the older one.  false: that is not "
	    "for clients to say." },
	{ .name = "cors_origins", .type = CONFIG_LIST, .item = CONFIG_TEXT,
	    ROUTE(cors_origins), .example = "https://app.example",
	    .unset = CORS_UNSET,
	    .text = "The origins whose pages may read its replies; see the "
	    "option of this name outside of sections.  { }: none.  A "
	    "preflight gets the rules of the method that it asks for, and "
	    "names the methods of the path that have the same." },
	{ .name = "cors_headers", .type = CONFIG_LIST, .item = CONFIG_TEXT,
	    ROUTE(cors_headers), .example = "Content-Type",
	    .unset = CORS_UNSET,
	    .text = "The headers that such pages may send to it." },
	{ .name = "cors_expose", .type = CONFIG_LIST, .item = CONFIG_TEXT,
	    ROUTE(cors_expose), .example = "ETag", .unset = CORS_UNSET,
	    .text = "The headers of its replies that such pages may read." },
	{ .name = "cors_credentials", .type = CONFIG_BOOL,
	    ROUTE(cors_credentials), .example = "true", .unset = CORS_UNSET,
	    .text = "Whether such pages may send cookies to it and what the "
	    "browser knows of its user.  Only for origins that are named." },
	{ .name = "cors_max_age", .type = CONFIG_TIME,
	    ROUTE(cors_max_age_ms), .example = "1h", .unset = CORS_UNSET,
	    .min = "1s", .max = "1d", .zero = true,
	    .text = "How long a browser need not ask again." },
	{ .name = "rate", .type = CONFIG_RATE, ROUTE(rate),
	    .example = "10/s",
	    .text = "How often a client address may ask this route, in place "
	    "of the option of this name outside of sections, where it is "
	    "explained; nginx counts.  \"none\": as often as it likes." },
	{ .name = "rate_burst", .type = CONFIG_COUNT, ROUTE(rate_burst),
	    .example = "20", .min = "1", .max = "1000000", .zero = true,
	    .text = "See rate_burst outside of sections.  Where nothing is "
	    "said: as many as the number in this section's rate, less "
	    "one." },
	{ .name = NULL }
};

const struct config_option config_model_options[] = {
	{ .name = "path", .type = CONFIG_PATH, MODEL(path), .required = true,
	    .example = "/var/lib/fcgi-host/sentiment.bin",
	    .text = "The file the model is made from." },
	{ .name = "kind", .type = CONFIG_CHOICE, MODEL(kind),
	    .fallback = "file", .choices = "file build preload",
	    .text = "How the model comes into memory.  file: the file's bytes "
	    "are copied into shared memory and sealed.  build: the handler's "
	    "build() makes it in shared memory at a fixed address, which is "
	    "then sealed.  preload: the handler's preload() makes it on the "
	    "heap before the workers are forked, for objects of a library; "
	    "it is shared until someone writes to it." },
	{ .name = "required", .type = CONFIG_BOOL, MODEL(required),
	    .fallback = "true",
	    .text = "true: the host does not start without it.  false: "
	    "handlers see that it is not loaded." },
	{ .name = "hugepages", .type = CONFIG_CHOICE, MODEL(hugepages),
	    .fallback = "off", .choices = "off try",
	    .text = "try: put the model in huge pages if enough are reserved "
	    "(vm.nr_hugepages), in ordinary ones if not." },
	{ .name = "lock", .type = CONFIG_BOOL, MODEL(lock),
	    .fallback = "false",
	    .text = "true: lock the model in memory, for systems with swap.  "
	    "It takes a sufficient RLIMIT_MEMLOCK." },
	{ .name = "max_bytes", .type = CONFIG_SIZE, MODEL(max_bytes),
	    .fallback = "0", .min = "4 KiB", .max = "64 GiB", .zero = true,
	    .text = "For kind build: the most memory that build() may take.  "
	    "0: what the handler says." },
	{ .name = "sha256", .type = CONFIG_SHA256, MODEL(sha256),
	    .fallback = "",
	    .text = "The SHA-256 the file must have, as 64 hexadecimal "
	    "digits.  Empty: any." },
	{ .name = "load_timeout", .type = CONFIG_TIME, MODEL(load_timeout_ms),
	    .fallback = "120s", .min = "1ms", .max = "1d",
	    .text = "How long loading may take before it is given up." },
	{ .name = "allow_threads", .type = CONFIG_BOOL, MODEL(allow_threads),
	    .fallback = "false",
	    .text = "For kind preload: true accepts that the library has "
	    "started threads.  They do not exist in the forked workers, and "
	    "a library that waits for them there hangs." },
	{ .name = "reload", .type = CONFIG_CHOICE, MODEL(reload),
	    .fallback = "keep-serving", .choices = "keep-serving free-first",
	    .text = "What a reload does when the model has changed.  "
	    "keep-serving: the new one is loaded beside the old one, so for "
	    "a while both are in memory.  free-first: the old one is given up "
	    "before the new one is loaded, for a model that does not fit "
	    "twice; requests get a 503 with Retry-After meanwhile." },
	{ .name = "check", .type = CONFIG_REQUEST, MODEL(check),
	    .fallback = "",
	    .text = "A request without a body, \"METHOD /path?query\", such as "
	    "\"GET /sentiment?text=good\".  A new version of the model must "
	    "answer it with a status below 400, in a process that is then "
	    "thrown away, before it serves.  Empty: none is made." },
	{ .name = NULL }
};

const struct config_option config_handler_options[] = {
	{ .name = "set", .type = CONFIG_SETTINGS, HANDLER(settings),
	    .example = "database=/var/lib/fcgi-host/train.sqlite",
	    .text = "A list of \"KEY=VALUE\".  KEY is of letters, digits, "
	    "'-', '_' and '.'; VALUE is the rest and may be empty." },
	{ .name = "network", .type = CONFIG_BOOL, HANDLER(network),
	    .fallback = "false",
	    .text = "true: the sandbox lets the handler open network "
	    "connections.  Unix sockets need no leave.  What one handler may, "
	    "all may that run in its process: those of the front together, "
	    "and those of each pool.  A pool of its own keeps it apart." },
	{ .name = "processes", .type = CONFIG_BOOL, HANDLER(processes),
	    .fallback = "false",
	    .text = "true: the sandbox lets the handler start other programs, "
	    "fork, and send signals to other processes.  Shared like "
	    "network." },
	{ .name = "read_paths", .type = CONFIG_LIST, .item = CONFIG_PATH,
	    HANDLER(read_paths), .fallback = "",
	    .text = "Files and folders that this handler may read, beyond "
	    "those of the option of this name outside of sections.  Shared "
	    "like network." },
	{ .name = "write_paths", .type = CONFIG_LIST, .item = CONFIG_PATH,
	    HANDLER(write_paths), .fallback = "",
	    .text = "The same for what it may write." },
	{ .name = "syscalls", .type = CONFIG_LIST, .item = CONFIG_SYSTEM_CALL,
	    HANDLER(syscalls), .fallback = "",
	    .text = "Names of system calls that the sandbox does not refuse "
	    "to the handler, whatever their arguments, such as \"ptrace\" or "
	    "\"userfaultfd\": a crash report names the one that was.  What "
	    "the kernel grants to root alone it still refuses.  Shared like "
	    "network." },
	{ .name = NULL }
};

const struct config_section config_sections[CONFIG_SECTION_KINDS] = {
	[CONFIG_TOP] = { .name = "", .size = sizeof(struct config),
	    .options = config_top_options },
	[CONFIG_SECTION_POOL] = { .name = "pool", .title = "NAME",
	    .example = "default", .most = 64,
	    .size = sizeof(struct config_pool), ARRAY(pools, pool_count),
	    .options = config_pool_options,
	    .text = "A pool of workers for async handlers.  The pool "
	    "\"default\" is always there; routes and handlers choose others "
	    "by name.  All pools together may run at most 65536 requests at a "
	    "time, workers times threads." },
	[CONFIG_SECTION_ROUTE] = { .name = "route", .title = "METHOD /path",
	    .example = "GET /hello", .most = 4096,
	    .size = sizeof(struct config_route), ARRAY(routes, route_count),
	    .options = config_route_options,
	    .text = "Changes one route of a handler without a rebuild.  The "
	    "title is one of its methods and its path as fcgi-host routes "
	    "shows them, parameters included: \"GET /users/{id}\".  What is "
	    "not set here stays as the handler has it." },
	[CONFIG_SECTION_MODEL] = { .name = "model", .title = "NAME",
	    .example = "sentiment", .most = 256,
	    .size = sizeof(struct config_model), ARRAY(models, model_count),
	    .options = config_model_options,
	    .text = "A model: loaded once, mapped read-only by every process, "
	    "given to handlers under its name." },
	[CONFIG_SECTION_HANDLER] = { .name = "handler", .title = "NAME",
	    .example = "train", .most = 256,
	    .size = sizeof(struct config_handler),
	    ARRAY(handler_sections, handler_count),
	    .options = config_handler_options,
	    .text = "Settings for one handler, which it reads with "
	    "fh_setting() and its kin, and what it may do (see sandbox)." },
	[CONFIG_SECTION_AUTH] = { .name = "auth", .title = "NAME",
	    .example = "partners", .most = CONFIG_AUTHS_MAX,
	    .size = sizeof(struct config_auth), ARRAY(auths, auth_count),
	    .options = config_auth_options,
	    .text = "A way in which clients show who they are, for routes that "
	    "name it (auth, in a section route or in the handler's table).  "
	    "Secrets do not stand in here but in files, which a reload reads "
	    "again, or in variables of the environment that the host was "
	    "started with.  A file with a secret belongs to root or the "
	    "service's user and is not readable for everybody; none of them "
	    "may be writable for its group or everybody.  The service's user "
	    "reads them: \"chown root:SERVICE FILE; chmod 640 FILE\"." }
};
