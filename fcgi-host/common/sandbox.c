/*
 * sandbox.c - gives up what handlers have no need of.
 *
 * Runs in: front, worker, probe.
 * Owns: nothing.
 * Invariant: only ever takes away; what the host's own code in these processes
 * does is allowed.
 *
 * The filter allows what it does not name: a library that a handler brings may
 * need any ordinary call, and a new one each year.  What is named reaches into
 * other processes, the machine, or code of the kernel that few need.
 */
#include "common/sandbox.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CAPABILITIES_MAX	64

/* By name: the header of an older libseccomp lacks numbers of newer ones, and
 * a name that it does not know is left out. */
static const char *const never[] = {
	/* other processes */
	"ptrace", "process_vm_readv", "process_vm_writev", "process_madvise",
	"kcmp", "pidfd_getfd",
	/* who we are */
	"setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid",
	"setfsuid", "setfsgid", "setgroups", "capset",
	/* file systems and namespaces */
	"mount", "umount", "umount2", "pivot_root", "move_mount", "open_tree",
	"fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr", "chroot",
	"unshare", "setns", "open_by_handle_at", "quotactl", "quotactl_fd",
	"swapon", "swapoff", "acct",
	/* the machine */
	"reboot", "kexec_load", "kexec_file_load", "init_module",
	"finit_module", "delete_module", "iopl", "ioperm", "settimeofday",
	"clock_settime", "stime", "sethostname", "setdomainname", "syslog",
	"vhangup",
	/* what the kernel is attacked through */
	"bpf", "perf_event_open", "userfaultfd", "modify_ldt", "uselib",
};

static const char *const of_processes[] = { "execve", "execveat", "fork",
	"vfork", "tkill", "pidfd_send_signal" };

/* Whose first argument is a process. */
static const char *const signals[] = { "kill", "tgkill", "rt_sigqueueinfo",
	"rt_tgsigqueueinfo" };

/* Libraries ask whether they are there, and do without (libkrb5, in libpq, of
 * keyctl); what clone3 is asked for no filter can see. */
static const char *const missing[] = { "clone3", "io_uring_setup",
	"io_uring_enter", "io_uring_register", "add_key", "request_key",
	"keyctl" };

static const int namespaces[] = { CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS,
	CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET };

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

struct filter {
	const struct sandbox *sandbox;
	scmp_filter_ctx	 context;
	int		 error;		/* the first one */
};

bool
sandbox_knows(const char *system_call)
{
	return seccomp_syscall_resolve_name(system_call) != __NR_SCMP_ERROR;
}

static bool
is_allowed(const struct sandbox *sandbox, const char *name)
{
	for (size_t i = 0; i < sandbox->system_calls.count; i++)
		if (strcmp(sandbox->system_calls.items[i], name) == 0)
			return true;
	return false;
}

static void
answer(struct filter *filter, uint32_t action, const char *name,
    unsigned count, struct scmp_arg_cmp compare)
{
	int number = seccomp_syscall_resolve_name(name);
	int result;

	if (number < 0)		/* unknown, or of another machine */
		return;
	if (is_allowed(filter->sandbox, name))
		return;
	result = seccomp_rule_add_array(filter->context, action, number,
	    count, &compare);
	if (result < 0 && filter->error == 0)
		filter->error = result;
}

static void
refuse_all(struct filter *filter, uint32_t action, const char *const *names,
    size_t count)
{
	for (size_t i = 0; i < count; i++)
		answer(filter, action, names[i], 0,
		    SCMP_A0(SCMP_CMP_EQ, 0, 0));
}

static void
refuse_if(struct filter *filter, const char *name, struct scmp_arg_cmp compare)
{
	answer(filter, SCMP_ACT_TRAP, name, 1, compare);
}

