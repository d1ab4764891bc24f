/*
 * start.js - shows the document that the page names, with Swagger UI.
 *
 * Nothing is asked of another host: no validator, and no plug-in that is not
 * in its bundle.
 */
"use strict";

const page = document.getElementById("page");

window.SwaggerUIBundle({
	url: new URL(page.dataset.document, document.baseURI).href,
	domNode: page,
	deepLinking: true,
	displayRequestDuration: true,
	validatorUrl: null,
});
