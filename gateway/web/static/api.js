// Shows the API's description. Nothing is asked of any other site: no validator, no fonts.

const place = document.getElementById("api");

globalThis.SwaggerUIBundle({
  url: place.dataset.description,
  domNode: place,
  presets: [globalThis.SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  validatorUrl: null,
  queryConfigEnabled: false,
  persistAuthorization: false,
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
});
