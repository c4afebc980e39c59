// A real OpenID provider (panva's oidc-provider, certified) on this machine, with a login form of its own and people in groups.
import { generateKeyPairSync, randomBytes, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import Provider from "oidc-provider";

/** Who has an account: the password is the name once more. */
export const PEOPLE = {
  ada: ["agents-security", "everybody"],
  omar: ["agents-audit", "everybody"],
  ines: ["agents-admin", "agents-security"],
  eve: ["sales", "everybody"],
};

const escaped = (text) => text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);

const form = (uid, trouble = "") => `<!doctype html><html lang="en"><meta charset="utf-8"><title>Acme accounts</title><link rel="icon" href="data:,">
<h1>Acme accounts</h1><p role="alert">${escaped(trouble)}</p>
<form method="post" action="/interaction/${uid}"><label>Name <input name="name"></label><label>Password <input name="password" type="password"></label>
<button name="do" value="login">Continue</button><button name="do" value="cancel">Cancel</button></form>`;

async function body(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return new URLSearchParams(Buffer.concat(chunks).toString());
}

export class OidcProvider {
  constructor(port, origin, settings) {
    const secret = randomUUID();
    // Another site than the console, as a provider is: browsers tell sites apart by host, not by port.
    Object.assign(this, { port, issuer: `http://localhost:${port}`, client: { id: "tachograph", secret }, origin, settings, asked: [], secrets: [secret], held: null });
  }

  /** Starts it. With `inIdToken` claims stand in the ID token, else the userinfo endpoint tells them. */
  async start({ inIdToken = true } = {}) {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    this.provider = new Provider(this.issuer, {
      clients: [{ client_id: this.client.id, client_secret: this.client.secret, redirect_uris: [`${this.origin}/login/oidc/callback`], grant_types: ["authorization_code"], response_types: ["code"] }],
      jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), kid: randomUUID(), use: "sig", alg: "RS256" }] },
      cookies: { keys: [randomBytes(16).toString("hex")] },
      scopes: ["openid", "profile", "email", "groups"],
      claims: { openid: ["sub"], profile: ["preferred_username"], email: ["email"], groups: ["groups"] },
      conformIdTokenClaims: !inIdToken,
      features: { devInteractions: { enabled: false }, rpInitiatedLogout: { enabled: true, logoutSource: (ctx, form) => { ctx.body = `<!doctype html><title>Acme accounts</title><link rel="icon" href="data:,"><h1>Leave Acme?</h1>${form}`; } } },
      pkce: { required: () => true },
      interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
      ttl: { AccessToken: 300, AuthorizationCode: 60, Grant: 3600, IdToken: 300, Interaction: 3600, Session: 3600 },
      findAccount: (_, id) => PEOPLE[id] && { accountId: id, claims: () => ({ sub: id, preferred_username: `${id}@acme.example`, email: `${id}@acme.example`, groups: PEOPLE[id] }) },
      // Nobody is asked for consent: the provider and the console are of one company.
      loadExistingGrant: async (ctx) => {
        const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
        grant.addOIDCScope("openid profile email groups");
        await grant.save();
        return grant;
      },
      ...this.settings,
    });
    this.provider.on("server_error", (_, error) => console.error(error));
    const others = this.provider.callback();
    this.server = createServer((request, response) => {
      this.asked.push(request.url);
      const [, uid] = request.url.match(/^\/interaction\/([\w-]+)$/) ?? [];
      this.watch(response);
      if (!uid) return others(request, response);
      this.interact(uid, request, response).catch((error) => { response.statusCode = 500; response.end(String(error)); });
    });
    await new Promise((done, failed) => this.server.on("error", failed).listen(this.port, "127.0.0.1", done));
    return this;
  }

  /** Keeps what must not be seen elsewhere: codes and tokens. Where `held` is a list, also the browser, instead of sending it back with a code. */
  watch(response) {
    const end = response.end.bind(response);
    response.end = (...parameters) => {
      const location = response.getHeader("location");
      const [said] = parameters;
      if (String(response.getHeader("content-type")).startsWith("application/json") && said) {
        const { access_token, id_token } = JSON.parse(said);
        this.secrets.push(...[access_token, id_token].filter(Boolean));
      }
      if (!location?.startsWith(`${this.origin}/`)) return end(...parameters);
      const code = new URL(location).searchParams.get("code");
      if (code) this.secrets.push(code);
      if (!this.held) return end(...parameters);
      this.held.push(location);
      for (const name of ["location", "content-length"]) response.removeHeader(name);
      response.statusCode = 200;
      return end("held");
    };
  }

  async interact(uid, request, response) {
    const answer = (trouble) => response.setHeader("Content-Type", "text/html; charset=utf-8").end(form(uid, trouble));
    if (request.method !== "POST") return answer();
    const said = await body(request);
    const finish = (result) => this.provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
    if (said.get("do") === "cancel") return finish({ error: "access_denied", error_description: "<b>call +1 555 0100</b>" });
    const name = said.get("name");
    if (!PEOPLE[name] || said.get("password") !== name) return answer("Name or password are wrong.");
    return finish({ login: { accountId: name } });
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }
}
