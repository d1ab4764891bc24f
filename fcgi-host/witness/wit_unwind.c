/*
 * wit_unwind.c - the frames on a copied stack.
 *
 * Runs in: witness.
 * Owns: libdw's view of the process that was.
 * Invariant: memory comes from the record, or from read-only sections of the
 * files it had mapped; nothing is asked of the network.
 */
#include "witness/wit_debug.h"

#include <sys/auxv.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VDSO		"[vdso]"
#define MODULES_MAX	4096
#define FILE_MAX	((off_t)8 << 30)

#if defined(__x86_64__)
enum { REGISTERS = 16, STACK_POINTER = 7, LINK = REGISTERS };
#elif defined(__aarch64__)
enum { REGISTERS = 32, STACK_POINTER = 31, LINK = 30 };
#else
enum { REGISTERS = 0, STACK_POINTER = 0, LINK = 0 };
#endif

/* ---------------------------------------------------------------- modules */

/* The kernel has given the same to us. */
static Elf *
open_vdso(void)
{
	const ElfW(Ehdr) *head =
	    (const ElfW(Ehdr) *)(uintptr_t)getauxval(AT_SYSINFO_EHDR);

	return head == NULL ? NULL : elf_memory((char *)(uintptr_t)head,
	    head->e_shoff + (size_t)head->e_shnum * head->e_shentsize);
}

/* A map may name a pipe, a device, or what is another file by now. */
static int
find_elf(Dwfl_Module *module, void **userdata, const char *name,
    Dwarf_Addr base, char **file_name, Elf **elf)
{
	struct stat status;
	int fd;

	(void)module;
	(void)userdata;
	(void)base;
	if (strcmp(name, VDSO) == 0) {
		*elf = open_vdso();
		return -1;
	}
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -1;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
	    status.st_size < FILE_MAX &&
	    (*file_name = strdup(name)) != NULL)
		return fd;
	close(fd);
	return -1;
}

static const Dwfl_Callbacks module_callbacks = {
	.find_elf = find_elf,
	.find_debuginfo = dwfl_standard_find_debuginfo,
	.section_address = dwfl_offline_section_address,
};

/* A file that was loaded, not one that was only mapped. */
static bool
begins_module(const struct wit_map *map)
{
	if (strcmp(map->path, VDSO) == 0)
		return true;
	return map->path[0] == '/' && map->inode != 0 && map->offset == 0 &&
	    strncmp(map->path, "/memfd:", 7) != 0 &&
	    strncmp(map->path, "/dev/", 5) != 0;
}

/* Up to the last mapping of the same file; memory of no file may lie
 * between. */
static size_t
end_of_module(const struct wit_maps *maps, size_t first)
{
	const char *path = maps->list[first].path;
	size_t last = first;

	for (size_t i = first + 1; i < maps->count; i++) {
		if (strcmp(maps->list[i].path, path) == 0)
			last = i;
		else if (maps->list[i].path[0] != '\0')
			break;
	}
	return last;
}

static void
report_modules(Dwfl *dwfl, const struct wit_maps *maps)
{
	unsigned count = 0;

	for (size_t i = 0; i < maps->count && count < MODULES_MAX; i++) {
		size_t last;

		if (!begins_module(&maps->list[i]))
			continue;
		last = end_of_module(maps, i);
		dwfl_report_module(dwfl, maps->list[i].path,
		    maps->list[i].start, maps->list[last].end);
		count++;
		i = last;
	}
}

/* debuginfod is asked only by those who have this variable. */
struct wit_debug *
wit_debug_create(const struct wit_record *record)
{
	struct wit_debug *debug = calloc(1, sizeof(*debug));

	if (debug == NULL)
		return NULL;
	unsetenv("DEBUGINFOD_URLS");
	debug->record = record;
	debug->dwfl = dwfl_begin(&module_callbacks);
	if (debug->dwfl == NULL) {
		free(debug);
		return NULL;
	}
	dwfl_report_begin(debug->dwfl);
	report_modules(debug->dwfl, &record->maps);
	dwfl_report_end(debug->dwfl, NULL, NULL);
	return debug;
}

void
wit_debug_destroy(struct wit_debug *debug)
{
	if (debug == NULL)
		return;
	dwfl_end(debug->dwfl);
	free(debug);
}

/* ---------------------------------------------------------- its processor */

static pid_t
next_thread(Dwfl *dwfl, void *context, void **thread)
{
	struct wit_debug *debug = context;

	(void)dwfl;
	if (*thread != NULL)
		return 0;
	*thread = debug;
	return 1;
}

static bool
get_thread(Dwfl *dwfl, pid_t tid, void *context, void **thread)
{
	(void)dwfl;
	(void)tid;
	*thread = context;
	return true;
}

/* Of a file, and not changed since it was mapped. */
static bool
read_constant(Dwfl *dwfl, Dwarf_Addr address, Dwarf_Word *word_out)
{
	Dwfl_Module *module = dwfl_addrmodule(dwfl, address);
	Dwarf_Addr offset = address, bias;
	Elf_Scn *section;
	GElf_Shdr header;
	Elf_Data *data;

	if (module == NULL || (section = dwfl_module_address_section(module,
	    &offset, &bias)) == NULL ||
	    gelf_getshdr(section, &header) == NULL ||
	    (header.sh_flags & SHF_WRITE) != 0 ||
	    (data = elf_rawdata(section, NULL)) == NULL ||
	    data->d_buf == NULL || data->d_size < sizeof(*word_out) ||
	    offset > data->d_size - sizeof(*word_out))
		return false;
	memcpy(word_out, (const char *)data->d_buf + offset,
	    sizeof(*word_out));
	return true;
}

