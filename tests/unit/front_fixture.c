/*
 * front_fixture.c - real fronts and workers, without supervisor and web server.
 *
 * Runs in: unit tests of the front; the routes run in fronts and workers that
 * are forked from them.
 * Owns: a scratch folder with a listening socket and a spool folder.
 * Invariant: a forked process holds no descriptor of the test's but those it is
 * given, so that ends are seen where there are any.
 */
#include "front_fixture.h"

#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/child.h"
#include "front/front_main.h"
#include "front_routes.h"
#include "worker/wrk_main.h"

#define PATIENCE	10000	/* looks, a millisecond apart */

struct shared	*shared;
struct team		*old, *new;
static int	 spool_folder = -1;
static char	 scratch[64];
static int	 listening = -1;
static struct team *teams[8];
static uint32_t	 team_count, last_number;

void
wait_a_moment(int tries, const char *what, const char *file, int line)
{
	const struct timespec moment = { 0, 1000000 };

	if (tries == PATIENCE) {
		print_error("%s:%d: never: %s\n", file, line, what);
		fail();
	}
	nanosleep(&moment, NULL);
}

static void
listen_there(struct sockaddr_un *name)
{
	name->sun_family = AF_UNIX;
	snprintf(name->sun_path, sizeof(name->sun_path), "%s/host.sock",
	    scratch);
}

