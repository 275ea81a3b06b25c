// Renders the description that the service itself serves: the written one, since it has every field
// where it belongs. Addresses are relative to the page, so that a proxy may put the service under a
// path of its own.
const root = new URL("..", document.location.href);

// A sample has a second specification. Which ones there are is written in the page, so that no link leads to another.
const second = document.location.search === "?stand-in" && document.querySelector("[data-specification]");
if (second) {
  document.querySelector("[aria-current]").removeAttribute("aria-current");
  second.setAttribute("aria-current", "page");
}

// forThisPage fits the description to a page that calls the service it came from.
function forThisPage(description) {
  // The page's policy lets no call go anywhere else: what is typed in, the key above all, stays here.
  const here = { url: root.href.replace(/\/$/, ""), description: "This service" };
  // The description names the service, too, but does not know below which path a proxy puts it.
  const others = (description.servers ?? []).filter((server) => server.description !== here.description).map((server) => ({
    ...server,
    description: [server.description, "not callable from this page"].filter(Boolean).join(", "),
  }));
  // Examples are filled in, and what is filled in is sent. Nobody asked for an optional parameter: an
  // Idempotency-Key that is the same for every call would make the second one fail.
  const parameters = Object.fromEntries(
    Object.entries(description.components?.parameters ?? {}).map(([name, { example, ...parameter }]) => [
      name,
      parameter.required ? { example, ...parameter } : parameter,
    ]),
  );
  return {
    ...description,
    servers: [here, ...others],
    components: { ...description.components, parameters },
  };
}

const fitting = {
  statePlugins: {
    spec: {
      wrapActions: {
        updateJsonSpec: (update) => (description) => update(forThisPage(description)),
      },
    },
  },
};

// reference is Swagger UI, once it has read the description.
export const reference = new Promise((ready) => {
  const ui = globalThis.SwaggerUIBundle({
    domNode: document.getElementById("reference"),
    url: new URL(second ? second.dataset.specification : "openapi.yaml", root).href,
    plugins: [() => fitting],
    deepLinking: true,
    docExpansion: "list", // nine operations, opened, are forty screens
    defaultModelsExpandDepth: 0,
    displayRequestDuration: true,
    persistAuthorization: false, // a key lives as long as the page
    validatorUrl: null, // no badge of somebody else's validator
    onComplete: () => ready(ui),
  });
});
