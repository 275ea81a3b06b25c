// Submits the sample's requests with what is chosen, and shows what comes of it. Addresses are relative to the
// page, so that a proxy may put the service under a path of its own.
import { reference } from "./init.js";

const panel = document.getElementById("sample");
const root = new URL("..", document.location.href);
const chosen = (name) => panel.querySelector(`input[name="${name}"]:checked`).value;
const shown = (id) => document.getElementById(`sample-${id}`);

// authorize gives the reference the chosen key, too.
async function authorize() {
  const key = chosen("key"); // as it was when it was chosen
  (await reference).preauthorizeApiKey("ApiKey", key);
}

// indented is JSON to be read, and whatever else is answered as it is.
function indented(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

// call makes a call and shows its response, or what there is of it, with the command that does the same.
async function call(path, headers) {
  const url = new URL(path.replace(/^\//, ""), root).href;
  const lines = Object.entries(headers).map(([name, value]) => ` \\\n  -H "${name}: ${value}"`);
  for (const button of panel.querySelectorAll("button")) button.disabled = true;
  let status = "No response";
  let body = "";
  try {
    const response = await fetch(url, { method: "POST", headers });
    status = `${response.status} ${response.statusText}`.trim();
    body = indented(await response.text());
  } catch {
    status += ": the connection ended early";
  }
  shown("status").textContent = status;
  shown("body").textContent = body;
  shown("body").hidden = body === "";
  shown("curl").textContent = `curl -i -X POST "${url}"${lines.join("")}`;
  shown("response").hidden = false;
  for (const button of panel.querySelectorAll("button")) button.disabled = false;
}

panel.addEventListener("change", ({ target }) => target.name === "key" && authorize());

panel.addEventListener("click", async ({ target }) => {
  if (target.id === "sample-reset") {
    await call(panel.dataset.reset, {});
  } else if (target.dataset.path) {
    const fault = chosen("fault");
    await call(target.dataset.path, { "x-api-key": chosen("key"), ...(fault && { [panel.dataset.faultHeader]: fault }) });
  } else {
    return;
  }
  target.focus(); // which a button loses while it is disabled
  shown("response").scrollIntoView({ block: "nearest" });
});

authorize();
