/*
 * form.h - forms with files: multipart/form-data, and what becomes of a file.
 *
 * handler.h includes this.  A form whose fields and files are known is best
 * declared (FH_FILE, input.h); any form can be read:
 *
 *	static int
 *	photo(struct fh_request *rq)
 *	{
 *		const struct fh_file *file = fh_file(rq, "photo");
 *
 *		if (fh_form_error(rq) != NULL)
 *			return fh_form_problem(rq);
 *		if (file == NULL)
 *			return fh_problem(rq, 422, "send a photo");
 *		if (fh_file_save(rq, file, fh_sprintf(rq, "/srv/photos/%s-%s",
 *		    fh_request_id(rq), file->name)) != 0)
 *			return fh_problem(rq, 500, "%s", strerror(errno));
 *		return fh_reply_text(rq, 201, "thank you\n");
 *	}
 *
 * The body has come before serve() is called: it is in memory, or, over
 * `body_memory`, in a spool file.  A form is read from there when it is first
 * asked for, in this process, and its files are not copied: `data` points into
 * the body, or into a read-only mapping of the spool file.  So a file of any
 * size takes no memory of its own until the handler copies it.
 *
 * Text fields are given by fh_form() and fh_form_fields(), like those of an
 * application/x-www-form-urlencoded body.  A field of one name may come several
 * times, and so may a file.
 *
 * Limits, of the configuration: `form_fields` (of either type), `form_files`,
 * and `form_memory` for what is copied of a multipart form: the names and
 * values of fields and what files are called.
 * Of a form that is over one of them, or malformed, there is nothing:
 * fh_form_error() says what is wrong.
 *
 * Lifetime.  As everything of a request: gone when serve() returns.
 */
#ifndef FCGI_HOST_FORM_H
#define FCGI_HOST_FORM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fh_request;

/*
 * A part that has a filename.  Texts end in NUL, are UTF-8 and have no NUL
 * inside.
 *
 * field	the name of its field in the form
 * filename	what the client calls it.  It is the client's word: it may be
 *		"../../etc/passwd" or have line ends in it.  For people only
 * name		a name that a file may have, made of it: one component of a
 *		path, visible, 1 to 200 bytes, never "." or "..", without a dot
 *		in front.  "file" when nothing else is left.  Two files may have
 *		the same
 * type		its media type, the client's word too;
 *		"application/octet-stream" when it gave none
 * data, length	its bytes; read-only, not NUL-terminated, never NULL
 * offset	where they begin in the body: with fh_body_fd(), for
 *		sendfile(), pread() and their like
 *
 * A file input that was left empty (no filename, no bytes) is left out.
 */
struct fh_file {
	const char	*field;
	const char	*filename;
	const char	*name;
	const char	*type;
	const void	*data;
	size_t		 length;
	uint64_t	 offset;
};

/* The first file of that field, or NULL. */
const struct fh_file	*fh_file(struct fh_request *, const char *field);

/* All of them, in the order they came; *count_out may be 0. */
const struct fh_file	*fh_files(struct fh_request *, size_t *count_out);

/*
 * What is wrong with the form, a sentence; NULL if nothing is, or the body is
 * no form.  fh_form_problem() answers with it: 400 for a malformed one, 413 for
 * one over a limit.
 */
const char	*fh_form_error(struct fh_request *);
int		 fh_form_problem(struct fh_request *);

/*
 * Into a file of its own.  There must be none at `path`, and what is there
 * afterwards is whole: it is written without a name and linked to `path` at the
 * end (where the file system cannot do that, it is written there, and removed
 * if that fails).  Its mode is 0666 less the umask.  The bytes are copied by
 * the kernel, or shared where the file system can.  0, or -1 with errno: EEXIST
 * (something is at `path`), ECANCELED (nobody waits any more: fh_cancelled()),
 * EACCES (`write_paths` does not name the folder), ENOSPC, ...
 *
 * fh_body_save	the same for a whole body, of any type: a PUT of a file
 */
int	 fh_file_save(struct fh_request *, const struct fh_file *,
	    const char *path);
int	 fh_body_save(struct fh_request *, const char *path);

/*
 * For a library that wants a descriptor, or a program that wants a path
 * ("/proc/self/fd/N"): one of a private file with these bytes alone, open for
 * reading and writing, at its begin.  It is made when first asked for: in
 * memory if the body is there, else in /var/tmp or /tmp, without a name.  The
 * same one each time; it is closed after serve(): dup() to keep it.  -1 with
 * errno.
 */
int	 fh_file_fd(struct fh_request *, const struct fh_file *);

#ifdef __cplusplus
}
#endif

#endif /* FCGI_HOST_FORM_H */