static bool
read_memory(Dwfl *dwfl, Dwarf_Addr address, Dwarf_Word *word_out,
    void *context)
{
	struct wit_debug *debug = context;
	uint64_t word;

	if (wit_record_word(debug->record, address, &word)) {
		*word_out = word;
		return true;
	}
	return read_constant(dwfl, address, word_out);
}

static bool
set_registers(Dwfl_Thread *thread, void *context)
{
	const struct wit_debug *debug = context;
	const struct wit_record *record = debug->record;
	Dwarf_Word words[CRASH_REGISTERS];
	unsigned first = record->bare ? STACK_POINTER : 0;
	unsigned count = record->bare ? 1 : REGISTERS;

	if (record->crash.register_count < REGISTERS || REGISTERS == 0)
		return false;
	for (unsigned i = 0; i < REGISTERS; i++)
		words[i] = record->crash.registers[i];
	words[STACK_POINTER] = debug->sp;
	dwfl_thread_state_register_pc(thread, debug->pc);
	return dwfl_thread_state_registers(thread, (int)first, count,
	    &words[first]);
}

static const Dwfl_Thread_Callbacks thread_callbacks = {
	.next_thread = next_thread,
	.get_thread = get_thread,
	.memory_read = read_memory,
	.set_initial_registers = set_registers,
};

/* ----------------------------------------------------------------- frames */

static void
add(struct wit_unwound *out, uint64_t pc, bool exact)
{
	if (out->count < WIT_FRAMES_MAX)
		out->frames[out->count++] = (struct wit_frame){ pc, exact };
}

static int
on_frame(Dwfl_Frame *frame, void *context)
{
	struct wit_unwound *out = context;
	Dwarf_Addr pc;
	bool exact;

	if (!dwfl_frame_pc(frame, &pc, &exact) || pc == 0 ||
	    out->count == WIT_FRAMES_MAX)
		return DWARF_CB_ABORT;
	add(out, pc, exact);
	return DWARF_CB_OK;
}

static bool
has_rule(Dwarf_CFI *table, Dwarf_Addr address)
{
	Dwarf_Frame *rule = NULL;

	if (table == NULL || dwarf_cfi_addrframe(table, address, &rule) != 0)
		return false;
	free(rule);
	return true;
}

/* libdw walks frame pointers itself where no file has a rule for a frame. */
static bool
has_rules(Dwfl *dwfl, const struct wit_frame *frame)
{
	uint64_t at = frame->pc - !frame->exact;
	Dwfl_Module *module = dwfl_addrmodule(dwfl, at);
	Dwarf_Addr bias = 0;
	Dwarf_CFI *table;

	if (module == NULL)
		return false;
	table = dwfl_module_eh_cfi(module, &bias);
	if (has_rule(table, at - bias))
		return true;
	table = dwfl_module_dwarf_cfi(module, &bias);
	return has_rule(table, at - bias);
}

/* Nobody's rule is needed for the last frame. */
static bool
all_have_rules(const struct wit_debug *debug, const struct wit_unwound *out,
    size_t first)
{
	for (size_t i = first; i + 1 < out->count; i++)
		if (!has_rules(debug->dwfl, &out->frames[i]))
			return false;
	return true;
}

static void
unwind_by_dwarf(struct wit_debug *debug, struct wit_unwound *out)
{
	if (dwfl_pid(debug->dwfl) < 0 &&
	    !dwfl_attach_state(debug->dwfl, NULL, 1, &thread_callbacks, debug))
		return;
	dwfl_getthread_frames(debug->dwfl, 1, on_frame, out);
}

/* Each frame begins with the one before and where it returns to, and lies above
 * the last. */
static void
unwind_by_frame_pointers(const struct wit_debug *debug,
    struct wit_unwound *out)
{
	uint64_t frame = wit_record_frame_pointer(&debug->record->crash);
	uint64_t before = 0, next, pc;

	while (frame > before && out->count < WIT_FRAMES_MAX &&
	    wit_record_word(debug->record, frame, &next) &&
	    wit_record_word(debug->record, frame + 8, &pc) && pc != 0) {
		add(out, pc, false);
		before = frame;
		frame = next;
	}
}

static bool
is_code(const struct wit_debug *debug, uint64_t pc)
{
	const struct wit_map *map = wit_maps_find(&debug->record->maps, pc);

	return map != NULL && map->executable;
}

/*
 * After a jump to where no code is, the call itself has still told where it
 * returns to: unwinding begins there.
 */
static bool
step_back(struct wit_debug *debug)
{
	const struct crash_record *crash = &debug->record->crash;
	uint64_t pc;

	if (LINK < REGISTERS)
		pc = crash->registers[LINK];
	else if (wit_record_word(debug->record, debug->sp, &pc))
		debug->sp += sizeof(pc);
	else
		return false;
	debug->pc = pc;
	return is_code(debug, pc);
}

void
wit_unwind(struct wit_debug *debug, struct wit_unwound *out)
{
	struct wit_unwound other;
	bool exact = true;

	*out = (struct wit_unwound){ .how = "dwarf" };
	debug->pc = debug->record->crash.program_counter;
	debug->sp = wit_record_stack_pointer(&debug->record->crash);
	if (debug->record->maps.count > 0 && !is_code(debug, debug->pc)) {
		add(out, debug->pc, true);
		if (!step_back(debug))
			return;
		exact = false;
	}
	other = *out;
	unwind_by_dwarf(debug, out);
	if (out->count > other.count)
		out->frames[other.count].exact = exact;
	if (!all_have_rules(debug, out, other.count))
		out->how = "frame pointers";
	if (out->count > other.count + 1 || debug->record->bare)
		return;
	add(&other, debug->pc, exact);
	unwind_by_frame_pointers(debug, &other);
	if (other.count > out->count) {
		*out = other;
		out->how = "frame pointers";
	}
}
