/*
 * cli_new.h - what a new handler's folder is made from: the files of cli/new.
 *
 * In a template @NAME@ is the handler's name, @PATH@ the folder's path, and
 * @ASYNC@ what makes its route async.  Lines between "@if KIND..." and "@end"
 * stand only in handlers of these kinds: plain, model, job, or both, which is a
 * job with a model.
 */
#ifndef CLI_CLI_NEW_H
#define CLI_CLI_NEW_H

#include <stddef.h>

struct cli_new_template {
	const char	*name;
	const char	*text;
};

/* Made by cli/new/embed; ended by an entry without a name. */
extern const struct cli_new_template	cli_new_templates[];

#endif
