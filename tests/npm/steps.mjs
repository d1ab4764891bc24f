/*
 * steps.mjs - a page in a real browser, step by step.
 *
 * Reads lines from standard input.  The first is { browser, url }, opened in
 * headless Chromium; each further one is an expression, which is evaluated in
 * the page until it is true.  Prints its value as a line, or { failed }.
 */
import { createInterface } from "node:readline";
import * as browser from "./browser.mjs";

const PATIENCE = 30000;		/* ms */

/* { value }, once it is true, or { failed }. */
async function until(client, expression)
{
	try {
		return { value: await browser.until(client, expression,
			PATIENCE) };
	} catch (error) {
		return { failed: error.message };
	}
}

async function main()
{
	let client;

	for await (const line of createInterface({ input: process.stdin })) {
		const given = JSON.parse(line);
		let said = { value: true };

		if (client === undefined) {
			client = await browser.begin(given.browser);
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
	await browser.end();
}
process.exit(0);
