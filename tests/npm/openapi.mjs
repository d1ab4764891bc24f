/*
 * openapi.mjs - what public validators say of an OpenAPI document.
 *
 * Reads { document, checks: [{ schema, values }] } from standard input, where
 * `schema` is a JSON pointer into the document.  Prints { errors, answers }:
 * the faults of the document, found by its official JSON schema and by
 * compiling every schema in it as JSON Schema 2020-12, and for each check
 * whether each value is valid.
 */
import { Validator } from "@seriousme/openapi-schema-validator";
import Ajv from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { readFileSync } from "node:fs";

const { document, checks = [] } = JSON.parse(readFileSync(0, "utf8"));
const ajv = new Ajv({ strict: false, allErrors: true });
const escape = (key) => encodeURIComponent(
	key.replaceAll("~", "~0").replaceAll("/", "~1"));
const errors = [];

formats(ajv);
/* Of int64 its range counts too, as far as JavaScript's numbers are exact. */
ajv.addFormat("int64", { type: "number", validate: (n) =>
	Number.isInteger(n) && n >= -(2 ** 63) && n < 2 ** 63 });
ajv.addSchema(document, "document");

function compile(pointer)
{
	try {
		return ajv.compile({ $ref: "document#" + pointer });
	} catch (error) {
		errors.push(pointer + ": " + error.message);
		return () => false;
	}
}

/* Each schema of parameters, bodies and answers; those inside come along. */
function walk(value, pointer)
{
	if (value === null || typeof value !== "object")
		return;
	for (const [key, inner] of Object.entries(value)) {
		const at = pointer + "/" + escape(key);

		if (key === "schema")
			compile(at);
		else
			walk(inner, at);
	}
}

const result = await new Validator().validate(structuredClone(document));
if (!result.valid)
	errors.push(...[result.errors].flat().map((e) => JSON.stringify(e)));
walk(document.paths, "/paths");
for (const name of Object.keys(document.components?.schemas ?? {}))
	compile("/components/schemas/" + escape(name));

const seen = new Set();
for (const [path, item] of Object.entries(document.paths)) {
	for (const { operationId } of Object.values(item)) {
		if (operationId === undefined)
			continue;
		if (seen.has(operationId))
			errors.push("twice: operationId " + operationId);
		seen.add(operationId);
	}
}

const answers = checks.map(({ schema, values }) => {
	const valid = compile(schema.split("/").map((part, i) =>
		i === 0 ? "" : encodeURIComponent(part)).join("/"));

	return values.map((value) => valid(value));
});
console.log(JSON.stringify({ errors, answers }));
