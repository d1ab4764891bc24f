/*
 * openapi_html.c - the page's HTML, and what it may load.
 *
 * Runs in: zygote, call and cgi.
 * Owns: nothing.
 * Invariant: no word of the configuration becomes markup, or a source that the
 * page may load scripts from.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "openapi/openapi_serve.h"

static void
put_text(FILE *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '<')
			fputs("&lt;", out);
		else if (*text == '&')
			fputs("&amp;", out);
		else if (*text == '"')
			fputs("&quot;", out);
		else
			putc(*text, out);
	}
}

/* One step up for each folder that the page is in, then down again. */
static void
put_document(FILE *out, const struct config *config)
{
	const char *slash = strchr(config->docs_path + 1, '/');

	for (; slash != NULL; slash = strchr(slash + 1, '/'))
		fputs("../", out);
	put_text(out, config->openapi_path + 1);
}

static void
put_page(FILE *out, const struct config *config,
    char urls[OPENAPI_FILES][OPENAPI_URL_MAX])
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
	    "<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
	    "content=\"width=device-width, initial-scale=1\">\n<title>", out);
	put_text(out, config->api_title);
	fputs("</title>\n<link rel=\"icon\" type=\"image/png\" href=\"", out);
	put_text(out, urls[OPENAPI_FILE_ICON]);
	fputs("\">\n<link rel=\"stylesheet\" href=\"", out);
	put_text(out, urls[OPENAPI_FILE_STYLE]);
	fputs("\">\n</head>\n<body>\n<div id=\"page\" data-document=\"", out);
	put_document(out, config);
	fputs("\"></div>\n<noscript>The page needs scripts; the document "
	    "itself is at <a href=\"", out);
	put_document(out, config);
	fputs("\">", out);
	put_text(out, config->openapi_path);
	fputs("</a>.</noscript>\n<script src=\"", out);
	put_text(out, urls[OPENAPI_FILE_BUNDLE]);
	fputs("\"></script>\n<script src=\"", out);
	put_text(out, urls[OPENAPI_FILE_START]);
	fputs("\"></script>\n</body>\n</html>\n", out);
}

char *
openapi_html(const struct config *config,
    char urls[OPENAPI_FILES][OPENAPI_URL_MAX])
{
	size_t length;
	char *text = NULL;
	FILE *out = open_memstream(&text, &length);

	if (out == NULL)
		return NULL;
	put_page(out, config, urls);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

/* ------------------------------------------------------------ the policy */

/* "https://api.example.org:8443" of a URL, 0 for one that has no host. */
static size_t
origin_length(const char *url)
{
	size_t scheme = strncmp(url, "https://", 8) == 0 ? 8 :
	    strncmp(url, "http://", 7) == 0 ? 7 : 0;
	size_t host = scheme == 0 ? 0 : strspn(url + scheme,
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	    ".-:[]");

	return host == 0 ? 0 : scheme + host;
}

/*
 * Swagger UI sets styles in its markup, and has its icons in its own bytes.
 * Requests go here, and to the servers that the document names.
 */
void
openapi_policy(const struct config *config, char out[OPENAPI_POLICY_MAX])
{
	char *const *url = config->api_servers;
	int length = snprintf(out, OPENAPI_POLICY_MAX, "default-src 'none'; "
	    "script-src 'self'; style-src 'self' 'unsafe-inline'; img-src "
	    "'self' data:; base-uri 'none'; form-action 'none'; "
	    "frame-ancestors 'none'; connect-src 'self'");

	for (; url != NULL && *url != NULL; url++) {
		size_t origin = origin_length(*url);

		if (origin != 0 && (size_t)length + origin + 2 <
		    OPENAPI_POLICY_MAX)
			length += sprintf(out + length, " %.*s", (int)origin,
			    *url);
	}
}
