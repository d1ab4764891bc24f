/*
 * cli_version.c - `fcgi-host version`: what this is, and with what it runs.
 *
 * Runs in: the tools.
 * Owns: nothing.
 * Invariant: the first line is "fcgi-host VERSION (handler ABI M.N)".
 */
#include <confuse.h>
#include <json-c/json.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <uv.h>

#include "cli/cli.h"
#include "cli/cli_options.h"
#include "include/fcgi-host/handler.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION	"unreleased"
#endif

int
cli_version(int argc, char **argv)
{
	const struct cli_command command = { "version", "", 0, 0,
	    "Prints the version, the handler ABI and the libraries in use.",
	    NULL, 0 };
	int exit_code;

	if (cli_parse(&command, argc, argv, &exit_code) < 0)
		return exit_code;
	printf("fcgi-host %s (handler ABI %d.%d)\n", PACKAGE_VERSION,
	    FH_ABI_MAJOR, FH_ABI_MINOR);
	printf("json-c %s, libuv %s, libconfuse %s, %s\n", json_c_version(),
	    uv_version_string(), confuse_version,
	    OpenSSL_version(OPENSSL_VERSION));
	return 0;
}
