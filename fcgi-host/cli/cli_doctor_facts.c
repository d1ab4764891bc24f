/*
 * cli_doctor_facts.c - the facts that `fcgi-host doctor` judges.
 *
 * Runs in: the tools.
 * Owns: nothing.
 * Invariant: what cannot be had is -1 or empty, and never a guess; of a host
 * that runs it is that host's limits which count, not this shell's.
 */
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli_ask.h"
#include "cli/cli_doctor.h"
#include "common/sandbox.h"
#include "model/model_budget.h"

/* A line of a file without its newline; false: there is none. */
static bool
read_line(const char *path, char *out, size_t size)
{
	FILE *file = fopen(path, "re");
	bool got = file != NULL && fgets(out, (int)size, file) != NULL;

	if (file != NULL)
		fclose(file);
	if (got)
		out[strcspn(out, "\n")] = '\0';
	return got;
}

static int64_t
read_number(const char *path)
{
	char text[64];

	return !read_line(path, text, sizeof(text)) || text[0] < '0' ||
	    text[0] > '9' ? -1 : strtoll(text, NULL, 10);
}

/* "HugePages_Free:  5" of /proc/meminfo; -1: it has none of that name. */
static int64_t
meminfo(const char *name)
{
	FILE *file = fopen("/proc/meminfo", "re");
	char line[128];
	int64_t value = -1;

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			value = strtoll(line + strlen(name), NULL, 10);
	if (file != NULL)
		fclose(file);
	return value;
}

/* ---------------------------------------------------------------- the host */

/* Its supervisor; 0: none answers. */
static pid_t
find_host(const struct config *config)
{
	char *text = NULL;
	struct json_object *root, *pid;
	int found = 0;

	if (cli_ask_if_running(config->file, "status", &text) != 0 ||
	    text == NULL)
		return 0;
	root = json_tokener_parse(text);
	pid = json_object_object_get(json_object_object_get(root,
	    "supervisor"), "pid");
	found = json_object_get_int(pid);
	json_object_put(root);
	free(text);
	return found;
}

/* The hard limit of open files of a process. */
static int64_t
descriptors_of(pid_t pid)
{
	struct rlimit limit;

	if (prlimit(pid, RLIMIT_NOFILE, NULL, &limit) < 0)
		return -1;
	return limit.rlim_max > INT64_MAX ? INT64_MAX :
	    (int64_t)limit.rlim_max;
}

/* The least of its control group (version 2) and those around it. */
static int64_t
pids_max_of(pid_t pid)
{
	char path[PATH_MAX], name[PATH_MAX + 64], *slash;
	int64_t least = -1, limit;

	snprintf(name, sizeof(name), "/proc/%d/cgroup", (int)pid);
	if (!read_line(name, path, sizeof(path)) ||
	    strncmp(path, "0::", 3) != 0)
		return -1;
	while ((slash = strrchr(path + 3, '/')) != NULL) {
		snprintf(name, sizeof(name), "/sys/fs/cgroup%s/pids.max",
		    path + 3);
		limit = read_number(name);
		if (limit >= 0 && (least < 0 || limit < least))
			least = limit;
		*slash = '\0';
	}
	return least;
}

/* ------------------------------------------------------------------- files */

static struct doctor_path
look_at(const char *name)
{
	struct stat status;

	if (stat(name, &status) < 0)
		return (struct doctor_path){ .exists = false };
	return (struct doctor_path){ .exists = true, .mode = status.st_mode,
	    .uid = status.st_uid, .gid = status.st_gid };
}

/* Not where we may not connect, or it is busy. */
static bool
is_dead(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool dead = false;

	if (fd >= 0 && strlen(path) < sizeof(address.sun_path)) {
		memcpy(address.sun_path, path, strlen(path) + 1);
		dead = connect(fd, (const struct sockaddr *)&address,
		    sizeof(address)) < 0 && errno == ECONNREFUSED;
	}
	if (fd >= 0)
		close(fd);
	return dead;
}

/* Entries of a folder; those that have no `without`, if that is given. */
static int64_t
count_entries(const char *folder, const char *without)
{
	DIR *dir = opendir(folder);
	char path[PATH_MAX];
	struct dirent *entry;
	int64_t count = 0;

	if (dir == NULL)
		return -1;
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s/%s", folder,
		    entry->d_name, without != NULL ? without : "");
		count += without == NULL || (entry->d_type == DT_DIR &&
		    access(path, F_OK) < 0);
	}
	closedir(dir);
	return count;
}

static void
gather_files(struct doctor_facts *facts)
{
	const struct config *config = facts->config;
	struct statvfs space;
	char path[PATH_MAX];

	facts->handlers = look_at(config->handlers);
	facts->state = look_at(config->state_dir);
	facts->state_free = statvfs(config->state_dir, &space) < 0 ? -1 :
	    (int64_t)(space.f_bavail * space.f_frsize);
	snprintf(path, sizeof(path), "%s/generations", config->state_dir);
	facts->unfinished = count_entries(path, "manifest.json");
	snprintf(path, sizeof(path), "%s/spool", config->state_dir);
	facts->bodies = count_entries(path, NULL);
	if (strncmp(config->listen, "unix:", 5) == 0) {
		facts->socket = look_at(config->listen + 5);
		facts->socket_dead = facts->socket.exists &&
		    is_dead(config->listen + 5);
	}
	if (config->user != NULL)
		cli_doctor_user(config->user, &facts->service);
}

/* ---------------------------------------------------------------- machine */

static void
gather_plan(struct doctor_facts *facts)
{
	struct model_budget budget;
	struct err err;

	if (model_budget_make(facts->config, NULL, 0, &budget, &err) < 0)
		return;		/* the models' files say why: check, plan */
	if (plan_check(&budget.plan, budget.available, budget.limit,
	    &err) < 0)
		snprintf(facts->plan, sizeof(facts->plan), "%s", err.text);
	model_budget_free(&budget);
}

static void
gather_huge_pages(struct doctor_facts *facts)
{
	const struct config *config = facts->config;
	int64_t pages = meminfo("HugePages_Free:");
	int64_t size = meminfo("Hugepagesize:");
	struct stat status;

	if (pages < 0 || size < 0)
		return;
	facts->huge_free = pages * size * 1024;
	for (size_t i = 0; i < config->model_count; i++)
		if (config->models[i].hugepages == CONFIG_PAGES_TRY &&
		    stat(config->models[i].path, &status) == 0)
			facts->huge_wanted += status.st_size;
}

static void
gather_machine(struct doctor_facts *facts, pid_t host)
{
	pid_t whose = host != 0 ? host : getpid();

	facts->somaxconn = read_number("/proc/sys/net/core/somaxconn");
	facts->descriptors = descriptors_of(whose);
	facts->pids_max = pids_max_of(whose);
	facts->landlock = sandbox_files_version();
	facts->huge_free = -1;
	/* what a host has taken already is not to fit once more */
	if (host == 0) {
		gather_plan(facts);
		gather_huge_pages(facts);
	}
}

void
cli_doctor_gather(const struct config *config, const char *nginx_file,
    struct doctor_facts *facts_out)
{
	pid_t host = find_host(config);

	*facts_out = (struct doctor_facts){ .config = config,
	    .running = host != 0 };
	gather_machine(facts_out, host);
	gather_files(facts_out);
	cli_doctor_nginx(nginx_file, facts_out);
}

void
cli_doctor_free(struct doctor_facts *facts)
{
	free((void *)(uintptr_t)facts->nginx);
	facts->nginx = NULL;
}
