// Starts Swagger UI on our own schema. A file of its own, since the page's policy forbids inline script.
"use strict";

window.SwaggerUIBundle({
  domNode: document.getElementById("docs"),
  url: new URL("../openapi.json", document.baseURI).href,
  validatorUrl: "none", // it would send the schema's address to a host elsewhere
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
});

// Swagger UI has a dark theme that follows no setting of its own.
const dark = matchMedia("(prefers-color-scheme: dark)");
const dress = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", dress);
dress();
