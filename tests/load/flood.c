/*
 * flood.c - a crowd that asks at a given rate, and what another one, who asks
 * now and then meanwhile, has of it.
 *
 *	flood [option...] SOCKET CROWD-FILE PROBE-FILE
 *
 * The files hold the bytes of one whole FastCGI request on a kept connection.
 * The crowd's connections are open all the time; in turn they are silent for a
 * while, and ask for as long.  The prober has a thread, a connection and, where
 * that is allowed, a processor's first attention (SCHED_FIFO): what the crowd's
 * own work costs here is not measured.  One line of JSON is printed: the
 * prober's times of each round, and the crowd's, in microseconds, and how many
 * of the crowd's requests were sent, answered, and answered with a 503.
 *
 *	-c N	connections of the crowd (1000)
 *	-r N	its requests a second (2000)
 *	-p N	the prober's requests a second, at random times (500)
 *	-w MS	how long it is silent, and asks (500)
 *	-n N	how often (4)
 *
 * Runs in: a process of its own, started by tests/lib/flood.py.
 * Owns: the connections.
 * Invariant: a connection has at most one request under way, and each request
 * has one whole reply; anything else ends the program with a sentence.
 */
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_MAX	65536
#define TIMES_MAX	1000000
#define ROUNDS_MAX	100
#define TURN_NS		UINT64_C(200000)	/* one turn asks at once */
#define PATIENCE_NS	UINT64_C(10000000000)	/* with the last replies */

/* A phase is 2 * round + asking; this is after the last one. */
#define OVER		(2 * ROUNDS_MAX)

struct request {
	unsigned char	 bytes[REQUEST_MAX];
	size_t		 length;
};

struct times {
	uint64_t	*list;
	size_t		 count, size;
};

struct client {
	int		 fd;
	uint64_t	 asked_ns;	/* 0: nothing is under way */
};

static struct sockaddr_un	 address = { .sun_family = AF_UNIX };
static struct request		 crowd_request, probe_request;
static unsigned			 connections = 1000, rate = 2000,
				 probes = 500, window_ms = 500, rounds = 4;
static struct client		*clients;
static int			 events_fd;
static struct times		 probe_times[OVER], crowd_times;
static _Atomic unsigned		 phase;
static uint64_t			 sent, refused;

static uint64_t
now_ns(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_MONOTONIC, &now) == -1)
		err(1, "clock_gettime");
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void
add(struct times *times, uint64_t ns)
{
	if (times->count < times->size)
		times->list[times->count++] = ns;
}

static int
reach(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1 || connect(fd, (struct sockaddr *)&address,
	    sizeof(address)) == -1)
		err(1, "connect");
	return fd;
}

static void
ask(int fd, const struct request *request)
{
	if (send(fd, request->bytes, request->length, MSG_NOSIGNAL) !=
	    (ssize_t)request->length)
		err(1, "send");
}

/* Reads what has come.  A reply of the host is small: it comes in one piece. */
static bool
read_reply(int fd, char *out, size_t size)
{
	const unsigned char *bytes = (unsigned char *)out;
	ssize_t got = recv(fd, out, size, 0);
	size_t at = 0, length = got > 0 ? (size_t)got : 0;

	if (got <= 0)
		errx(1, "a connection was closed: %s", got == 0 ? "end" :
		    strerror(errno));
	while (at + 8 <= length && bytes[at + 1] != 3)	/* END_REQUEST */
		at += 8u + (size_t)(bytes[at + 4] << 8 | bytes[at + 5]) +
		    bytes[at + 6];
	if (at + 16 != length)
		errx(1, "%zu bytes are not one reply", length);
	return memmem(out, length, "Status: 503", 11) != NULL;
}

/* ------------------------------------------------------------ the prober */

static void
rest_until(uint64_t ns)
{
	struct timespec until = { .tv_sec = (time_t)(ns / 1000000000),
	    .tv_nsec = (long)(ns % 1000000000) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until,
	    NULL) == EINTR)
		;
}

/* What began in one phase and ended in another is of neither. */
static void *
probe(void *unused)
{
	const struct sched_param first = { .sched_priority = 10 };
	char reply[REQUEST_MAX];
	uint64_t next = now_ns(), begin, end;
	unsigned dice = 1, now;
	int fd = reach();

	pthread_setschedparam(pthread_self(), SCHED_FIFO, &first);
	while ((now = atomic_load(&phase)) != OVER) {
		next += (uint64_t)(1e9 / probes * (0.5 +
		    rand_r(&dice) / (double)RAND_MAX));
		rest_until(next);
		begin = now_ns();
		ask(fd, &probe_request);
		if (read_reply(fd, reply, sizeof(reply)))
			errx(1, "the prober got a 503");
		end = now_ns();
		if (now == atomic_load(&phase))
			add(&probe_times[now], end - begin);
		next = next > end ? next : end;
	}
	close(fd);
	return unused;
}

/* ------------------------------------------------------------- the crowd */

static void
gather(void)
{
	events_fd = epoll_create1(EPOLL_CLOEXEC);
	clients = calloc(connections, sizeof(*clients));
	if (events_fd == -1 || clients == NULL)
		err(1, "clients");
	for (unsigned i = 0; i < connections; i++) {
		struct epoll_event event = { .events = EPOLLIN,
		    .data.u32 = i };

		clients[i].fd = reach();
		if (epoll_ctl(events_fd, EPOLL_CTL_ADD, clients[i].fd,
		    &event) == -1)
			err(1, "epoll_ctl");
	}
}

