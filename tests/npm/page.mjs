/*
 * page.mjs - the documentation page in a real browser.
 *
 * Reads { browser, url, tries: [{ operation, values, body, form, files }],
 * screenshot, top } from standard input: opens the page in headless Chromium
 * and, for each try, opens the operation, presses "Try it out", types the
 * values, chooses the files of the form, presses "Execute" and waits for the
 * answer.  The screenshot begins at the operation `top`.
 * Prints { title, operations, answers: [{ status, body, url }], requests,
 * complaints }: all that the page asked for, and what the browser said of it
 * (console, exceptions, refusals of the policy).
 */
import { readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import * as browser from "./browser.mjs";

const PATIENCE = 40000;		/* ms */
const given = JSON.parse(readFileSync(0, "utf8"));
const requests = [], complaints = [];

const until = (client, expression) =>
	browser.until(client, expression, PATIENCE);
const quote = JSON.stringify;
const at = (block, selector) =>
	`document.querySelector(${quote(block + " " + selector)})`;

async function click(client, block, selector)
{
	await until(client, `(e => e && (e.click(), true))(${
		at(block, selector)})`);
}

/* As a person does: with the keyboard, into the field that has the focus. */
async function type(client, block, selector, text)
{
	await until(client, `(e => e && (e.focus(), e.select(), true))(${
		at(block, selector)})`);
	await client.Input.insertText({ text });
	/* Fields wait for more until they are left. */
	await until(client, "(document.activeElement.blur(), true)");
}

/* A list's fields come one by one, at the press of a button. */
async function choose(client, block, name, path)
{
	const row = `tr[data-property-name=${quote(name)}]`;
	const chooser = at(block, row + " input[type=file]");
	const add = at(block, row + " .json-schema-form-item-add");

	await until(client, `(${chooser} ?? ${add}?.click()) != null`);
	const { root } = await client.DOM.getDocument();
	const { nodeId } = await client.DOM.querySelector({
		nodeId: root.nodeId,
		selector: `${block} ${row} input[type=file]` });

	await client.DOM.setFileInputFiles({ files: [path], nodeId });
}

async function attempt(client, { operation, values = {}, body, form = {},
	files = {} })
{
	const block = "#operations-" + operation;
	const column = ".live-responses-table tbody .response-col_";

	await click(client, block, ".opblock-summary-control");
	await click(client, block, ".try-out__btn");
	await until(client, at(block, ".execute") + " !== null");
	for (const [name, text] of Object.entries(values))
		await type(client, block,
			`tr[data-param-name=${quote(name)}] input`, text);
	if (body !== undefined)
		await type(client, block, "textarea.body-param__text", body);
	for (const [name, text] of Object.entries(form))
		await type(client, block,
			`tr[data-property-name=${quote(name)}] input`, text);
	for (const [name, path] of Object.entries(files))
		await choose(client, block, name, path);
	await click(client, block, ".execute");
	const status = await until(client, `(e => e && e.innerText.trim())(${
		at(block, column + "status")})`);
	const text = await until(client, `(e => e && e.innerText.trim())(${
		at(block, column + "description")})`);
	const url = await until(client, `(e => e && e.innerText.trim())(${
		at(block, ".request-url")})`);

	return { status: Number(status.split(/\s/)[0]), body: text, url };
}

async function show(client)
{
	const { Page, Network, Runtime, Log } = client;

	Network.requestWillBeSent(({ request }) =>
		requests.push(request.url));
	Log.entryAdded(({ entry }) => complaints.push(
		`${entry.level}: ${entry.text} ${entry.url ?? ""}`));
	Runtime.consoleAPICalled(({ type: kind, args }) => {
		if (kind === "error" || kind === "warning")
			complaints.push(kind + ": " + args.map(
				(one) => one.value ?? one.description).join(" "));
	});
	Runtime.exceptionThrown(({ exceptionDetails }) =>
		complaints.push("exception: " + exceptionDetails.text + " " +
			exceptionDetails.exception?.description));
	await Promise.all([Page.enable(), Network.enable(), Runtime.enable(),
		Log.enable()]);
	await Page.navigate({ url: given.url });
	await until(client, "document.querySelectorAll('.opblock').length");
}

async function main()
{
	const client = await browser.begin(given.browser);
	const answers = [];

	await show(client);
	const operations = await until(client, "[...document." +
		"querySelectorAll('.opblock-summary')].map(e => e.querySelector" +
		"('.opblock-summary-method').innerText.trim() + ' ' + e." +
		"querySelector('.opblock-summary-path').innerText." +
		"replaceAll('\\u200b', '').trim())");
	for (const one of given.tries ?? [])
		answers.push(await attempt(client, one));
	const title = await until(client, "document.title");
	if (given.screenshot) {
		await client.Emulation.setDeviceMetricsOverride({
			width: 1100, height: 1250, deviceScaleFactor: 0.8,
			mobile: false });
		await until(client, `(document.getElementById("operations-` +
			`${given.top}").scrollIntoView(), true)`);
		await sleep(500);	/* what fades in has done so */
		const { data } = await client.Page.captureScreenshot({
			format: "png" });

		writeFileSync(given.screenshot, Buffer.from(data, "base64"));
	}
	await client.close();
	return { title, operations, answers, requests, complaints };
}

let said, failure;
try {
	said = await main();
} catch (error) {
	failure = error;
} finally {
	await browser.end();
}
if (failure) {
	console.error(failure.stack, quote({ requests, complaints }));
	process.exit(1);
}
console.log(quote(said));
process.exit(0);
