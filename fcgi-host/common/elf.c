/*
 * elf.c - what a shared object's file says before it is opened as code.
 *
 * Runs in: zygote, loader and the tools, before dlopen().
 * Owns: nothing.
 * Invariant: every offset of the file is checked against the file's size
 * before it is used; nothing is allocated beyond that size.
 */
#include "common/elf.h"

#include <sys/stat.h>

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEGMENTS_MAX	128
#define NOTES_MAX	65536

#if __ELF_NATIVE_CLASS == 64
#define CLASS_HERE	ELFCLASS64
#else
#define CLASS_HERE	ELFCLASS32
#endif

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define DATA_HERE	ELFDATA2LSB
#else
#define DATA_HERE	ELFDATA2MSB
#endif

/* Our own header, put there by the linker: it names the machine we are for. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

/* The file while it is read. */
struct reader {
	int		 fd;
	uint64_t	 size;
	ElfW(Ehdr)	 header;
	ElfW(Phdr)	 segments[SEGMENTS_MAX];
	size_t		 segment_count;
	struct elf_facts *facts;
	struct err	*err;
};

static bool
inside(const struct reader *r, uint64_t offset, uint64_t length)
{
	return offset <= r->size && length <= r->size - offset;
}

static int
read_at(const struct reader *r, void *out, uint64_t offset, uint64_t length)
{
	char *at = out;

	if (!inside(r, offset, length))
		return err_set(r->err, "is cut off: %llu bytes, but it should "
		    "have %llu (copied only in part?)",
		    (unsigned long long)r->size,
		    (unsigned long long)(offset + length));
	while (length > 0) {
		ssize_t got = pread(r->fd, at, length, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(r->err, "cannot be read");
		if (got == 0)
			return err_set(r->err, "became shorter while it was "
			    "read");
		at += got;
		offset += (uint64_t)got;
		length -= (uint64_t)got;
	}
	return 0;
}

static int
check_header(struct reader *r)
{
	ElfW(Ehdr) *header = &r->header;

	if (r->size < sizeof(*header))
		return err_set(r->err, "is no ELF file (%llu bytes)",
		    (unsigned long long)r->size);
	if (read_at(r, header, 0, sizeof(*header)) < 0)
		return -1;
	if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
		return err_set(r->err, "is no ELF file");
	if (header->e_ident[EI_CLASS] != CLASS_HERE)
		return err_set(r->err, "is for %s-bit programs, this is a "
		    "%d-bit one",
		    header->e_ident[EI_CLASS] == ELFCLASS64 ? "64" : "32",
		    __ELF_NATIVE_CLASS);
	if (header->e_ident[EI_DATA] != DATA_HERE ||
	    header->e_machine != __ehdr_start.e_machine)
		return err_set(r->err, "is for another machine (ELF machine "
		    "%u, this one is %u): build it here", header->e_machine,
		    __ehdr_start.e_machine);
	if (header->e_type != ET_DYN)
		return err_set(r->err, "is no shared object (ELF type %u): "
		    "link it with -shared", header->e_type);
	return 0;
}

/* What a copy stopped half-way lacks: bytes of a segment, or the section
 * headers, which linkers put last. */
static int
read_segments(struct reader *r)
{
	const ElfW(Ehdr) *header = &r->header;
	size_t count = header->e_phnum;

	if (count == 0 || count > SEGMENTS_MAX ||
	    header->e_phentsize != sizeof(r->segments[0]))
		return err_set(r->err, "is no shared object (%zu program "
		    "headers)", count);
	if (read_at(r, r->segments, header->e_phoff,
	    count * sizeof(r->segments[0])) < 0)
		return -1;
	r->segment_count = count;
	for (size_t i = 0; i < count; i++) {
		const ElfW(Phdr) *segment = &r->segments[i];

		if (segment->p_type == PT_LOAD &&
		    !inside(r, segment->p_offset, segment->p_filesz))
			return err_set(r->err, "is cut off: segment %zu ends "
			    "behind the end of the file (copied only in "
			    "part?)", i);
	}
	if (header->e_shoff != 0 && !inside(r, header->e_shoff,
	    (uint64_t)header->e_shnum * header->e_shentsize))
		return err_set(r->err, "is cut off: %llu bytes, its section "
		    "headers start at %llu (copied only in part?)",
		    (unsigned long long)r->size,
		    (unsigned long long)header->e_shoff);
	return 0;
}

/* ------------------------------------------------------------ build id */

static void
put_hex(char *out, const uint8_t *bytes, size_t count)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < count; i++) {
		*out++ = digits[bytes[i] >> 4];
		*out++ = digits[bytes[i] & 15];
	}
	*out = '\0';
}

static void
scan_notes(struct elf_facts *facts, const uint8_t *notes, size_t size)
{
	ElfW(Nhdr) note;
	size_t at = 0;

	while (size - at >= sizeof(note)) {
		size_t name, desc;

		memcpy(&note, notes + at, sizeof(note));
		name = at + sizeof(note);
		if (note.n_namesz > size - name)
			return;
		desc = name + ((note.n_namesz + 3u) & ~3u);
		if (desc > size || note.n_descsz > size - desc)
			return;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
		    memcmp(notes + name, "GNU", 4) == 0) {
			put_hex(facts->build_id, notes + desc,
			    note.n_descsz < ELF_BUILD_ID_MAX ?
			    note.n_descsz : ELF_BUILD_ID_MAX);
			return;
		}
		at = desc + ((note.n_descsz + 3u) & ~3u);
		if (at > size)
			return;
	}
}

