/*
 * wit_main.h - the entry of `fcgi-host witness`, which the supervisor runs.
 *
 *	witness crash		descriptor 3 is a record (common/crash.h)
 *	witness slow PID	a process that is to be looked at
 *
 * Prints one JSON object and exits with 0, whatever it was given:
 *
 *	signal, code, address	of siginfo: "SIGSEGV", 1, "0x10"
 *	what		in words: "NULL + 16"
 *	message		of abort() and its like
 *	system_call	for SIGSYS: "socket(0x2, ...)"
 *	registers	an object of "0x..."
 *	backtrace	innermost first: pc, function, module, offset,
 *			build_id, source ("/x/file.c:12"), inlined (true)
 *	unwound		"dwarf", or "frame pointers" if a caller was found
 *			by these: it may be the wrong one
 *	at_ms, stopped_us	for `slow`: when the process was looked at,
 *			by clock_now_ms(), and for how long it stood
 *	error		what could not be had
 *
 * What is not known is not there.
 */
#ifndef WITNESS_WIT_MAIN_H
#define WITNESS_WIT_MAIN_H

int	wit_main(int argc, char **argv);

#endif
