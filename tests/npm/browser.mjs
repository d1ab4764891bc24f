/*
 * browser.mjs - headless Chromium, for scripts that look at a page with it.
 *
 * It has a profile of its own and a process group of its own; end() leaves
 * neither.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import CDP from "chrome-remote-interface";

const profile = mkdtempSync(join(tmpdir(), "fh-browser-"));
let browser;

function port()
{
	return new Promise((resolve, reject) => {
		let text = "";

		browser.stderr.on("data", (data) => {
			text += data;
			const found = /DevTools listening on ws:\/\/[^:]+:(\d+)/
				.exec(text);

			if (found)
				resolve(Number(found[1]));
		});
		browser.on("exit", () => reject(new Error(text)));
	});
}

/* Starts the program at `path`; the client speaks to its first page. */
export async function begin(path)
{
	browser = spawn(path, [
		"--headless=new", "--no-sandbox", "--disable-gpu",
		"--disable-dev-shm-usage", "--disable-background-networking",
		"--disable-component-update", "--no-first-run",
		"--hide-scrollbars", "--window-size=1200,900",
		"--remote-debugging-port=0", "--user-data-dir=" + profile,
		"about:blank",
	], { stdio: ["ignore", "ignore", "pipe"], detached: true });
	return await CDP({ port: await port() });
}

export async function end()
{
	try {
		process.kill(-browser.pid, "SIGKILL");
	} catch {
		/* it has gone by itself */
	}
	await sleep(100);
	rmSync(profile, { recursive: true, force: true, maxRetries: 20,
		retryDelay: 100 });
}

/* The value of an expression in the page, once it is true, which takes a
 * second as a rule and `patience` ms at most. */
export async function until(client, expression, patience)
{
	const last = Date.now() + patience;

	for (;;) {
		const { result, exceptionDetails } =
			await client.Runtime.evaluate({ expression,
			    returnByValue: true, awaitPromise: true });

		if (exceptionDetails)
			throw new Error(expression + ": " +
				exceptionDetails.exception.description);
		if (result.value)
			return result.value;
		if (Date.now() > last)
			throw new Error("in vain: " + expression);
		await sleep(30);
	}
}
