// Shows the API's description. Nothing is asked of any other site: no validator, no fonts.

const place = document.getElementById("api");

// A route's path is a link within the button that opens it, which a keyboard cannot tell apart: the button alone remains,
// and the address still says which route is open.
const paths = (system) => ({
  wrapComponents: { DeepLink: () => ({ text }) => system.React.createElement("span", null, text) },
});

globalThis.SwaggerUIBundle({
  url: place.dataset.description,
  domNode: place,
  presets: [globalThis.SwaggerUIBundle.presets.apis],
  plugins: [paths],
  layout: "BaseLayout",
  validatorUrl: null,
  queryConfigEnabled: false,
  persistAuthorization: false,
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
});

// What Swagger UI leaves without a name, without a place among the landmarks or out of a keyboard's reach.

const routeOf = (element) => {
  const route = element.closest(".opblock");
  const method = route?.querySelector(".opblock-summary-method")?.textContent ?? "";
  return `${method} ${route?.querySelector("[data-path]")?.dataset.path ?? ""}`;
};

const MENDED = [
  [".information-container", () => ({ role: "region", "aria-label": "About this API" })],
  [".schemes-server-container", () => ({ role: "region", "aria-label": "Server and authorization" })],
  ["#servers", () => ({ "aria-label": "Server" })],
  [".modal-ux", () => ({ role: "dialog", "aria-modal": "true", "aria-label": "Authorization" })],
  [".close-modal", () => ({ "aria-label": "Close" })],
  [".auth-btn-wrapper .btn", (button) => ({ "aria-label": button.textContent })], // it has another name than it shows
  ["h3, h4, h5", (heading) => ({ "aria-level": String(Number(heading.tagName.slice(1)) - 1) })], // there is no h2
  ["pre.microlight", () => ({ tabindex: "0" })],
  [".responses-table[role]", (table) => ({ "aria-label": `Answers of ${routeOf(table)}` })],
  ["textarea.body-param__text", (body) => ({ "aria-label": `Body of ${routeOf(body)}` })],
  [
    "[data-param-name] :is(select, input, textarea)",
    (field) => ({ "aria-label": field.closest("[data-param-name]").dataset.paramName }),
  ],
];

const mend = () => {
  for (const [selector, attributes] of MENDED) {
    for (const element of place.querySelectorAll(selector)) {
      for (const [name, value] of Object.entries(attributes(element))) {
        if (element.getAttribute(name) !== value) element.setAttribute(name, value);
      }
    }
  }
};

new MutationObserver(mend).observe(place, { childList: true, subtree: true });