static void
take_replies(int wait_ms)
{
	struct epoll_event events[64];
	char reply[REQUEST_MAX];
	int count = epoll_wait(events_fd, events, 64, wait_ms);

	for (int i = 0; i < count; i++) {
		struct client *client = &clients[events[i].data.u32];

		if (client->asked_ns == 0)
			errx(1, "a reply to nothing");
		if (read_reply(client->fd, reply, sizeof(reply)))
			refused++;
		add(&crowd_times, now_ns() - client->asked_ns);
		client->asked_ns = 0;
	}
}

/* One whose last request is not answered is passed over. */
static void
ask_next(void)
{
	static unsigned next;
	struct client *client = &clients[next++ % connections];

	if (client->asked_ns != 0)
		return;
	client->asked_ns = now_ns();
	ask(client->fd, &crowd_request);
	sent++;
}

/* What we missed because we were not let run is not made up for: it would be a
 * burst of ours, not of the crowd. */
static void
ask_for(uint64_t ns)
{
	static double owed;

	owed += (double)ns * rate / 1e9;
	if (owed > 2 + 2 * rate * (TURN_NS / 1e9))
		owed = 2 + 2 * rate * (TURN_NS / 1e9);
	for (; owed >= 1; owed--)
		ask_next();
}

static void
run_phase(unsigned round, bool asking)
{
	uint64_t last = now_ns(), end = last + window_ms * UINT64_C(1000000);
	uint64_t now;

	atomic_store(&phase, 2 * round + asking);
	for (; (now = now_ns()) < end; last = now) {
		if (asking)
			ask_for(now - last);
		take_replies(0);
		rest_until(now + TURN_NS);
	}
	end = now + PATIENCE_NS;
	while (crowd_times.count < sent && now_ns() < end)
		take_replies(10);
}

/* ----------------------------------------------------------- the results */

static int
smaller_first(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

static double
at(const struct times *times, size_t of_thousand)
{
	return times->count == 0 ? 0 :
	    (double)times->list[(times->count - 1) * of_thousand / 1000] / 1e3;
}

static void
print_times(const char *before, struct times *times)
{
	qsort(times->list, times->count, sizeof(*times->list), smaller_first);
	printf("%s{\"count\": %zu, \"p50\": %.1f, \"p90\": %.1f, "
	    "\"p99\": %.1f, \"max\": %.1f}", before, times->count,
	    at(times, 500), at(times, 900), at(times, 990), at(times, 1000));
}

static void
print_rounds(const char *name, bool asking)
{
	printf("\"%s\": [", name);
	for (unsigned i = 0; i < rounds; i++)
		print_times(i == 0 ? "" : ", ", &probe_times[2 * i + asking]);
	printf("], ");
}

/* ------------------------------------------------------------- beginning */

static void
read_request(const char *path, struct request *out)
{
	FILE *file = fopen(path, "re");

	if (file == NULL)
		err(1, "%s", path);
	out->length = fread(out->bytes, 1, sizeof(out->bytes), file);
	fclose(file);
}

static void
read_options(int argc, char **argv)
{
	int letter;

	while ((letter = getopt(argc, argv, "c:r:p:w:n:")) != -1) {
		unsigned value = letter == '?' ? 0 : (unsigned)atoi(optarg);

		switch (letter) {
		case 'c': connections = value; break;
		case 'r': rate = value; break;
		case 'p': probes = value; break;
		case 'w': window_ms = value; break;
		case 'n': rounds = value; break;
		default: errx(100, "no such option");
		}
	}
	if (argc - optind != 3 || connections == 0 || probes == 0 ||
	    rounds == 0 || rounds > ROUNDS_MAX ||
	    strlen(argv[optind]) >= sizeof(address.sun_path))
		errx(100, "usage: flood [-crpwn N] SOCKET CROWD PROBE");
	strcpy(address.sun_path, argv[optind]);
	read_request(argv[optind + 1], &crowd_request);
	read_request(argv[optind + 2], &probe_request);
}

static void
make_list(struct times *times, size_t size)
{
	times->size = size;
	times->list = calloc(size, sizeof(*times->list));
	if (times->list == NULL)
		err(1, "times");
}

/* Of a prober that catches up there may be more than was asked for. */
static void
make_lists(void)
{
	make_list(&crowd_times, TIMES_MAX);
	for (unsigned i = 0; i < 2 * rounds; i++)
		make_list(&probe_times[i],
		    100 + 4 * (size_t)probes * window_ms / 1000);
}

int
main(int argc, char **argv)
{
	pthread_t prober;

	read_options(argc, argv);
	make_lists();
	gather();
	if ((errno = pthread_create(&prober, NULL, probe, NULL)) != 0)
		err(1, "pthread_create");
	for (unsigned i = 0; i < rounds; i++) {
		run_phase(i, false);
		run_phase(i, true);
	}
	atomic_store(&phase, OVER);
	pthread_join(prober, NULL);
	printf("{");
	print_rounds("silent", false);
	print_rounds("asking", true);
	print_times("\"crowd\": ", &crowd_times);
	printf(", \"sent\": %llu, \"answered\": %zu, \"refused\": %llu}\n",
	    (unsigned long long)sent, crowd_times.count,
	    (unsigned long long)refused);
	return 0;
}
