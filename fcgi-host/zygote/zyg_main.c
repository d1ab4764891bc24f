/*
 * zyg_main.c - the zygote: single-threaded, forks front and workers.
 *
 * Runs in: zygote.
 * Owns: the link to the supervisor, the generation's handlers and models.
 * Invariant: never more than one thread; serves no request; a child's death is
 * reported once, and only then may its slot be used again.
 */
#include "zygote/zyg_main.h"

#include <sys/signalfd.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/log.h"
#include "common/sandbox.h"
#include "zygote/zyg.h"

void
zyg_say(const struct zyg *zyg, struct message *message)
{
	int link = zyg->spare_link > 0 ? zyg->spare_link : zyg->start->link;

	if (channel_send(link, message, NULL, 0) < 0)
		fatal(EXIT_CODE_SYSTEM, "the supervisor does not answer");
}

/* SIGTERM is ignored: the zygote ends when the supervisor's end closes. */
static int
watch_children(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGCHLD, SIG_DFL);	/* whatever a handler made of it */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		fatal(EXIT_CODE_SYSTEM, "signalfd");
	return fd;
}

/* What is reaped already may be somebody else's number by now. */
static void
kill_child(pid_t pid, int number)
{
	siginfo_t info;

	if (pid > 0 && waitid(P_PID, (id_t)pid, &info,
	    WEXITED | WNOHANG | WNOWAIT) == 0)
		kill(pid, number);
}

static void
handle_message(struct zyg *zyg)
{
	struct message message;
	int fds[CHANNEL_FDS_MAX];
	size_t count;
	int got = channel_receive(zyg->start->link, &message, fds, &count);

	if (got == 0)
		_exit(0);
	if (got < 0)
		fatal(EXIT_CODE_SYSTEM, "link to the supervisor");
	switch (message.type) {
	case MESSAGE_SPAWN_FRONT:
	case MESSAGE_SPAWN_WORKER:
	case MESSAGE_SPAWN_PROBE:
		FH_BUG(count != SPAWN_FDS);
		zyg_spawn(zyg, &message, fds);
		break;
	case MESSAGE_DEMOTE:
		zyg_demote(zyg, &message);
		break;
	case MESSAGE_KILL:
		kill_child(message.pid, message.value);
		break;
	default:
		FH_BUG("message type");
	}
}

static void
serve_supervisor(struct zyg *zyg)
{
	struct signalfd_siginfo info;
	struct pollfd wait[2] = {
		{ .fd = zyg->start->link, .events = POLLIN },
		{ .fd = zyg->signal_fd, .events = POLLIN },
	};

	for (;;) {
		if (poll(wait, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			fatal(EXIT_CODE_SYSTEM, "poll");
		}
		if (wait[1].revents != 0) {
			while (read(zyg->signal_fd, &info, sizeof(info)) > 0)
				;
			zyg_reap(zyg);
		}
		if (wait[0].revents != 0)
			handle_message(zyg);
	}
}

static void
warn_of_path(void *context, const char *sentence)
{
	(void)context;
	log_warnx("%s", sentence);
}

/* The log goes on when stderr is a handler's. */
static void
keep_log(const struct config *config)
{
	int fd = log_open(STDERR_FILENO, ZYGOTE_LINK + 1);

	if (fd < 0)
		fatal(EXIT_CODE_SYSTEM, "stderr");
	log_set_fd(fd);
	log_set_level(config->log_level);
}

void
zyg_main(const struct roles *roles)
{
	static struct zygote_start start;
	static struct zyg zyg;

	start.supervisor = getppid();
	child_begin("zygote", start.supervisor);
	fcntl(ZYGOTE_LINK, F_SETFD, FD_CLOEXEC);
	start.link = ZYGOTE_LINK;
	start.roles = roles;
	zyg_start_receive(&start);
	keep_log(start.config);
	zyg.start = &start;
	zyg_load(&zyg, &start);
	zyg_models_receive(&zyg);
	zyg_preload(&zyg);
	zyg_harm_end(&zyg);
	sandbox_paths_check(start.config, warn_of_path, NULL);
	zyg.signal_fd = watch_children();
	serve_supervisor(&zyg);
}
