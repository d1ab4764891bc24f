/*
 * crash.c - the last words of a process that crashes.
 *
 * Runs in: front, worker; most of it in a signal handler.
 * Owns: the stacks that signal handlers of a crash run on.
 * Invariant: after a crash nothing is called that takes a lock or allocates,
 * and memory of the process is read by write(2), which fails where we would
 * die; the process ends of the signal it got, as it would have without us.
 */
#include "common/crash.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/crash_registers.h"
#include "common/log.h"

#define STACK_BYTES	(64u << 10)
#define SECTIONS_AT	UINT64_C(4096)
#define PIECE		4096

/* What glibc keeps of abort(), assert() and its own checks: abort_msg_s. */
struct abort_message {
	unsigned	size;
	char		text[];
};

struct thread {
	struct crash_request request;	/* while `running` */
	_Atomic bool	 running;
	uintptr_t	 stack_low, stack_high;
	void		*alternate;
};

static _Thread_local struct thread self;

static struct {
	int		 fd;
	dev_t		 device;	/* what `fd` is, if it still is ours */
	ino_t		 inode;
	pid_t		 pid;
	bool		 forked;	/* by a handler: a copy */
	bool		 keep_request;
	struct abort_message **message;	/* NULL: this libc has none */
	_Atomic int32_t	 crasher;	/* its thread; others wait */
	struct crash_record record;
	uint64_t	 end;		/* of what is written */
} words = { .fd = -1 };

static const int crashes[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP,
	SIGABRT, SIGSYS };

#define CRASHES	(sizeof(crashes) / sizeof(crashes[0]))

/* ------------------------------------------------------------- the record */

/* Memory that may not be there; returns how much was.  Not by pwrite(): a
 * sanitizer looks at what that is given, and a stack has its red zones. */
static uint64_t
put_memory(uint64_t at, uint64_t length)
{
	uint64_t done = 0;

	while (done < length) {
		ssize_t put = syscall(SYS_pwrite64, words.fd, at + done,
		    length - done, words.end + done);

		if (put <= 0)
			break;
		done += (uint64_t)put;
	}
	words.end += (done + 7) / 8 * 8;
	return done;
}

static void
put_record(void)
{
	if (pwrite(words.fd, &words.record, sizeof(words.record), 0) < 0)
		return;		/* there is nobody to tell */
}

/* When it has run over its end, the pointer is below what is there. */
static void
put_stack(void)
{
	struct crash_record *record = &words.record;
	uint64_t end = self.stack_high;

	if (record->stack_pointer < record->stack_low &&
	    record->stack_low - record->stack_pointer < CRASH_STACK_MAX)
		record->stack_pointer = record->stack_low;
	if (end <= record->stack_pointer ||
	    end - record->stack_pointer > CRASH_STACK_MAX)
		end = record->stack_pointer + CRASH_STACK_MAX;
	record->stack_at = words.end;
	record->stack_length = put_memory(record->stack_pointer,
	    end - record->stack_pointer);
}

static void
put_maps(void)
{
	char piece[PIECE];
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	uint64_t length = 0;
	ssize_t got;

	words.record.maps_at = words.end;
	while (fd >= 0 && length < CRASH_MAPS_MAX &&
	    (got = read(fd, piece, sizeof(piece))) > 0) {
		if (pwrite(words.fd, piece, (size_t)got,
		    (off_t)words.end) != got)
			break;
		words.end += (uint64_t)got;
		length += (uint64_t)got;
	}
	words.record.maps_length = length;
	words.end = (words.end + 7) / 8 * 8;
	if (fd >= 0)
		close(fd);
}

static void
put_request(const struct crash_request *request)
{
	struct crash_record *record = &words.record;

	if (!words.keep_request || request->hook != NULL)
		return;
	record->params_at = words.end;
	record->params_length = put_memory((uintptr_t)request->params,
	    request->params_length);
	record->body_at = words.end;
	record->body_length = put_memory((uintptr_t)request->body,
	    request->body_length);
}

/* A copy that ends in NUL; what it reads may be broken: the record is written
 * before this. */
static void
put_text(char *out, size_t size, const char *text)
{
	size_t length = strnlen(text, size - 1);

	memcpy(out, text, length);
	out[length] = '\0';
}

static void
put_names(const struct crash_request *request)
{
	struct crash_record *record = &words.record;

	if (request->hook == NULL) {
		put_text(record->request_id, sizeof(record->request_id),
		    request->request_id);
		return;
	}
	put_text(record->handler, sizeof(record->handler), request->handler);
	put_text(record->hook, sizeof(record->hook), request->hook);
}

static void
put_message(void)
{
	if (words.message != NULL && *words.message != NULL)
		put_text(words.record.message, CRASH_MESSAGE_MAX,
		    (*words.message)->text);
}

static void
describe_thread(enum crash_kind kind)
{
	struct crash_record *record = &words.record;

	record->magic = CRASH_MAGIC;
	record->kind = kind;
	record->pid = words.pid;
	record->tid = (int32_t)syscall(SYS_gettid);
	record->syscall = -1;
	record->stack_low = self.stack_low;
	record->stack_high = self.stack_high;
	if (self.running) {
		record->reply = self.request.reply;
		record->finishing = self.request.finishing;
	}
	words.end = SECTIONS_AT;
}

/* Each step is written before one that could go wrong. */
static void
put_all(void)
{
	put_record();
	put_stack();
	put_maps();
	put_record();
	if (words.record.signal == SIGABRT) {
		put_message();
		put_record();
	}
	if (!self.running)
		return;
	put_names(&self.request);
	put_request(&self.request);
	put_record();
}