/* A thread is made by clone() too. */
static void
refuse_processes(struct filter *filter)
{
	refuse_all(filter, SCMP_ACT_TRAP, of_processes, COUNT(of_processes));
	refuse_if(filter, "clone",
	    SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
	for (size_t i = 0; i < COUNT(signals); i++)
		refuse_if(filter, signals[i],
		    SCMP_A0(SCMP_CMP_NE, (scmp_datum_t)getpid(), 0));
}

static void
refuse_namespaces(struct filter *filter)
{
	for (size_t i = 0; i < COUNT(namespaces); i++)
		refuse_if(filter, "clone", SCMP_A0(SCMP_CMP_MASKED_EQ,
		    (scmp_datum_t)namespaces[i], (scmp_datum_t)namespaces[i]));
}

/* With the network: what names and addresses are looked up with is AF_NETLINK;
 * no other family is anybody's way to a service. */
static void
refuse_sockets(struct filter *filter, bool network)
{
	if (!network) {
		refuse_if(filter, "socket",
		    SCMP_A0(SCMP_CMP_NE, AF_UNIX, 0));
		return;
	}
	for (int family = AF_UNIX + 1; family < AF_NETLINK; family++)
		if (family != AF_INET && family != AF_INET6)
			refuse_if(filter, "socket", SCMP_A0(SCMP_CMP_EQ,
			    (scmp_datum_t)family, 0));
	refuse_if(filter, "socket", SCMP_A0(SCMP_CMP_GT, AF_NETLINK, 0));
}

static int
enter_filter(const struct sandbox *sandbox, struct err *err)
{
	struct filter filter = { .sandbox = sandbox,
	    .context = seccomp_init(SCMP_ACT_ALLOW) };

	if (filter.context == NULL)
		return err_set(err, "the filter of system calls: no memory");
	filter.error = seccomp_attr_set(filter.context,
	    SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_TRAP);
	refuse_all(&filter, SCMP_ACT_TRAP, never, COUNT(never));
	refuse_all(&filter, SCMP_ACT_ERRNO(ENOSYS), missing, COUNT(missing));
	refuse_namespaces(&filter);
	refuse_sockets(&filter, sandbox->network);
	if (!sandbox->processes)
		refuse_processes(&filter);
	if (filter.error == 0)
		filter.error = seccomp_load(filter.context);
	seccomp_release(filter.context);
	if (filter.error == 0)
		return 0;
	return err_set(err, "the filter of system calls: %s",
	    strerror(-filter.error));
}

int
sandbox_list_add(struct sandbox_list *list, char *const *items)
{
	const char **grown;
	size_t count = 0;

	while (items != NULL && items[count] != NULL)
		count++;
	if (count == 0)
		return 0;
	grown = realloc(list->items, (list->count + count) * sizeof(*grown));
	if (grown == NULL)
		return -1;
	list->items = grown;
	for (size_t i = 0; i < count; i++)
		list->items[list->count++] = items[i];
	return 0;
}

void
sandbox_list_free(struct sandbox_list *list)
{
	free(list->items);
	list->items = NULL;
	list->count = 0;
}

/* The bounding set is root's to give up, and without new privileges it is of
 * no use to others. */
static int
drop_capabilities(struct err *err)
{
	struct __user_cap_header_struct header = {
	    .version = _LINUX_CAPABILITY_VERSION_3 };
	const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {
	    { 0, 0, 0 } };

	for (unsigned long i = 0; i < CAPABILITIES_MAX; i++)
		if (prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0)
			break;
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capset, &header, none) < 0)
		return err_sys(err, "giving up capabilities");
	return 0;
}

/* What fails does not keep the rest from being given up. */
int
sandbox_enter(const struct sandbox *sandbox, struct err *err)
{
	int rc;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(err, "giving up new privileges");
	rc = drop_capabilities(err);
	if (sandbox_files_version() > 0 &&
	    sandbox_files_enter(sandbox, err) < 0)
		rc = -1;
	return enter_filter(sandbox, err) < 0 ? -1 : rc;
}