int
front_setup(void **state)
{
	struct sockaddr_un name;
	char path[80];

	(void)state;
	strcpy(scratch, "/tmp/front_test.XXXXXX");
	assert_non_null(mkdtemp(scratch));
	snprintf(path, sizeof(path), "%s/spool", scratch);
	assert_int_equal(mkdir(path, 0700), 0);
	spool_folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(spool_folder >= 0);
	listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	listen_there(&name);
	assert_int_equal(bind(listening, (struct sockaddr *)&name,
	    sizeof(name)), 0);
	assert_int_equal(listen(listening, 4096), 0);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(shared, MAP_FAILED);
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

/* ------------------------------------------------------------------ teams */

static void
count_fault(void *context, const char *sentence)
{
	print_error("%s\n", sentence);
	++*(unsigned *)context;
}

static struct config *
configure(const char *statements)
{
	char text[2048];
	struct config *config;
	unsigned faults = 0;

	snprintf(text, sizeof(text), "%s%s%s\n",
	    strstr(statements, "kill_grace") != NULL ? "" :
	    "kill_grace = \"400ms\"\n",
	    strstr(statements, "drain_timeout") != NULL ? "" :
	    "drain_timeout = \"60s\"\n", statements);
	config = config_parse("test.conf", text, strlen(text), count_fault,
	    &faults);
	assert_int_equal(faults, 0);
	assert_non_null(config);
	return config;
}

/* `own` becomes the only link that the child keeps. */
static pid_t
fork_role(struct team *team, uint32_t slot, int own)
{
	static const struct zygote_start zygote;
	struct child_start start = { .config = team->config,
	    .zygote = &zygote, .set = team->set, .geometry = team->geometry,
	    .fds = { team->shm_fd, team->event_fd, own, -1 },
	    .listen_fd = slot == SLOT_FRONT ? listening : -1,
	    .spool_dir = spool_folder, .crash_dir = -1,
	    .generation = team->number, .team = team->number, .slot = slot };
	const int keep[] = { team->shm_fd, team->event_fd, own, listening,
	    spool_folder };
	pid_t parent = getpid(), pid = fork();

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	child_begin(slot == SLOT_FRONT ? "front" : "worker", parent);
	child_close_others(keep, sizeof(keep) / sizeof(keep[0]));
	log_set_level(team->config->log_level);
	if (slot == SLOT_FRONT)
		front_main(&start);
	wrk_main(&start);
	abort();
}

static pid_t
start_process(struct team *team, uint32_t slot, int *link_out)
{
	struct message message;
	int ends[2], fds[CHANNEL_FDS_MAX];
	size_t count;
	pid_t pid;

	assert_int_equal(channel_pair(ends), 0);
	pid = fork_role(team, slot, ends[1]);
	close(ends[1]);
	*link_out = ends[0];
	assert_int_equal(channel_receive(ends[0], &message, fds, &count), 1);
	assert_int_equal(message.type, MESSAGE_READY);
	return pid;
}

struct team *
team_start(const char *statements, bool old, bool workers)
{
	struct team *team = calloc(1, sizeof(*team));
	struct err err;

	assert_non_null(team);
	team->config = configure(statements);
	team->set = routes_create(team->config, old);
	team->geometry = shm_geometry_create(team->config,
	    (uint32_t)team->set->route_count);
	assert_non_null(team->geometry);
	assert_true(team_count < sizeof(teams) / sizeof(teams[0]));
	teams[team_count++] = team;
	team->number = ++last_number;
	team->shm_fd = shm_create(team->geometry, &err);
	team->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert_true(team->shm_fd >= 0 && team->event_fd >= 0);
	team->shm = shm_map(team->geometry, team->shm_fd, SHM_SUPERVISOR, 0,
	    &err);
	assert_non_null(team->shm);
	team->front = start_process(team, SLOT_FRONT, &team->link);
	assert_true(team->geometry->worker_count <= TEAM_WORKERS);
	for (uint32_t i = 0; workers && i < team->geometry->worker_count; i++)
		team->workers[i] = start_process(team, i,
		    &team->worker_links[i]);
	return team;
}

void
team_say(struct team *team, uint32_t type, int fd)
{
	const struct message message = { .type = type,
	    .team = team->number };

	assert_int_equal(channel_send(team->link, &message, &fd, fd >= 0), 0);
	if (fd >= 0)
		close(fd);
}

int
team_hear(struct team *team, struct message *message)
{
	struct pollfd link = { .fd = team->link, .events = POLLIN };
	int fds[CHANNEL_FDS_MAX];
	size_t count;

	assert_int_equal(poll(&link, 1, PATIENCE), 1);
	return channel_receive(team->link, message, fds, &count);
}

int
team_wait(struct team *team)
{
	int status = 0;

	WAIT_UNTIL(waitpid(team->front, &status, WNOHANG) == team->front);
	team->front = 0;
	return status;
}

void
team_kill_front(struct team *team)
{
	if (team->front == 0)
		return;
	kill(team->front, SIGKILL);
	team_wait(team);
}

static void
destroy(struct team *team)
{
	team_kill_front(team);
	close(team->link);
	for (int i = 0; i < TEAM_WORKERS; i++) {
		if (team->workers[i] == 0)
			continue;
		kill(team->workers[i], SIGKILL);
		waitpid(team->workers[i], NULL, 0);
		close(team->worker_links[i]);
	}
	shm_unmap(team->shm);
	close(team->shm_fd);
	close(team->event_fd);
	shm_geometry_destroy(team->geometry);
	routes_destroy(team->set);
	config_free(team->config);
	free(team);
}

void
team_forget(struct team *team)
{
	uint32_t at = 0;

	while (teams[at] != team)
		at++;
	teams[at] = teams[--team_count];
	destroy(team);
}

int
front_teardown(void **state)
{
	char command[128];

	(void)state;
	while (team_count > 0)
		destroy(teams[--team_count]);
	close(listening);
	close(spool_folder);
	munmap(shared, sizeof(*shared));
	snprintf(command, sizeof(command), "rm -rf '%s'", scratch);
	return system(command);
}

struct shm_front_stats *
team_stats(const struct team *team)
{
	return shm_front_stats(team->shm);
}

uint64_t
team_pending(const struct team *team)
{
	return atomic_load(&shm_pool_stats(team->shm, 0)->pending);
}

uint64_t
team_active(const struct team *team)
{
	return atomic_load(&shm_pool_stats(team->shm, 0)->active);
}

struct shm_route_stats *
team_route(const struct team *team, const char *label)
{
	for (uint32_t i = 0; i < team->geometry->route_count; i++)
		if (strcmp(team->set->routes[i].label, label) == 0)
			return shm_route_stats(team->shm, i);
	fail_msg("no route %s", label);
	return NULL;
}

static void
pass_link(struct team *from, struct team *to, int buffer)
{
	int ends[2];

	assert_int_equal(channel_pair(ends), 0);
	for (int i = 0; buffer > 0 && i < 2; i++)
		assert_int_equal(setsockopt(ends[i], SOL_SOCKET, SO_SNDBUF,
		    &buffer, sizeof(buffer)), 0);
	team_say(to, MESSAGE_TAKE, ends[0]);
	team_say(from, MESSAGE_RETIRE, ends[1]);
}

void
hand_over(struct team *from, struct team *to)
{
	pass_link(from, to, 0);
}

void
hand_over_narrowly(struct team *from, struct team *to)
{
	pass_link(from, to, 4608);
}

void
start_both(const char *old_statements, const char *new_statements)
{
	old = team_start(old_statements, true, true);
	new = team_start(new_statements, false, true);
	team_say(old, MESSAGE_SERVE, -1);
}

void
switch_over(void)
{
	team_say(new, MESSAGE_SERVE, -1);
	hand_over(old, new);
}

void
old_leaves(void)
{
	int status = team_wait(old);

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static unsigned
count_watched(const char *path)
{
	FILE *file = fopen(path, "r");
	char line[256];
	unsigned count = 0;

	if (file == NULL)
		return 0;
	while (fgets(line, sizeof(line), file) != NULL)
		count += strncmp(line, "tfd:", 4) == 0;
	fclose(file);
	return count;
}

unsigned
team_watched(const struct team *team)
{
	const struct dirent *entry;
	char path[320];
	unsigned count = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo", (int)team->front);
	assert_non_null(dir = opendir(path));
	while ((entry = readdir(dir)) != NULL) {
		snprintf(path, sizeof(path), "/proc/%d/fdinfo/%s",
		    (int)team->front, entry->d_name);
		count += count_watched(path);
	}
	closedir(dir);
	return count;
}

void
freeze(pid_t pid)
{
	siginfo_t info;

	assert_int_equal(kill(pid, SIGSTOP), 0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info,
	    WSTOPPED | WNOWAIT), 0);
}

void
thaw(pid_t pid)
{
	assert_int_equal(kill(pid, SIGCONT), 0);
}

static unsigned
look_for_files(uint32_t team, bool removed)
{
	int fd = openat(spool_folder, ".", O_RDONLY | O_DIRECTORY);
	DIR *dir = fdopendir(fd);
	const struct dirent *entry;
	char prefix[16];
	unsigned count = 0;

	assert_non_null(dir);
	snprintf(prefix, sizeof(prefix), "%06x", team & 0xffffffu);
	while ((entry = readdir(dir)) != NULL) {
		if (strncmp(entry->d_name, prefix, 6) != 0)
			continue;
		count++;
		if (removed)
			unlinkat(spool_folder, entry->d_name, 0);
	}
	closedir(dir);
	return count;
}

unsigned
spool_files(uint32_t team)
{
	return look_for_files(team, false);
}

void
spool_clean(uint32_t team)
{
	look_for_files(team, true);
}

int
client_connect(void)
{
	struct sockaddr_un name;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	listen_there(&name);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&name, sizeof(name)),
	    0);
	return fd;
}
