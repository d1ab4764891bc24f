/*
 * steps.mjs - a page in a real browser, step by step.
 *
 * Reads lines from standard input.  The first is { browser, url }, opened in
 * headless Chromium; each further one is an expression, which is evaluated in
 * the page until it is true.  Prints its value as a line, or { failed }.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import CDP from "chrome-remote-interface";

const PATIENCE = 30000;		/* ms, for what takes a second */
const profile = mkdtempSync(join(tmpdir(), "fh-browser-"));
let browser;

function start(path)
{
	browser = spawn(path, [
		"--headless=new", "--no-sandbox", "--disable-gpu",
		"--disable-dev-shm-usage", "--disable-background-networking",
		"--disable-component-update", "--no-first-run",
		"--remote-debugging-port=0", "--user-data-dir=" + profile,
		"about:blank",
	], { stdio: ["ignore", "ignore", "pipe"], detached: true });
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

/* { value }, once it is true, or { failed }. */
async function until(client, expression)
{
	const end = Date.now() + PATIENCE;

	for (;;) {
		const { result, exceptionDetails } =
			await client.Runtime.evaluate({ expression,
			    returnByValue: true, awaitPromise: true });

		if (exceptionDetails)
			return { failed: exceptionDetails.exception
				.description };
		if (result.value)
			return { value: result.value };
		if (Date.now() > end)
			return { failed: "in vain: " + expression };
		await sleep(30);
	}
}

async function main()
{
	let client;

	for await (const line of createInterface({ input: process.stdin })) {
		const given = JSON.parse(line);
		let said = { value: true };

		if (client === undefined) {
			client = await CDP({ port: await start(
				given.browser) });
			await client.Page.enable();
			await client.Page.navigate({ url: given.url });
			said = await until(client,
				"document.readyState === 'complete' && " +
				"location.href !== 'about:blank'");
		} else {
			said = await until(client, given);
		}
		console.log(JSON.stringify(said));
	}
}

try {
	await main();
} finally {
	try {
		process.kill(-browser.pid, "SIGKILL");
	} catch {
		/* it has gone by itself */
	}
	await sleep(100);
	rmSync(profile, { recursive: true, force: true, maxRetries: 20,
		retryDelay: 100 });
}
process.exit(0);