/* The build id is for people: without one, or with a broken note, it is "". */
static void
read_build_id(struct reader *r)
{
	for (size_t i = 0; i < r->segment_count; i++) {
		const ElfW(Phdr) *segment = &r->segments[i];
		uint8_t *notes;

		if (segment->p_type != PT_NOTE ||
		    segment->p_filesz > NOTES_MAX ||
		    !inside(r, segment->p_offset, segment->p_filesz))
			continue;
		notes = malloc(segment->p_filesz);
		if (notes == NULL)
			return;
		if (read_at(r, notes, segment->p_offset,
		    segment->p_filesz) == 0)
			scan_notes(r->facts, notes, segment->p_filesz);
		free(notes);
		if (r->facts->build_id[0] != '\0')
			return;
	}
}

/* ------------------------------------------------------------- symbols */

static int
read_section(const struct reader *r, size_t index, ElfW(Shdr) *out)
{
	const ElfW(Ehdr) *header = &r->header;

	if (index >= header->e_shnum)
		return err_set(r->err, "is no shared object (a section that "
		    "is not there)");
	return read_at(r, out, header->e_shoff + index * sizeof(*out),
	    sizeof(*out));
}

/* The bytes of a section; the caller frees them.  One NUL is put behind. */
static void *
load_section(const struct reader *r, const ElfW(Shdr) *section)
{
	char *bytes;

	if (!inside(r, section->sh_offset, section->sh_size)) {
		err_set(r->err, "is cut off: a section ends behind the end "
		    "of the file");
		return NULL;
	}
	bytes = malloc(section->sh_size + 1);
	if (bytes == NULL) {
		err_sys(r->err, "cannot be read");
		return NULL;
	}
	if (read_at(r, bytes, section->sh_offset, section->sh_size) < 0) {
		free(bytes);
		return NULL;
	}
	bytes[section->sh_size] = '\0';
	return bytes;
}

/* From an address in memory to the bytes that the file has for it. */
static int
read_symbol(struct reader *r, const ElfW(Sym) *symbol)
{
	size_t want = sizeof(r->facts->bytes);

	for (size_t i = 0; i < r->segment_count; i++) {
		const ElfW(Phdr) *segment = &r->segments[i];
		uint64_t into = symbol->st_value - segment->p_vaddr;

		if (segment->p_type != PT_LOAD ||
		    symbol->st_value < segment->p_vaddr ||
		    into >= segment->p_filesz)
			continue;
		if (want > segment->p_filesz - into)
			want = (size_t)(segment->p_filesz - into);
		r->facts->byte_count = want;
		return read_at(r, r->facts->bytes, segment->p_offset + into,
		    want);
	}
	return 0;
}

static int
scan_symbols(struct reader *r, const ElfW(Sym) *symbols, size_t count,
    const char *strings, size_t strings_size, const char *wanted)
{
	for (size_t i = 0; i < count; i++) {
		const ElfW(Sym) *symbol = &symbols[i];

		if (symbol->st_shndx == SHN_UNDEF ||
		    symbol->st_name >= strings_size ||
		    strcmp(strings + symbol->st_name, wanted) != 0)
			continue;
		r->facts->defined = true;
		return read_symbol(r, symbol);
	}
	return 0;
}

static int
search_table(struct reader *r, const ElfW(Shdr) *table, const char *wanted)
{
	ElfW(Shdr) string_table;
	ElfW(Sym) *symbols;
	char *strings;
	int rc = -1;

	if (read_section(r, table->sh_link, &string_table) < 0)
		return -1;
	symbols = load_section(r, table);
	strings = symbols != NULL ? load_section(r, &string_table) : NULL;
	if (strings != NULL)
		rc = scan_symbols(r, symbols,
		    table->sh_size / sizeof(*symbols), strings,
		    string_table.sh_size, wanted);
	free(strings);
	free(symbols);
	return rc;
}

static int
find_symbol(struct reader *r, const char *wanted)
{
	ElfW(Shdr) section;

	if (r->header.e_shoff == 0 || r->header.e_shentsize != sizeof(section))
		return 0;
	for (size_t i = 0; i < r->header.e_shnum; i++) {
		if (read_section(r, i, &section) < 0)
			return -1;
		if (section.sh_type != SHT_DYNSYM)
			continue;
		r->facts->symbols = true;
		return search_table(r, &section, wanted);
	}
	return 0;
}

int
elf_read(int fd, const char *symbol, struct elf_facts *facts, struct err *err)
{
	struct reader r = { .fd = fd, .facts = facts, .err = err };
	struct stat status;

	memset(facts, 0, sizeof(*facts));
	if (fstat(fd, &status) < 0)
		return err_sys(err, "cannot be read");
	r.size = (uint64_t)status.st_size;
	if (check_header(&r) < 0 || read_segments(&r) < 0)
		return -1;
	read_build_id(&r);
	return find_symbol(&r, symbol);
}
