/*
 * handler_load.c - one handler's file into a struct handler.
 *
 * Runs in: zygote, loader and the tools.
 * Owns: nothing.
 * Invariant: nothing of a file is run before its ELF header, symbol and ABI
 * have been checked.
 */
#include "common/handler_load.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/handler_file.h"

/* dlerror() starts with the name of what was opened: take it off. */
static int
refuse_dlerror(const char *opened, struct err *err)
{
	const char *text = dlerror();
	size_t length = strlen(opened);

	if (text == NULL)
		text = "dlopen failed";
	if (strncmp(text, opened, length) == 0 && text[length] == ':')
		text += length + 1 + strspn(text + length + 1, " ");
	return err_set(err, "cannot be loaded: %s", text);
}

static int
open_code(struct handler *handler, const char *path, struct err *err)
{
	const struct fh_handler *descriptor;
	uint8_t first[16];

	handler->dl = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (handler->dl == NULL)
		return refuse_dlerror(path, err);
	descriptor = dlsym(handler->dl, HANDLER_SYMBOL);
	if (descriptor == NULL)
		return err_set(err, "has no symbol " HANDLER_SYMBOL ": it "
		    "lacks FH_HANDLER(...)");
	memcpy(first, descriptor, sizeof(first));
	if (handler_descriptor_check(first, err) < 0)
		return -1;
	return handler_descriptor_copy(handler, descriptor, err);
}

int
handler_load(struct handler *handler, const char *path, struct err *err)
{
	struct stat status;
	int rc, fd = handler_file_open(path, &status, err);

	if (fd < 0)
		return -1;
	rc = handler_file_inspect(fd, handler->build_id, err);
	close(fd);
	return rc == 0 ? open_code(handler, path, err) : -1;
}

/* Without memory the sentence is lost, but not that there is one. */
static char no_reason[] = "refused, and no memory to say why";

void
handler_refuse(struct handler *handler, const char *reason,
    handler_report *report, void *context)
{
	char sentence[1024];

	handler->error = strdup(reason);
	if (handler->error == NULL)
		handler->error = no_reason;
	snprintf(sentence, sizeof(sentence), "%s: %s", handler->file, reason);
	report(context, handler, sentence);
}

/* The code stays mapped: something of it may still be in use. */
void
handler_unload(struct handler *handler)
{
	handler_descriptor_free(handler);
	free(handler->name);
	free(handler->file);
	if (handler->error != no_reason)
		free(handler->error);
}
