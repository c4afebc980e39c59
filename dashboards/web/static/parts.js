// Parts of pages that the server makes: they come as documents, so that markup is made in one place and never from text.

/** The body of a page or of a part of one. */
export const part = (address, signal) => new Promise((resolve, reject) => {
  const request = new XMLHttpRequest();
  request.open("GET", address);
  request.responseType = "document";
  request.addEventListener("load", () => request.status === 200 && request.response ? resolve(document.adoptNode(request.response.body)) : reject(new Error(`${request.status}`)));
  request.addEventListener("error", () => reject(new Error("the server does not answer")));
  request.addEventListener("abort", () => reject(new Error("it is not wanted any more")));
  signal?.addEventListener("abort", () => request.abort());
  request.send();
});

/** An answer of the API. */
export async function json(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${response.status}`);
  return response.json();
}

/** Changes parameters of this page's address; without a value one is taken out. */
export function state(changes) {
  const address = new URL(location.href);
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined || value === null || value === "") address.searchParams.delete(name);
    else address.searchParams.set(name, value);
  }
  address.searchParams.delete("cursor");
  address.searchParams.delete("before");
  history.replaceState(null, "", address);
}
