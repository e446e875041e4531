// A portal made with openid-client. Reads its set-up and then commands, one JSON object a line, and answers each
// with one line: {"ok": ...} or {"error": ...}. A test plays the person who takes the URLs from here to there.
import { createInterface } from "node:readline";
import { webcrypto } from "node:crypto";

// Node 18, of Debian 12, has them, but not as globals.
globalThis.crypto ??= webcrypto;
globalThis.CryptoKey ??= webcrypto.CryptoKey;
const client = await import("openid-client");

let config, setup, pending, tokens;

const commands = {
  async discover(given) {
    setup = given;
    const key = await crypto.subtle.importKey("jwk", setup.key, { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
    const metadata = { id_token_signed_response_alg: "ES256" };
    const authentication = client.PrivateKeyJwt({ key, kid: setup.key.kid });
    config = await client.discovery(new URL(setup.issuer), setup.client_id, metadata, authentication);
    // Verifies the ID token's signature although it came over TLS.
    client.enableNonRepudiationChecks(config);
    return config.serverMetadata();
  },

  // Registers itself with an initial access token, its keys being at an address.
  async register({ issuer, initial, key, ...metadata }) {
    const imported = await crypto.subtle.importKey("jwk", key, { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
    const authentication = client.PrivateKeyJwt({ key: imported, kid: key.kid });
    const options = { initialAccessToken: initial };
    config = await client.dynamicClientRegistration(new URL(issuer), metadata, authentication, options);
    client.enableNonRepudiationChecks(config);
    setup = { redirect_uri: metadata.redirect_uris[0] };
    return config.clientMetadata();
  },

  // Pushes an authorization request; the URL for the person.
  async begin(parameters) {
    pending = {
      pkceCodeVerifier: client.randomPKCECodeVerifier(),
      expectedNonce: client.randomNonce(),
      expectedState: client.randomState(),
    };
    return client.buildAuthorizationUrlWithPAR(config, {
      redirect_uri: setup.redirect_uri,
      code_challenge: await client.calculatePKCECodeChallenge(pending.pkceCodeVerifier),
      code_challenge_method: "S256",
      nonce: pending.expectedNonce,
      state: pending.expectedState,
      ...parameters,
    });
  },

  // Redeems the code in the URL at which the person came back.
  async finish({ url, ...checks }) {
    tokens = await client.authorizationCodeGrant(config, new URL(url), { ...pending, idTokenExpected: true, ...checks });
    return { ...tokens, claims: tokens.claims() };
  },

  async userinfo({ sub }) {
    return client.fetchUserInfo(config, tokens.access_token, sub);
  },

  async refresh() {
    const fresh = await client.refreshTokenGrant(config, tokens.refresh_token);
    tokens = { ...tokens, ...fresh };
    return { ...fresh, claims: fresh.claims() };
  },

  async introspect({ token }) {
    return client.tokenIntrospection(config, token);
  },

  async revoke({ token }) {
    return client.tokenRevocation(config, token);
  },

  async logout(parameters) {
    return client.buildEndSessionUrl(config, { id_token_hint: tokens.id_token, ...parameters });
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const [command, argument] = JSON.parse(line);
  let answer;
  try {
    answer = { ok: (await commands[command](argument)) ?? null };
  } catch (e) {
    answer = { error: e.error ?? e.code ?? e.name, text: String(e.stack), cause: String(e.cause ?? "") };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