/* A handler that closed it may have opened a file of its own there. */
static bool
is_still_ours(void)
{
	struct stat status;

	return fstat(words.fd, &status) == 0 &&
	    status.st_dev == words.device && status.st_ino == words.inode;
}

/* Nobody comes back from here while another thread takes the process along.
 * One that crashes again while it writes has written what it could. */
static bool
is_first(void)
{
	int32_t thread = (int32_t)syscall(SYS_gettid), none = 0;

	if (syscall(SYS_getpid) != words.pid || !is_still_ours())
		return false;	/* a child that a handler forked */
	if (atomic_compare_exchange_strong(&words.crasher, &none, thread))
		return true;
	while (none != thread)
		pause();
	return false;
}

/* ------------------------------------------------------------ the handlers */

/* The instruction is tried again and ends the process, so that a core shows
 * it; what was sent, or refused by the sandbox, is sent again. */
static void
die(int number, const siginfo_t *info)
{
	signal(number, SIG_DFL);
	if (info->si_code <= 0 || number == SIGSYS || number == SIGTRAP)
		raise(number);
}

static void
on_crash(int number, siginfo_t *info, void *context)
{
	struct crash_record *record = &words.record;

	if (is_first()) {
		describe_thread(CRASH_SIGNAL);
		record->signal = number;
		record->code = info->si_code;
		record->address = (uint64_t)(uintptr_t)info->si_addr;
		crash_take_registers(record, context);
		if (number == SIGSYS)
			record->syscall = info->si_syscall;
		put_all();
	}
	die(number, info);
}

static void
put_exit(enum crash_kind kind, int status, const char *message)
{
	ucontext_t here;

	describe_thread(kind);
	words.record.exit_status = status;
	if (getcontext(&here) == 0)
		crash_take_registers(&words.record, &here);
	words.record.fault_flags = 0;
	put_text(words.record.message, CRASH_MESSAGE_MAX, message);
	put_all();
	self.running = false;
}

void
crash_exits(int status, const char *name)
{
	if (self.running && is_first())
		put_exit(CRASH_EXIT, status, name);
}

void
crash_gives_up(const char *sentence)
{
	if (is_first())
		put_exit(CRASH_END, EXIT_FAILURE, sentence);
}

/* What else was registered to run at exit() may be a library's of the zygote,
 * or wait for a thread. */
static void
on_exit_called(int status, void *context)
{
	(void)context;
	if (!self.running)
		return;
	crash_exits(status, "exit");
	_exit(status);
}

void
crash_thread_left(void *context)
{
	(void)context;
	crash_exits(EXIT_FAILURE, "pthread_exit");
	_exit(EXIT_FAILURE);
}

/* -------------------------------------------------------------- beginning */

static void
find_stack(void)
{
	pthread_attr_t attributes;
	void *low;
	size_t size;

	if (pthread_getattr_np(pthread_self(), &attributes) != 0)
		return;
	if (pthread_attr_getstack(&attributes, &low, &size) == 0) {
		self.stack_low = (uintptr_t)low;
		self.stack_high = (uintptr_t)low + size;
	}
	pthread_attr_destroy(&attributes);
}

/* Without it a stack overflow leaves no record, and all else does. */
void
crash_thread_begin(void)
{
	stack_t stack = { .ss_size = STACK_BYTES };

	find_stack();
	stack.ss_sp = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (stack.ss_sp == MAP_FAILED)
		return;
	self.alternate = stack.ss_sp;
	sigaltstack(&stack, NULL);
}

void
crash_thread_end(void)
{
	const stack_t none = { .ss_flags = SS_DISABLE };

	if (self.alternate == NULL)
		return;
	sigaltstack(&none, NULL);
	munmap(self.alternate, STACK_BYTES);
	self.alternate = NULL;
}

static void
on_fork(void)
{
	words.forked = true;
}

static void
take_descriptor(int fd)
{
	struct stat status = { .st_ino = 0 };

	if (fstat(fd, &status) < 0)
		return;
	words.fd = fd;
	words.device = status.st_dev;
	words.inode = status.st_ino;
}

void
crash_begin(int fd, bool keep_request)
{
	struct sigaction action = { .sa_sigaction = on_crash,
	    .sa_flags = SA_SIGINFO | SA_ONSTACK };

	take_descriptor(fd);
	words.pid = getpid();
	words.keep_request = keep_request;
	words.message = dlsym(RTLD_DEFAULT, "__abort_msg");
	crash_thread_begin();
	sigfillset(&action.sa_mask);
	for (size_t i = 0; i < CRASHES; i++)
		sigdelset(&action.sa_mask, crashes[i]);
	for (size_t i = 0; i < CRASHES; i++)
		sigaction(crashes[i], &action, NULL);
	on_exit(on_exit_called, NULL);
	pthread_atfork(NULL, NULL, on_fork);
}

void
crash_end_copy(void)
{
	if (!words.forked)
		return;
	log_warnx("process %d, which a handler has forked here, replies or "
	    "has come back from the handler; it is ended: such a process is "
	    "to call exec() or _exit()", (int)getpid());
	_exit(EXIT_SUCCESS);
}

void
crash_enter(const struct crash_request *request)
{
	self.request = *request;
	atomic_signal_fence(memory_order_seq_cst);
	atomic_store_explicit(&self.running, true, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst);
}

void
crash_leave(void)
{
	atomic_signal_fence(memory_order_seq_cst);
	atomic_store_explicit(&self.running, false, memory_order_relaxed);
	crash_end_copy();
}

void
crash_enter_hook(const char *handler, const char *hook)
{
	const struct crash_request request = { .reply = CRASH_NO_REPLY,
	    .handler = handler, .hook = hook };

	crash_enter(&request);
}
